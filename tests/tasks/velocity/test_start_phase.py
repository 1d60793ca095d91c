"""Episodes that begin at any phase of the gait, as in presets fast and walk, for rewards and observations."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from gymnasium.vector import AutoresetMode

from humanoid_envs.mdp import StartTerm
from humanoid_envs.mdp.events import Events
from humanoid_envs.robots import XBOT_L
from humanoid_envs.tasks import Task, preset
from tests.scripted_simulator import ScriptedSimulator, standing, starts

EVERYONE = torch.ones(2, dtype=torch.bool)
QUARTER = 16
"""Policy steps in a quarter of the gait's 0.64 s."""


@pytest.mark.parametrize("name", ["fast", "walk"])
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_rewards_follow_the_phase_that_is_shown(name: str, quarters: int) -> None:
    """Two robots in the same state earn the same: one that began its episode some quarters of a cycle late,
    and one that began it at phase 0 and is as many quarters older."""
    config = preset(name).without_randomization()
    foot_force = torch.zeros(2, 2, 3)
    foot_force[:, 0, 2] = 100.0  # the left foot stands, the right one swings
    feet = torch.tensor([[0.0, 0.1, 0.05], [0.0, -0.1, 0.11]]).expand(2, 2, 3)
    state = standing(2, feet_contact_force=foot_force, feet_pos=feet)
    task = Task(ScriptedSimulator(state), config)
    memory = task.initial_memory()
    draws = task.draw(memory, torch.Generator().manual_seed(0))
    began = torch.tensor([0.25 * quarters, 0.0])
    task.reset(memory, EVERYONE, dataclasses.replace(draws, starts=starts(2, phase=began)))
    memory.episode_step[1] = quarters * QUARTER
    memory.command[:] = memory.command[:1].clone()
    memory.foot_height[:] = memory.foot_height[:1].clone()
    terms = []
    for k in range(2 * QUARTER):
        task.simulator.state = state  # pyright: ignore[reportAttributeAccessIssue]
        before = memory.term_returns.clone()
        step = dataclasses.replace(draws, command=draws.command[:1].expand(2, 4))
        result = task.step(memory, torch.zeros(2, 12), step, AutoresetMode.DISABLED)
        if k == 0:  # what it rewards was to be seen before the second one's age was set
            continue
        frames = task.frames(memory)["policy"]
        torch.testing.assert_close(frames[0, -1], frames[1, -1], atol=1e-4, rtol=0.0)
        torch.testing.assert_close(result.reward[0], result.reward[1], atol=1e-4, rtol=0.0)
        terms.append(memory.term_returns - before)
    earned = torch.stack(terms)
    torch.testing.assert_close(earned[:, 0], earned[:, 1], atol=1e-4, rtol=0.0)
    for term in ("joint_pos", "feet_contact_number", "swing_height"):  # they depend on it
        assert earned[:, 0, task.term_names.index(term)].std() > 1e-4, term


@pytest.mark.parametrize("name", ["fast", "walk"])
def test_phases_are_drawn_from_the_whole_cycle(name: str) -> None:
    generator, events = (
        torch.Generator().manual_seed(0),
        Events(preset(name).randomization, StartTerm, XBOT_L),
    )
    drawn = events.split(events.sample(torch.rand(5000, events.size, generator=generator)))
    phase = dict(zip(events.names, drawn))["start_phase"][:, 0].sort().values
    torch.testing.assert_close(phase, torch.linspace(0.0, 1.0, 5000), atol=0.05, rtol=0.0)
