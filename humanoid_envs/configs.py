"""Configs: frozen dataclasses whose values are checked where they enter; to plain values and back.

The annotations of the fields say what is allowed, pydantic checks it, strictly: a string is no number, 2.5 no
integer, 1 no bool, and no number is NaN or infinite.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple, Type, TypeVar

import annotated_types as limits
import numpy as np
import pydantic
from pydantic_core import ErrorDetails
from typing_extensions import Annotated, get_args, get_type_hints

from humanoid_envs.errors import UserError

T = TypeVar("T")

_HUGE = 1e9  # whose square is a float32
_STRICT = pydantic.ConfigDict(
    strict=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True, protected_namespaces=()
)


def _require_order(bounds: Tuple[float, float]) -> Tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError("(low, high) with low at most high")
    return bounds


def _require_plain(value: Any) -> Any:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else None
    if inner is not None:
        for item in inner:
            _require_plain(item)
    elif not isinstance(value, (bool, int, float, str, type(None))):
        raise ValueError("numbers, text, lists and mappings")
    return value


Number = Annotated[float, limits.Interval(ge=-_HUGE, le=_HUGE)]
NonNegative = Annotated[float, limits.Interval(ge=0, le=_HUGE)]
Positive = Annotated[float, limits.Interval(gt=0, le=_HUGE)]
Share = Annotated[float, limits.Interval(ge=0, le=1)]
Count = Annotated[int, limits.Interval(ge=1, le=2**40)]
Index = Annotated[int, limits.Interval(ge=0, le=2**63 - 1)]
PlainDict = Annotated[Dict[str, Any], pydantic.AfterValidator(_require_plain)]
"""Of numbers, texts, None, lists and dicts."""
ORDERED = pydantic.AfterValidator(_require_order)
Range = Annotated[Tuple[Number, Number], ORDERED]


@dataclass(frozen=True)
class Config:
    """Base of configs. A frozen dataclass that inherits it refuses wrong values when it is made, by whatever
    door they come; rules between fields are for `__post_init__` of the class, after `super()`'s."""

    def __post_init__(self) -> None:
        cls = type(self)
        values = {field.name: _native(getattr(self, field.name)) for field in dataclasses.fields(self)}
        try:
            checked = _checker(cls).model_validate(values)
        except pydantic.ValidationError as error:
            raise UserError(_message(cls, error, "")) from None
        for name in values:
            object.__setattr__(self, name, getattr(checked, name))

    def require(self, condition: bool, field: str, rule: str) -> None:
        """UserError unless the field is as the rule says: "at most max_std 1.0"."""
        if not condition:
            raise UserError(f"{type(self).__name__}.{field} must be {rule}; got {getattr(self, field)!r}.")


def to_plain(config: Any) -> Any:
    """A config as dicts, lists, numbers and strings."""
    if dataclasses.is_dataclass(config):
        return {name: to_plain(value) for name, value in vars(config).items()}
    if isinstance(config, (list, tuple)):
        return [to_plain(value) for value in config]
    return config


def from_plain(cls: Type[T], values: Any, where: str = "") -> T:
    """The config that `to_plain` turned into `values`; fields that are left out take their defaults.

    where: what the values were read from, for messages.

    Raises:
        UserError: a field that the config does not have or that lacks, a wrong value, or no mapping.
    """
    name = f"{where}: " if where else ""
    if not isinstance(values, Mapping):
        raise UserError(f"{name}{cls.__name__} needs a mapping of its fields, not {_short(values)}.")
    try:
        made = {
            field: _restored(hint, values[field], where)
            for field, hint in _hints(cls).items()
            if field in values
        }
        unknown = [field for field in values if field not in made]
        lacking = [field for field in _required(cls) if field not in made]
    except RecursionError:
        raise UserError(f"{name}{cls.__name__}: the values are nested too deeply.") from None
    if unknown:
        raise UserError(f"{name}{cls.__name__} has no field {unknown[0]!r}{_nearest(cls, str(unknown[0]))}.")
    if lacking:
        raise UserError(f"{name}{cls.__name__} lacks {lacking[0]!r}.")
    try:
        return cls(**made)
    except UserError as error:
        raise UserError(f"{name}{error}") from None


def _restored(hint: Any, value: Any, where: str) -> Any:
    """The value with configs in place of mappings where the hint names one."""
    if _is_config(hint) and not isinstance(value, hint):
        return from_plain(hint, value, where)  # pyright: ignore[reportArgumentType]
    inner = [part for part in get_args(hint) if _is_config(part)]
    if inner and isinstance(value, (list, tuple)):
        return tuple(_restored(inner[0], item, where) for item in value)
    if inner and isinstance(value, dict):
        return {key: _restored(inner[0], item, where) for key, item in value.items()}
    return _native(value) if isinstance(value, list) else value


def _is_config(hint: Any) -> bool:
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


def _native(value: Any) -> Any:
    """A value of NumPy as Python's own, and a list as a tuple; what a config keeps."""
    if isinstance(value, np.generic):
        return value.item()
    return tuple(_native(item) for item in value) if isinstance(value, (list, tuple)) else value


@functools.lru_cache(maxsize=None)
def _hints(cls: type) -> Dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _required(cls: type) -> List[str]:
    missing = dataclasses.MISSING
    return [f.name for f in dataclasses.fields(cls) if f.default is missing and f.default_factory is missing]


@functools.lru_cache(maxsize=None)
def _checker(cls: type) -> Type[pydantic.BaseModel]:
    """A pydantic model of the same fields, on which configs within count as checked."""
    fields: Dict[str, Any] = {
        name: (pydantic.InstanceOf[hint] if _is_config(hint) else hint, ...)
        for name, hint in _hints(cls).items()
    }
    return pydantic.create_model(cls.__name__, __config__=_STRICT, **fields)


def _message(cls: type, error: pydantic.ValidationError, where: str) -> str:
    """The first thing wrong: the field, what it must be, and what it is."""
    first = error.errors()[0]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    value = first["input"]
    return f"{where}{cls.__name__}{field} must be {_rule(first)}; got {_short(value)}{_remedy(first, value)}."


def _rule(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    bounds = {
        "greater_than": ("gt", "above {}"),
        "greater_than_equal": ("ge", "at least {}"),
        "less_than": ("lt", "below {}"),
        "less_than_equal": ("le", "at most {}"),
    }
    kind = error["type"]
    if kind in bounds:
        name, text = bounds[kind]
        bound = context[name]
        positive = (kind, bound) == ("greater_than", 0)
        return "positive" if positive else text.format(f"{bound:g}" if isinstance(bound, float) else bound)
    if kind == "value_error":
        return str(context["error"])
    message = error["msg"]
    for start in ("Input should be ", "Input should have "):
        if message.startswith(start):
            return message[len(start) :]
    return message


def _remedy(error: ErrorDetails, value: Any) -> str:
    if isinstance(value, str) and error["type"] in ("float_type", "int_type", "bool_type"):
        return ", which is text: write it without quotes"
    return ""


def _nearest(cls: type, name: str) -> str:
    known = sorted(_hints(cls))
    near = difflib.get_close_matches(name, known, 1)
    return (
        f"; did you mean {near[0]!r}? There are {', '.join(known)}"
        if near
        else f"; there are {', '.join(known)}"
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
