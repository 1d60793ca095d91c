"""Walking at a commanded planar velocity and yaw rate."""

from humanoid_envs.tasks.velocity.config import PRESETS, VelocityConfig, preset
from humanoid_envs.tasks.velocity.task import TaskMemory, VelocityTask

__all__ = ["PRESETS", "TaskMemory", "VelocityConfig", "VelocityTask", "preset"]
