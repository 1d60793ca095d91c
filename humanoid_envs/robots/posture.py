"""The pose in which a robot of a model file is to stand."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Dict

import mujoco
import numpy as np

from humanoid_envs.robots.legs import Legs

_STRAIGHT = 0.15
"""rad; a knee that is bent less counts as straight."""
_CROUCH = 0.2
"""rad that the thigh leans forward where the file's pose has straight legs."""
TURNS = {"hip_pitch": -1.0, "knee": 2.0, "ankle_pitch": -1.0}
"""Of the thigh, shank and foot against the one before, about the axis to the left, as a leg is pulled up."""


@dataclass(frozen=True)
class Posture:
    """Joint angles, with the base at identity."""

    data: mujoco.MjData
    source: str
    """One of "zeros", "keyframe NAME", or what was guessed."""
    knees_behind: bool = False
    """Whether the knees are behind the line from hip to ankle, as a bird's heels are."""

    def with_bent_knees(self, model: mujoco.MjModel, legs: Legs) -> Posture:
        """The same with legs that are not straight: thighs lean forward by 0.2 rad, shanks back."""
        left = {role: joint for joint, role in legs.roles.items() if joint in legs.joints[0]}
        if "ankle_pitch" not in left:
            return self
        bent = _bent(self.data, left)
        if abs(bent) > _STRAIGHT:
            return dataclasses.replace(self, knees_behind=bent < 0.0)
        forward = 1.0 if _allowed(model, self.data, left["knee"], TURNS["knee"] * _CROUCH) else -1.0
        for joint, role in legs.roles.items():
            if role in TURNS:
                sign = float(np.sign(self.data.xaxis[joint, 1])) * forward
                address = int(model.jnt_qposadr[joint])
                self.data.qpos[address] = _within(model, joint, sign * TURNS[role] * _CROUCH)
        mujoco.mj_kinematics(model, self.data)
        source = f"{self.source} with straight legs bent: thighs {_CROUCH:g} rad forward"
        return dataclasses.replace(self, source=source, knees_behind=forward < 0.0)


def default_posture(model: mujoco.MjModel, base: int) -> Posture:
    """The first keyframe in which the base is upright, or all joints at zero."""
    data = mujoco.MjData(model)
    free = int(model.jnt_qposadr[model.body_jntadr[base]])
    source = "zeros"
    for key in range(model.nkey):
        quat, up = model.key_qpos[key, free + 3 : free + 7], np.zeros(3)
        mujoco.mju_rotVecQuat(up, np.array([0.0, 0.0, 1.0]), quat)
        if up[2] > 0.95:
            data.qpos[:], source = model.key_qpos[key], f"keyframe {model.key(key).name!r}"
            break
    data.qpos[free : free + 7] = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    mujoco.mj_kinematics(model, data)
    return Posture(data, source)


def _bent(data: mujoco.MjData, leg: Dict[str, int]) -> float:
    """Angle from thigh to shank about the axis to the left, rad: above 0 where the knee is before the line
    from hip to ankle."""
    hip, knee, ankle = (data.xanchor[leg[role]][[0, 2]] for role in ("hip_pitch", "knee", "ankle_pitch"))
    thigh, shank = knee - hip, ankle - knee
    return float(np.arctan2(thigh[0] * -shank[1] + thigh[1] * shank[0], thigh @ shank))


def _allowed(model: mujoco.MjModel, data: mujoco.MjData, joint: int, turn: float) -> bool:
    angle = turn * float(np.sign(data.xaxis[joint, 1]))
    return abs(_within(model, joint, angle) - angle) < 0.5 * abs(turn)


def _within(model: mujoco.MjModel, joint: int, angle: float) -> float:
    if not model.jnt_limited[joint]:
        return angle
    low, high = model.jnt_range[joint]
    return float(np.clip(angle, low, high))
