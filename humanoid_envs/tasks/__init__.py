"""Tasks: what the robot is asked to do, free of any simulator."""

from humanoid_envs.tasks import velocity  # noqa: F401  # isort: skip  registers the first presets
from humanoid_envs.tasks import standing  # noqa: F401
from humanoid_envs.tasks.config import TaskConfig, restored_task
from humanoid_envs.tasks.presets import PRESETS, AnyConfig, preset, register_preset
from humanoid_envs.tasks.task import Task

__all__ = ["PRESETS", "AnyConfig", "Task", "TaskConfig", "preset", "register_preset", "restored_task"]
