"""Reward terms of denoising world model learning against closed forms."""

from __future__ import annotations

import math
from typing import Any, Dict

import pytest
import torch
from torch import Tensor

from humanoid_envs.mdp import RewardTerm, dwl
from humanoid_envs.mdp.gait import Gait
from humanoid_envs.robots import XBOT_L
from humanoid_envs.tasks import preset
from humanoid_envs.tasks.velocity import DWLConfig
from tests.mdp.steps import step

WEIGHT = 9.81 * XBOT_L.total_mass
COMMAND = torch.tensor([[0.5, -0.2, 0.3, 0.0]])
LEFT_SWINGS = torch.tensor([[False, True]])


def test_the_swing_curve() -> None:
    """0.1 m at its middle, close to its top; on the ground and at rest at its end."""
    t = torch.tensor([0.0, 0.25, 0.5], dtype=torch.float64, requires_grad=True)
    height = dwl.swing_height(t)
    torch.testing.assert_close(height, torch.tensor([0.0, 0.1, 0.0], dtype=torch.float64), atol=1e-12, rtol=0)
    slope = torch.autograd.grad(height.sum(), t)[0]
    torch.testing.assert_close(dwl.swing_speed(t), slope)
    expected = torch.tensor([0.1, 0.0125, 0.0], dtype=torch.float64)
    torch.testing.assert_close(slope, expected, atol=1e-12, rtol=0)
    assert bool((dwl.swing_height(torch.linspace(0.001, 0.499, 99)) > 0.0).all())


def test_each_foot_swings_in_its_half_of_the_gait() -> None:
    """Those feet make progress that the clock's stance says are in the air."""
    phase = torch.tensor([0.0, 0.125, 0.375, 0.625, 0.875, 3.25])
    progress = dwl.swing_progress(phase)
    expected = [[0.0, 0.0], [0.0, 0.25], [0.0, 0.75], [0.25, 1.0], [0.75, 1.0], [0.0, 0.5]]
    torch.testing.assert_close(progress, torch.tensor(expected))
    in_air = ~Gait().read(phase, XBOT_L).stance
    assert torch.equal((progress > 0.0) & (progress < 1.0), in_air)


def phi(sharpness: float, *errors: float) -> float:
    return math.exp(-sharpness * sum(error**2 for error in errors))


def test_the_terms_are_in_a_robots_own_measures() -> None:
    """Of a robot a quarter as long and a tenth as heavy, in half the time."""
    small = XBOT_L.replace(
        name="small", total_mass=0.1 * XBOT_L.total_mass, leg_length=0.25 * XBOT_L.leg_length
    )
    ours, its = preset("dwl_flat"), preset("dwl_flat", small)
    assert isinstance(its, DWLConfig)
    assert its.gait.period == pytest.approx(0.5 * ours.gait.period)
    assert its.rewards.swing_vertical_speed.swing == pytest.approx(0.5 * its.gait.period)
    assert its.rewards.swing_height.peak == pytest.approx(0.025)
    assert its.rewards.swing_height.sharpness == pytest.approx(80.0)
    assert its.rewards.swing_speed.most == pytest.approx(0.75)
    assert its.rewards.large_force.most == pytest.approx(10.0)


def tensor(*rows: Any) -> Tensor:
    return torch.tensor([rows])


CASES: Dict[str, Any] = {
    "lin_vel": (
        dwl.LinVel(),
        {"commands": {"velocity": COMMAND}, "base_lin_vel": tensor(0.4, 0.1, -0.2)},
        phi(5.0, 0.1, 0.3, 0.2),
    ),
    "ang_vel": (
        dwl.AngVel(),
        {"commands": {"velocity": COMMAND}, "base_ang_vel": tensor(0.1, -0.2, 0.6)},
        phi(7.0, 0.1, 0.2, 0.3),
    ),
    "upright": (dwl.Upright(), {"euler": tensor(0.1, -0.3, 2.0)}, phi(5.0, 0.1, 0.3)),
    "base height": (dwl.BaseHeight(), {"base_height": torch.tensor([0.8])}, phi(10.0, 0.09)),
    "stance force": (
        dwl.StanceForce(),
        {
            "gait__stance": torch.tensor([[True, True]]),
            "state__feet_contact_force": tensor([0.0, 0.0, 9000.0], [0.0, 3.0, 4.0]),
        },
        1.0 + 5.0 / (1.07 * WEIGHT),
    ),
    "swing speed": (
        dwl.SwingSpeed(),
        {"gait__stance": LEFT_SWINGS, "state__feet_vel": tensor([0.3, 0.0, -0.4], [7.0, 0.0, 0.0])},
        0.5,
    ),
    "swing speed bounded": (
        dwl.SwingSpeed(most=0.2),
        {"gait__stance": LEFT_SWINGS, "state__feet_vel": tensor([0.3, 0.0, -0.4], [7.0, 0.0, 0.0])},
        0.2,
    ),
    "swing height": (
        dwl.SwingHeight(),
        {
            "gait__phase": torch.tensor([0.75]),
            "gait__stance": LEFT_SWINGS,
            "foot_height": tensor(0.06, 0.01),
        },
        phi(5.0, 0.04, 0.01),
    ),
    "swing height with another peak": (
        dwl.SwingHeight(peak=0.05),
        {
            "gait__phase": torch.tensor([0.75]),
            "gait__stance": LEFT_SWINGS,
            "foot_height": tensor(0.06, 0.0),
        },
        phi(5.0, 0.01),
    ),
    "swing vertical speed": (
        dwl.SwingVerticalSpeed(swing=0.25),
        {
            "gait__phase": torch.tensor([0.5]),
            "gait__stance": LEFT_SWINGS,
            "state__feet_vel": tensor([0.0, 0.0, 0.5], [9.0, 9.0, 0.1]),
        },
        phi(3.0, 0.5 - 0.1 * 2.0, 0.1),
    ),
    "default pose": (dwl.DefaultPose(), {"joint_pos": torch.full((1, 12), 0.1)}, math.exp(-2.0 * 0.12)),
    "power": (
        dwl.Power(),
        {"state__joint_torque": torch.full((1, 12), -2.0), "state__joint_vel": torch.full((1, 12), 0.5)},
        12.0,
    ),
    "action bend": (
        dwl.ActionBend(),
        {
            "action": torch.full((1, 12), 1.0),
            "last_action": torch.full((1, 12), -1.0),
            "second_last_action": torch.full((1, 12), 0.5),
        },
        math.sqrt(12.0) * 3.5,
    ),
    "large force": (
        dwl.LargeForce(weights=1.0, most=90.0),
        {"state__feet_contact_force": tensor([0.0, 0.0, WEIGHT + 30.0], [0.0, 0.0, 9000.0])},
        120.0,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_terms(name: str) -> None:
    term, changes, expected = CASES[name]
    assert isinstance(term, RewardTerm)
    assert term(step(**changes)).item() == pytest.approx(expected, rel=1e-5)
