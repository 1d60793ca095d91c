"""Configs (nested frozen dataclasses) to plain values and back: for YAML, checkpoints and contracts."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Type, TypeVar, get_type_hints

from humanoid_envs.errors import UserError

T = TypeVar("T")


def to_plain(config: Any) -> Any:
    """A config as dicts, lists, numbers and strings."""
    if dataclasses.is_dataclass(config):
        return {name: to_plain(value) for name, value in vars(config).items()}
    if isinstance(config, (list, tuple)):
        return [to_plain(value) for value in config]
    return config


def from_plain(cls: Type[T], values: Dict[str, Any], where: str = "") -> T:
    """The config that `to_plain` turned into `values`; fields that are left out take their defaults.

    where: what the values were read from, for messages.

    Raises:
        ValueError: a field that the config does not have, or something else than a mapping.
    """
    name = f"{where}: " if where else ""
    if not isinstance(values, dict):
        raise UserError(f"{name}{cls.__name__} needs a mapping of its fields, not {values!r}.")
    hints = get_type_hints(cls)
    known = {field.name for field in dataclasses.fields(cls)}  # pyright: ignore[reportArgumentType]
    unknown = sorted(set(values) - known)
    if unknown:
        raise UserError(
            f"{name}{cls.__name__} has no field {unknown[0]!r}; there are {', '.join(sorted(known))}."
        )

    def restore(hint: Any, value: Any) -> Any:
        if dataclasses.is_dataclass(hint):
            return from_plain(hint, value, where)  # pyright: ignore[reportArgumentType]
        return tuple(value) if isinstance(value, list) else value

    return cls(**{field: restore(hints[field], value) for field, value in values.items()})
