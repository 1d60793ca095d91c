"""Joints above the legs: welded at an angle, or held there by the PD law."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
import torch

from humanoid_envs.errors import UserError
from humanoid_envs.robots import STAR1, Joint, Robot
from humanoid_envs.robots.measure import measured_robot
from humanoid_envs.simulators.mujoco import MuJoCoSimulator
from humanoid_envs.simulators.mujoco_model import load_model
from humanoid_envs.simulators.mujoco_warp import MuJoCoWarpSimulator
from humanoid_envs.simulators.simulator import PhysicsConfig, RobotState

LEG = """<body name="{side}_thigh" pos="0 {y} -.1"><joint name="{side}_hip" axis="0 1 0"/>
  <geom size=".02" mass="1"/><body name="{side}_shank" pos="0 0 -.3">
    <joint name="{side}_knee" axis="0 1 0"/><geom size=".02" mass="1"/>
    <body name="{side}_foot" pos="0 0 -.3"><joint name="{side}_ankle" axis="0 1 0"/>
      <geom type="box" size=".1 .06 .02" mass="1"/></body></body></body>"""
MODEL = """<mujoco><compiler angle="{unit}"/><worldbody><body name="base"><freejoint/>
  <geom size=".1" mass="8"/>{legs}<body name="arm" pos="0 .3 .2" euler="{euler} 0 0">
  <joint name="shoulder" axis="0 2 0"/>
  <geom type="capsule" size=".02" fromto="0 0 0 0 0 -.4" mass="1"/></body>
</body></worldbody></mujoco>"""
ANGLE = -0.7


def robot_in(folder: Path, unit: str = "degree", **changes: Any) -> Robot:
    """Two legs and an arm, which is turned about x in the file, so that the shoulder's axis is its own y."""
    legs = "".join(LEG.format(side=side, y=y) for side, y in (("left", 0.1), ("right", -0.1)))
    path = folder / f"armed_{unit}.xml"
    path.write_text(MODEL.format(legs=legs, unit=unit, euler=30 if unit == "degree" else np.radians(30)))
    roles = (("hip", "hip_pitch"), ("knee", "knee"), ("ankle", "ankle_pitch"))
    return measured_robot(
        name="armed",
        mjcf=path,
        joints=[
            Joint(f"{side}_{name}", 80.0, 4.0, 60.0, role=role, side=side, armature=0.01)
            for side in ("left", "right")
            for name, role in roles
        ],
        base_body="base",
        foot_bodies=("left_foot", "right_foot"),
        knee_bodies=("left_shank", "right_shank"),
        **{
            "upper_joints": (Joint("shoulder", 40.0, 2.0, 20.0, default_pos=ANGLE, armature=0.01),),
            **changes,
        },
    )


def hand(model: mujoco.MjModel, data: mujoco.MjData) -> np.ndarray:
    """The lower end of the arm, from the base."""
    geom = next(i for i in range(model.ngeom) if model.geom_type[i] == mujoco.mjtGeom.mjGEOM_CAPSULE)
    centre, down = data.geom_xpos[geom], data.geom_xmat[geom].reshape(3, 3)[:, 2]
    ends = [centre + 0.2 * sign * down - data.xpos[model.body("base").id] for sign in (-1.0, 1.0)]
    shoulder = np.array([0.0, 0.3, 0.2])
    return max(ends, key=lambda end: float(np.linalg.norm(end - shoulder)))


def expected_hand() -> np.ndarray:
    """The shoulder's place, and 0.4 m from there: turned about y, then about x by 30 degrees."""
    down = 0.4 * np.array([-np.sin(ANGLE), 0.0, -np.cos(ANGLE)])
    cos, sin = np.cos(np.radians(30)), np.sin(np.radians(30))
    return np.array([0.0, 0.3, 0.2]) + np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) @ down


@pytest.mark.parametrize("upper_body", ["weld", "hold"])
@pytest.mark.parametrize("unit", ["degree", "radian"])
def test_the_upper_body_is_at_its_angles(tmp_path: Path, unit: str, upper_body: str) -> None:
    robot = robot_in(tmp_path, unit, upper_body=upper_body)
    model = load_model(robot, PhysicsConfig())
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(hand(model, data), expected_hand(), atol=1e-9)
    assert model.nu == 6 + len(robot.held_joints) == (6 if upper_body == "weld" else 7)
    if upper_body == "hold":
        np.testing.assert_allclose(data.joint("shoulder").qpos, ANGLE)


def test_a_held_joint_is_held(tmp_path: Path) -> None:
    """By a spring with its gains about the default: where it hangs against its weight."""
    model = load_model(robot_in(tmp_path, upper_body="hold"), PhysicsConfig())
    model.dof_armature[:6] = 1e9  # the base stays where it is
    data = mujoco.MjData(model)
    data.qpos[2] = 2.0
    for _ in range(3000):
        mujoco.mj_step(model, data)
    angle = float(data.joint("shoulder").qpos[0])
    weight = 9.81 * 0.2 * np.cos(np.radians(30)) * np.sin(angle)
    assert 40.0 * (angle - ANGLE) == pytest.approx(-weight, abs=1e-3)
    assert weight < -0.5


def test_a_reset_puts_it_there(tmp_path: Path) -> None:
    simulator = MuJoCoSimulator(robot_in(tmp_path, upper_body="hold"), PhysicsConfig(), 2, num_threads=1)
    place = int(load_model(simulator.robot, PhysicsConfig()).joint("shoulder").qposadr[0])
    simulator._qpos[:, place] = 0.3
    state = RobotState(**{name: getattr(simulator.state, name) for name in RobotState.__annotations__})
    simulator.reset(torch.tensor([True, False]), state)
    np.testing.assert_allclose(simulator._qpos[:, place], [ANGLE, 0.3])
    simulator.close()


def test_it_weighs_the_same_held_or_welded(tmp_path: Path) -> None:
    welded, held = (robot_in(tmp_path, upper_body=body) for body in ("weld", "hold"))
    assert held.total_mass == pytest.approx(welded.total_mass) == 15.0
    assert (held.base_mass, welded.base_mass) == pytest.approx((8.0, 9.0))


def test_names_of_upper_joints(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="two joints named 'left_hip'"):
        robot_in(tmp_path, upper_joints=(Joint("left_hip", 1.0, 1.0, 1.0),))
    with pytest.raises(UserError, match=r"no joint named 'sholder'.*'shoulder'"):
        robot_in(tmp_path, upper_joints=(Joint("sholder", 1.0, 1.0, 1.0),))
    assert robot_in(tmp_path).plain() == Robot.of(robot_in(tmp_path).plain()).plain()


def test_isaac_gym_does_not_hold(tmp_path: Path) -> None:
    held = robot_in(tmp_path, upper_body="hold", urdf=Path("armed.urdf"))
    with pytest.raises(UserError, match='upper_body="weld"'):
        _ = held.isaacgym_urdf


def test_what_a_contact_exclusion_names_is_welded_too(tmp_path: Path) -> None:
    """MuJoCo keeps bodies that exclusions name; ours name what remains, or go."""
    text = robot_in(tmp_path).mjcf.read_text()
    pairs = (("base", "arm"), ("arm", "left_thigh"), ("left_shank", "right_shank"))
    excludes = "".join(f'<exclude body1="{one}" body2="{other}"/>' for one, other in pairs)
    path = tmp_path / "excluding.xml"
    path.write_text(text.replace("</worldbody>", f"</worldbody><contact>{excludes}</contact>"))
    robot = dataclasses.replace(robot_in(tmp_path), mjcf=path)
    model = load_model(robot, PhysicsConfig())
    assert model.body("base").mass[0] == pytest.approx(9.0)
    kept = [(signature >> 16, signature & 0xFFFF) for signature in model.exclude_signature.tolist()]
    named = [{model.body(one).name, model.body(other).name} for one, other in kept]
    assert named == [{"base", "left_thigh"}, {"left_shank", "right_shank"}]


def test_warp_holds_it_as_c_mujoco_does() -> None:
    """STAR1, whose legs hang below a waist that is held, in its default pose for 0.1 s."""
    robot = dataclasses.replace(STAR1, upper_body="hold")
    targets = torch.tensor([[joint.default_pos for joint in robot.joints]])
    states = []
    engines = MuJoCoSimulator(robot, num_threads=1), MuJoCoWarpSimulator(robot, device="cpu")
    for simulator in engines:
        start = RobotState(
            **{name: torch.zeros_like(getattr(simulator.state, name)) for name in RobotState.__annotations__}
        )
        start.base_pos[:, 2], start.base_quat[:, 0] = robot.standing_height, 1.0
        start.joint_pos.copy_(targets)
        simulator.reset(torch.ones(1, dtype=torch.bool), start)
        for _ in range(10):
            simulator.step(targets)
        states.append(
            [getattr(simulator.state, name).clone() for name in ("base_pos", "joint_pos", "feet_pos")]
        )
        simulator.close()
    for ours, theirs in zip(*states):
        torch.testing.assert_close(ours, theirs, rtol=0.0, atol=1e-5)


def test_warp_wants_a_held_waist_at_zero() -> None:
    waist = [
        dataclasses.replace(joint, default_pos=0.1)
        for joint in STAR1.upper_joints
        if "waist_yaw" in joint.name
    ]
    robot = dataclasses.replace(STAR1, upper_joints=tuple(waist), upper_body="hold")
    with pytest.raises(UserError, match="a joint that is held there must be so at 0"):
        MuJoCoWarpSimulator(robot, device="cpu")
