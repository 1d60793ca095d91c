"""Gains, torque limits and rotor inertias of joints, from the model file or guessed from the robot's size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional

import mujoco
import numpy as np

_LEG_STIFFNESS = {
    "hip_pitch": 0.5,
    "knee": 0.5,
    "hip_roll": 0.4,
    "hip_yaw": 0.3,
    "ankle_pitch": 0.15,
    "ankle_roll": 0.1,
}
"""Share of m·g·l, per rad. Makers' gains of G1, H1, T1 and XBot-L are 0.1 to 1 of it at hips and knees and
0.03 to 0.3 at the ankles."""
_LEG_TORQUE = {"hip_pitch": 0.4, "knee": 0.4, "hip_roll": 0.25, "hip_yaw": 0.25}
_ANKLE = 0.1, 0.15
"""Shares, of stiffness and of torque, of all joints that are not in the tables."""
_DAMPING = 0.1
"""Damping over stiffness, in multiples of √(l/g): 0.03 s for legs of 0.85 m, as makers have it; but at least
half of what is critical for the rotor alone."""
_FASTEST = 2.0 * math.pi * 2.0
"""rad/s of a spring against the joint's own damping in the file, at least."""
_BANDWIDTH, _RATIO = 2.0 * math.pi * 10.0, 2.0
"""rad/s and damping ratio of the rotor on its spring, by which armature gives gains."""
_TRUSTED = 0.4, 3.0
"""Gains from armature, as multiples of those from m·g·l; beyond, the file's armature is a placeholder."""
_UPPER_BANDWIDTH = 2.0 * math.pi * 3.0
"""rad/s of a link above the legs on its spring, damped critically."""
_STEP = 1e-3
"""s; explicit damping in such steps is stable with an inertia above half of damping × step."""


@dataclass(frozen=True)
class Motor:
    """Figures of one joint, and which of them had to be guessed."""

    stiffness: float
    damping: float
    torque_limit: float
    armature: float
    gains_from: str
    """One of "armature", "m·g·l" or "inertia"."""
    torque_given: bool
    armature_given: bool

    @property
    def action_scale(self) -> float:
        """rad per unit of action: a quarter of the torque limit over the stiffness, at most 0.25."""
        return min(0.25, 0.25 * self.torque_limit / self.stiffness)


def leg_motor(
    model: mujoco.MjModel,
    joint: int,
    role: Optional[str],
    *,
    weight_moment: float,
    pendulum: float,
    rotors_differ: bool,
) -> Motor:
    """Of a leg joint: stiffness I·ω² and damping 2ζ·I·ω of its rotor, I, where that is plausible, and else
    shares of m·g·l.

    weight_moment: m·g·l, N·m. pendulum: √(l/g), s. rotors_differ: whether the file's armatures do; one figure
    in all joints is a placeholder.
    """
    drag = _FASTEST * float(np.ravel(model.dof_damping[model.jnt_dofadr[joint]])[0])
    stiffness = max(_LEG_STIFFNESS.get(role or "", _ANKLE[0]) * weight_moment, drag)
    rotor, source = _armature(model, joint), "m·g·l"
    damping = max(_DAMPING * pendulum * stiffness, math.sqrt(stiffness * rotor))
    by_rotor = rotor * _BANDWIDTH**2
    if rotors_differ and _TRUSTED[0] * stiffness <= by_rotor <= _TRUSTED[1] * stiffness:
        stiffness, damping, source = by_rotor, 2.0 * _RATIO * rotor * _BANDWIDTH, "armature"
    limit = torque_limit(model, joint)
    guessed = _LEG_TORQUE.get(role or "", _ANKLE[1]) * weight_moment
    return _motor(stiffness, damping, limit, guessed, rotor, source)


def upper_motor(model: mujoco.MjModel, joint: int, inertia: float) -> Motor:
    """Of a joint above the legs, which is only to be held: 3 Hz, damped critically.

    inertia: of all that it moves, kg·m².
    """
    rotor = _armature(model, joint)
    stiffness, damping = inertia * _UPPER_BANDWIDTH**2, 2.0 * inertia * _UPPER_BANDWIDTH
    return _motor(stiffness, damping, torque_limit(model, joint), 0.5 * stiffness, rotor, "inertia")


def _motor(
    stiffness: float, damping: float, limit: Optional[float], guessed: float, rotor: float, source: str
) -> Motor:
    return Motor(
        stiffness=_rounded(stiffness),
        damping=_rounded(damping),
        torque_limit=_rounded(guessed) if limit is None else limit,
        armature=rotor or _rounded(damping * _STEP),
        gains_from=source,
        torque_given=limit is not None,
        armature_given=rotor > 0.0,
    )


def torque_limit(model: mujoco.MjModel, joint: int) -> Optional[float]:
    """The smallest that the file gives, N·m: the joint's, its actuators', or the range of a plain motor."""
    limits = []
    if model.jnt_actfrclimited[joint]:
        limits.append(np.abs(model.jnt_actfrcrange[joint]).max())
    for actuator in range(model.nu):
        if model.actuator_trnid[actuator, 0] != joint or not _on_joint(model, actuator):
            continue
        gear = abs(model.actuator_gear[actuator, 0])
        if model.actuator_forcelimited[actuator]:
            limits.append(gear * np.abs(model.actuator_forcerange[actuator]).max())
        if model.actuator_ctrllimited[actuator] and not model.actuator_biasprm[actuator].any():
            gain = abs(model.actuator_gainprm[actuator, 0])
            limits.append(gear * gain * np.abs(model.actuator_ctrlrange[actuator]).max())
    above = [float(limit) for limit in limits if limit > 0.0]
    return min(above) if above else None


def _on_joint(model: mujoco.MjModel, actuator: int) -> bool:
    kinds = mujoco.mjtTrn.mjTRN_JOINT, mujoco.mjtTrn.mjTRN_JOINTINPARENT
    return int(model.actuator_trntype[actuator]) in map(int, kinds)


def _armature(model: mujoco.MjModel, joint: int) -> float:
    return float(model.dof_armature[model.jnt_dofadr[joint]])


def _rounded(value: float) -> float:
    """Three digits: more would pretend to be measured."""
    return float(f"{value:.3g}")
