"""RobotEra STAR1: 31 joints, 64 kg, about 1.68 m where it stands; a policy moves its 12 leg joints.

Figures are those of the URDF that RobotEra published. Gains, default pose and the upper body's PD law are
those of its walking controller, torque limits the rated efforts.
"""

from __future__ import annotations

from humanoid_envs.assets import asset_path
from humanoid_envs.robots.robot import SIDES, Joint, Robot, register_robot

_LIFT = (0.1017, 0.182, 0.2508, 0.3123, 0.3685, 0.4208, 0.47, 0.5167)
"""rad that the thigh swings forward, as the foot goes up."""
_LEG = (
    # name and role, stiffness, damping, torque limit, default position, bend
    ("hip_roll", 250.0, 20.0, 255.0, 0.0, 0.0),
    ("hip_yaw", 200.0, 10.0, 100.0, 0.0, 0.0),
    ("hip_pitch", 400.0, 20.0, 400.0, 0.25, -1.0),
    ("knee", 400.0, 20.0, 400.0, -0.5, 2.0),
    ("ankle_pitch", 40.0, 10.0, 100.0, 0.25, -1.0),
    ("ankle_roll", 40.0, 10.0, 100.0, 0.0, 0.0),
)
_ARM = (
    # name, torque limit, sign in the mirror
    ("shoulder_pitch", 110.0, 1.0),
    ("shoulder_roll", 110.0, -1.0),
    ("arm_yaw", 110.0, -1.0),
    ("elbow_pitch", 110.0, 1.0),
    ("elbow_yaw", 35.0, -1.0),
    ("wrist_pitch", 35.0, 1.0),
    ("wrist_roll", 35.0, -1.0),
)
_MIDDLE = (
    ("neck_yaw", 35.0, -1.0),
    ("neck_pitch", 35.0, 1.0),
    ("waist_pitch", 220.0, 1.0),
    ("waist_roll", 220.0, -1.0),
    ("waist_yaw", 110.0, -1.0),
)
_UPPER_STIFFNESS, _UPPER_DAMPING = 300.0, 50.0
_ARMATURE = 0.05
"""Not published. Without it explicit damping in steps of 1 ms makes the ankles oscillate."""


def _upper(name: str, limit: float, sign: float, mirror: str) -> Joint:
    return Joint(
        f"{name}_joint",
        _UPPER_STIFFNESS,
        _UPPER_DAMPING,
        limit,
        mirror_sign=sign,
        mirror=f"{mirror}_joint",
        armature=_ARMATURE,
    )


STAR1 = register_robot(
    Robot(
        name="star1",
        mjcf=asset_path("star1/star1.xml"),
        joints=tuple(
            Joint(
                f"{side}_{name}_joint",
                stiffness,
                damping,
                limit,
                default_pos=default_pos,
                mirror_sign=1.0 if name.endswith(("pitch", "knee")) else -1.0,
                role=name,
                side=side,
                bend=bend,
                lift=tuple(bend * angle for angle in _LIFT) if bend else (),
                armature=_ARMATURE,
            )
            for side in SIDES
            for name, stiffness, damping, limit, default_pos, bend in _LEG
        ),
        upper_joints=(
            *(
                _upper(f"{side}_{name}", limit, sign, f"{other}_{name}")
                for side, other in zip(SIDES, SIDES[::-1])
                for name, limit, sign in _ARM
            ),
            *(_upper(name, limit, sign, name) for name, limit, sign in _MIDDLE),
        ),
        base_body="base_link",
        foot_bodies=("left_ankle_roll_link", "right_ankle_roll_link"),
        knee_bodies=("left_knee_link", "right_knee_link"),
        falls_on="any link",
        base_mass=37.35078,
        total_mass=64.0012,
        start_height=1.1662,
        standing_height=1.08672,
        sole_height=0.069,
        leg_length=0.933,
        feet_apart=0.21,
        knees_apart=0.21,
    )
)
