"""STAR1's model file has the measured numbers, and the robot is what is inferred from it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Dict

import mujoco
import numpy as np
import pytest
import yaml

from humanoid_envs.robots import STAR1
from humanoid_envs.robots.infer import infer_robot
from humanoid_envs.robots.trial import try_robot
from humanoid_envs.simulators.mujoco_model import load_model
from humanoid_envs.simulators.simulator import PhysicsConfig

FACTS: Dict[str, Any] = yaml.safe_load(Path(__file__).with_name("star1_facts.yaml").read_text())
LINKS: Dict[str, Dict[str, Any]] = FACTS["links"]
MOVING = [name for name, link in LINKS.items() if "joint" in link]
FIGURES = ("base_mass", "total_mass", "start_height", "standing_height", "sole_height", "leg_length")


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_path(str(STAR1.mjcf))


def inertia_of(model: mujoco.MjModel, name: str) -> np.ndarray:
    body, axes = model.body(name), np.zeros(9)
    mujoco.mju_quat2Mat(axes, body.iquat)
    axes = axes.reshape(3, 3)
    return axes @ np.diag(body.inertia) @ axes.T


def matrix(six: Any) -> np.ndarray:
    xx, yy, zz, xy, xz, yz = six
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


@pytest.mark.parametrize("link", LINKS)
def test_masses(model: mujoco.MjModel, link: str) -> None:
    expected, body = LINKS[link], model.body(link)
    assert body.mass[0] == pytest.approx(expected["mass"], rel=1e-6)
    np.testing.assert_allclose(body.ipos, expected["com"], atol=1e-9)
    inertia = matrix(expected["inertia"])
    np.testing.assert_allclose(inertia_of(model, link), inertia, atol=1e-6 * np.trace(inertia))


@pytest.mark.parametrize("link", MOVING)
def test_joints(model: mujoco.MjModel, link: str) -> None:
    expected, body = LINKS[link], model.body(link)
    joint, motor = model.joint(expected["joint"]), model.actuator(expected["joint"])
    assert model.body(body.parentid[0]).name == expected["parent"]
    assert joint.bodyid[0] == body.id
    np.testing.assert_allclose(body.pos, expected["pos"], atol=1e-9)
    np.testing.assert_allclose(np.abs(body.quat @ np.array(expected["quat"])), 1.0, atol=1e-9)
    np.testing.assert_allclose(joint.axis, expected["axis"], atol=1e-9)
    np.testing.assert_allclose(joint.range, expected["range"], atol=1e-9)
    assert (joint.frictionloss[0], joint.damping[0]) == (expected["friction"], 0.0)
    assert motor.forcerange[1] == expected["effort"]
    np.testing.assert_allclose(model.jnt_user[joint.id], [expected["effort"], expected["velocity"]])


def test_links_are_where_they_are(model: mujoco.MjModel) -> None:
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    for name, link in LINKS.items():
        place = data.body(name).xpos - data.body("base_link").xpos
        np.testing.assert_allclose(place, link["zero_pose_pos"], atol=1e-6, err_msg=name)


def test_soles_touch_the_ground_in_three_poses(model: mujoco.MjModel) -> None:
    bent = {"zero": 0.0, "default": 0.25, "upright": np.pi / 6}
    for pose, angle in bent.items():
        data = mujoco.MjData(model)
        for side in ("left", "right"):
            for name, turns in (("hip_pitch", 1.0), ("knee", -2.0), ("ankle_pitch", 1.0)):
                data.joint(f"{side}_{name}_joint").qpos[0] = turns * angle
        mujoco.mj_kinematics(model, data)
        sole = model.geom("left_sole")
        below = data.geom("left_sole").xpos[2] - sole.size[2] - data.body("base_link").xpos[2]
        assert -below == pytest.approx(FACTS["heights"][pose], abs=2e-4), pose


def test_above_the_hips_it_is_one_rigid_body() -> None:
    """With the waist, arms and neck welded, as simulators do."""
    welded, lumped = load_model(STAR1, PhysicsConfig()), FACTS["base_lumped"]
    base = welded.body("base_link")
    assert base.mass[0] == pytest.approx(lumped["mass"], rel=1e-6)
    np.testing.assert_allclose(base.ipos, lumped["com"], atol=1e-6)
    np.testing.assert_allclose(inertia_of(welded, "base_link"), matrix(lumped["inertia"]), atol=1e-5)
    assert welded.body_subtreemass[0] == pytest.approx(FACTS["total_mass"], rel=1e-6)


def test_the_robot_is_what_its_file_says() -> None:
    found = infer_robot(STAR1.mjcf, name="star1").robot
    for name in FIGURES:
        assert getattr(found, name) == pytest.approx(getattr(STAR1, name), abs=1e-3), name
    for name in ("base_body", "foot_bodies", "knee_bodies", "joint_names"):
        assert getattr(found, name) == getattr(STAR1, name)
    for joint, ours in zip(found.joints, STAR1.joints):
        for name in ("role", "side", "mirror_sign", "bend", "default_pos", "torque_limit", "armature"):
            assert getattr(joint, name) == getattr(ours, name), (name, joint.name)
    upper = {joint.name: joint for joint in found.upper_joints}
    assert set(upper) == {joint.name for joint in STAR1.upper_joints}
    for joint in STAR1.upper_joints:
        for name in ("mirror", "mirror_sign", "torque_limit"):
            assert getattr(upper[joint.name], name) == getattr(joint, name), (name, joint.name)


def test_gains_are_those_of_the_file(model: mujoco.MjModel) -> None:
    for joint in (*STAR1.joints, *STAR1.upper_joints):
        motor = model.actuator(joint.name)
        assert (motor.gainprm[0], -motor.biasprm[2]) == (joint.stiffness, joint.damping)
    home = model.key("home").qpos
    for joint in STAR1.joints:
        assert home[model.joint(joint.name).qposadr[0]] == joint.default_pos


@pytest.mark.parametrize("upper_body", ["weld", "hold"])
def test_it_passes_the_trials(upper_body: Any) -> None:
    trials = try_robot(dataclasses.replace(STAR1, upper_body=upper_body))
    assert [trial.name for trial in trials if trial.passed] == ["stands", "parts", "moves", "mirrors"]
