"""How a leg lifts its foot: the inverse kinematics of a model's leg, for the gait's reference motion."""

from __future__ import annotations

import dataclasses
from typing import Dict, List, Tuple

import mujoco
import numpy as np
from scipy.optimize import least_squares

from humanoid_envs.robots.robot import LIFT_STEP, Robot
from humanoid_envs.simulators.mujoco_model import ModelIndex

_STEPS = 8
"""Heights up to a fifth of the leg's length: twice what a walk needs."""
_FEWEST = 4
_TURN = 0.02
"""Leg's lengths that count as much as a foot that is turned by 1 rad: where joints are at the ends of their
ranges, it is turned rather than elsewhere."""
_NUDGE = 0.05
"""rad by which straight legs are bent before the solver starts: it would not know which way."""
_MISSED = 0.1
"""Share of a step by which a foot may be elsewhere."""


def with_lifts(robot: Robot, model: mujoco.MjModel, data: mujoco.MjData, index: ModelIndex) -> Robot:
    """The robot with `Joint.lift` of its legs: the foot goes straight up from where it is in the default
    pose, and turns as little as the leg's joints allow. A robot whose legs do not reach that far stays as
    it is.

    data: of the default pose, with the base at identity, after `mj_kinematics`.
    """
    places = [i for i, joint in enumerate(robot.joints) if joint.side == "left"]
    angles = _lifted(robot, model, data, index, places)
    if len(angles) < _FEWEST:
        return robot
    lifts: Dict[str, Tuple[float, ...]] = {}
    images = robot.joint_images()
    for column, place in enumerate(places):
        left, right = robot.joints[place], robot.joints[images[place]]
        own = [round(float(row[column]), 4) + 0.0 for row in angles]
        lifts[left.name] = tuple(own)
        lifts[right.name] = tuple(left.mirror_sign * angle + 0.0 for angle in own)
    moving = {name: lift for name, lift in lifts.items() if any(lift)}
    joints = tuple(dataclasses.replace(joint, lift=moving.get(joint.name, ())) for joint in robot.joints)
    return dataclasses.replace(robot, joints=joints)


def _lifted(
    robot: Robot, model: mujoco.MjModel, data: mujoco.MjData, index: ModelIndex, places: List[int]
) -> List[np.ndarray]:
    """Angles of the joints at `places` from the default, for each height that is reached."""
    foot = index.foot_bodies[0]
    qpos = [index.joint_qpos[place] for place in places]
    default, rest, level = data.qpos[qpos].copy(), data.xpos[foot].copy(), data.xquat[foot].copy()
    bends = np.array([robot.joints[place].bend for place in places])
    low, high = _ranges(robot, model, places)
    scratch = mujoco.MjData(model)
    scratch.qpos[:] = data.qpos

    def missed(angles: np.ndarray, height: float) -> np.ndarray:
        """Of place and orientation, as shares of the leg's length."""
        scratch.qpos[qpos] = angles
        mujoco.mj_kinematics(model, scratch)
        turn = np.zeros(3)
        mujoco.mju_subQuat(turn, level, scratch.xquat[foot])
        apart = (scratch.xpos[foot] - rest) / robot.leg_length - [0.0, 0.0, height]
        return np.concatenate([apart, _TURN * turn])

    found: List[np.ndarray] = []
    angles = np.clip(default + _NUDGE * bends, low + 1e-6, high - 1e-6)
    for step in range(1, _STEPS + 1):
        solved = least_squares(missed, angles, bounds=(low, high), args=(step * LIFT_STEP,))
        angles = solved.x
        if np.linalg.norm(solved.fun[:3]) > _MISSED * LIFT_STEP:
            break
        found.append(angles - default)
    return found


def _ranges(robot: Robot, model: mujoco.MjModel, places: List[int]) -> Tuple[np.ndarray, np.ndarray]:
    ids = [model.joint(robot.joints[place].name).id for place in places]
    limited = model.jnt_limited[ids].astype(bool)
    low, high = model.jnt_range[ids].T
    return np.where(limited, low, -np.inf), np.where(limited, high, np.inf)
