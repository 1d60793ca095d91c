"""Robots as data, and their names."""

from humanoid_envs.robots.robot import (
    LIFT_STEP,
    ROBOTS,
    SIDES,
    AnyRobot,
    Joint,
    Robot,
    register_robot,
    restored_robot,
)
from humanoid_envs.robots.star1 import STAR1
from humanoid_envs.robots.xbot_l import XBOT_L

__all__ = [
    "LIFT_STEP",
    "ROBOTS",
    "SIDES",
    "STAR1",
    "XBOT_L",
    "AnyRobot",
    "Joint",
    "Robot",
    "register_robot",
    "restored_robot",
]
