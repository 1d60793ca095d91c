"""A task in a robot's own terms."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar, Dict, Optional, Tuple

import pytest
from typing_extensions import Annotated

from humanoid_envs.configs import Config, Positive, values_of
from humanoid_envs.mdp import RewardTerm
from humanoid_envs.mdp.measures import (
    FEET_APART,
    LENGTH,
    RATE,
    SPEED,
    TORQUE,
    Columns,
    Measure,
    for_robot,
)
from humanoid_envs.robots import STAR1, XBOT_L, Joint, Robot
from humanoid_envs.tasks import PRESETS, preset
from tests.robots.others import REORDERED

SIZE, WEIGHT = 0.5, 0.2
LENGTHS = ("start_height", "standing_height", "sole_height", "leg_length", "feet_apart", "knees_apart")
SMALL = dataclasses.replace(
    XBOT_L,
    name="small",
    base_mass=WEIGHT * XBOT_L.base_mass,
    total_mass=WEIGHT * XBOT_L.total_mass,
    **{name: SIZE * getattr(XBOT_L, name) for name in LENGTHS},
)
"""Of XBot-L's shape, half as large, a fifth as heavy."""


def numbers(name: str, robot: Robot) -> Dict[str, Any]:
    return values_of(preset(name, robot))


@pytest.mark.parametrize("name", ["v0", "fast", "walk", "fast_wide", "stand"])
def test_presets_are_xbot_ls(name: str) -> None:
    assert preset(name, XBOT_L) == preset(name, REORDERED) == PRESETS[name]()


def test_a_smaller_robot_of_the_same_shape() -> None:
    ours, its = numbers("fast", XBOT_L), numbers("fast", SMALL)
    factors = {
        "gait.period": math.sqrt(SIZE),
        "feet.contact_force": WEIGHT,
        "feet.sole_height": SIZE,
        "rewards.swing_height.peak": SIZE,
        "rewards.base_height.target": SIZE,
        "rewards.base_height.sharpness": 1.0 / SIZE,
        "rewards.feet_distance.least": SIZE,
        "rewards.knee_distance.least": SIZE,
        "rewards.knee_distance.most": SIZE,
        "rewards.feet_contact_forces.free": WEIGHT,
        "rewards.feet_contact_forces.most": WEIGHT,
        "rewards.tracking_lin_vel.sharpness": 1.0 / SIZE,
        "rewards.mean_tracking_lin_vel.width": math.sqrt(SIZE),
        "rewards.mean_tracking_ang_vel.width": 1.0 / math.sqrt(SIZE),
        "rewards.torques.weight": 1.0 / (WEIGHT * SIZE) ** 2,
        "rewards.dof_vel.weight": SIZE,
        "rewards.dof_acc.weight": SIZE**2,
        "terminations.low_base.height": SIZE,
        "randomization.push.lin_vel": math.sqrt(SIZE),
    }
    for name, factor in factors.items():
        assert its[name] == pytest.approx(factor * ours[name], rel=1e-3), name
    assert its["randomization.added_mass.range"] == pytest.approx((-5.0 * WEIGHT, 5.0 * WEIGHT))
    assert its["commands.velocity.lin_vel_x"] == pytest.approx((-0.6 * SIZE**0.5, 0.8 * SIZE**0.5), rel=1e-3)
    assert its["commands.velocity.yaw_rate"] == pytest.approx((-0.7 / SIZE**0.5, 0.7 / SIZE**0.5), rel=1e-3)


def test_what_has_no_size_stays() -> None:
    ours, its = numbers("fast", XBOT_L), numbers("fast", SMALL)
    for name in (
        "physics.timestep",
        "observations.critic.base_mass.scale",
        "actions.scale",
        "terminations.tilt.angle",
        "terminations.episode_length",
        "randomization.foot_friction.range",
        "randomization.start_joint_pos.angle",
        "rewards.joint_pos.weight",
        "rewards.tracking_lin_vel.weight",
        "rewards.feet_air_time.weight",
    ):
        assert its[name] == ours[name], name


def test_from_one_robot_to_another_and_back() -> None:
    there = preset("fast").for_robot("star1")
    back = values_of(there.for_robot(XBOT_L, of=STAR1))
    for name, value in values_of(preset("fast")).items():
        if isinstance(value, float):
            assert back[name] == pytest.approx(value, rel=1e-3), name


def test_robots_that_do_not_say_how_far_their_feet_are_apart() -> None:
    small = dataclasses.replace(SMALL, feet_apart=None, knees_apart=None)
    assert preset("fast", small) == preset("fast", SMALL)
    wide = dataclasses.replace(SMALL, feet_apart=2.0 * SIZE * (XBOT_L.feet_apart or 0.0))
    assert numbers("fast", wide)["rewards.feet_distance.least"] == pytest.approx(2.0 * SIZE * 0.2)


def test_a_light_base_carries_little() -> None:
    """One whose upper body moves is little more than its hips."""
    hips = dataclasses.replace(SMALL, base_mass=1.0)
    low, high = numbers("fast", hips)["randomization.added_mass.range"]
    assert (low, high) == pytest.approx((-5.0 / XBOT_L.base_mass, 5.0 / XBOT_L.base_mass), rel=1e-3)


def test_sums_over_joints_count_alike() -> None:
    """Twice as many joints, half the weight."""
    more = [Joint(f"finger_{i}", 1.0, 1.0, 1.0) for i in range(12)]
    twice = dataclasses.replace(XBOT_L, joints=(*XBOT_L.joints, *more))
    assert numbers("fast", twice)["rewards.action_smoothness.weight"] == pytest.approx(-0.01)


@dataclass(frozen=True)
class Lean(RewardTerm):
    per: ClassVar[Optional[Measure]] = TORQUE / LENGTH
    height: Annotated[Positive, LENGTH] = 0.4


@dataclass(frozen=True)
class LeanMore(Lean):
    height: Positive = 0.8


@dataclass(frozen=True)
class Course(Config):
    lean: Lean = LeanMore(2.0)
    legs: Annotated[Tuple[Tuple[float, float], ...], Columns((SPEED, None))] = ((1.0, 2.0), (3.0, 4.0))


def test_terms_of_others_and_tables() -> None:
    """A field that is given another default keeps its measure."""
    course = for_robot(Course(), SMALL)
    assert (course.lean.height, course.lean.weight) == pytest.approx((0.4, 10.0))
    assert course.legs == tuple((pytest.approx(SIZE**0.5 * speed, rel=1e-3), x) for speed, x in Course().legs)
    assert RATE.of(XBOT_L) * SPEED.of(XBOT_L) == pytest.approx(1.0)
    assert FEET_APART.of(XBOT_L) == XBOT_L.feet_apart
