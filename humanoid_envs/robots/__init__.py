"""Robots as data."""

from humanoid_envs.robots.robot import Joint, Robot
from humanoid_envs.robots.xbot_l import XBOT_L

__all__ = ["XBOT_L", "Joint", "Robot"]
