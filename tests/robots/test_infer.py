"""Robots from their files: XBot-L from both of its own, and small ones whose legs are built otherwise."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, List

import mujoco
import numpy as np
import pytest

from humanoid_envs.errors import UserError
from humanoid_envs.robots import XBOT_L, Robot
from humanoid_envs.robots.infer import Inference, infer_robot

AXES = {"roll": "1 0 0", "pitch": "0 1 0", "yaw": "0 0 1"}
SOLES = {
    "box": '<geom type="box" size=".1 .05 .02" pos=".03 0 -.03" mass=".5"/>',
    "spheres": "".join(
        f'<geom size=".005" pos="{x} {y} -.045" mass=".1"/>' for x in (-0.05, 0.12) for y in (-0.03, 0.03)
    ),
    "capsules": '<geom type="capsule" size=".02" fromto="-.05 0 -.03 .1 0 -.03" mass=".5"/>',
    "mesh": '<geom type="mesh" mesh="sole" mass=".5"/>',
}
SOLE_MESH = ".1 .05 -.05  .1 -.05 -.05  -.1 .05 -.05  -.1 -.05 -.05  0 0 0"


def leg(side: str, hip: List[str], sole: str, flip: str) -> str:
    """A thigh and a shank of 30 cm, with the hip's joints in this order; `flip`: axes with the other sign."""
    y = 0.1 if side == "left" else -0.1
    kinds = [*hip, "knee", "ankle_pitch", "ankle_roll"]
    drops = {"knee": 0.3, "ankle_pitch": 0.3}
    body = SOLES[sole]
    for kind in reversed(kinds):
        axis = AXES["pitch" if kind == "knee" else kind.rpartition("_")[2]]
        if flip in (kind, f"{side}_{kind}"):
            axis = " ".join(str(-float(word)) for word in axis.split())
        place = f"0 {y} -.1" if kind == kinds[0] else f"0 0 -{drops.get(kind, 0.0)}"
        low = 0.0 if kind == "knee" else -1.5
        span = (
            f"{-2.5} {-low}"
            if "-1.0" in axis and kind == "knee"
            else f"{low} 2.5"
            if kind == "knee"
            else "-1.5 1.5"
        )
        body = (
            f'<body name="{side}_{kind}_link" pos="{place}">'
            f'<joint name="{side}_{kind}_joint" axis="{axis}" range="{span}"/>'
            f'<inertial pos="0 0 -.05" mass="1" diaginertia=".01 .01 .01"/>{body}</body>'
        )
    return body


def small(
    folder: Path,
    hip: str = "roll yaw pitch",
    sole: str = "box",
    flip: str = "",
    waist: bool = False,
    **given: Any,
) -> Inference:
    """A robot of 60 cm legs, with two arms, in a folder."""
    hips = [f"hip_{kind}" for kind in hip.split()]
    legs = leg("left", hips, sole, flip) + leg("right", hips, sole, flip)
    arms = "".join(
        f'<body name="{side}_arm" pos="0 {y} .3"><joint name="{side}_shoulder" axis="{axis}" range="-2 2"/>'
        '<geom type="capsule" size=".02" fromto="0 0 0 0 0 -.3" mass=".5"/></body>'
        for side, y, axis in (("left", 0.2, "0 1 0"), ("right", -0.2, "0 -1 0"))
    )
    if waist:
        legs = '<body name="waist"><joint name="waist_yaw" axis="0 0 1"/><geom size=".05" mass="1"/>' + legs
        legs += "</body>"
    path = folder / "small.xml"
    path.write_text(
        '<mujoco><compiler angle="radian" autolimits="true" inertiafromgeom="auto"/>'
        f'<asset><mesh name="sole" vertex="{SOLE_MESH}"/></asset><worldbody>'
        f'<body name="torso"><geom type="box" size=".1 .15 .2" pos="0 0 .2" mass="8"/>{legs}{arms}</body>'
        "</worldbody></mujoco>"
    )
    return infer_robot(path, name="small", **given)


def texts(inference: Inference, kind: str) -> str:
    return "\n".join(finding.text for finding in inference.findings if finding.kind == kind)


@pytest.mark.parametrize("path", [XBOT_L.mjcf, XBOT_L.isaacgym_urdf], ids=["mjcf", "urdf"])
def test_xbot_l_is_inferred_as_it_is(path: Path) -> None:
    found = infer_robot(path, name="xbot_l").robot
    for name in ("base_mass", "total_mass", "start_height", "standing_height", "sole_height", "leg_length"):
        assert getattr(found, name) == pytest.approx(getattr(XBOT_L, name), abs=1e-5), name
    for name in ("base_body", "foot_bodies", "knee_bodies", "joint_names"):
        assert getattr(found, name) == getattr(XBOT_L, name)
    for joint, ours in zip(found.joints, XBOT_L.joints):
        for name in ("role", "side", "mirror_sign", "bend", "default_pos"):
            assert getattr(joint, name) == getattr(ours, name), (name, joint.name)
        rated = ours.torque_limit / (1.0 if path == XBOT_L.mjcf else 0.85)
        assert joint.torque_limit == pytest.approx(rated)
    assert found.joint_mirror() == XBOT_L.joint_mirror()
    assert found.urdf == (path if path == XBOT_L.urdf else None)


@pytest.mark.parametrize("hip", ["roll yaw pitch", "pitch roll yaw", "yaw roll pitch", "pitch yaw roll"])
def test_roles_in_any_order(tmp_path: Path, hip: str) -> None:
    robot = small(tmp_path, hip).robot
    assert len(robot.joints) == 12
    for joint in robot.joints:
        assert joint.name == f"{joint.side}_{joint.role}_joint"


@pytest.mark.parametrize("flip", ["", "hip_roll", "knee", "left_knee", "right_hip_pitch", "left_ankle_roll"])
def test_mirror_and_bend_follow_the_axes(tmp_path: Path, flip: str) -> None:
    """A posture and its image: each foot is where the other one's image is, whatever the signs of axes."""
    robot = small(tmp_path, flip=flip).robot
    images, signs = robot.joint_mirror()["permutation"], np.array(robot.joint_mirror()["sign"])
    angles = np.random.default_rng(0).uniform(-0.5, 0.5, 12)
    left, right = feet(robot, angles)
    mirrored_left, mirrored_right = feet(robot, signs * angles[images])
    np.testing.assert_allclose(mirrored_left, right * [1, -1, 1], atol=1e-9)
    np.testing.assert_allclose(mirrored_right, left * [1, -1, 1], atol=1e-9)
    # Pulled up, the foot is higher and below the hip, and the knee before it.
    standing = feet(robot, np.zeros(12))[0]
    lifted = feet(robot, 0.5 * np.array(robot.bends()[0]))[0]
    np.testing.assert_allclose(lifted - standing, [0.0, 0.0, 0.6 * (1 - math.cos(0.5))], atol=1e-9)


def feet(robot: Robot, angles: np.ndarray) -> List[np.ndarray]:
    """Origins of both feet at these joint angles."""
    model = mujoco.MjModel.from_xml_path(str(robot.mjcf))
    data = mujoco.MjData(model)
    for joint, angle in zip(robot.joints, angles):
        data.joint(joint.name).qpos[0] = angle
    mujoco.mj_kinematics(model, data)
    return [data.body(name).xpos.copy() for name in robot.foot_bodies]


@pytest.mark.parametrize("sole", SOLES)
def test_soles_of_any_shape_touch_the_ground(tmp_path: Path, sole: str) -> None:
    inference = small(tmp_path, sole=sole)
    robot = inference.robot
    assert robot.sole_height == pytest.approx(0.05, abs=2e-3)
    assert robot.leg_length == pytest.approx(0.65, abs=2e-3)
    assert robot.standing_height == pytest.approx(0.15 + 0.6 * math.cos(0.2), abs=2e-3)
    assert ("meshes" in texts(inference, "guessed")) == (sole == "mesh")


def test_straight_legs_are_bent(tmp_path: Path) -> None:
    inference = small(tmp_path, flip="left_knee")
    angles = {joint.name: joint.default_pos for joint in inference.robot.joints if joint.default_pos}
    assert angles == pytest.approx({
        "left_hip_pitch_joint": -0.2, "left_knee_joint": -0.4, "left_ankle_pitch_joint": -0.2,
        "right_hip_pitch_joint": -0.2, "right_knee_joint": 0.4, "right_ankle_pitch_joint": -0.2,
    })  # fmt: skip
    assert "straight legs bent" in texts(inference, "guessed")


def test_motors_from_weight_and_size(tmp_path: Path) -> None:
    """What the file does not give: shares of m·g·l, 0.1·√(l/g) for damping, armature for steps of 1 ms."""
    inference = small(tmp_path)
    robot = inference.robot
    moment = robot.total_mass * 9.81 * robot.leg_length
    knee = robot.joints[robot.columns("knee")[0]]
    assert knee.stiffness == pytest.approx(0.5 * moment, rel=5e-3)
    assert knee.damping == pytest.approx(0.1 * math.sqrt(robot.leg_length / 9.81) * knee.stiffness, rel=5e-3)
    assert knee.torque_limit == pytest.approx(0.4 * moment, rel=5e-3)
    assert knee.armature == pytest.approx(1e-3 * knee.damping, rel=5e-3)
    assert knee.action_scale == pytest.approx(min(0.25, 0.25 * knee.torque_limit / knee.stiffness), rel=5e-3)
    for what in ("gains from m·g·l: all joints", "torque limit: all joints", "armature", "fixed in the file"):
        assert what in texts(inference, "guessed")


def test_motors_from_the_file(tmp_path: Path) -> None:
    """Armatures that differ give gains: kp = I·ω², kd = 2ζ·I·ω at 10 Hz and ζ = 2. Actuators give limits."""
    text = small(tmp_path).robot.mjcf.read_text()
    for side in ("left", "right"):
        text = text.replace(f'name="{side}_knee_joint"', f'name="{side}_knee_joint" armature="0.02"')
        text = text.replace(f'name="{side}_hip_roll_joint"', f'name="{side}_hip_roll_joint" armature="1e-4"')
    motors = "".join(
        f'<motor joint="{side}_knee_joint" gear="50" ctrlrange="-1.5 1.5"/>'
        f'<position joint="{side}_hip_roll_joint" kp="500" forcerange="-30 30"/>'
        for side in ("left", "right")
    )
    path = tmp_path / "motors.xml"
    path.write_text(text.replace("</worldbody>", f"</worldbody><actuator>{motors}</actuator>"))
    inference = infer_robot(path, name="motors")
    left = {joint.role: joint for joint in inference.robot.joints if joint.side == "left"}
    speed = 2.0 * math.pi * 10.0
    assert left["knee"].stiffness == pytest.approx(0.02 * speed**2, rel=5e-3)
    assert left["knee"].damping == pytest.approx(4.0 * 0.02 * speed, rel=5e-3)
    assert (left["knee"].torque_limit, left["hip_roll"].torque_limit) == (75.0, 30.0)
    assert left["hip_roll"].armature == 1e-4
    assert left["hip_roll"].stiffness > 50.0  # its armature would give 0.4
    assert "armature: left_knee_joint, right_knee_joint" in texts(inference, "found")


@pytest.mark.parametrize("upper_body", ["weld", "hold", "policy"])
def test_upper_bodies(tmp_path: Path, upper_body: Any) -> None:
    robot = small(tmp_path, waist=True, upper_body=upper_body).robot
    upper = ("waist_yaw", "left_shoulder", "right_shoulder")
    assert {joint.name for joint in robot.upper_joints} == (set() if upper_body == "policy" else set(upper))
    assert robot.num_joints == (15 if upper_body == "policy" else 12)
    assert robot.leg_length == pytest.approx(0.65)
    assert robot.base_mass == pytest.approx(10.0 if upper_body == "weld" else 8.0)
    if upper_body == "policy":
        mirror = dict(
            zip(robot.joint_names, zip(robot.joint_mirror()["permutation"], robot.joint_mirror()["sign"]))
        )
        names = robot.joint_names
        assert mirror["waist_yaw"] == (names.index("waist_yaw"), -1.0)
        assert mirror["left_shoulder"] == (
            names.index("right_shoulder"),
            -1.0,
        )  # its axis points the other way


def test_what_is_given_stays(tmp_path: Path) -> None:
    robot = small(tmp_path, start_height=0.9).robot
    assert robot.start_height == 0.9
    with pytest.raises(UserError, match=r"measured_robot: .*'height'"):
        small(tmp_path, height=0.9)


def test_links_fixed_to_a_foot_are_part_of_it(tmp_path: Path) -> None:
    """As a URDF's foot has its sole in a link of its own."""
    text = small(tmp_path).robot.mjcf.read_text().replace(SOLES["box"], f"<body>{SOLES['box']}</body>")
    text = text.replace('<joint name="left_shoulder"', '<geom size=".01"/><joint name="left_shoulder"')
    path = tmp_path / "soles.xml"
    path.write_text(text)
    robot = infer_robot(path, name="soles").robot
    assert robot.sole_height == pytest.approx(0.05)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no model file .*mine\.urdf"):
        infer_robot(tmp_path / "mine.urdf", name="mine")
    (tmp_path / "mine.usd").write_text("")
    with pytest.raises(UserError, match=r"mine\.usd is no model file: give an MJCF .* or a URDF"):
        infer_robot(tmp_path / "mine.usd", name="mine")
