"""Configs as users give them: objects, or their fields as plain values."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Type, TypeVar, Union

from humanoid_envs.configs import from_plain
from humanoid_envs.errors import UserError

T = TypeVar("T")
Given = Union[T, Mapping[str, Any]]
"""A config, or a mapping of its fields; what is left out takes its default."""


def config_of(cls: Type[T], given: Optional[Given[T]], default: Optional[T] = None) -> T:
    """The config that was given, as an object; where None was, `default`, or if that is None as well, the
    defaults of the class. Tasks have presets besides: see `humanoid_envs.preset`.

    Raises:
        UserError: wrong fields or values, or something else.
    """
    if given is None:
        return cls() if default is None else default
    if isinstance(given, cls):
        return given
    if isinstance(given, Mapping):
        return from_plain(cls, dict(given), "config")
    raise UserError(
        f"config must be a {cls.__name__} or a mapping of its fields, not {given!r} of type "
        f"{type(given).__name__}."
    )
