"""What is read off a model file is what XBot-L's data say."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Dict

import pytest

from humanoid_envs.errors import UserError
from humanoid_envs.robots import XBOT_L, Joint, Robot
from humanoid_envs.robots.measure import measured_robot
from tests.robots.others import FIVE_JOINTS, REORDERED

FIGURES = (
    *("base_mass", "total_mass", "start_height", "standing_height", "sole_height", "leg_length"),
    *("feet_apart", "knees_apart"),
)
TWO_LEGS = """<mujoco><worldbody><body name="base"><freejoint/><geom size=".1" mass="4"/>
  {legs}<body name="arm" pos="0 0 .2"><joint name="shoulder"/><geom size=".05" mass="1"/></body>
</body></worldbody></mujoco>"""
LEG = """<body name="{side}_thigh" pos="0 {y} -.1"><joint name="{side}_hip" axis="{hip}"/>
  <geom size=".02" mass="1"/><body name="{side}_shank" pos="0 0 -.3">
    <joint name="{side}_knee" axis="0 {sign} 0"/><geom size=".02" mass="1"/>
    <body name="{side}_foot" pos="0 0 -.3"><joint name="{side}_ankle" axis="0 1 0"/>
      <geom type="capsule" size=".03" fromto="-.1 0 -.05 .1 0 -.05" mass="1"/></body></body></body>"""


def measured(robot: Robot, **changes: Any) -> Robot:
    """The robot from its model file and joints without signs."""
    joints = [dataclasses.replace(joint, mirror_sign=1.0, bend=0.0) for joint in robot.joints]
    fields = ("name", "mjcf", "base_body", "foot_bodies", "knee_bodies", "urdf")
    given: Dict[str, Any] = {name: getattr(robot, name) for name in fields}
    return measured_robot(**{**given, "joints": joints, **changes})


@pytest.mark.parametrize("robot", [XBOT_L, REORDERED, FIVE_JOINTS])
def test_xbot_l_is_measured_as_it_is(robot: Robot) -> None:
    found = measured(robot)
    for name in FIGURES:
        assert getattr(found, name) == pytest.approx(getattr(robot, name), abs=1e-5), name
    assert all(joint.lift for joint in found.joints if joint.bend)
    joints = tuple(dataclasses.replace(joint, lift=()) for joint in found.joints)
    figures = {name: getattr(robot, name) for name in FIGURES}
    assert dataclasses.replace(found, joints=joints, **figures) == robot


def two_legs(folder: Path, *, right_hip: str = "0 -1 0", **changes: Any) -> Robot:
    """Legs of 60 cm on round feet; the right knee turns the other way, and so may the hip."""
    legs = LEG.format(side="left", y=0.1, hip="0 1 0", sign=1)
    legs += LEG.format(side="right", y=-0.1, hip=right_hip, sign=-1)
    path = folder / "legs.xml"
    path.write_text(TWO_LEGS.format(legs=legs))
    roles = (("hip", "hip_pitch"), ("knee", "knee"), ("ankle", "ankle_pitch"))
    return measured_robot(
        name="legs",
        mjcf=path,
        joints=[
            Joint(f"{side}_{name}", 50.0, 2.0, 30.0, default_pos=pos, role=role, side=side)
            for side in ("left", "right")
            for (name, role), pos in zip(roles, changes.pop(side, (0.0, 0.0, 0.0)))
        ],
        base_body="base",
        foot_bodies=("left_foot", "right_foot"),
        knee_bodies=("left_shank", "right_shank"),
        **changes,
    )


def test_lengths_masses_and_signs(tmp_path: Path) -> None:
    robot = two_legs(tmp_path)
    assert (robot.base_mass, robot.total_mass) == pytest.approx((5.0, 11.0))  # with the arm, which is welded
    assert robot.standing_height == pytest.approx(0.1 + 0.6 + 0.08)
    assert (robot.sole_height, robot.leg_length) == pytest.approx((0.08, 0.68))
    assert robot.start_height == pytest.approx(0.78 * 0.95 / 0.885256)
    assert [joint.mirror_sign for joint in robot.joints] == [-1.0, -1.0, 1.0] * 2
    # Thigh forward, shank back, foot level.
    assert robot.bends() == [[-1.0, 2.0, -1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, -2.0, -1.0]]


def test_it_stands_in_its_default_pose(tmp_path: Path) -> None:
    robot = two_legs(tmp_path, left=(-0.5, 1.0, -0.5), right=(0.5, -1.0, -0.5))
    assert robot.standing_height == pytest.approx(0.1 + 0.6 * 0.8775826 + 0.08)
    assert robot.leg_length == pytest.approx(0.68)
    assert robot.sole_height == pytest.approx(0.08)


def test_what_is_given_stays(tmp_path: Path) -> None:
    robot = two_legs(tmp_path, start_height=1.5, base_mass=7.0)
    assert (robot.start_height, robot.base_mass) == (1.5, 7.0)
    with pytest.raises(UserError, match=r"measured_robot: .*'weight'"):
        two_legs(tmp_path, weight=7.0)


def test_joints_that_cannot_be_what_they_are_called(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="joints 'left_hip' and 'right_hip' do not mirror each other"):
        two_legs(tmp_path, right_hip="1 0 0")
    swapped = {"hip_roll": "hip_pitch", "hip_pitch": "hip_roll"}
    turned = [
        dataclasses.replace(joint, role=swapped.get(str(joint.role), joint.role)) for joint in XBOT_L.joints
    ]
    with pytest.raises(UserError, match=r"'left_leg_roll_joint' has role 'hip_pitch', but .* point sideways"):
        measured(XBOT_L, joints=turned)
