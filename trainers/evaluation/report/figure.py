"""A figure: panels under one title with one legend, for the page and as a picture of its own."""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, List, Tuple

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from trainers.evaluation.report import style
from trainers.evaluation.report.charts import Panel, curve
from trainers.evaluation.report.templates import blocks

_ZOOM = 2.0
"""Pixels of a picture for each of the page's."""
_MARGIN, _GAP = 16.0, 14.0
_SWATCH = (26.0, 12.0)


@dataclass(frozen=True)
class Key:
    """What a mark or line in the panels means."""

    style: str
    """See `pen`."""
    meaning: str


@dataclass(frozen=True)
class Figure:
    """Panels that reflow with the width of the page."""

    name: str
    """Of its file."""
    title: str
    caption: str
    """A sentence for readers who see such a figure for the first time."""
    panels: Tuple[Panel, ...]
    legend: Tuple[Key, ...] = ()
    columns: int = 3
    """Panels side by side in the picture."""
    wide: bool = False
    """One large panel: its letters grow where the page is narrow."""

    def html(self) -> Markup:
        """The figure with title, legend and caption."""
        return blocks().figure(self)

    def svgs(self) -> List[Markup]:
        """Its panels, each as an element that scales with the space that it is given."""
        growth = 1.6 if self.wide else 1.12
        drawn = []
        with matplotlib.rc_context(style.MATPLOTLIB):
            for index, panel in enumerate(self.panels):
                canvas = Canvas(figsize=_inches(panel.width, panel.height))
                panel.put(canvas)
                label = Markup.escape(panel.title or self.title)
                size = f'role="img" aria-label="{label}" style="max-width:{growth * panel.width:.0f}px"'
                drawn.append(_svg(canvas, f"{self.name}-{index}", size))
        return drawn

    def swatches(self) -> List[Tuple[Markup, str]]:
        """The legend."""
        return [(_swatch(key.style), key.meaning) for key in self.legend]

    def picture(self) -> bytes:
        """The whole as a PNG file: title, legend and the panels in a grid, light."""
        grid = [self.panels[i : i + self.columns] for i in range(0, len(self.panels), self.columns)]
        width = max(sum(panel.width + _GAP for panel in row) - _GAP for row in grid) + 2.0 * _MARGIN
        longest = max((len(key.meaning) for key in self.legend), default=0)
        side_by_side = max(1, int(width / (60.0 + 7.0 * longest)))
        y = 40.0 + 18.0 * math.ceil(len(self.legend) / side_by_side)
        height = y + sum(max(panel.height for panel in row) + _GAP for row in grid)
        with matplotlib.rc_context(style.MATPLOTLIB):
            canvas = Canvas(figsize=_inches(width, height))
            canvas.text(_MARGIN / width, 1.0 - 26.0 / height, self.title, fontsize=15, fontweight="bold")
            if self.legend:
                canvas.legend(
                    [Line2D([], [], **style.pen(key.style)) for key in self.legend],
                    [key.meaning for key in self.legend],
                    loc="upper left",
                    bbox_to_anchor=(8.0 / width, 1.0 - 28.0 / height),
                    ncols=side_by_side,
                    frameon=False,
                )
            for row in grid:
                x = _MARGIN
                for panel in row:
                    panel.put(canvas, x, y)
                    x += panel.width + _GAP
                y += max(panel.height for panel in row) + _GAP
            file = io.BytesIO()
            canvas.savefig(file, format="png", dpi=_ZOOM * 72.0)
        return file.getvalue()


def _inches(width: float, height: float) -> Tuple[float, float]:
    return width / 72.0, height / 72.0


@lru_cache(maxsize=None)
def _swatch(name: str) -> Markup:
    """A sample of a style."""
    with matplotlib.rc_context(style.MATPLOTLIB):
        canvas = Canvas(figsize=_inches(*_SWATCH))
        axes = canvas.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0.0, _SWATCH[0]), ylim=(0.0, _SWATCH[1]))
        axes.set_axis_off()
        middle = 0.5 * _SWATCH[1]
        is_line = style.pen(name).get("linestyle") != ""
        curve(axes, [(1.0, middle), (25.0, middle)] if is_line else [(13.0, middle)], name)
        return _svg(canvas, name, 'aria-hidden="true"')


def _svg(canvas: Any, name: str, attributes: str) -> Markup:
    """An SVG element for a page: without a size, its colours as the page's variables. name: makes what the
    element refers to its own on the page."""
    file = io.StringIO()
    canvas.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    drawn = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", file.getvalue(), flags=re.DOTALL)
    view = re.search(r'viewBox="[^"]*"', drawn)
    assert view is not None
    body = drawn[drawn.index(">", view.start()) + 1 :]
    own = re.sub(r"\W", "-", name)
    body = re.sub(r'<g id="[^"]*">', "<g>", body)
    body = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{own}-", body)
    for color, (light, _) in style.COLORS.items():
        body = body.replace(light, f"var(--{color})")
    body = re.sub(r' d="[^"]*"', lambda way: re.sub(r"(\.\d\d)\d+", r"\1", way[0]), body)
    body = re.sub(r">\s+<", "><", body).replace("\n", " ")
    return Markup(f"<svg {view[0]} {attributes}>{body}")
