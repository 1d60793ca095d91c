"""The task's formulas fused by `torch.compile` for the CPU."""

from __future__ import annotations

from typing import Tuple

import pytest
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from humanoid_envs.compilation import F, can_compile, compiled_step
from humanoid_envs.tasks.velocity import VelocityConfig, VelocityTask, commands, preset
from humanoid_envs.tasks.velocity.config import CommandConfig
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
        task = VelocityTask(simulator, config, compiled)
        memory, generator = task.initial_memory(), torch.Generator().manual_seed(0)
        task.reset(memory, torch.ones(2, dtype=torch.bool), task.draw(generator))
        for k in range(3):
            simulator.state = standing(2) if k < 2 else fallen
            task.step(memory, torch.ones(2, 12), task.draw(generator), AutoresetMode.SAME_STEP)
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
    task = VelocityTask(simulator, preset(name))
    memory, draws = task.initial_memory(), task.draw(torch.Generator().manual_seed(0))
    task.reset(memory, torch.ones(2, dtype=torch.bool), draws)
    trouble, mask = Trouble.of(simulator), torch.tensor([True, False])

    def read(function: F) -> F:
        return torch.compile(function, fullgraph=True, dynamic=False, backend="eager")  # pyright: ignore

    executed, targets = read(task.execute)(memory, torch.ones(2, 12), draws)
    assert targets.shape == (2, 12)
    outcome = read(task.judge)(memory, simulator.state, trouble, executed, draws)
    plain = task.judge(memory, simulator.state, trouble, executed, draws)
    assert torch.equal(outcome.reward, plain.reward)
    read(task.start_into)(memory, outcome.memory, mask, simulator.state, draws)
    assert memory.episode_step.tolist() == [0, 1]
    assert read(task.start_state)(draws).joint_pos.shape == (2, 12)


def test_compiled_headings_equal_plain() -> None:
    config = CommandConfig(standing_share=0.2, single_axis_share=0.3)

    def turned(uniform: Tensor, before: Tensor, due: Tensor, heading: Tensor) -> Tuple[Tensor]:
        command = commands.resample(before, due, commands.sample(uniform, config), config)
        return (commands.follow_heading(command, heading, config),)

    uniform = torch.rand(500, 6, generator=torch.Generator().manual_seed(0))
    given = (uniform, torch.full((500, 4), 0.5), uniform[:, 0] < 0.7, 6.0 * uniform[:, 1] - 3.0)
    (plain,), (fused,) = turned(*given), compiled_step(turned, torch.device("cpu"))(*given)
    torch.testing.assert_close(fused, plain)
    assert plain[:, 3].isinf().any()
