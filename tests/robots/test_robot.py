"""A robot's joints are found by what they are for, in whatever order they are."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Iterator, Sequence

import pytest

from humanoid_envs.errors import UserError
from humanoid_envs.robots import (
    ROBOTS,
    XBOT_L,
    Joint,
    Robot,
    register_robot,
    restored_robot,
)
from tests.robots.others import FIVE_JOINTS, REORDERED


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    names = set(ROBOTS)
    yield
    for name in set(ROBOTS) - names:
        del ROBOTS[name]


def with_joint(index: int, **changes: Any) -> Robot:
    joints = list(XBOT_L.joints)
    joints[index] = dataclasses.replace(joints[index], **changes)
    return dataclasses.replace(XBOT_L, joints=tuple(joints))


def names(robot: Robot, columns: Sequence[int]) -> Sequence[str]:
    return [robot.joint_names[column] for column in columns]


def test_columns_of_roles() -> None:
    assert XBOT_L.columns("hip_roll", "hip_yaw") == (0, 1, 6, 7)
    assert XBOT_L.columns("hip_yaw", "hip_roll") == (1, 0, 7, 6)
    assert XBOT_L.columns("knee") == (3, 9)
    assert XBOT_L.columns("knee", "ankle_roll", side="right") == (9, 11)
    assert XBOT_L.columns() == ()


@pytest.mark.parametrize("robot", [REORDERED, FIVE_JOINTS])
def test_columns_are_those_joints_in_any_order(robot: Robot) -> None:
    roles = "knee", "hip_yaw", "ankle_pitch"
    assert names(robot, robot.columns(*roles)) == names(XBOT_L, XBOT_L.columns(*roles))
    assert robot.columns(*roles) != XBOT_L.columns(*roles)


def test_joints_in_the_middle_come_last() -> None:
    waist = Joint("waist", 100.0, 1.0, 50.0, role="waist_yaw")
    robot = dataclasses.replace(XBOT_L, joints=(waist, *XBOT_L.joints))
    assert robot.columns("waist_yaw", "knee") == (4, 10, 0)
    assert robot.columns("knee", side="left") == (4,)
    assert robot.joint_mirror()["permutation"] == [0, *range(7, 13), *range(1, 7)]
    with pytest.raises(UserError, match=r"'xbot_l' has no joint with role 'waist_yaw' on the left"):
        robot.columns("waist_yaw", side="left")


def test_a_role_that_is_missing() -> None:
    with pytest.raises(UserError, match=r"'xbot_l' has no joint with role 'hip_rol'.*'hip_roll'"):
        XBOT_L.columns("hip_rol")
    with pytest.raises(
        UserError, match="Robot 'five_joints' has no joint with role 'ankle_roll' on the left"
    ):
        FIVE_JOINTS.columns("ankle_roll")
    with pytest.raises(UserError, match="no joint with role 'knee' on the right"):
        with_joint(9, role=None).columns("knee")
    assert XBOT_L.has("knee", "ankle_roll")
    assert not FIVE_JOINTS.has("knee", "ankle_roll")


def test_the_mirror_of_xbot_l_swaps_its_halves() -> None:
    mirror = {"permutation": [*range(6, 12), *range(6)], "sign": [-1.0] * 12}
    assert XBOT_L.joint_mirror() == mirror


@pytest.mark.parametrize("robot", [REORDERED, FIVE_JOINTS])
def test_the_mirror_in_any_order(robot: Robot) -> None:
    permutation = robot.joint_mirror()["permutation"]
    swapped = {"left": "right", "right": "left"}
    for joint, image in zip(robot.joints, permutation):
        side, rest = joint.name.split("_", 1)
        assert robot.joint_names[image] == f"{swapped[side]}_{rest}"
    assert [permutation[image] for image in permutation] == [*range(robot.num_joints)]


def test_mirror_partners_may_be_named() -> None:
    def joint(name: str, mirror: str, sign: float = 1.0) -> Joint:
        return Joint(name, 1.0, 1.0, 1.0, mirror=mirror, mirror_sign=sign)

    def robot(*joints: Joint) -> Robot:
        return dataclasses.replace(XBOT_L, joints=joints)

    pair = robot(joint("a", "b"), joint("c", "c", -1.0), joint("b", "a"))
    assert pair.joint_mirror() == {"permutation": [2, 1, 0], "sign": [1.0, -1.0, 1.0]}
    with pytest.raises(UserError, match="'a' has as mirror 'bb', which is no joint; did you mean 'b'"):
        robot(joint("a", "bb"), joint("b", "a"))
    with pytest.raises(UserError, match="'a' and 'b' must be each other's mirror images"):
        robot(joint("a", "b"), joint("b", "b")).joint_mirror()
    with pytest.raises(UserError, match="same mirror_sign"):
        robot(joint("a", "b"), joint("b", "a", -1.0)).joint_mirror()
    with pytest.raises(UserError, match="'left_knee_joint' has neither a role nor a mirror"):
        with_joint(3, role=None).joint_mirror()


def test_bends_pull_up_the_leg() -> None:
    left, right = XBOT_L.bends()
    assert left == [0.0, 0.0, -1.0, -2.0, -1.0, 0.0, *[0.0] * 6]
    assert right == [*[0.0] * 6, 0.0, 0.0, 1.0, 2.0, 1.0, 0.0]
    of_joint = {name: bends for name, *bends in zip(XBOT_L.joint_names, left, right)}
    for robot in (REORDERED, FIVE_JOINTS):
        for name, *bends in zip(robot.joint_names, *robot.bends()):
            assert bends == of_joint[name]


def test_action_scales() -> None:
    assert XBOT_L.action_scales(0.25) == [0.25] * 12
    assert with_joint(3, action_scale=0.5).action_scales(0.25) == [0.25] * 3 + [0.5] + [0.25] * 8


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: with_joint(1, stiffness=-1.0), r"Joint\.stiffness must be at least 0; got -1\.0"),
        (lambda: with_joint(1, torque_limit=0.0), r"Joint\.torque_limit must be positive"),
        (lambda: with_joint(1, mirror_sign=0.5), r"Joint\.mirror_sign must be "),
        (lambda: with_joint(1, side="Left"), r"Joint\.side must be 'left' or 'right'; got 'Left'"),
        (lambda: with_joint(1, name="left_leg_roll_joint"), "has two joints named 'left_leg_roll_joint'"),
        (lambda: with_joint(1, role="hip_roll"), "two joints with role 'hip_roll' and side 'left'"),
        (lambda: dataclasses.replace(XBOT_L, base_mass=0.0), r"Robot\.base_mass must be positive; got 0\.0"),
        (lambda: dataclasses.replace(XBOT_L, joints=()), r"Robot\.joints must be at least one joint"),
    ],
)
def test_wrong_values(make: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()


def test_a_robot_is_plain_values() -> None:
    assert Robot.of(json.loads(json.dumps(REORDERED.plain()))) == REORDERED
    assert hash(REORDERED) != hash(XBOT_L)


def test_robots_have_names() -> None:
    assert ROBOTS["xbot_l"] is XBOT_L is Robot.of("xbot_l")
    mine = dataclasses.replace(XBOT_L, name="mine", base_mass=20.0)
    assert register_robot(mine) is mine
    assert register_robot(dataclasses.replace(mine)) is mine
    assert Robot.of("mine") is mine
    with pytest.raises(UserError, match="another robot named 'mine'"):
        register_robot(dataclasses.replace(mine, base_mass=21.0))
    with pytest.raises(UserError, match=r"Unknown robot 'xbot_1'; did you mean 'xbot_l'\?"):
        Robot.of("xbot_1")


def test_a_saved_robot_comes_back_with_the_files_of_this_machine() -> None:
    elsewhere = dataclasses.replace(with_joint(2, stiffness=1.0), mjcf=Path("/elsewhere.xml"), urdf=None)
    again = restored_robot(elsewhere.plain(), "x.pt")
    assert again == dataclasses.replace(elsewhere, mjcf=XBOT_L.mjcf, urdf=XBOT_L.urdf)
    unknown = dataclasses.replace(elsewhere, name="unknown")
    assert restored_robot(unknown.plain(), "x.pt") == unknown
    assert restored_robot(None, "x.pt") is XBOT_L
    with pytest.raises(UserError, match=r"x\.pt: Robot lacks 'mjcf'"):
        restored_robot({"name": "unknown"}, "x.pt")


def test_a_robot_of_an_earlier_version_has_the_rest_from_its_name() -> None:
    saved = XBOT_L.plain()
    del saved["leg_length"]
    for joint in saved["joints"]:
        del joint["role"], joint["side"]
    assert restored_robot(saved, "x.pt") == XBOT_L
