"""Eight states of XBot-L that between them touch everything: ground, air, feet touching, a fall, limits."""

from __future__ import annotations

import mujoco
import numpy as np
import torch

from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.mujoco_model import load_model
from humanoid_envs.simulators.simulator import PhysicsConfig, RobotState

NUM_STATES = 8
STANDING, MOVING, ONE_LEG, FEET_TOUCHING, FLYING, CROUCHED, LYING, AT_LIMITS = range(NUM_STATES)


def robot_states() -> RobotState:
    """One state per name above. Where feet stand, the lowest point of the soles is 1 mm in the ground."""
    rng = np.random.default_rng(0)
    n, joints = NUM_STATES, {name: i for i, name in enumerate(XBOT_L.joint_names)}
    pos, quat = np.zeros((n, 3)), np.tile([1.0, 0.0, 0.0, 0.0], (n, 1))
    lin_vel, ang_vel = rng.normal(0.0, 0.3, (n, 3)), rng.normal(0.0, 0.5, (n, 3))
    joint_pos, joint_vel = np.zeros((n, 12)), rng.normal(0.0, 1.0, (n, 12))
    for velocity in (lin_vel, ang_vel, joint_vel):
        velocity[STANDING] = 0.0
    joint_pos[ONE_LEG, joints["right_leg_pitch_joint"]] = 0.6
    joint_pos[FEET_TOUCHING, joints["left_leg_roll_joint"]] = -0.11
    joint_pos[FEET_TOUCHING, joints["right_leg_roll_joint"]] = 0.11
    joint_pos[FLYING], joint_vel[FLYING] = rng.uniform(-0.4, 0.4, 12), rng.normal(0.0, 5.0, 12)
    quat[FLYING] = _normalized(rng.normal(0.0, 1.0, 4))
    joint_pos[CROUCHED] = rng.uniform(-0.2, 0.2, 12)
    quat[CROUCHED] = _normalized(np.array([1.0, 0.03, -0.05, 0.8]))
    quat[LYING] = _normalized(np.array([1.0, 1.0, 0.0, 0.0]))
    joint_pos[AT_LIMITS, joints["left_knee_joint"]] = 1.11
    joint_pos[AT_LIMITS, joints["right_ankle_roll_joint"]] = -0.45

    pos[:, :2] = rng.uniform(-1.0, 1.0, (n, 2))
    for i in range(n):
        pos[i, 2] = -0.001 - _lowest_sole_point(quat[i], joint_pos[i])
    pos[[FEET_TOUCHING, FLYING, AT_LIMITS], 2] += 1.0
    pos[LYING, 2] = 0.3

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32)

    return RobotState(*(tensor(values) for values in (pos, quat, lin_vel, ang_vel, joint_pos, joint_vel)))


def _normalized(quat: np.ndarray) -> np.ndarray:
    return quat / np.linalg.norm(quat)


def _lowest_sole_point(quat: np.ndarray, joint_pos: np.ndarray) -> float:
    """Height of the soles' lowest corner below a base at the origin."""
    model = load_model(XBOT_L, PhysicsConfig())
    data = mujoco.MjData(model)
    data.qpos[:] = np.concatenate([np.zeros(3), quat, joint_pos])
    mujoco.mj_kinematics(model, data)
    corners = []
    for name in ("left_sole", "right_sole"):
        sole = model.geom(name).id
        up = data.geom_xmat[sole].reshape(3, 3)[2]
        corners.append(data.geom_xpos[sole, 2] - np.abs(up) @ model.geom_size[sole])
    return min(corners)
