"""What terms see of a step on rough ground."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from humanoid_envs.robots import XBOT_L
from humanoid_envs.tasks import Task
from humanoid_envs.tasks.velocity import VelocityConfig, fast
from humanoid_envs.terrain import Terrain
from tests.scripted_simulator import ScriptedSimulator, standing

SLOPE = Terrain(np.repeat(0.5 * np.arange(81)[:, None] + 3.0, 11, axis=1), 1.0, (-40.0, -5.0))
"""z = 23 + x/2."""


def on_slope(config: VelocityConfig, x: list, height: list) -> Task:
    """Over a simulator that shows upright robots at such places and heights over the slope."""
    state = standing(len(x))
    state.base_pos[:, 0] = torch.tensor(x)
    state.base_pos[:, 2] = 23.0 + 0.5 * torch.tensor(x) + torch.tensor(height)
    state.feet_pos[..., 0] = torch.tensor(x)[:, None] + torch.tensor([0.2, -0.2])
    state.feet_pos[..., 2] = 23.0 + 0.5 * torch.tensor(x)[:, None] + 0.05
    simulator = ScriptedSimulator(state)
    simulator.terrain = SLOPE
    return Task(simulator, config)


def test_heights_are_over_the_ground_below() -> None:
    task = on_slope(VelocityConfig().without_randomization(), [-30.0, 0.25, 12.5], [0.9, 0.4, 0.9])
    memory = task.initial_memory()
    draws = task.draw(memory, torch.Generator().manual_seed(0))
    executed = torch.zeros(3, 12)
    simulator = task.simulator
    _, _, step = task.compute_reward(memory, simulator.state, simulator.parameters, executed, draws)
    assert step.base_height.tolist() == pytest.approx([0.9, 0.4, 0.9], abs=1e-5)
    # A foot ahead of the base hangs lower over the slope, by what the slope rises to it.
    assert step.foot_height.numpy() == pytest.approx(np.tile([-0.1, 0.1], (3, 1)), abs=1e-5)


def test_robots_high_up_on_a_hill_neither_diverge_nor_fall() -> None:
    task = on_slope(fast().without_randomization(), [-30.0, 30.0, 30.0], [0.9, 0.9, 0.4])
    memory = task.initial_memory()
    draws = task.draw(memory, torch.Generator().manual_seed(0))
    result = task.step(memory, torch.zeros(3, 12), draws, AutoresetMode.DISABLED)
    assert result.terminated.tolist() == [False, False, True]
    assert not result.trouble.any()


def test_episodes_start_on_the_ground() -> None:
    task = on_slope(VelocityConfig().without_randomization(), [0.0], [0.9])
    start = task.start_state(task.draw(task.initial_memory(), torch.Generator().manual_seed(0)))
    assert start.state.base_pos[0].tolist() == pytest.approx([0.0, 0.0, 23.0 + XBOT_L.start_height])
