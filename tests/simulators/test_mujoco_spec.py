"""Model files as their makers have them do, and what they lack is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Dict

import mujoco
import numpy as np
import pytest
import torch

from humanoid_envs.errors import UserError
from humanoid_envs.robots import XBOT_L, Joint, Robot
from humanoid_envs.simulators.mujoco import MuJoCoSimulator
from humanoid_envs.simulators.mujoco_model import index_model, load_model
from humanoid_envs.simulators.simulator import PhysicsConfig, RobotState
from tests.robots.others import FIVE_JOINTS, REORDERED, without_what_code_adds

STEPS = 150
TINY = """<mujoco>{extra}<worldbody>
  <body name="base"><freejoint/><geom size=".1"/>
    <body name="thigh" pos="0 .1 -.1"><joint name="hip" axis="0 1 0"/><geom size=".05"/>
      <body name="foot" pos="0 0 -.2"><joint name="knee" axis="0 1 0"/><geom size=".05"/></body></body>
    <body name="thigh2" pos="0 -.1 -.1"><joint name="hip2" axis="0 1 0"/><geom size=".05"/>
      <body name="foot2" pos="0 0 -.2"><joint name="knee2" axis="0 1 0"/><geom size=".05"/></body></body>
    <body name="arm" pos="0 .2 .1"><joint name="shoulder"/><geom size=".05" mass="3"/></body>
  </body></worldbody>{end}</mujoco>"""


def tiny(folder: Path, extra: str = "", end: str = "", **changes: Any) -> Robot:
    path = folder / "tiny.xml"
    path.write_text(TINY.format(extra=extra, end=end))
    fields: Dict[str, Any] = {
        "name": "tiny",
        "mjcf": path,
        "joints": tuple(Joint(name, 10.0, 1.0, 5.0) for name in ("hip", "knee", "hip2", "knee2")),
        "base_body": "base",
        "foot_bodies": ("foot", "foot2"),
        "knee_bodies": ("thigh", "thigh2"),
        "base_mass": 5.0,
    }
    return dataclasses.replace(XBOT_L, **{**fields, **changes})


def walk_about(robot: Robot) -> torch.Tensor:
    """Base and, by XBot-L's joints in its order, joints: of two robots that flail, one of which falls."""
    simulator = MuJoCoSimulator(robot, PhysicsConfig(), 2)
    order = [robot.joint_names.index(joint.name) for joint in XBOT_L.joints]
    generator = torch.Generator().manual_seed(0)
    size = torch.tensor([[0.1], [0.5]])
    seen = []
    pos = torch.tensor([[0.0, 0.0, 0.95]] * 2)
    rest = {"base_lin_vel": torch.zeros(2, 3), "base_ang_vel": torch.zeros(2, 3)}
    still = {"joint_pos": torch.zeros(2, 12), "joint_vel": torch.zeros(2, 12)}
    quat = torch.tensor([[1.0, 0.0, 0.0, 0.0]] * 2)
    simulator.reset(torch.ones(2, dtype=torch.bool), RobotState(pos, quat, **rest, **still))
    for _ in range(STEPS):
        targets = torch.zeros(2, 12)
        targets[:, order] = size * torch.randn(2, 12, generator=generator)
        simulator.step(targets)
        s = simulator.state
        parts = (s.base_pos, s.base_quat, s.joint_pos[:, order], s.joint_torque[:, order])
        forces = s.feet_contact_force.flatten(1), s.base_contact_force, s.knees_pos.flatten(1)
        seen.append(torch.cat([*parts, *forces], dim=1))
    simulator.close()
    return torch.stack(seen)


@pytest.fixture(scope="module")
def xbot_l() -> torch.Tensor:
    return walk_about(XBOT_L)


def test_a_makers_file_moves_as_ours(xbot_l: torch.Tensor, tmp_path: Path) -> None:
    """Without motors, sensors, ground, priority, armature, camera, light or names of shapes: bit for bit."""
    assert xbot_l[-1, 1, 2] < 0.6  # one falls
    assert torch.equal(walk_about(without_what_code_adds(tmp_path)), xbot_l)


def test_joints_in_another_order_move_the_same(xbot_l: torch.Tensor) -> None:
    assert torch.equal(walk_about(REORDERED), xbot_l)


def test_a_makers_file_can_be_seen(tmp_path: Path) -> None:
    model = load_model(without_what_code_adds(tmp_path), PhysicsConfig())
    camera, ours = model.camera("track"), load_model(XBOT_L, PhysicsConfig()).camera("track")
    np.testing.assert_allclose(camera.pos, ours.pos)
    np.testing.assert_allclose(camera.quat, ours.quat, atol=1e-6)
    assert camera.mode == ours.mode
    assert model.nlight == 1
    assert model.mat_texid.max() >= 0


def test_joints_that_the_robot_lacks_are_welded() -> None:
    model = load_model(FIVE_JOINTS, PhysicsConfig(), visuals=False)
    assert (model.njnt, model.nu) == (11, 10)
    whole = load_model(XBOT_L, PhysicsConfig(), visuals=False)
    assert model.body_subtreemass[0] == pytest.approx(whole.body_subtreemass[0])
    index = index_model(model, FIVE_JOINTS)
    assert [model.geom(sole).name for sole in index.soles] == ["left_sole", "right_sole"]
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    lowest = data.geom("left_sole").xpos[2] - 0.017
    assert lowest == pytest.approx(0.0, abs=1e-5)


def test_what_is_welded_to_the_base_belongs_to_it(tmp_path: Path) -> None:
    """An arm on the ground is a fall, and its mass is the base's."""
    robot = tiny(tmp_path)
    simulator = MuJoCoSimulator(robot, PhysicsConfig(), 1)
    model = simulator.mujoco_model()
    assert [model.body(index).name for index in range(1, model.nbody)] == [
        "base",
        "thigh",
        "foot",
        "thigh2",
        "foot2",
    ]
    down = RobotState(  # on its left
        torch.tensor([[0.0, 0.0, 0.24]]),
        torch.tensor([[0.7071, -0.7071, 0.0, 0.0]]),
        torch.zeros(1, 3),
        torch.zeros(1, 3),
        torch.zeros(1, 4),
        torch.zeros(1, 4),
    )
    simulator.reset(torch.ones(1, dtype=torch.bool), down)
    simulator.step(torch.zeros(1, 4))
    assert simulator.state.base_contact_force[0, 2] > 1.0
    simulator.close()


def test_a_makers_motors_and_defaults_have_no_say(tmp_path: Path) -> None:
    """Nor have keyframes for the file's own joints and motors."""
    extra = (
        '<default><joint actuatorfrcrange="-1 1" armature=".3"/><motor gear="50" ctrlrange="-1 1"/>'
        '<general gear="7" biastype="user" dyntype="filter" dynprm="3"/></default>'
    )
    end = (
        '<actuator><motor joint="hip"/><general joint="shoulder"/></actuator>'
        '<sensor><jointpos joint="hip"/><actuatorfrc actuator="hip_"/></sensor>'
        '<keyframe><key name="home" ctrl="1 0"/></keyframe>'
    ).replace('<motor joint="hip"/>', '<motor name="hip_" joint="hip"/>')
    robot = tiny(tmp_path, extra, end)
    joints = (dataclasses.replace(robot.joints[0], armature=0.02), *robot.joints[1:])
    robot = dataclasses.replace(robot, joints=joints)
    model = load_model(robot, PhysicsConfig())
    assert tuple(model.actuator(index).name for index in range(model.nu)) == robot.joint_names
    assert (model.actuator_gear[:, 0] == 1.0).all()
    assert not model.actuator_ctrllimited.any()
    assert not model.jnt_actfrclimited[1:].any()
    assert model.na == 0
    assert model.dof_armature[6:].tolist() == [0.02, 0.3, 0.3, 0.3]
    data = mujoco.MjData(model)
    data.qpos[2], data.qpos[7], data.qvel[6] = 5.0, 0.1, 0.2
    data.ctrl[0] = 0.3
    mujoco.mj_forward(model, data)
    assert data.qfrc_actuator[6] == pytest.approx(10.0 * 0.2 - 1.0 * 0.2)


def test_a_soles_friction_alone_counts_whatever_the_file_says(tmp_path: Path) -> None:
    robot = tiny(tmp_path, '<default><geom friction="3" priority="5"/></default>')
    model = load_model(robot, PhysicsConfig(ground_friction=0.6))
    soles = index_model(model, robot).soles
    assert len(soles) == 2
    assert model.geom_priority[soles].tolist() == [6, 6]
    assert model.geom_friction[soles, 0].tolist() == pytest.approx([0.8, 0.8])


def test_the_urdf_moves_nearly_as_the_mjcf(xbot_l: torch.Tensor) -> None:
    """It floats, and falls as fast; its shapes and rounded numbers are not quite the same."""
    robot = dataclasses.replace(XBOT_L, mjcf=XBOT_L.urdf)
    model, ours = load_model(robot, PhysicsConfig()), load_model(XBOT_L, PhysicsConfig())
    assert (model.nq, model.nv, model.nu) == (ours.nq, ours.nv, ours.nu)
    assert model.body_subtreemass[0] == pytest.approx(ours.body_subtreemass[0])
    assert index_model(model, robot).joint_dof == index_model(ours, XBOT_L).joint_dof
    moved = walk_about(robot)
    first = slice(0, 8)  # until the soles meet the ground
    assert (moved[first, :, :7] - xbot_l[first, :, :7]).abs().max() < 1e-4


URDF = """<robot name="r"><link name="{root}"/><link name="leg"/>
<joint name="j" type="revolute"><parent link="{root}"/><child link="leg"/></joint></robot>"""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"base_body": "bas"},
            r"tiny\.xml has no body named 'bas', which robot 'tiny' needs; did you .*'base'",
        ),
        ({"foot_bodies": ("foot", "foot3")}, "no body named 'foot3'.*did you mean 'foot' or 'foot2'"),
        ({"joints": (Joint("hipp", 1.0, 1.0, 1.0),)}, "no joint named 'hipp'.*did you mean 'hip'"),
        (
            {"extra": "<option timestep='x'/>"},
            r"tiny\.xml, the model of robot 'tiny', cannot be used: .*timestep",
        ),
        ({"end": "<equality><joint joint1='shoulder'/></equality>"}, "cannot be used: .*shoulder"),
        (
            {"extra": "<default><geom contype='0' conaffinity='0'/></default>"},
            "'foot', a foot of robot 'tiny', has no geom that can touch the ground",
        ),
        ({"base_body": "thigh"}, "body 'thigh' must have a free joint"),
        (
            {"joints": (Joint("hip", 1.0, 1.0, 1.0), Joint("hip2", 1.0, 1.0, 1.0))},
            "body 'foot', which robot 'tiny' needs, is moved by none of the robot's joints",
        ),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, changes: Dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_model(tiny(tmp_path, **changes), PhysicsConfig())


def test_what_is_wrong_with_a_urdf(tmp_path: Path) -> None:
    path = tmp_path / "robot.urdf"
    robot = dataclasses.replace(XBOT_L, mjcf=path)
    path.write_text(URDF.format(root="pelvis"))
    with pytest.raises(
        UserError, match=r"robot\.urdf has root link pelvis, not 'base_link', the base body of"
    ):
        load_model(robot, PhysicsConfig())
    path.write_text("no URDF")
    with pytest.raises(UserError, match=r"robot\.urdf, the model of robot 'xbot_l', cannot be used"):
        load_model(robot, PhysicsConfig())
