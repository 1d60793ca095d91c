"""RobotEra XBot-L: 12 leg joints, 53 kg, about 1.65 m; arms, waist and head are fixed.

Gains and limits are those of the Humanoid-Gym release (arXiv 2404.05695): torques are limited to 85 % of the
motors' rated effort.
"""

from __future__ import annotations

from humanoid_envs.assets import asset_path
from humanoid_envs.robots.robot import Joint, Robot

_LEG = (
    # name, stiffness, rated effort
    ("leg_roll", 200.0, 100.0),
    ("leg_yaw", 200.0, 100.0),
    ("leg_pitch", 350.0, 250.0),
    ("knee", 350.0, 250.0),
    ("ankle_pitch", 15.0, 100.0),
    ("ankle_roll", 15.0, 100.0),
)
_EFFORT_FRACTION = 0.85
_DAMPING = 10.0

XBOT_L = Robot(
    name="xbot_l",
    mjcf=asset_path("xbot_l/xbot_l.xml"),
    urdf=asset_path("xbot_l/xbot_l.urdf"),
    joints=tuple(
        Joint(f"{side}_{name}_joint", stiffness, _DAMPING, _EFFORT_FRACTION * effort)
        for side in ("left", "right")
        for name, stiffness, effort in _LEG
    ),
    base_body="base_link",
    foot_bodies=("left_ankle_roll_link", "right_ankle_roll_link"),
    knee_bodies=("left_knee_link", "right_knee_link"),
    base_mass=29.90062,
    start_height=0.95,
)
