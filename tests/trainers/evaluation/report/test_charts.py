"""Charts put things where they belong."""

from __future__ import annotations

import math
import re
from typing import Dict, List, Tuple
from xml.etree import ElementTree

import pytest

from humanoid_envs.configs import to_plain
from tests.trainers.evaluation.report.results import scorecard
from trainers.evaluation.report.charts import MARKS, Chart, Series, mark, rows
from trainers.evaluation.report.figure import Figure, Key
from trainers.evaluation.report.pushes import push_figure
from trainers.evaluation.report.quantities import Interval
from trainers.evaluation.report.svg import Panel


def circles(panel: Panel, style: str) -> List[Tuple[float, float]]:
    root = ElementTree.fromstring(panel.svg())
    return [
        (float(c.get("cx", "")), float(c.get("cy", "")))
        for c in root.iter("circle")
        if c.get("class") == style
    ]


def test_axes_are_linear_and_y_goes_up() -> None:
    chart = Chart("t", (0.0, 2.0), (-1.0, 1.0), x_label="x", y_label="y")
    (left, bottom), (right, top) = chart.at(0.0, -1.0), chart.at(2.0, 1.0)
    assert right > left
    assert bottom > top
    assert chart.at(1.0, 0.0) == pytest.approx((0.5 * (left + right), 0.5 * (top + bottom)))


def test_a_map_has_one_scale() -> None:
    chart = Chart("", (0.0, 4.0), (0.0, 1.0), x_label="x", y_label="y", size=(500.0, 0.0), equal=True)
    origin, ahead, left = chart.at(0.0, 0.0), chart.at(1.0, 0.0), chart.at(0.0, 1.0)
    assert ahead[0] - origin[0] == pytest.approx(origin[1] - left[1])
    assert ahead[0] - origin[0] == pytest.approx(chart.scale)


def test_a_row_shows_estimate_interval_and_command() -> None:
    series = Series("first dot", [Interval(1.0, 0.5, 2.0), Interval(None)])
    panel = rows("t", ["a", "b"], [series], x_label="m", told=[0.0, 4.0])
    root = ElementTree.fromstring(panel.svg())
    lines: Dict[str, list] = {}
    for line in root.iter("line"):
        lines.setdefault(line.get("class", ""), []).append([float(line.get(k, "")) for k in ("x1", "x2")])
    (dot,) = circles(panel, "first dot")
    ((low, high),) = lines["first line"]
    (zero, _), (four, _) = lines["black bar"]
    unit = (four - zero) / 4.0
    assert [dot[0], low, high] == pytest.approx([zero + unit, zero + 0.5 * unit, zero + 2.0 * unit], abs=0.02)


def test_pushes_are_drawn_in_their_direction() -> None:
    """Forward is up, to the left is left, and the distance is the limit's."""
    panel = push_figure(to_plain(scorecard().pushes), "p").panels[0]
    points = circles(panel, "first dot")
    rings = circles(panel, "grid")
    center = rings[0]
    for index, (x, y) in enumerate(points):
        angle = math.atan2(center[0] - x, center[1] - y) % (2.0 * math.pi)
        assert angle == pytest.approx(0.25 * math.pi * index, abs=1e-3)
        assert math.dist((x, y), center) == pytest.approx(105.0 * (0.5 + 0.1 * index) / 2.0, abs=0.02)


def test_a_push_that_all_survive_is_a_bound() -> None:
    pushes = to_plain(scorecard().pushes)
    pushes["directions"][0]["limit"]["value"] = pushes["largest"]
    assert "≥ 2" in push_figure(pushes, "p").panels[0].body


@pytest.mark.parametrize("kind", MARKS)
def test_every_mark_is_drawn_around_its_point(kind: str) -> None:
    numbers = re.findall(r'(?:x1?|cx)="([\d.]+)"', mark(f"first {kind}", (50.0, 50.0)))
    assert numbers
    assert all(abs(float(number) - 50.0) <= 6.0 for number in numbers)


def test_a_figures_picture_holds_all_panels_without_overlap() -> None:
    panels = tuple(Panel(100.0 + 10 * i, 50.0, f"<g id='p{i}'/>", "p") for i in range(5))
    keys = tuple(Key("first dot", "meaning " * 4) for _ in range(4))
    root = ElementTree.fromstring(Figure("n", "t", "c", panels, keys, columns=2).picture())
    space = "{http://www.w3.org/2000/svg}"
    boxes = [
        [float(child.get(key, "")) for key in ("x", "y", "width", "height")]
        for child in root.findall(f"{space}svg")
    ]
    assert len(boxes) == 9
    for i, (x, y, width, height) in enumerate(boxes):
        assert x + width <= float(root.get("width", ""))
        assert y + height <= float(root.get("height", ""))
        for x2, y2, width2, height2 in boxes[:i]:
            assert x >= x2 + width2 or x2 >= x + width or y >= y2 + height2 or y2 >= y + height
