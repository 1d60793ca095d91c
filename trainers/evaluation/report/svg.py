"""SVG as text: elements, lines, axis ticks, and drawings that stand side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import List, Optional, Sequence, Tuple, Union

Point = Tuple[Optional[float], Optional[float]]
"""In pixels; None where nothing was measured."""

_CHARACTER = 6.3
"""Mean width of a character in figures, pixels."""


@dataclass(frozen=True)
class Panel:
    """One drawing."""

    width: float
    """Pixels, as the height."""
    height: float
    body: str
    """SVG elements."""
    label: str
    """What it shows, for those who cannot see it."""

    def svg(self, **attributes: Union[str, float]) -> str:
        """The drawing as an element, which scales with the space that it is given."""
        box = f"0 0 {number(self.width)} {number(self.height)}"
        return element("svg", self.body, viewBox=box, role="img", aria_label=self.label, **attributes)


def element(name: str, content: str = "", **attributes: Union[str, float]) -> str:
    """An XML element. `content` is taken as it is; in names of attributes `_` stands for `-`."""
    pairs = (
        (key.rstrip("_").replace("_", "-"), value if isinstance(value, str) else number(value))
        for key, value in attributes.items()
    )
    head = " ".join([name, *(f'{key}="{escape(value)}"' for key, value in pairs)])
    return f"<{head}>{content}</{name}>" if content else f"<{head}/>"


def number(value: float) -> str:
    """A coordinate, to a hundredth of a pixel."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def text(x: float, y: float, content: str, style: str = "", anchor: str = "start") -> str:
    """A line of text from, around or up to a point (anchor: start, middle, end)."""
    return element("text", escape(content), x=x, y=y, class_=style, text_anchor=anchor)


def text_width(content: str) -> float:
    """About how wide a line of text becomes, pixels."""
    return _CHARACTER * len(content)


def path(points: Sequence[Point], style: str, closed: bool = False) -> str:
    """A line through points, broken where one is missing; closed only if none is."""
    steps, pen_down = [], False
    for x, y in points:
        if x is None or y is None:
            pen_down = False
            continue
        steps.append(f"{'L' if pen_down else 'M'}{number(x)} {number(y)}")
        pen_down = True
    if not steps:
        return ""
    whole = closed and len(steps) == len(points)
    return element("path", d="".join(steps) + ("Z" if whole else ""), class_=style)


def line(start: Tuple[float, float], end: Tuple[float, float], style: str) -> str:
    """A straight line."""
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=style)


def circle(center: Tuple[float, float], radius: float, style: str) -> str:
    return element("circle", cx=center[0], cy=center[1], r=radius, class_=style)


def ticks(low: float, high: float, most: int = 6) -> List[float]:
    """At most so many round numbers from low to high, evenly spaced by 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    spacing = next(
        step for step in (power, 2 * power, 5 * power, 10 * power, 20 * power)
        if math.floor(high / step + 1e-9) - math.ceil(low / step - 1e-9) < most
    )  # fmt: skip
    first, last = math.ceil(low / spacing - 1e-9), math.floor(high / spacing + 1e-9)
    return [spacing * i for i in range(first, last + 1)]


def tick_label(value: float) -> str:
    """A tick's number, with a true minus sign."""
    return f"{round(value, 9) + 0.0:g}".replace("-", "−")
