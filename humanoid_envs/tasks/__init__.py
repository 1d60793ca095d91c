"""Tasks: what the robot is asked to do, free of any simulator."""

from humanoid_envs.tasks import standing, velocity  # noqa: F401  register their presets
from humanoid_envs.tasks.config import TaskConfig, restored_task
from humanoid_envs.tasks.presets import PRESETS, AnyConfig, preset, register_preset
from humanoid_envs.tasks.task import Task

__all__ = ["PRESETS", "AnyConfig", "Task", "TaskConfig", "preset", "register_preset", "restored_task"]
