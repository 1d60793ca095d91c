"""A figure: panels under one title with one legend, for the page and as a picture of its own."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import List, Tuple

from trainers.evaluation.report.charts import MARKS, mark
from trainers.evaluation.report.svg import Panel, element, line, text, text_width

_MARGIN, _GAP = 16.0, 14.0


@dataclass(frozen=True)
class Key:
    """What a mark or line in the panels means."""

    style: str
    """Its classes: a colour, and a mark or line, thin, told (dashed) or area."""
    meaning: str

    def swatch(self) -> str:
        """A sample, 26 × 12 pixels."""
        if any(kind in self.style for kind in MARKS):
            return mark(self.style, (13.0, 6.0))
        return line((1.0, 6.0), (25.0, 6.0), self.style)


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

    def html(self) -> str:
        """The figure with title, legend and caption."""
        keys = "".join(
            f"<span>{element('svg', key.swatch(), viewBox='0 0 26 12', aria_hidden='true')}"
            f"{escape(key.meaning)}</span>"
            for key in self.legend
        )
        legend = f'<div class="legend">{keys}</div>' if keys else ""
        growth = 1.6 if self.wide else 1.12
        panels = "".join(panel.svg(style=f"max-width:{growth * panel.width:.0f}px") for panel in self.panels)
        kind = "panels wide" if self.wide else "panels"
        return (
            f"<figure><h3>{escape(self.title)}</h3>{legend}"
            f'<div class="{kind}">{panels}</div><figcaption>{escape(self.caption)}</figcaption></figure>'
        )

    def picture(self) -> str:
        """The whole as one SVG: title, legend and the panels in a grid."""
        rows = [self.panels[i : i + self.columns] for i in range(0, len(self.panels), self.columns)]
        width = max(sum(panel.width + _GAP for panel in row) - _GAP for row in rows) + 2.0 * _MARGIN
        width = max(width, 2.0 * _MARGIN + 1.35 * text_width(self.title))
        body = [text(_MARGIN, 26.0, self.title, "headline")]
        y = 40.0
        legend, height = self._legend_rows(width, y)
        body, y = body + legend, y + height
        for row in rows:
            x = _MARGIN
            for panel in row:
                body.append(panel.svg(x=x, y=y, width=panel.width, height=panel.height))
                x += panel.width + _GAP
            y += max(panel.height for panel in row) + _GAP
        return Panel(width, y, "".join(body), self.title).svg(
            xmlns="http://www.w3.org/2000/svg", width=width, height=y
        )

    def _legend_rows(self, width: float, y: float) -> Tuple[List[str], float]:
        """Elements, and the height that they take."""
        drawn, x, rows = [], _MARGIN, 1
        for key in self.legend:
            needed = 32.0 + text_width(key.meaning) + _GAP
            if x + needed > width and x > _MARGIN:
                x, rows = _MARGIN, rows + 1
            top = y + 18.0 * (rows - 1)
            drawn.append(element("svg", key.swatch(), x=x, y=top, width=26.0, height=12.0))
            drawn.append(text(x + 32.0, top + 10.0, key.meaning))
            x += needed
        return drawn, (18.0 * rows + 4.0 if drawn else 0.0)
