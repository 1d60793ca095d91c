"""The task's formulas fused by `torch.compile` for the CPU."""

from __future__ import annotations

import dataclasses
from typing import Tuple

import pytest
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from humanoid_envs import rotations
from humanoid_envs.compilation import F, can_compile, compiled_step
from humanoid_envs.mdp.commands import VelocityCommand
from humanoid_envs.tasks import Task, preset
from humanoid_envs.tasks.velocity import VelocityConfig
from humanoid_envs.trouble import Trouble
from tests.scripted_simulator import ScriptedSimulator, standing

pytestmark = pytest.mark.skipif(not can_compile(), reason="torch.compile does not work here")


def test_compiled_equals_plain() -> None:
    """Fused by `torch.compile`, the formulas give the same numbers to float32's rounding: those of preset
    walk, which are fast's with delayed actions, and the reward terms that only v0 has."""
    config, v0 = preset("walk"), VelocityConfig().rewards.active
    left_out = {term: v0[term].weight for term in v0 if term not in config.rewards.active}
    config = config.replace({f"rewards.{term}.weight": weight for term, weight in left_out.items()})
    assert {*v0, "alive"} <= {*config.rewards.active}
    force = torch.tensor([[0.0, 0.0, 50.0], [0.0, 0.0, 0.0]])
    fallen = standing(2, base_contact_force=force)
    results = []
    for compiled in (False, True):
        simulator = ScriptedSimulator(standing(2))
        task = Task(simulator, config, compiled)
        memory, generator = task.initial_memory(), torch.Generator().manual_seed(0)
        task.reset(memory, torch.ones(2, dtype=torch.bool), task.draw(memory, generator))
        for k in range(3):
            simulator.state = standing(2) if k < 2 else fallen
            task.step(memory, torch.ones(2, 12), task.draw(memory, generator), AutoresetMode.SAME_STEP)
        results.append(memory)
    plain, fused = results
    assert plain.phase_offset.all()
    for name, value in vars(plain).items():
        torch.testing.assert_close(getattr(fused, name), value, atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.parametrize("name", ["v0", "fast"])
def test_the_compiler_for_gpus_understands_the_pieces(name: str) -> None:
    """On a GPU `torch.compile` reads the code itself, and must not stumble over any of it. Reading takes no
    GPU; a CPU is served without."""
    simulator = ScriptedSimulator(standing(2))
    task = Task(simulator, preset(name))
    memory = task.initial_memory()
    draws = task.draw(memory, torch.Generator().manual_seed(0))
    task.reset(memory, torch.ones(2, dtype=torch.bool), draws)
    trouble, mask = Trouble.of(simulator), torch.tensor([True, False])

    def read(function: F) -> F:
        return torch.compile(function, fullgraph=True, dynamic=False, backend="eager")  # pyright: ignore

    executed, targets = read(task.process_action)(memory, torch.ones(2, 12), draws)
    assert targets.shape == (2, 12)
    now = simulator.state, simulator.parameters
    result = read(task.after_physics)(memory, *now, trouble, executed, draws)
    plain = task.after_physics(memory, *now, trouble, executed, draws)
    assert torch.equal(result.reward, plain.reward)
    start = read(task.start_state)(draws)
    assert start.state.joint_pos.shape == (2, 12)
    read(task.start_into)(memory, result.last, mask, start.phase, *now, draws)
    assert memory.episode_step.tolist() == [0, 1]


def test_compiled_code_sees_parameters_that_are_drawn_again() -> None:
    """As `reset(seed)` does, and each episode where a term says so."""
    config, everyone = preset("v0"), torch.ones(2, dtype=torch.bool)
    seen = []
    for compiled in (False, True):
        simulator = ScriptedSimulator(standing(2))
        task = Task(simulator, config, compiled)
        memory, generator = task.initial_memory(), torch.Generator().manual_seed(0)
        for _ in range(2):
            simulator.set_parameters(everyone, task.draw_parameters(memory, generator))
            task.reset(memory, everyone, task.draw(memory, generator))
        seen.append(task.frames(memory)["critic"][:, -1, 67:69])  # friction and mass
    torch.testing.assert_close(seen[1], seen[0])


def test_compiled_headings_equal_plain() -> None:
    term = VelocityCommand(standing_share=0.2, single_axis_share=0.3)

    def turned(uniform: Tensor, before: Tensor, due: Tensor, heading: Tensor) -> Tuple[Tensor]:
        command = torch.where(due[:, None], term.take(term.sample(uniform), before), before)
        state = dataclasses.replace(still, base_quat=rotations.from_yaw(heading))
        return (term.follow(command, state),)

    still = standing(500)
    uniform = torch.rand(500, 6, generator=torch.Generator().manual_seed(0))
    given = (uniform, torch.full((500, 4), 0.5), uniform[:, 0] < 0.7, 6.0 * uniform[:, 1] - 3.0)
    (plain,), (fused,) = turned(*given), compiled_step(turned, torch.device("cpu"))(*given)
    torch.testing.assert_close(fused, plain)
    assert plain[:, 3].isinf().any()


def test_compiled_draws_are_of_any_number_of_steps() -> None:
    """What draws ahead asks for eight, and anybody else for one."""
    tasks = [Task(ScriptedSimulator(standing(3)), preset("fast"), compiled) for compiled in (False, True)]
    for steps in (8, 1, 2, 8):
        plain, compiled = (
            task.draw(task.initial_memory(), torch.Generator().manual_seed(steps), steps) for task in tasks
        )
        for name, value in vars(plain).items():
            assert value.shape[0] == 3 * steps
            torch.testing.assert_close(getattr(compiled, name), value, msg=name)
