"""Mean gait cycles of motions made by hand."""

from __future__ import annotations

import math

import torch

from humanoid_envs.simulators.simulator import SimState
from tests.trainers.evaluation.scripted import CYCLE, DT, moment, moving, scripted_env
from trainers.evaluation.cycles import BINS, CycleStatistics

SECONDS = 3 * CYCLE * DT


def swinging(time: float) -> SimState:
    """All joints swing with the clock; the left foot is down in its first half, the right one after."""
    angle = 2.0 * math.pi * time / (CYCLE * DT)
    down = math.sin(angle) >= 0.0
    force = torch.zeros(2, 2, 3)
    force[:, 0 if down else 1, 2] = 100.0
    scale = torch.tensor([[1.0], [3.0]]) * torch.ones(2, 12)
    return moving(
        2,
        time,
        torch.zeros(2),
        joint_pos=scale * math.sin(angle),
        joint_vel=scale * math.cos(angle),
        joint_torque=-scale,
        feet_contact_force=force,
    )


def test_mean_cycle() -> None:
    env = scripted_env(2)
    cycles = CycleStatistics(env, 0.0, SECONDS, record=[1])
    for step in range(3 * CYCLE):
        cycles.add(moment(env, step, swinging))
    cycle = cycles.cycle((0.0, 0.0, 0.0), slice(0, 2))
    # Two policy steps fall into a part of the cycle: its beginning and its middle.
    phase = (torch.arange(BINS) + 0.25) / BINS
    expected = 2.0 * torch.sin(2.0 * math.pi * phase)[:, None].expand(BINS, 12)
    torch.testing.assert_close(torch.tensor(cycle.joint_pos), expected, atol=0.02, rtol=0.0)
    expected = 2.0 * torch.cos(2.0 * math.pi * phase)[:, None].expand(BINS, 12)
    torch.testing.assert_close(torch.tensor(cycle.joint_vel), expected, atol=0.02, rtol=0.0)
    assert torch.tensor(cycle.joint_torque).unique().tolist() == [-2.0]
    contact = torch.tensor(cycle.contact)
    assert contact[1 : BINS // 2, 0].min() == contact[BINS // 2 + 1 :, 1].min() == 1.0
    assert contact[1 : BINS // 2, 1].max() == contact[BINS // 2 + 1 :, 0].max() == 0.0
    assert cycle.recorded_pos == ()  # the first of these robots was not to be recorded

    own = cycles.cycle((0.0, 0.0, 0.0), slice(1, 2))
    recorded = torch.tensor(own.recorded_pos)
    assert recorded.shape == (2 * CYCLE, 12)
    time = torch.arange(CYCLE + 1, 3 * CYCLE + 1) / CYCLE
    torch.testing.assert_close(recorded[:, 0], 3.0 * torch.sin(2.0 * math.pi * time), atol=1e-4, rtol=0.0)


def test_fallen_robots_do_not_count() -> None:
    env = scripted_env(2)
    cycles = CycleStatistics(env, 0.0, SECONDS, record=[0, 1])
    for step in range(3 * CYCLE):
        cycles.add(moment(env, step, swinging, upright=torch.tensor([True, step < CYCLE])))
    both, first = (cycles.cycle((0.0, 0.0, 0.0), rows) for rows in (slice(0, 2), slice(0, 1)))
    assert torch.tensor(both.joint_torque).unique().tolist() == [-1.5]  # (3 · 1 + 1 · 3) / 4
    assert torch.tensor(first.joint_torque).unique().tolist() == [-1.0]
    assert len(first.recorded_pos) == 2 * CYCLE
    assert cycles.cycle((0.0, 0.0, 0.0), slice(1, 2)).recorded_pos == ()
