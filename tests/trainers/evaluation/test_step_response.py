"""Step responses: rise time and overshoot in closed form, and robots that fall."""

from __future__ import annotations

import math
from typing import List

import pytest
import torch
from torch import Tensor

from humanoid_envs.tasks import preset
from trainers.evaluation.env import NOMINAL, measured_task
from trainers.evaluation.step_response import STAND, StepConfig, _moving_mean, judge_step, step_responses

TIME = torch.arange(-100, 400) * 0.01


def velocities(on_axis: Tensor, axis: int) -> Tensor:
    velocity = torch.zeros(len(TIME), 3)
    velocity[:, axis] = on_axis
    return velocity


def test_first_order_lag() -> None:
    """1 − exp(−t/T) reaches 90 % after T ln 10 and never overshoots."""
    progress = torch.where(TIME > 0.0, 1.0 - torch.exp(-TIME / 0.5), torch.zeros(()))
    rise, overshoot = judge_step(TIME, velocities(0.5 * progress, 0), (0.0, 0.0, 0.0), (0.5, 0.0, 0.0))
    assert rise == pytest.approx(0.5 * math.log(10.0), abs=0.011)
    assert overshoot == 0.0


def test_overshoot_is_a_share_of_the_change() -> None:
    progress = torch.where(TIME > 0.0, 1.0 - torch.exp(-TIME) * torch.cos(4.0 * TIME), torch.zeros(()))
    velocity = velocities(0.3 - 0.5 * progress, 1)
    rise, overshoot = judge_step(TIME, velocity, (0.0, 0.3, 0.0), (0.0, -0.2, 0.0))
    assert rise is not None
    assert overshoot == pytest.approx(float(progress.max()) - 1.0)


def test_what_is_not_reached_has_no_rise_time() -> None:
    half = velocities(torch.where(TIME > 0.0, 0.15, 0.0), 2)
    assert judge_step(TIME, half, (0.0, 0.0, 0.0), (0.0, 0.0, 0.3)) == (None, 0.0)


def test_moving_mean() -> None:
    values = torch.arange(10.0)[:, None]
    mean = _moving_mean(values, 4)[:, 0]
    assert mean[5] == (3 + 4 + 5 + 6) / 4
    assert mean[0] == (0 + 1) / 2
    assert mean[-1] == (7 + 8 + 9) / 3
    sway = torch.sin(2.0 * math.pi * torch.arange(640) / 64)[:, None]
    assert _moving_mean(sway, 64)[32:-32].abs().max() < 1e-5


def test_robots_that_fall_do_not_respond() -> None:
    pytest.importorskip("mujoco")
    task, steps = measured_task(preset("v0")), []
    changes = ((STAND, (0.4, 0.0, 0.0)), ((0.0, 0.3, 0.0), STAND))
    config = StepConfig(steps=changes, robots=2, before=2.0, after=3.0)
    responses = step_responses(
        lambda observation: torch.zeros(len(observation), 12),
        task,
        config=config,
        simulator="mujoco",
        randomization=NOMINAL,
        progress=steps.append,
    )
    assert sum(steps) == config.env_steps(task) == 4 * 500
    assert tuple((response.before, response.after) for response in responses) == changes
    for response in responses:
        assert (response.survived, response.robots) == (0, 2)
        assert (response.rise_time, response.overshoot) == (None, None)
        assert len(response.time) == len(response.velocity) == len(response.cycle_velocity) == 400
        assert response.time[99] == pytest.approx(0.0, abs=1e-6)


def test_the_command_changes_at_time_zero() -> None:
    """As the policy is told, which until then stands still."""
    pytest.importorskip("mujoco")
    seen: List[Tensor] = []

    def note(observation: Tensor) -> Tensor:
        seen.append(observation[:, -45:-42] / torch.tensor([2.0, 2.0, 1.0]))
        return torch.zeros(len(observation), 12)

    config = StepConfig(steps=((STAND, (0.4, 0.0, 0.0)),), robots=1, before=1.0, after=0.1)
    (response,) = step_responses(
        note, measured_task(preset("v0")), config=config, simulator="mujoco", randomization=NOMINAL
    )
    assert [float(command[0, 0]) for command in seen[:101]] == [0.0] * 101
    assert [float(command[0, 0]) for command in seen[101:]] == pytest.approx([0.4] * 9)
    assert response.survived == 1
    assert response.time[0] == pytest.approx(-0.99)
