"""RobotEra XBot-L: 12 leg joints, 53 kg, about 1.65 m; arms, waist and head are fixed.

Gains and limits are those of the Humanoid-Gym release (arXiv 2404.05695): torques are limited to 85 % of the
motors' rated effort.
"""

from __future__ import annotations

from humanoid_envs.assets import asset_path
from humanoid_envs.robots.robot import SIDES, Joint, Robot, register_robot

_LEG = (
    # name, role, stiffness, rated effort, bend of the right leg
    ("leg_roll", "hip_roll", 200.0, 100.0, 0.0),
    ("leg_yaw", "hip_yaw", 200.0, 100.0, 0.0),
    ("leg_pitch", "hip_pitch", 350.0, 250.0, 1.0),
    ("knee", "knee", 350.0, 250.0, 2.0),
    ("ankle_pitch", "ankle_pitch", 15.0, 100.0, 1.0),
    ("ankle_roll", "ankle_roll", 15.0, 100.0, 0.0),
)
_EFFORT_FRACTION = 0.85
_DAMPING = 10.0
_ARMATURE = 0.01
"""As in the release's MJCF. Without it explicit damping makes the light ankles oscillate."""

XBOT_L = register_robot(
    Robot(
        name="xbot_l",
        mjcf=asset_path("xbot_l/xbot_l.xml"),
        urdf=asset_path("xbot_l/xbot_l.urdf"),
        joints=tuple(
            Joint(
                f"{side}_{name}_joint",
                stiffness,
                _DAMPING,
                _EFFORT_FRACTION * effort,
                role=role,
                side=side,
                bend=bend if side == "right" else 0.0 - bend,
                armature=_ARMATURE,
            )
            for side in SIDES
            for name, role, stiffness, effort, bend in _LEG
        ),
        base_body="base_link",
        foot_bodies=("left_ankle_roll_link", "right_ankle_roll_link"),
        knee_bodies=("left_knee_link", "right_knee_link"),
        base_mass=29.90062,
        total_mass=53.03627,
        start_height=0.95,
        standing_height=0.885256,
        sole_height=0.056,
        leg_length=0.8415,
        feet_apart=0.233996,
        knees_apart=0.233996,
    )
)
