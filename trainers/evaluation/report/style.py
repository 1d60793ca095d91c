"""Colours, light and dark, and how marks and lines of figures look."""

from __future__ import annotations

from typing import Any, Dict, Tuple

from matplotlib.colors import to_rgba

COLORS = {
    # name: (light, dark)
    "paper": ("#ffffff", "#12161b"),
    "card": ("#f5f7f9", "#1a2027"),
    "ink": ("#1b1f24", "#e6e9ed"),
    "muted": ("#59636e", "#9aa5b1"),
    "grid": ("#dfe4e9", "#2d3540"),
    "first": ("#1f62c9", "#6cb0ff"),
    "second": ("#c9500a", "#ff9d5c"),
    "third": ("#18794a", "#5fd08f"),
    "fourth": ("#7d3ac1", "#c39bff"),
}
"""Figures are drawn in the light ones; the page puts variables in their place, see `figure.py`."""

SERIES = ("first", "second", "third", "fourth")
"""Colours of data, in the order in which to use them."""

INK, MUTED, PAPER = (COLORS[name][0] for name in ("ink", "muted", "paper"))

MATPLOTLIB: Any = {
    "figure.dpi": 72,  # so that a point is a pixel
    "svg.fonttype": "none",  # text stays text, in the page's font
    "svg.hashsalt": "report",  # the same page from the same result
    "font.family": "DejaVu Sans",  # comes with Matplotlib
    "font.size": 11,
    "text.color": INK,
    "axes.titlesize": 11,
    "axes.titlecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlepad": 4,
    "axes.labelpad": 2,
    "axes.edgecolor": COLORS["grid"][0],
    "axes.linewidth": 1,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.xmargin": 0.04,
    "axes.ymargin": 0.08,
    **{f"axes.spines.{side}": False for side in ("left", "right", "top", "bottom")},
    "grid.color": COLORS["grid"][0],
    "grid.linewidth": 1,
    "lines.linewidth": 2,
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "lines.markersize": 7,
    **{f"{axis}tick.{part}": 0 for axis in "xy" for part in ("major.size", "minor.size")},
    **{f"{axis}tick.labelcolor": INK for axis in "xy"},
}

_KINDS: Dict[str, Dict[str, Any]] = {
    "line": {},
    "thin": {"linewidth": 1.1, "alpha": 0.75},
    "dashed": {"linewidth": 1.5, "linestyle": (0, (5.0 / 1.5, 2.0))},
    "dot": {"linestyle": "", "marker": "o", "markeredgewidth": 0},
    "ring": {"linestyle": "", "marker": "o", "markerfacecolor": PAPER, "markeredgewidth": 1.6},
    "square": {"linestyle": "", "marker": "s", "markerfacecolor": PAPER, "markeredgewidth": 1.6},
    "disc": {"linestyle": "", "marker": "o", "markeredgewidth": 0.8},
    "cross": {"linestyle": "", "marker": "x", "markersize": 9, "markeredgewidth": 2},
    "bar": {"linestyle": "", "marker": "|", "markersize": 14, "markeredgewidth": 2},
}


def pen(style: str) -> Dict[str, Any]:
    """What `Axes.plot` needs for a style: a colour's name, or black or gray, and a kind of line (line, thin,
    dashed) or mark (dot, ring, square, disc, cross, bar)."""
    color, kind = style.split()
    name = {"black": "ink", "gray": "muted"}.get(color, color)
    drawn = {"color": COLORS[name][0], **_KINDS[kind]}
    if kind == "disc":
        drawn.update(markeredgecolor=drawn["color"], markerfacecolor=tint(drawn["color"], 0.28))
    return drawn


def tint(color: str, share: float) -> Tuple[float, float, float, float]:
    """A colour that lets what is below shine through."""
    return to_rgba(color, share)
