"""Configs: frozen dataclasses whose values are checked where they enter; to plain values and back.

The annotations of the fields say what is allowed, pydantic checks it, strictly: a string is no number, 2.5 no
integer, 1 no bool, and no number is NaN or infinite. Where an annotation names a config, one of a subclass
may stand, with more fields; plain values then name its class, `"class": "my_walk.MyRewards"`.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import sys
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Iterator, Mapping, Optional, Tuple, Type, TypeVar, Union

import annotated_types as limits
import numpy as np
import pydantic
from pydantic_core import ErrorDetails
from typing_extensions import Annotated, get_args, get_origin, get_type_hints

from humanoid_envs.errors import MissingPlugIn, UserError

T = TypeVar("T")
C = TypeVar("C", bound="Config")

CLASS = "class"
"""The key of plain values that names the class, where it is not the annotated one: no field has this name."""

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

    def replace(self: C, changes: Optional[Mapping[str, Any]] = None, /, **more: Any) -> C:
        """The same config with other values; names with dots reach into configs within:
        `fast().replace(physics=PhysicsConfig(), **{"rewards.foot_slip.weight": -0.1})`.

        All changes within one config are made together, so that rules between its fields see the result
        alone. A config that is given whole is changed further by those within it.

        Raises:
            UserError: a name that is no field, with the nearest ones, or a wrong value.
        """
        return _replaced(self, {**(changes or {}), **more}, type(self).__name__)

    @classmethod
    def like(cls: Type[C], other: Config) -> C:
        """A config of this class with the values of another where both have a field:
        `MyRewards.like(fast().rewards)`."""
        names = [field.name for field in dataclasses.fields(cls) if hasattr(other, field.name)]
        return cls(**{name: getattr(other, name) for name in names})

    @classmethod
    def upgraded(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Plain values that an earlier version wrote, as this one would have written them: what `from_plain`
        asks a class before it looks at fields. A class whose fields changed overrides it."""
        return values


def to_plain(config: Any, declared: Optional[type] = None, to_save: bool = True) -> Any:
    """A config as dicts, lists, numbers and strings.

    A config whose class is not what its field is annotated with has the class's name with it.

    declared: the class that `from_plain` will be asked for; None for the config's own.
    to_save: False for a comparison within this process.

    Raises:
        UserError: a class that must be named is one that no other process can find (if `to_save`).
    """
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        cls = type(config)
        hints = annotations_of(cls)
        named = {} if declared in (None, cls) else {CLASS: _name_to_save(cls) if to_save else name_of(cls)}
        plain = {name: _plain(value, hints.get(name), to_save) for name, value in vars(config).items()}
        return {**named, **plain}
    return _plain(config, None, to_save)


def from_plain(cls: Type[T], values: Any, where: str = "", base: Optional[Any] = None) -> T:
    """The config that `to_plain` turned into `values`; fields that are left out take their defaults: within a
    config those of its field's default, where that is of the same class.

    base: a config of which left out fields are taken instead, if it is of the class.

    Classes that the values name are looked up among those that exist: nothing is imported.

    where: what the values were read from, for messages.

    Raises:
        MissingPlugIn: the values name a class that does not exist here.
        UserError: a field that the config does not have or that lacks, a wrong value, or no mapping.
    """
    name = f"{where}: " if where else ""
    if not isinstance(values, Mapping):
        raise UserError(f"{name}{cls.__name__} needs a mapping of its fields, not {_short(values)}.")
    if CLASS in values:
        cls = _class_named(values[CLASS], cls, name)
        values = {field: value for field, value in values.items() if field != CLASS}
    if issubclass(cls, Config):
        values = cls.upgraded(values)
    try:
        bases = vars(base) if type(base) is cls else _defaults(cls)
        made = {
            field: _restored(hint, values[field], where, bases.get(field))
            for field, hint in annotations_of(cls).items()
            if field in values
        }
        unknown = [field for field in values if field not in made]
        lacking = [field for field in annotations_of(cls) if field not in made and field not in bases]
    except RecursionError:
        raise UserError(f"{name}{cls.__name__}: the values are nested too deeply.") from None
    if unknown:
        raise UserError(
            f"{name}{cls.__name__} has no field {unknown[0]!r}{nearest(str(unknown[0]), annotations_of(cls))}"
        )
    if lacking:
        raise UserError(f"{name}{cls.__name__} lacks {lacking[0]!r}.")
    try:
        return cls(**{**bases, **made})
    except UserError as error:
        raise UserError(f"{name}{error}") from None


def values_of(config: Any) -> Dict[str, Any]:
    """Every value of a config by its name with dots, as `Config.replace` takes it, those of configs within
    included."""
    found: Dict[str, Any] = {}
    for name in annotations_of(type(config)):
        value = found[name] = getattr(config, name)
        if _is_config(type(value)):
            found.update({f"{name}.{within}": inner for within, inner in values_of(value).items()})
    return found


def _replaced(config: Any, changes: Mapping[str, Any], path: str) -> Any:
    whole: Dict[str, Any] = {}
    within: Dict[str, Dict[str, Any]] = {}
    for name, value in changes.items():
        field, dot, rest = str(name).partition(".")
        if field not in annotations_of(type(config)):
            own, known = annotations_of(type(config)), values_of(config)
            raise UserError(f"{path} has no field {field!r}{nearest(field, own, known)}")
        if dot:
            within.setdefault(field, {})[rest] = value
        else:
            whole[field] = value
    for field, inner in within.items():
        value = whole.get(field, getattr(config, field))
        if not _is_config(type(value)):
            raise UserError(f"{path}.{field} has no fields: it is {_short(value)}.")
        whole[field] = _replaced(value, inner, f"{path}.{field}")
    return dataclasses.replace(config, **whole)


def _plain(value: Any, hint: Any, to_save: bool) -> Any:
    """A value of a field with that annotation as plain values."""
    if _is_config(type(value)):
        return to_plain(value, _config_class(hint), to_save)
    inner = _of_entries(hint)
    if isinstance(value, (list, tuple)):
        return [_plain(item, inner, to_save) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item, inner, to_save) for key, item in value.items()}
    return value


def _restored(hint: Any, value: Any, where: str, base: Any = None) -> Any:
    """The value with configs in place of mappings where the hint names one."""
    cls = _config_class(hint)
    if cls is not None and not isinstance(value, cls):
        optional = hint is not cls and not isinstance(value, Mapping)
        return _native(value) if optional else from_plain(cls, value, where, base)
    inner = _of_entries(hint)
    if inner is not None and isinstance(value, (list, tuple)):
        return tuple(_restored(inner, item, where) for item in value)
    if inner is not None and isinstance(value, dict):
        return {key: _restored(inner, item, where) for key, item in value.items()}
    return _native(value) if isinstance(value, list) else value


def _config_class(hint: Any) -> Optional[type]:
    """The config that a value of this annotation may be: C of C, Optional[C] and Annotated[C, …]."""
    if _is_config(hint):
        return hint
    if get_origin(hint) in (Union, Annotated):
        return next(filter(None, map(_config_class, get_args(hint))), None)
    return None


def _of_entries(hint: Any) -> Any:
    """The annotation of a sequence's or mapping's entries, if it names a config: C of Tuple[C, …] and
    Dict[str, C], within Optional too."""
    if get_origin(hint) in (Union, Annotated):
        return next(filter(None, map(_of_entries, get_args(hint))), None)
    arguments = [part for part in get_args(hint) if _config_class(part) or _of_entries(part)]
    return arguments[0] if arguments else None


def name_of(cls: type) -> str:
    """The name that plain values have for a class."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _name_to_save(cls: type) -> str:
    name = name_of(cls)
    if cls.__module__ == "__main__" or "<locals>" in cls.__qualname__:
        place = "in a function" if "<locals>" in cls.__qualname__ else "in the program itself"
        raise UserError(
            f"{name} cannot be saved: it is defined {place}, where no other program finds it. Move it to a "
            "module, outside functions, and import that, or load it as a plug-in."
        )
    return name


def _class_named(name: Any, declared: Type[T], where: str) -> Type[T]:
    """The subclass of that name in a module that is loaded, the newest if it was defined again."""
    found = [cls for cls in _family(declared) if name_of(cls) == name and cls.__module__ in sys.modules]
    if not found:
        module = str(name).rpartition(".")[0]
        raise MissingPlugIn(
            f"{where}there is no {declared.__name__} of class {_short(name)} here", module or "NAME"
        )
    current: Any = sys.modules.get(found[-1].__module__)  # of a reloaded module its own
    for part in found[-1].__qualname__.split("."):
        current = getattr(current, part, None)
    return next((cls for cls in found if cls is current), found[-1])


def _family(cls: type) -> Iterator[type]:
    yield cls
    for child in type.__subclasses__(cls):
        yield from _family(child)


def _is_config(hint: Any) -> bool:
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


def _native(value: Any) -> Any:
    """A value of NumPy as Python's own, and a list as a tuple; what a config keeps."""
    if isinstance(value, np.generic):
        return value.item()
    return tuple(_native(item) for item in value) if isinstance(value, (list, tuple)) else value


@functools.lru_cache(maxsize=None)
def annotations_of(cls: type) -> Dict[str, Any]:
    """The annotations of a config's fields, with their metadata."""
    _require_fields(cls)
    try:
        hints = get_type_hints(cls, include_extras=True)
    except (NameError, TypeError) as error:
        raise UserError(f"{cls.__name__}: an annotation cannot be read here: {error}.") from error
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _require_fields(cls: type) -> None:
    """UserError if something in a config's class looks like a field and is none."""
    for part in cls.__mro__:
        if part is Config or not issubclass(part, Config):
            continue
        own = vars(part)
        annotated = own.get("__annotations__", {})
        if annotated and "__dataclass_fields__" not in own:
            raise UserError(
                f"{part.__name__} needs @dataclass(frozen=True): {next(iter(annotated))} is no field without."
            )
        for name, value in own.items():
            is_meant = name in cls.__dataclass_fields__ or isinstance(value, Config)  # pyright: ignore
            if is_meant and name not in annotated:
                raise UserError(
                    f"{part.__name__}.{name} is no field without an annotation: "
                    f"write {name}: {type(value).__name__} = {_short(value)}."
                )


def _defaults(cls: type) -> Dict[str, Any]:
    missing = dataclasses.MISSING
    return {
        field.name: field.default if field.default is not missing else field.default_factory()  # pyright: ignore
        for field in dataclasses.fields(cls)
        if field.default is not missing or field.default_factory is not missing
    }


@functools.lru_cache(maxsize=None)
def _checker(cls: type) -> Type[pydantic.BaseModel]:
    """A pydantic model of the same fields, on which configs within count as checked."""
    fields: Dict[str, Any] = {
        name: (pydantic.InstanceOf[hint] if _is_config(hint) else hint, ...)
        for name, hint in annotations_of(cls).items()
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


def nearest(name: str, known: Iterable[str], deeper: Iterable[str] = ()) -> str:
    """The end of a message about an unknown name: which ones are meant, or all that there are.

    deeper: names with dots whose last part may be what was meant, if no known name is near.
    """
    known = list(dict.fromkeys(known))
    near = difflib.get_close_matches(name, known, 3)
    near = near or [path for path in deeper if path.split(".")[-1] == name][:3]
    if near:
        return f"; did you mean {' or '.join(map(repr, near))}?"
    return f"; there are {', '.join(map(repr, known))}." if known else "."


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
