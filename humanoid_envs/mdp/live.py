"""Numbers of a task that may change while it runs: by a curriculum, or from outside.

A field whose annotation has the mark `LIVE` is such a number, or a range of two. They lie in one table of
float64 on the device, from which compiled code and CUDA graphs read them: who writes to the table changes the
task from the next step on. Everything else is fixed when the task is made.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Mapping, Sequence, Tuple, TypeVar, Union

import torch
from torch import Tensor
from typing_extensions import Annotated, get_args, get_origin

from humanoid_envs.configs import (
    Config,
    NonNegative,
    Number,
    Range,
    Share,
    annotations_of,
    nearest,
    values_of,
)
from humanoid_envs.errors import UserError

C = TypeVar("C")
Value = Union[float, Tuple[float, float]]


class _Live:
    """The mark in an annotation."""


LIVE = _Live()
"""Metadata of fields that may change: `power: Annotated[float, LIVE] = 1.0`."""

LiveNumber = Annotated[Number, LIVE]
LiveNonNegative = Annotated[NonNegative, LIVE]
LiveShare = Annotated[Share, LIVE]
LiveRange = Annotated[Range, LIVE]


class LiveTable:
    """Where the live numbers of a config lie in their table.

    Terms of weight 0 are not computed, so that nothing in them is live.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self.places: Dict[str, Tuple[int, ...]] = {}
        self._initial: List[float] = []
        for path, value in _live_values(config, "").items():
            numbers: Tuple[float, ...] = value if isinstance(value, tuple) else (value,)
            first = len(self._initial)
            self.places[path] = tuple(range(first, first + len(numbers)))
            self._initial += numbers

    def initial(self, device: torch.device) -> Tensor:
        """(L,) float64: as the config has them."""
        return torch.tensor(self._initial, dtype=torch.float64, device=device)

    def values(self, table: Tensor) -> Dict[str, Value]:
        """What is in a table, by the names with dots. It waits for a GPU."""
        numbers = table.tolist()
        found = {path: tuple([numbers[i] for i in places]) for path, places in self.places.items()}
        return {path: value if len(value) == 2 else value[0] for path, value in found.items()}

    def write(self, table: Tensor, path: str, value: Any) -> None:
        """Change a number in a table.

        Raises:
            UserError: there is no such number, it cannot change, or the value breaks a rule of the config.
        """
        if path not in self.places:
            raise UserError(self._refusal(path))
        current = {other: held for other, held in self.values(table).items() if other != path}
        checked = values_of(self._config.replace({**current, path: value}))[path]
        numbers = checked if isinstance(checked, tuple) else (checked,)
        places = self.places[path]
        table[places[0] : places[-1] + 1] = torch.tensor(numbers, dtype=table.dtype, device=table.device)

    def place(self, parameter: str) -> int:
        """Where a number lies in a table; `name[0]` and `name[1]` are the ends of a range.

        Raises:
            UserError: there is no such number, or it is a range of two.
        """
        path, bracket, end = parameter.partition("[")
        if path not in self.places:
            raise UserError(self._refusal(path))
        places = self.places[path]
        ends = {"": 0} if len(places) == 1 else {"0]": 0, "1]": 1}
        if end not in ends or bool(bracket) != (len(places) > 1):
            remedy = f"{path}[0] or {path}[1]" if len(places) > 1 else path
            raise UserError(f"{parameter!r} names no single number: it is {remedy}.")
        return places[ends[end]]

    def bind(self, table: Tensor) -> Any:
        """The config with tensors of no dimensions, views of the table's entries, as its live numbers;
        weights stay numbers, for it is not the terms that read them."""
        found: Dict[str, Any] = {}
        for path, places in self.places.items():
            if path.endswith(".weight"):
                continue
            entries = [table[i] for i in places]
            found[path] = tuple(entries) if len(entries) > 1 else entries[0]
        return _with(self._config, found)

    def _refusal(self, path: str) -> str:
        kind = type(self._config).__name__
        if path not in values_of(self._config):
            return f"{kind} has no {path!r}{nearest(path, self.places)}"
        parts = path.split(".")
        holder = values_of(self._config).get(".".join(parts[:-1]))
        if getattr(holder, "weight", None) == 0.0:
            return f"{path} cannot change: the term's weight was 0 at first, so that it is not computed."
        return (
            f"{path} is fixed when the task is made; make another with `config.replace`. What can change: "
            f"{', '.join(self.places)}."
        )


def _live_values(config: Any, prefix: str) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for name in annotations_of(type(config)):
        value = getattr(config, name)
        if dataclasses.is_dataclass(value):
            if getattr(value, "weight", None) != 0.0:
                found.update(_live_values(value, f"{prefix}{name}."))
        elif _is_live(type(config), name):
            found[prefix + name] = value
    return found


def _is_live(cls: type, name: str) -> bool:
    """Whether a config's class marks the field, or one that it inherits from: who gives a field another
    default need not repeat the mark."""
    parts = [part for part in cls.__mro__ if issubclass(part, Config)]
    hints = [annotations_of(part).get(name) for part in parts]
    return any(get_origin(hint) is Annotated and LIVE in get_args(hint)[1:] for hint in hints)


def _with(config: C, values: Mapping[str, Any]) -> C:
    """A copy with other values by their names with dots, which are not checked: they are tensors."""
    whole: Dict[str, Any] = {}
    within: Dict[str, Dict[str, Any]] = {}
    for name, value in values.items():
        field, dot, rest = name.partition(".")
        if dot:
            within.setdefault(field, {})[rest] = value
        else:
            whole[field] = value
    copy = object.__new__(type(config))
    for field in _names(type(config)):
        value = getattr(config, field)
        if field in within:
            value = _with(value, within[field])
        object.__setattr__(copy, field, whole.get(field, value))
    return copy


def _names(cls: type) -> Sequence[str]:
    return list(cls.__dataclass_fields__)  # pyright: ignore[reportAttributeAccessIssue]
