"""Charts put things where they belong."""

from __future__ import annotations

import math
import re
import struct
from typing import Any, List, Tuple
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure as Canvas

from humanoid_envs.configs import to_plain
from tests.trainers.evaluation.report.results import scorecard, tour
from trainers.evaluation.report.charts import Panel, Series, curve, rows, set_up
from trainers.evaluation.report.figure import Figure, Key
from trainers.evaluation.report.pushes import push_figure
from trainers.evaluation.report.quantities import Interval
from trainers.evaluation.report.style import COLORS, SERIES, pen
from trainers.evaluation.report.tour import tour_section


def drawn(panel: Panel) -> Any:
    """The panel's axes."""
    canvas = Canvas(figsize=(panel.width / 72.0, panel.height / 72.0))
    panel.put(canvas)
    (axes,) = canvas.axes
    return axes


def points(axes: Any, style: str) -> List[Tuple[float, float]]:
    """What is drawn in a style, without gaps."""
    wanted = pen(style)
    marker = wanted.get("marker", "None")
    found = [
        point
        for line in axes.lines
        if line.get_color() == wanted["color"] and line.get_marker() == marker
        for point in line.get_xydata().tolist()
    ]
    return [(x, y) for x, y in found if not math.isnan(x)]


def test_an_axes_has_its_place_in_pixels() -> None:
    panel = Panel("t", lambda axes: None, 300.0, 200.0, (40.0, 38.0, 10.0, 32.0))
    canvas = Canvas(figsize=(400.0 / 72.0, 300.0 / 72.0), dpi=72)
    panel.put(canvas, 50.0, 60.0)
    box = canvas.axes[0].get_window_extent()
    assert (box.x0, box.x1) == pytest.approx((90.0, 340.0))
    assert (300.0 - box.y1, 300.0 - box.y0) == pytest.approx((98.0, 228.0))


def test_a_map_has_one_scale() -> None:
    (figure,) = (block for block in tour_section(to_plain(tour())).blocks[:1] if isinstance(block, Figure))
    axes = drawn(figure.panels[0])
    origin, corner = axes.transData.transform([(0.0, 0.0), (1.0, 1.0)])
    assert corner[0] - origin[0] == pytest.approx(corner[1] - origin[1])
    wide = axes.get_window_extent()
    assert wide.width == pytest.approx(630.0 * axes.figure.dpi / 72.0)  # the panel's height fits its scale


def test_ticks_are_round_few_and_have_a_true_minus() -> None:
    def draw(axes: Any) -> None:
        axes.set(xlim=(-0.65, 1.04), ylim=(1234.0, 1234.5))
        set_up(axes, "x", "y")

    axes = drawn(Panel("t", draw))
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert {"−0.5", "0", "0.5", "1"} <= set(labels)
    assert len(axes.get_yticks()) <= 8


def test_a_line_breaks_where_a_point_is_missing() -> None:
    axes = drawn(Panel("t", lambda axes: curve(axes, [(0.0, 0.0), (None, 2.0), (3.0, 3.0)], "first line")))
    x = axes.lines[0].get_xdata()
    assert (x[0], x[2]) == (0.0, 3.0)
    assert math.isnan(x[1])


def test_a_row_shows_estimate_interval_and_command() -> None:
    series = Series("first dot", [Interval(1.0, 0.5, 2.0), Interval(None)])
    axes = drawn(rows("t", ["a", "b"], [series], x_label="m", marks=[0.0, 4.0]))
    assert points(axes, "first dot") == [(1.0, 0.0)]
    assert points(axes, "first line") == [(0.5, 0.0), (2.0, 0.0)]
    assert points(axes, "black bar") == [(0.0, 0.0), (4.0, 1.0)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert axes.transData.transform((0.0, 0.0))[1] > axes.transData.transform((0.0, 1.0))[1]


def test_pushes_are_drawn_in_their_direction() -> None:
    """Forward is up, to the left is left, and the distance is the limit's."""
    axes = drawn(push_figure(to_plain(scorecard().pushes), "p").panels[0])
    limits = points(axes, "first dot")
    assert limits == [pytest.approx((0.25 * math.pi * i, 0.5 + 0.1 * i)) for i in range(8)]
    center, forward, left = axes.transData.transform([(0.0, 0.0), (0.0, 1.0), (0.5 * math.pi, 1.0)])
    assert forward[1] - center[1] == pytest.approx(center[0] - left[0])
    assert forward[1] > center[1]


def test_a_push_that_all_survive_is_a_bound() -> None:
    pushes = to_plain(scorecard().pushes)
    pushes["directions"][0]["limit"]["value"] = pushes["largest"]
    assert "≥ 2" in "".join(push_figure(pushes, "p").svgs())


def test_an_svg_takes_its_colours_from_the_page_and_refers_to_itself_alone() -> None:
    """Two figures with equal panels: what one refers to may be hidden with the other."""
    kinds = ("line", "thin", "dashed", "dot", "ring", "square", "disc", "cross", "bar")
    styles = [f"{color} {kind}" for color in (*SERIES, "black", "gray") for kind in kinds]

    def draw(axes: Any) -> None:
        for style in styles:
            curve(axes, [(0.0, 0.0), (1.0, 1.0)], style)
        set_up(axes, "x <&>", "y")

    panel = Panel("<b> & c", draw)
    keys = tuple(Key(style, style) for style in styles)
    first, second = (Figure(name, "t", "c", (panel,), keys) for name in ("a", "b"))
    texts = [
        svg for figure in (first, second) for svg in (*figure.svgs(), *(s for s, _ in figure.swatches()))
    ]
    named = [set(re.findall(r'id="([^"]+)"', text)) for text in texts]
    for text, ids in zip(texts, named):
        assert set(re.findall(r"#([\w-]+)", text)) <= ids
        assert set(re.findall(r"var\(--(\w+)\)", text)) <= set(COLORS)
    assert not named[0] & named[1 + len(styles)]
    shown = ElementTree.fromstring(texts[0].replace("xlink:href", "href"))
    assert "<b> & c" in [text.text for text in shown.iter("text")]


def test_a_figures_picture_holds_all_panels_without_overlap() -> None:
    boxes: List[Any] = []
    panels = tuple(Panel("p", boxes.append, 100.0 + 10 * i, 90.0) for i in range(5))
    keys = tuple(Key("first dot", "meaning " * 4) for _ in range(4))
    content = Figure("n", "t", "c", panels, keys, columns=2).picture()
    width, height = struct.unpack(">II", content[16:24])
    extents = [axes.get_position().transformed(axes.figure.transSubfigure) for axes in boxes]
    assert len(extents) == 5
    assert (width, height) == (2 * (130 + 120 + 14 + 32), height)
    for i, box in enumerate(extents):
        assert not any(box.overlaps(other) for other in extents[:i])
        assert box.y0 >= 0.0
