"""The MuJoCo model says what robot and physics say."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch

from humanoid_envs.robots import XBOT_L, Robot
from humanoid_envs.simulators.mujoco_model import (
    PARAMETER_FIELDS,
    ParameterFields,
    index_model,
    load_model,
    sensor_columns,
)
from humanoid_envs.simulators.simulator import PhysicsConfig, default_parameters


def edited(tmp_path: Path, old: str, new: str) -> Robot:
    text = XBOT_L.mjcf.read_text()
    assert old in text
    path = tmp_path / "robot.xml"
    path.write_text(text.replace(old, new))
    return dataclasses.replace(XBOT_L, mjcf=path)


def test_gains_limits_and_mass_come_from_the_robot() -> None:
    joint = dataclasses.replace(XBOT_L.joints[3], stiffness=123.0, damping=4.5, torque_limit=67.0)
    joints = (*XBOT_L.joints[:3], joint, *XBOT_L.joints[4:])
    model = load_model(dataclasses.replace(XBOT_L, joints=joints, base_mass=40.0), PhysicsConfig())
    actuator = model.actuator(joint.name)
    assert actuator.gainprm[0] == 123.0
    assert actuator.biasprm[1:3].tolist() == [-123.0, -4.5]
    assert actuator.forcerange.tolist() == [-67.0, 67.0]
    original = mujoco.MjModel.from_xml_path(str(XBOT_L.mjcf))
    base, before = model.body(XBOT_L.base_body), original.body(XBOT_L.base_body)
    assert base.mass[0] == 40.0
    np.testing.assert_allclose(base.inertia, before.inertia * 40.0 / before.mass[0])
    assert (base.ipos == before.ipos).all()
    np.testing.assert_allclose(
        model.body_subtreemass[0] - original.body_subtreemass[0], 40.0 - before.mass[0]
    )


def test_armature_is_the_robots_or_the_files() -> None:
    joints = [dataclasses.replace(joint, armature=None) for joint in XBOT_L.joints]
    joints[3] = dataclasses.replace(joints[3], armature=0.2)
    model = load_model(dataclasses.replace(XBOT_L, joints=tuple(joints)), PhysicsConfig())
    assert model.dof_armature[6:].tolist() == [0.01] * 3 + [0.2] + [0.01] * 8


def test_physics_config() -> None:
    explicit = load_model(
        XBOT_L, PhysicsConfig(timestep=0.002, solver_iterations=7, solver_line_search_iterations=9)
    )
    assert explicit.opt.timestep == 0.002
    assert (explicit.opt.iterations, explicit.opt.ls_iterations) == (7, 9)
    assert explicit.opt.integrator == mujoco.mjtIntegrator.mjINT_EULER
    implicit = load_model(XBOT_L, PhysicsConfig(implicit_damping=True))
    assert implicit.opt.integrator == mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    stiff = load_model(XBOT_L, PhysicsConfig(contact_time_constant=0.01))
    assert (stiff.geom_solref[:, 0] == 0.01).all()
    assert (explicit.geom_solref[:, 0] == 0.02).all()
    with pytest.raises(ValueError, match=r"at least two timesteps, 0\.01; got 0\.009"):
        PhysicsConfig(timestep=0.005, contact_time_constant=0.009)
    with pytest.raises(ValueError, match=r"PhysicsConfig\.timestep must be positive; got 0\.0"):
        PhysicsConfig(timestep=0.0)
    with pytest.raises(ValueError, match=r"PhysicsConfig\.decimation must be at least 1; got 0"):
        PhysicsConfig(decimation=0)


def test_contact_friction_is_the_mean() -> None:
    physics = PhysicsConfig(ground_friction=0.5)
    model = load_model(XBOT_L, physics)
    index = index_model(model, XBOT_L)
    rolling = model.geom_friction[index.soles, 1:].copy()
    fields = {name: torch.from_numpy(getattr(model, name))[None] for name in PARAMETER_FIELDS}
    parameters = default_parameters(XBOT_L, 1, "cpu")
    rough = dataclasses.replace(parameters, foot_friction=torch.tensor([1.5]))
    ParameterFields(fields, model, index, physics).write(rough)
    data = mujoco.MjData(model)
    data.qpos[:] = model.key("home").qpos
    data.qpos[2] -= 0.002
    mujoco.mj_forward(model, data)
    assert data.ncon == 8
    assert (data.contact.friction[:, :2] == 1.0).all()
    assert (model.geom_friction[index.soles, 1:] == rolling).all()


def test_index_follows_names() -> None:
    model = load_model(XBOT_L, PhysicsConfig())
    index = index_model(model, XBOT_L)
    for name, qpos, dof, actuator in zip(
        XBOT_L.joint_names, index.joint_qpos, index.joint_dof, index.actuators, strict=True
    ):
        assert (model.joint(name).qposadr[0], model.joint(name).dofadr[0]) == (qpos, dof)
        assert model.actuator(actuator).name == name
    assert [model.body(body).name for body in index.foot_bodies] == list(XBOT_L.foot_bodies)
    backwards = dataclasses.replace(XBOT_L, joints=XBOT_L.joints[::-1])
    assert index_model(model, backwards).joint_qpos == index.joint_qpos[::-1]


def test_the_bare_model_has_the_same_bodies_and_whatever_touches() -> None:
    full = load_model(XBOT_L, PhysicsConfig())
    bare = load_model(XBOT_L, PhysicsConfig(), visuals=False, sensors=False)
    assert (bare.nsensor, bare.ncam, bare.nlight) == (0, 0, 0)
    touching = [
        full.geom(i).name for i in range(full.ngeom) if full.geom_contype[i] | full.geom_conaffinity[i]
    ]
    assert [bare.geom(i).name for i in range(bare.ngeom)] == touching
    index, of_full = index_model(bare, XBOT_L), index_model(full, XBOT_L)
    assert dataclasses.replace(index, soles=of_full.soles) == of_full
    for name in ("body_inertia", "body_mass", "body_ipos", "body_iquat"):
        assert (getattr(bare, name) == getattr(full, name)).all(), name


def test_geoms_that_touch_nothing_do_not_change_the_motion() -> None:
    """By one bit, falls included."""
    ends = []
    for visuals in (True, False):
        model = load_model(XBOT_L, PhysicsConfig(), visuals=visuals)
        data = mujoco.MjData(model)
        data.qpos[2], data.ctrl[:] = 1.0, np.linspace(-0.3, 0.3, 12)
        mujoco.mj_step(model, data, nstep=1500)
        ends.append(np.concatenate([data.qpos, data.qvel]))
    assert ends[0][2] < 0.7
    np.testing.assert_array_equal(*ends)


def test_errors_name_what_is_missing(tmp_path: Path) -> None:
    physics = PhysicsConfig()
    with pytest.raises(FileNotFoundError, match=r"xbot_l.*nowhere\.xml"):
        load_model(dataclasses.replace(XBOT_L, mjcf=tmp_path / "nowhere.xml"), physics)
    with pytest.raises(ValueError, match=r"'left_knee_joint' must be a hinge at its body's origin"):
        load_model(
            edited(tmp_path, '<joint name="left_knee_joint"', '<joint name="left_knee_joint" pos="0 0 1"'),
            physics,
        )
    with pytest.raises(ValueError, match="no sensor named 'nose'"):
        sensor_columns(load_model(XBOT_L, physics), XBOT_L, ["nose"])
