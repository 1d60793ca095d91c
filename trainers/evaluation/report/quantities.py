"""Numbers of a result in words: estimates with their intervals, commands, names."""

from __future__ import annotations

import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from markupsafe import Markup

AXES = ("vx", "vy", "yaw_rate")
AXIS_NAMES = ("forward velocity vx", "velocity to the left vy", "yaw rate ωz")
AXIS_UNITS = ("m/s", "m/s", "rad/s")

_DIRECTIONS = (("forward", "backward"), ("left", "right"), ("turn left", "turn right"))


class Interval(NamedTuple):
    """An estimate and the ends of its 95 % interval; None where there is none."""

    value: Optional[float]
    low: Optional[float] = None
    high: Optional[float] = None

    def times(self, factor: float) -> Interval:
        """In another unit."""
        return Interval(*(None if bound is None else factor * bound for bound in self))

    def html(self, digits: int, unit: str = "") -> Markup:
        """For a table or a sentence."""
        if self.value is None:
            return Markup("–")
        unit = unit if unit in ("", "°") else f"\u00a0{unit}"
        if self.low is None or self.high is None:
            return Markup.escape(f"{decimal(self.value, digits)}{unit}")
        bounds = f"[{decimal(self.low, digits)}, {decimal(self.high, digits)}]"
        return Markup('{}{} <span class="ci">{}</span>').format(decimal(self.value, digits), unit, bounds)


def interval(estimate: Dict[str, Any]) -> Interval:
    """An `Estimate` of a result."""
    return Interval(estimate["value"], estimate["low"], estimate["high"])


def percent(estimate: Dict[str, Any]) -> Interval:
    """A share in percent."""
    return interval(estimate).times(100.0)


def per_axis(estimates: Dict[str, Any]) -> List[Interval]:
    """vx, vy, yaw rate of a result's `PerAxis`."""
    return [interval(estimates[axis]) for axis in AXES]


def decimal(value: Optional[float], digits: int) -> str:
    """A number with a true minus sign, never −0; a dash for None."""
    if value is None:
        return "–"
    shown = f"{value:.{digits}f}"
    return shown.replace("-", "−") if float(shown) else shown.lstrip("-")


def tick_label(value: float) -> str:
    """A number as short as it can be, with a true minus sign."""
    return f"{round(value, 9) + 0.0:g}".replace("-", "−")


def words(command: Sequence[float]) -> str:
    """A command as one would say it, with its numbers."""
    axes = [axis for axis in range(3) if command[axis] != 0.0]
    if not axes:
        return "stand"
    if len(axes) > 1:
        return f"({', '.join(decimal(value, 2).rstrip('0').rstrip('.') for value in command)})"
    (axis,) = axes
    return f"{_DIRECTIONS[axis][command[axis] < 0.0]} {abs(command[axis]):g}"


def out_of(estimate: Dict[str, Any]) -> Markup:
    """A share as a number of all, with the share's interval in percent, as HTML."""
    _, low, high = percent(estimate)
    bounds = f"[{decimal(low, 1)}, {decimal(high, 1)}] %"
    return Markup('{} <span class="ci">{}</span>').format(count(estimate), bounds)


def count(estimate: Dict[str, Any]) -> str:
    """A share as a number of all."""
    return f"{round((estimate['value'] or 0.0) * estimate['samples'])} of {estimate['samples']}"


def slug(name: str) -> str:
    """A name as part of a file's."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", name)


def plain(name: str) -> str:
    """A joint's or a link's name for the eye."""
    name = name[len("link of ") :] if name.startswith("link of ") else name
    name = name[: -len("_joint")] if name.endswith("_joint") else name
    return name.replace("_", " ")
