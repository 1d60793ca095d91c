"""The simulator gap: of walks made by hand, of a simulator to itself, and of two engines."""

from __future__ import annotations

import dataclasses
import math
from typing import List, Sequence

import pytest
import torch
from torch import Tensor

from humanoid_envs.tasks import preset
from trainers.evaluation.cycles import BINS, GaitCycle
from trainers.evaluation.gap import (
    CommandWalk,
    GapConfig,
    SimulatorWalk,
    compare_simulators,
    gap_between,
    walk_commands,
)
from trainers.evaluation.metrics import RolloutTable

pytest.importorskip("mujoco")

PERIOD = 0.64
FORWARD, STAND = (0.4, 0.0, 0.0), (0.0, 0.0, 0.0)
BRIEF = GapConfig(commands=(FORWARD, STAND), rollouts=1, seconds=0.8, start_up=0.1)


def wobble(observation: Tensor) -> Tensor:
    """Legs that follow the clock a little, for as long as the robot stands."""
    return 0.2 * observation[:, -47:-46] * torch.linspace(-1.0, 1.0, 12)


def rows(values: Tensor) -> tuple:
    return tuple(map(tuple, values.tolist()))


def walk(
    name: str, shift: float = 0.0, speed: float = 0.4, late: int = 0, scale: float = 1.0
) -> SimulatorWalk:
    """Joints on circles of the phase plane. late: parts of the cycle by which feet touch down later."""
    phase = 2.0 * math.pi * torch.arange(BINS)[:, None] / BINS
    zeros = torch.zeros(BINS, 12)
    down = (torch.arange(BINS) < BINS // 2).float()
    contact = torch.stack([down, 1.0 - down], dim=1).roll(late, dims=0)
    cycle = GaitCycle(
        command=FORWARD,
        joint_pos=rows(scale * 0.3 * torch.sin(phase) + zeros + shift),
        joint_vel=rows(scale * 3.0 * torch.cos(phase) + zeros),
        joint_torque=rows(zeros + 20.0 * shift),
        contact=rows(contact),
        foot_height=rows(zeros[:, :2]),
        recorded_pos=(),
        recorded_vel=(),
    )
    nothing = torch.zeros(1)
    per_axis = ("velocity", "error", "abs_error", "rms_error", "cycle_abs_error", "cycle_rms_error")
    columns = {field.name: nothing for field in dataclasses.fields(RolloutTable)}
    columns.update({name: torch.zeros(1, 3) for name in per_axis}, survived=torch.ones(1, dtype=torch.bool))
    overall = RolloutTable(**columns).summarize(slice(0, 1))
    joints = tuple(f"joint_{j}" for j in range(12))
    return SimulatorWalk(name, joints, (CommandWalk(FORWARD, (speed, 0.0, 0.1), True, cycle),), overall, 1.0)


def test_distances_in_closed_form() -> None:
    gap = gap_between(walk("a"), walk("b", shift=0.03, speed=0.35, late=2), PERIOD)
    assert (gap.first, gap.second) == ("a", "b")
    # A sine of amplitude 0.3 has a spread of 0.3/√2; half of the squared distance is the angles'.
    assert gap.portrait == pytest.approx(0.03 / (0.3 / math.sqrt(2)) / math.sqrt(2), rel=1e-4)
    for joint in gap.joints:
        assert joint.position == pytest.approx(0.03, rel=1e-4)
        assert joint.velocity == pytest.approx(0.0, abs=1e-6)
        assert joint.torque == pytest.approx(0.6, rel=1e-4)
    assert gap.torque == pytest.approx(0.6, rel=1e-4)
    assert gap.velocity == pytest.approx((0.05, 0.0, 0.0))
    # Each foot touches down and lifts off 2 parts later: 4 parts of the cycle in which contacts differ.
    assert gap.contact_time == pytest.approx(4 / BINS * PERIOD)


def test_a_larger_motion_is_a_distance_too() -> None:
    assert gap_between(walk("a"), walk("b", scale=1.5), PERIOD).portrait == pytest.approx(0.5, rel=1e-4)
    opposite = gap_between(walk("a"), walk("b", scale=-1.0), PERIOD)
    assert opposite.portrait == pytest.approx(2.0, rel=1e-4)
    assert gap_between(walk("a"), walk("a"), PERIOD).portrait == 0.0


def test_robots_that_fell_at_once_have_no_gap() -> None:
    upright = walk("a")
    fallen = dataclasses.replace(
        upright, commands=(dataclasses.replace(upright.commands[0], mean_velocity=(None, None, None)),)
    )
    gap = gap_between(upright, fallen, PERIOD)
    assert math.isnan(gap.portrait)
    assert gap.joints == ()
    other = dataclasses.replace(upright, commands=(dataclasses.replace(upright.commands[0], command=STAND),))
    with pytest.raises(ValueError, match="a and a have no command in common"):
        gap_between(upright, other, PERIOD)


def test_a_simulator_has_no_gap_to_itself_but_its_floor() -> None:
    steps: List[int] = []
    report = compare_simulators(
        wobble,
        preset("v0"),
        ["mujoco", "mujoco"],
        config=BRIEF,
        others=[walk("elsewhere")],
        progress=steps.append,
    )
    assert sum(steps) == 3 * BRIEF.env_steps(preset("v0"))
    assert [gap.second for gap in report.gaps] == ["mujoco", "elsewhere"]
    assert report.gaps[0].portrait == report.gaps[0].torque == report.gaps[0].contact_time == 0.0
    assert report.gaps[1].portrait > 0.1
    assert report.floor.portrait > 0.0
    assert [walk.simulator for walk in report.walks] == ["mujoco", "mujoco", "elsewhere"]


@pytest.mark.parametrize("others", [["mujoco_warp"]])
def test_engines_that_do_the_same_physics_are_close(others: Sequence[str]) -> None:
    """And another step of the physics is farther away."""
    simulators = ["mujoco", *others, "mujoco:fast"]
    task = preset("v0")
    walks = [walk_commands(wobble, task, name, BRIEF) for name in simulators]
    same, coarse = (gap_between(walks[0], walk, PERIOD) for walk in walks[1:])
    assert same.portrait < 0.02
    assert same.portrait < 0.2 * coarse.portrait
