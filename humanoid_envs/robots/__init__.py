"""Robots as data, and their names."""

from humanoid_envs.robots.robot import (
    SIDES,
    AnyRobot,
    Joint,
    Robot,
    register_robot,
    restored_robot,
    robot_named,
    robot_names,
)
from humanoid_envs.robots.xbot_l import XBOT_L

__all__ = [
    "SIDES",
    "XBOT_L",
    "AnyRobot",
    "Joint",
    "Robot",
    "register_robot",
    "restored_robot",
    "robot_named",
    "robot_names",
]
