"""Random numbers of steps and physical parameters: each from numbers of its own, within its range."""

from __future__ import annotations

import math
from typing import Tuple

import pytest
import torch
from torch import Tensor

from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.simulator import PhysicsParameters
from humanoid_envs.tasks import Task, TaskConfig
from humanoid_envs.tasks.draws import Draws
from humanoid_envs.tasks.velocity import fast, v0
from tests.scripted_simulator import ScriptedSimulator, standing

J = XBOT_L.num_joints
NUM_UNIFORM = 1 + 6 + 6 + 5 + 2 + J
"""Delay, two commands, a push, heading and phase at the start, and joints."""
NOISE_SCALE = torch.tensor(v0().observations.policy.noise(XBOT_L))
TURNING = v0().replace({"randomization.start_yaw.angle": math.pi, "randomization.start_phase.on": True})


def draws(uniform: Tensor, normal: float, config: TaskConfig) -> Draws:
    """What comes of the uniform numbers (N, NUM_UNIFORM) and of normal ones that are all the same."""
    task = Task(ScriptedSimulator(standing(len(uniform))), config)
    normals = torch.full((len(uniform), J + len(NOISE_SCALE)), normal)
    return task._randomness.to_draws(uniform, normals, task.initial_memory().live)


def alike(uniform: float) -> Tensor:
    return torch.full((1, NUM_UNIFORM), uniform)


def test_draws_reach_the_ends_of_their_ranges() -> None:
    for uniform, sign in ((0.0, -1.0), (1.0, 1.0)):
        ends = draws(alike(uniform), 0.0, TURNING)
        assert ends.action_delay.item() == 0.5 * uniform
        torch.testing.assert_close(ends.pushes, sign * torch.tensor([[0.2, 0.2, 0.4, 0.4, 0.4]]))
        expected = [math.pi * sign, uniform, *[0.1 * sign] * J]
        torch.testing.assert_close(ends.starts, torch.tensor([expected]))
    assert draws(alike(0.0), 0.0, TURNING).command[0, :2].tolist() == torch.tensor([-0.3, -0.3]).tolist()


def test_noise_is_normal_with_the_given_deviation() -> None:
    one_sigma = draws(alike(0.5), 1.0, v0())
    torch.testing.assert_close(one_sigma.action_noise, torch.full((1, J), 0.02))
    torch.testing.assert_close(one_sigma.observation_noise, NOISE_SCALE[None])


def test_no_two_quantities_share_a_random_number() -> None:
    """Each uniform number moves at most one field of the draws, and each field has its own."""
    base = vars(draws(alike(0.5), 0.0, TURNING))
    owners = []
    for column in range(NUM_UNIFORM):
        uniform = alike(0.5)
        uniform[0, column] = 0.75
        moved = vars(draws(uniform, 0.0, TURNING))
        owners.append([name for name in base if not torch.equal(base[name], moved[name])])
    assert all(len(fields) <= 1 for fields in owners)
    count = {name: owners.count([name]) for name in base}
    assert count == {
        "action_delay": 1,
        "action_noise": 0,
        "command": 4,  # two more choose between kinds of commands, which the release does not have
        "reset_command": 4,
        "pushes": 5,
        "starts": 2 + J,
        "parameters": 0,
        "observation_noise": 0,
        "term_uniform": 0,
        "term_normal": 0,
    }


def test_zero_width_switches_draws_off() -> None:
    for uniform in (0.0, 0.3, 1.0):
        calm = draws(alike(uniform), 1.0, fast().without_randomization())
        for name in ("action_delay", "action_noise", "starts", "observation_noise"):
            assert not getattr(calm, name).any(), name
    assert fast().without_randomization().randomization.push.period == 0.0


@pytest.mark.parametrize("steps", [1, 3])
def test_draws_of_several_steps_are_rows(steps: int) -> None:
    task = Task(ScriptedSimulator(standing(2)), v0())
    memory = task.initial_memory()
    drawn = task.draw(memory, torch.Generator().manual_seed(0), steps)
    assert {len(value) for value in vars(drawn).values()} == {2 * steps}
    torch.manual_seed(0)
    task.draw(memory, None, steps)  # from torch's own generator
    assert drawn.parameters.shape == (2 * steps, 0)


# Physical parameters


def copied(parameters: PhysicsParameters) -> PhysicsParameters:
    return PhysicsParameters(**{name: value.clone() for name, value in vars(parameters).items()})


def parameters(config: TaskConfig, seed: int) -> PhysicsParameters:
    task = Task(ScriptedSimulator(standing(10)), config)
    return task.draw_parameters(task.initial_memory(), torch.Generator().manual_seed(seed))


def test_parameters_repeat_with_the_seed() -> None:
    one, same, other = (parameters(v0(), seed) for seed in (1, 1, 2))
    assert torch.equal(one.foot_friction, same.foot_friction)
    assert torch.equal(one.base_mass, same.base_mass)
    assert not torch.equal(one.foot_friction, other.foot_friction)


def test_memory_notes_what_parameters_were_made_from() -> None:
    task = Task(ScriptedSimulator(standing(10)), fast())
    memory = task.initial_memory()
    assert not memory.parameter_draws.any()
    drawn = task.draw_parameters(memory, torch.Generator().manual_seed(0))
    assert memory.parameter_draws.shape == (10, 2 + 2 * J)
    again = task._randomness.parameters_of(memory.parameter_draws)
    for name, value in vars(drawn).items():
        assert torch.equal(getattr(again, name), value), name


EACH_EPISODE = fast().replace(
    {"randomization.foot_friction.each_episode": True, "randomization.gains.each_episode": True}
)


def test_parameters_of_each_episode_are_redrawn_where_one_starts() -> None:
    """Friction and gains in the robots that restart, and in no other; their masses stay."""
    simulator = ScriptedSimulator(standing(3))
    task = Task(simulator, EACH_EPISODE)
    memory, generator = task.initial_memory(), torch.Generator().manual_seed(0)
    everyone = torch.ones(3, dtype=torch.bool)
    simulator.set_parameters(everyone, task.draw_parameters(memory, generator))
    draws = task.draw(memory, generator)
    assert draws.parameters.shape == (3, 1 + 2 * J)
    before, numbers = copied(simulator.parameters), memory.parameter_draws.clone()
    task.reset(memory, torch.tensor([True, False, True]), draws)
    after = simulator.parameters
    for name in ("foot_friction", "stiffness", "damping"):
        changed = (getattr(after, name) != getattr(before, name)).view(3, -1).any(dim=1)
        assert changed.tolist() == [True, False, True], name
    for name in ("base_mass", "torque_limit"):
        assert torch.equal(getattr(after, name), getattr(before, name)), name
    low, high = EACH_EPISODE.randomization.foot_friction.range
    torch.testing.assert_close(after.foot_friction[0], low + (high - low) * draws.parameters[0, 0])
    assert torch.equal(memory.parameter_draws[1], numbers[1])
    assert torch.equal(memory.parameter_draws[:, 1], numbers[:, 1])  # of the masses
    again = task._randomness.parameters_of(memory.parameter_draws)
    for name, value in vars(after).items():
        assert torch.equal(getattr(again, name), value), name


def test_other_parameters_stay_when_episodes_start() -> None:
    simulator = ScriptedSimulator(standing(2))
    task = Task(simulator, fast())
    memory, generator = task.initial_memory(), torch.Generator().manual_seed(0)
    everyone = torch.ones(2, dtype=torch.bool)
    simulator.set_parameters(everyone, task.draw_parameters(memory, generator))
    before = copied(simulator.parameters)
    task.reset(memory, everyone, task.draw(memory, generator))
    for name, value in vars(before).items():
        assert torch.equal(getattr(simulator.parameters, name), value), name


@pytest.mark.parametrize(
    ("names", "masses"),
    [(("foot_friction", "gains"), False), (("added_mass",), True), (("gains", "added_mass"), True)],
)
def test_engines_are_told_whether_masses_are_new(
    names: Tuple[str, ...], masses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows from masses takes MuJoCo Warp as long as a step."""
    simulator, told = ScriptedSimulator(standing(2)), []
    monkeypatch.setattr(simulator, "set_parameters", lambda *_, masses=True: told.append(masses))
    task = Task(simulator, fast().replace({f"randomization.{name}.each_episode": True for name in names}))
    memory = task.initial_memory()
    task.reset(memory, torch.ones(2, dtype=torch.bool), task.draw(memory, None))
    assert told == [masses]
