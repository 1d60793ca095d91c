"""Charts as SVG: lines over two axes, and rows of estimates with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable, List, Optional, Sequence, Tuple

from trainers.evaluation.report.quantities import Interval
from trainers.evaluation.report.svg import (
    Panel,
    circle,
    element,
    line,
    path,
    text,
    text_width,
    tick_label,
    ticks,
)

Range = Tuple[float, float]

_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, 10.0, 38.0, 32.0
_ROW = 17.0
_MARK = 3.6


class Chart:
    """Two linear axes to draw on.

    Args:
        title: above the chart.
        x, y: ranges of the axes.
        x_label, y_label: what they are, with units; that of y stands above its axis.
        size: width and height of the whole, pixels.
        equal: let a unit be as long on both axes; the height follows.
    """

    def __init__(
        self,
        title: str,
        x: Range,
        y: Range,
        *,
        x_label: str,
        y_label: str,
        size: Tuple[float, float] = (320.0, 215.0),
        equal: bool = False,
    ) -> None:
        self._x, self._y, self._title = x, y, title
        self._width, self._height = size
        if equal:
            scale = (self._width - _LEFT - _RIGHT) / (x[1] - x[0])
            self._height = scale * (y[1] - y[0]) + _TOP + _BOTTOM
        self._body: List[str] = [
            text(4.0, 13.0, title, "title"),
            text(4.0, 29.0, y_label, "note"),
            text(self._width - _RIGHT, self._height - 3.0, x_label, "note", "end"),
        ]
        self._draw_grid()

    def _draw_grid(self) -> None:
        left, top, right, bottom = _LEFT, _TOP, self._width - _RIGHT, self._height - _BOTTOM
        for value in ticks(*self._x):
            x, _ = self.at(value, 0.0)
            self._body.append(line((x, top), (x, bottom), "zero" if value == 0.0 else "grid"))
            self._body.append(text(x, bottom + 14.0, tick_label(value), anchor="middle"))
        for value in ticks(*self._y, most=5):
            _, y = self.at(0.0, value)
            self._body.append(line((left, y), (right, y), "zero" if value == 0.0 else "grid"))
            self._body.append(text(left - 5.0, y + 4.0, tick_label(value), anchor="end"))

    def at(self, x: float, y: float) -> Tuple[float, float]:
        """Where a point lies, pixels."""
        across = (x - self._x[0]) / (self._x[1] - self._x[0])
        up = (y - self._y[0]) / (self._y[1] - self._y[0])
        bottom = self._height - _BOTTOM
        return _LEFT + across * (self._width - _RIGHT - _LEFT), bottom - up * (bottom - _TOP)

    @property
    def scale(self) -> float:
        """Pixels for a unit of x."""
        return (self._width - _RIGHT - _LEFT) / (self._x[1] - self._x[0])

    def line(
        self,
        points: Iterable[Tuple[Optional[float], Optional[float]]],
        style: str,
        closed: bool = False,
    ) -> None:
        """A line through points, with gaps where one is missing."""
        known = [(None, None) if x is None or y is None else self.at(x, y) for x, y in points]
        self._body.append(path(known, style, closed))

    def dot(self, x: float, y: float, style: str, radius: float = 4.0) -> None:
        """radius: pixels."""
        self._body.append(circle(self.at(x, y), radius, style))

    def note(self, x: float, y: float, content: str, style: str = "note", anchor: str = "start") -> None:
        """Text at a point."""
        self._body.append(text(*self.at(x, y), content, style, anchor))

    def add(self, *elements: str) -> None:
        """Anything, in pixels."""
        self._body.extend(elements)

    def panel(self) -> Panel:
        """The drawing."""
        return Panel(self._width, self._height, "".join(self._body), self._title)


@dataclass(frozen=True)
class Series:
    """A mark in each row, with its interval."""

    style: str
    """A colour and a mark, see `MARKS`."""
    values: Sequence[Interval]


def rows(
    title: str,
    names: Sequence[str],
    series: Sequence[Series],
    *,
    x_label: str,
    x: Optional[Range] = None,
    told: Sequence[float] = (),
    width: float = 330.0,
) -> Panel:
    """Estimates as marks on a common axis, one row for each name.

    x: range of the axis, by default that of the values. told: a value for each row that is marked by a bar.
    """
    low, high = x or _range([*told, *(bound for s in series for value in s.values for bound in value)])
    left = 8.0 + max(text_width(name) for name in names)
    top, bottom = 24.0, 24.0 + _ROW * len(names)

    def at(value: float) -> float:
        return left + 8.0 + (value - low) / (high - low) * (width - 12.0 - left - 8.0)

    body = [text(4.0, 13.0, title, "title"), text(width - 4.0, bottom + 29.0, x_label, "note", "end")]
    for value in ticks(low, high, most=max(3, int((width - left) / 38.0))):
        body.append(line((at(value), top), (at(value), bottom), "zero" if value == 0.0 else "grid"))
        body.append(text(at(value), bottom + 14.0, tick_label(value), anchor="middle"))
    for index, name in enumerate(names):
        y = top + _ROW * (index + 0.5)
        body.append(text(left, y + 4.0, name, anchor="end"))
        if told:
            body.append(mark("black bar", (at(told[index]), y)))
        body += [_estimate(s, s.values[index], y, at) for s in series]
    return Panel(width, bottom + 34.0, "".join(body), title)


def _estimate(series: Series, value: Interval, y: float, at: Callable[[float], float]) -> str:
    if value.value is None:
        return ""
    drawn = ""
    if value.low is not None and value.high is not None:
        drawn = line((at(value.low), y), (at(value.high), y), f"{series.style.split()[0]} line")
    return drawn + mark(series.style, (at(value.value), y))


MARKS = ("dot", "ring", "square", "disc", "cross", "bar")
"""Kinds of marks: a class of each mark's style."""


def mark(style: str, center: Tuple[float, float]) -> str:
    """A mark of the kind that its style names, upright around a point."""
    (x, y), r = center, _MARK
    if "square" in style:
        return element("rect", x=x - r, y=y - r, width=2.0 * r, height=2.0 * r, class_=style)
    if "bar" in style:
        return line((x, y - 7.0), (x, y + 7.0), style)
    if "cross" in style:
        arms = (((x - 5.0, y - d), (x + 5.0, y + d)) for d in (5.0, -5.0))
        return "".join(line(*arm, style) for arm in arms)
    return circle(center, r, style)


def _range(values: Iterable[Optional[float]]) -> Range:
    """That of the values with a margin; never empty."""
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    margin = 0.04 * (high - low) or 0.5
    return low - margin, high + margin
