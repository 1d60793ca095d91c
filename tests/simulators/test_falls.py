"""What counts as a contact of the base: that of the base link, or of all links but the feet."""

from __future__ import annotations

import dataclasses
from typing import Tuple

import mujoco
import numpy as np
import pytest
import torch

from humanoid_envs.registration import make_mujoco
from humanoid_envs.robots import STAR1, Robot
from humanoid_envs.simulators.mujoco import MuJoCoSimulator
from humanoid_envs.simulators.mujoco_warp import MuJoCoWarpSimulator
from humanoid_envs.simulators.simulator import PhysicsConfig, RobotState, Simulator
from humanoid_envs.tasks import preset

HELD = dataclasses.replace(STAR1, name="held", upper_body="hold")
BASE = dataclasses.replace(STAR1, name="base_only", falls_on="base")
ROBOTS = [STAR1, HELD, BASE]
NUM = 8


def simulate(robot: Robot, engine: str) -> Simulator:
    physics = PhysicsConfig(timestep=0.002, decimation=1)
    return (
        MuJoCoSimulator(robot, physics, NUM)
        if engine == "mujoco"
        else MuJoCoWarpSimulator(robot, physics, NUM, "cpu")
    )


def fallen(robot: Robot) -> RobotState:
    """Limbs anywhere, low over the ground."""
    random = torch.Generator().manual_seed(1)
    quat = torch.randn(NUM, 4, generator=random)
    zeros = torch.zeros(NUM, 3)
    joints = torch.rand(NUM, robot.num_joints, generator=random) - 0.5
    height = 0.25 + 0.3 * torch.rand(NUM, 1, generator=random)
    return RobotState(
        base_pos=torch.cat([zeros[:, :2], height], dim=1),
        base_quat=quat / quat.norm(dim=1, keepdim=True),
        base_lin_vel=zeros - 0.5,
        base_ang_vel=zeros.clone(),
        joint_pos=joints,
        joint_vel=torch.zeros(NUM, robot.num_joints),
    )


def forces(model: mujoco.MjModel, data: mujoco.MjData, robot: Robot) -> Tuple[np.ndarray, int]:
    """The force on what must not touch anything, from each contact, and how many of them are internal."""
    feet = {model.body(name).id for name in robot.foot_bodies}
    base = model.body(robot.base_body).id
    counted = {base} if robot.falls_on == "base" else set(range(1, model.nbody)) - feet
    total, inside, wrench = np.zeros(3), 0, np.zeros(6)
    for i, contact in enumerate(data.contact):
        mujoco.mj_contactForce(model, data, i, wrench)
        on_second = contact.frame.reshape(3, 3).T @ wrench[:3]
        bodies = [int(model.geom_bodyid[geom]) for geom in contact.geom]
        inside += 0 not in bodies
        for body, force in zip(bodies, (-on_second, on_second)):
            total += force if body in counted else 0.0
    return total, inside


@pytest.mark.parametrize("robot", ROBOTS, ids=lambda robot: robot.name)
def test_forces_are_those_of_all_contacts(robot: Robot) -> None:
    simulator = simulate(robot, "mujoco")
    everyone, default = torch.ones(NUM, dtype=torch.bool), torch.zeros(NUM, robot.num_joints)
    simulator.reset(everyone, fallen(robot))
    inside = touching = 0
    for _ in range(60):
        before = [simulator._batch.get_data(env) for env in range(NUM)]  # pyright: ignore
        states = [mujoco.MjData(simulator._model) for _ in before]  # pyright: ignore
        for own, copy in zip(before, states):
            mujoco.mj_copyData(copy, simulator._model, own)  # pyright: ignore
        simulator.step(default)
        for env, data in enumerate(states):
            data.ctrl[simulator._index.actuators] = 0.0  # pyright: ignore
            mujoco.mj_step(simulator._model, data)  # pyright: ignore
            expected, internal = forces(simulator._model, data, robot)  # pyright: ignore
            found = simulator.state.base_contact_force[env].numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=0.05 + 1e-5 * np.abs(expected).max())
            inside, touching = inside + internal, touching + bool(np.abs(expected).max() > 1.0)
    simulator.close()
    assert touching > 50
    assert inside > 0 or robot.falls_on == "base"


@pytest.mark.parametrize("robot", ROBOTS, ids=lambda robot: robot.name)
def test_engines_agree(robot: Robot) -> None:
    found = []
    for engine in ("mujoco", "warp"):
        simulator = simulate(robot, engine)
        simulator.reset(torch.ones(NUM, dtype=torch.bool), fallen(robot))
        touching = []
        for _ in range(40):
            simulator.step(torch.zeros(NUM, robot.num_joints))
            touching.append(simulator.state.base_contact_force.norm(dim=1) > 1.0)
        found.append(torch.stack(touching))
        simulator.close()
    assert found[0].any()
    assert not found[0].all()
    assert (found[0] == found[1]).float().mean() > 0.95


def kneel(robot: Robot) -> bool:
    """Whether an episode ends in which only the shanks touch the ground."""
    task = preset("fast", robot).replace(
        {"terminations.low_base.height": 0.0, "terminations.tilt.angle": 3.0}
    )
    env = make_mujoco(1, task.without_randomization(), robot=robot, array="torch")
    env.reset(seed=0)
    start = env.simulator.state
    knee = torch.zeros(1, robot.num_joints)
    knee[:, robot.columns("knee")] = -1.7
    knee[:, robot.columns("ankle_pitch")] = -0.4
    state = RobotState(
        **{**{f.name: getattr(start, f.name) for f in dataclasses.fields(RobotState)}, "joint_pos": knee}
    )
    state.base_pos[:, 2] = 0.72
    env.simulator.reset(torch.ones(1, dtype=torch.bool), state)
    ended = False
    for _ in range(30):
        *_, terminated, _, _ = env.step(torch.zeros(1, robot.num_joints))
        ended = ended or bool(terminated)
    env.close()
    return ended


def test_who_kneels_has_fallen() -> None:
    assert kneel(STAR1)
    assert not kneel(BASE)


def test_who_stands_has_not() -> None:
    simulator = simulate(HELD, "mujoco")
    state = fallen(HELD)
    upright = dataclasses.replace(
        state,
        base_pos=torch.tensor([0.0, 0.0, HELD.standing_height]).repeat(NUM, 1),
        base_quat=torch.tensor([1.0, 0.0, 0.0, 0.0]).repeat(NUM, 1),
        base_lin_vel=torch.zeros(NUM, 3),
        joint_pos=torch.tensor([joint.default_pos for joint in HELD.joints]).repeat(NUM, 1),
    )
    simulator.reset(torch.ones(NUM, dtype=torch.bool), upright)
    for _ in range(100):
        simulator.step(upright.joint_pos)
        assert simulator.state.base_contact_force.norm(dim=1).max() < 0.01
    assert simulator.state.feet_contact_force[..., 2].sum(dim=1).min() > 300.0
    simulator.close()
