"""Draws and physical parameters lie in their ranges; ranges of zero width switch them off."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Callable

import torch
from torch import Tensor

from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.simulator import PhysicsParameters, default_parameters
from humanoid_envs.tasks.velocity.config import RandomizationConfig, VelocityConfig
from humanoid_envs.tasks.velocity.presets import preset
from humanoid_envs.tasks.velocity.randomization import (
    NUM_UNIFORM,
    Draws,
    DrawsAhead,
    sample_parameters,
    to_draws,
)

J = XBOT_L.num_joints
NOISE_SCALE = torch.linspace(0.0, 0.3, 47)


def draws(uniform: float, normal: float, config: VelocityConfig) -> Draws:
    """What comes of uniform and normal numbers that are all the same."""
    uniforms, normals = torch.full((1, NUM_UNIFORM + J), uniform), torch.full((1, J + 47), normal)
    return to_draws(uniforms, normals, NOISE_SCALE, config)


def parameters(config: VelocityConfig, num_envs: int = 2000, seed: int = 0) -> PhysicsParameters:
    nominal = default_parameters(XBOT_L, num_envs, "cpu")
    return sample_parameters(nominal, config, torch.Generator().manual_seed(seed))


def filled(value: float, like: Tensor) -> Tensor:
    return torch.full_like(like, value)


def test_draws_reach_the_ends_of_their_ranges() -> None:
    config = dataclasses.replace(
        preset("v0"), randomization=RandomizationConfig(start_yaw=math.pi, start_phase=True)
    )
    for uniform, sign in ((0.0, -1.0), (1.0, 1.0)):
        ends = draws(uniform, 0.0, config)
        torch.testing.assert_close(ends.action_delay, filled(0.5 * uniform, ends.action_delay))
        torch.testing.assert_close(ends.push_velocity, sign * torch.tensor([[0.2, 0.2, 0.4, 0.4, 0.4]]))
        torch.testing.assert_close(ends.start_joint_pos, filled(0.1 * sign, ends.start_joint_pos))
        torch.testing.assert_close(ends.start_yaw, filled(math.pi * sign, ends.start_yaw))
        torch.testing.assert_close(ends.start_phase, filled(uniform, ends.start_phase))
    assert draws(0.0, 0.0, config).command[0, :2].tolist() == torch.tensor([-0.3, -0.3]).tolist()


def test_noise_is_normal_with_the_given_deviation() -> None:
    one_sigma = draws(0.5, 1.0, preset("v0"))
    torch.testing.assert_close(one_sigma.action_noise, filled(0.02, one_sigma.action_noise))
    torch.testing.assert_close(one_sigma.observation_noise, NOISE_SCALE[None])


def test_no_two_quantities_share_a_random_number() -> None:
    """Each uniform number moves at most one field of the draws, and each field has its own."""
    config = dataclasses.replace(
        preset("v0"), randomization=RandomizationConfig(start_yaw=1.0, start_phase=True)
    )
    base = vars(draws(0.5, 0.0, config))
    owners = []
    for column in range(NUM_UNIFORM + J):
        uniform = torch.full((1, NUM_UNIFORM + J), 0.5)
        uniform[0, column] = 0.75
        moved = vars(to_draws(uniform, torch.zeros(1, J + 47), NOISE_SCALE, config))
        owners.append([name for name in base if not torch.equal(base[name], moved[name])])
    assert all(len(fields) <= 1 for fields in owners)
    count = {name: owners.count([name]) for name in base}
    assert count == {
        "action_delay": 1,
        "action_noise": 0,
        "command": 4,  # two more choose between kinds of commands, which the release does not have
        "reset_command": 4,
        "push_velocity": 5,
        "start_yaw": 1,
        "start_phase": 1,
        "start_joint_pos": J,
        "observation_noise": 0,
    }


def test_zero_width_switches_draws_off() -> None:
    for uniform in (0.0, 0.3, 1.0):
        calm = draws(uniform, 1.0, preset("fast").without_randomization())
        for name in ("action_delay", "action_noise", "start_joint_pos", "start_yaw", "start_phase"):
            assert not getattr(calm, name).any(), name
    assert preset("fast").without_randomization().randomization.push_period == 0.0


def test_parameters_lie_in_their_ranges() -> None:
    drawn, config = parameters(preset("v0")), preset("v0").randomization
    added = drawn.base_mass - XBOT_L.base_mass
    for values, (low, high) in ((drawn.foot_friction, config.foot_friction), (added, config.added_mass)):
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high
        assert abs(values.mean() - 0.5 * (low + high)) < 0.03 * (high - low)
    nominal = default_parameters(XBOT_L, 2000, "cpu")
    assert torch.equal(drawn.stiffness, nominal.stiffness)  # the release does not randomize gains
    assert torch.equal(drawn.damping, nominal.damping)


def test_gains_are_drawn_per_joint() -> None:
    drawn, nominal = parameters(preset("fast")), default_parameters(XBOT_L, 2000, "cpu")
    stiffness, damping = drawn.stiffness / nominal.stiffness, drawn.damping / nominal.damping
    for share in (stiffness, damping):
        assert 0.9 - 1e-6 <= share.min() < 0.901
        assert 1.099 < share.max() <= 1.1 + 1e-6
    every = torch.cat([stiffness, damping, drawn.base_mass[:, None], drawn.foot_friction[:, None]], dim=1)
    correlation = torch.corrcoef(every.T) - torch.eye(every.shape[1])
    assert correlation.abs().max() < 0.12  # 5 sigma of 2000 samples
    assert torch.equal(drawn.torque_limit, nominal.torque_limit)


def test_without_randomization_the_robot_is_the_nominal_one() -> None:
    drawn = parameters(preset("fast").without_randomization())
    for name, value in vars(default_parameters(XBOT_L, 2000, "cpu")).items():
        assert torch.equal(getattr(drawn, name), value), name


def test_parameters_repeat_with_the_seed() -> None:
    one, same, other = (parameters(preset("v0"), 10, seed) for seed in (1, 1, 2))
    assert torch.equal(one.foot_friction, same.foot_friction)
    assert torch.equal(one.base_mass, same.base_mass)
    assert not torch.equal(one.foot_friction, other.foot_friction)


def numbered(start: int, num_envs: int = 2) -> Callable[[int], Draws]:
    """Draws whose numbers count up from row to row, however many are made at once."""
    count = itertools.count(start)

    def draw(steps: int) -> Draws:
        rows = [float(next(count)) for _ in range(steps * num_envs)]
        uniform = torch.tensor(rows)[:, None].expand(-1, NUM_UNIFORM + J)
        return to_draws(uniform, torch.zeros(len(rows), J + 47), NOISE_SCALE, preset("v0"))

    return draw


def assert_same(draws: Draws, expected: Draws) -> None:
    for name, value in vars(expected).items():
        assert torch.equal(getattr(draws, name), value), name


def test_draws_ahead_are_those_of_one_step_after_the_other() -> None:
    ahead, one_by_one = DrawsAhead(numbered(0), 3), DrawsAhead(numbered(0), 1)
    for _ in range(7):
        assert_same(ahead.next(), one_by_one.next())


def test_draws_ahead_go_on_from_a_saved_state_and_forget() -> None:
    ahead, other = DrawsAhead(numbered(0), 3), DrawsAhead(numbered(6), 3)
    other.load_state_dict(ahead.state_dict())  # none left
    ahead.next()
    other.load_state_dict(ahead.state_dict())
    for _ in range(4):
        assert_same(other.next(), ahead.next())
    ahead.clear()
    assert_same(ahead.next(), numbered(12)(1))
