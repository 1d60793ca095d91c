"""Tasks by the names of their presets."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Union

from humanoid_envs.errors import UserError
from humanoid_envs.registry import Registry
from humanoid_envs.robots import XBOT_L, AnyRobot
from humanoid_envs.tasks.config import TaskConfig, restored_task

PRESETS: Registry[Callable[[], TaskConfig]] = Registry("preset")
register_preset = PRESETS.register
"""Decorates a function that makes a task's config: `@register_preset("my_walk")`."""

AnyConfig = Union[str, TaskConfig, Mapping[str, Any]]
"""A preset's name, a config, or its fields as plain values; `preset` makes a config of it."""


def preset(config: AnyConfig, robot: AnyRobot = XBOT_L) -> TaskConfig:
    """The preset of that name in the robot's terms, see `TaskConfig.for_robot`; or the config of these plain
    values (as JSON gives those of `TaskConfig.plain` back; what is left out takes its default), as it is; a
    config passes through.

    Raises:
        UserError: no preset of that name, wrong fields or values, or something else.
    """
    if isinstance(config, TaskConfig):
        return config
    if isinstance(config, Mapping):
        return restored_task(dict(config), "config")
    if not isinstance(config, str):
        raise UserError(
            "config must be a preset's name, a TaskConfig, or a mapping of its fields, not "
            f"{type(config).__name__}."
        )
    return PRESETS.find(config)().for_robot(robot)
