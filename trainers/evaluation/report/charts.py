"""Panels: lines over two axes, and rows of estimates with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterable, Optional, Sequence, Tuple

from matplotlib.ticker import MaxNLocator

from trainers.evaluation.report.quantities import Interval, tick_label
from trainers.evaluation.report.style import MUTED, pen

_ROW = 17.0
_CHARACTER = 6.3
"""Mean width of a character, pixels."""
_LABEL = 38.0
"""Room for a tick's label, pixels."""


@dataclass(frozen=True)
class Panel:
    """One drawing: a Matplotlib axes in a figure of its own on the page, and beside others in a picture."""

    title: str
    draw: Callable[[Any], None]
    """Fills an axes; with `projection="polar"` a polar one."""
    width: float = 320.0
    """Pixels, as all lengths."""
    height: float = 215.0
    margins: Tuple[float, float, float, float] = (40.0, 38.0, 10.0, 32.0)
    """Around the axes: left, top, right, bottom."""
    projection: Optional[str] = None

    def put(self, canvas: Any, x: float = 0.0, y: float = 0.0) -> None:
        """Draw into a Matplotlib figure, x from its left and y from its top."""
        across, down = (72.0 * float(size) for size in canvas.get_size_inches())
        left, top, right, bottom = self.margins
        canvas.text((x + 4.0) / across, 1.0 - (y + 13.0) / down, self.title, fontsize=12, fontweight="bold")
        size = (self.width - left - right) / across, (self.height - top - bottom) / down
        corner = (x + left) / across, 1.0 - (y + self.height - bottom) / down
        axes = canvas.add_axes((*corner, *size), projection=self.projection)
        axes.patch.set_visible(False)
        self.draw(axes)


@dataclass(frozen=True)
class Series:
    """A mark in each row, with its interval."""

    style: str
    """Of the mark, see `pen`."""
    values: Sequence[Interval]


def set_up(axes: Any, x_label: str, y_label: str = "", remark: str = "") -> None:
    """Round ticks, labels with units below and above the axes, a line at zero of each that shows it, and a
    remark at the upper right. Without a label y has rows, not numbers."""
    axes.set_xlabel(x_label, loc="right")
    axes.annotate(y_label, (0.0, 1.0), (-36.0, 5.0), "axes fraction", "offset points", color=MUTED)
    axes.set_title(remark, loc="right", color=pen("black line")["color"])
    across = min(7, max(3, int(axes.get_window_extent().width / _LABEL)))
    both = ((axes.xaxis, axes.axvline, across), (axes.yaxis, axes.axhline, 6))
    for axis, zero, most in both if y_label else both[:1]:
        axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(lambda value, _: tick_label(value))
        low, high = axis.get_view_interval()
        if low <= 0.0 <= high:
            zero(0.0, color=MUTED, linewidth=1, zorder=0.9)


def curve(axes: Any, points: Iterable[Tuple[Optional[float], Optional[float]]], style: str) -> None:
    """A line or marks through points, with gaps where one is missing."""
    nothing = float("nan")
    known = [(nothing, nothing) if x is None or y is None else (x, y) for x, y in points]
    axes.plot([x for x, _ in known], [y for _, y in known], **pen(style))


def rows(
    title: str,
    names: Sequence[str],
    series: Sequence[Series],
    *,
    x_label: str,
    x: Optional[Tuple[float, float]] = None,
    marks: Sequence[float] = (),
) -> Panel:
    """Estimates as marks on a common axis, one row for each name.

    x: range of the axis, by default that of the values. marks: a value for each row that is marked by a bar.
    """

    def draw(axes: Any) -> None:
        curve(axes, zip(marks, range(len(names))), "black bar")
        for one in series:
            bar = {**pen(f"{one.style.split()[0]} line"), "solid_capstyle": "butt"}
            for row, value in enumerate(one.values):
                if value.low is not None and value.high is not None:
                    axes.plot((value.low, value.high), (row, row), **bar)
            curve(axes, ((value.value, row) for row, value in enumerate(one.values)), one.style)
        if x is not None:
            axes.set_xlim(*x)
        set_up(axes, x_label)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")

    margins = (16.0 + _CHARACTER * max(map(len, names), default=0), 24.0, 12.0, 34.0)
    return Panel(title, draw, 330.0, 58.0 + _ROW * len(names), margins)
