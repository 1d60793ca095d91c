"""Walking at a commanded planar velocity and yaw rate."""

from humanoid_envs.tasks.velocity.config import VelocityConfig, VelocityRewards
from humanoid_envs.tasks.velocity.memory import TaskMemory
from humanoid_envs.tasks.velocity.presets import (
    PRESETS,
    AnyConfig,
    FastRewards,
    fast,
    fast_wide,
    preset,
    register_preset,
    v0,
    walk,
)
from humanoid_envs.tasks.velocity.task import VelocityTask

__all__ = [
    "PRESETS",
    "AnyConfig",
    "FastRewards",
    "TaskMemory",
    "VelocityConfig",
    "VelocityRewards",
    "VelocityTask",
    "fast",
    "fast_wide",
    "preset",
    "register_preset",
    "v0",
    "walk",
]
