"""SVG as text."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from trainers.evaluation.report import svg


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0.0, 1.0, 6, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-0.65, 1.04, 4, [-0.5, 0.0, 0.5, 1.0]),
        (0.0, 100.0, 6, [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]),
        (1234.0, 1234.5, 6, [1234.0, 1234.1, 1234.2, 1234.3, 1234.4, 1234.5]),
        (3.0, 3.0, 6, [3.0]),
    ],
)
def test_ticks_are_round_and_within(low: float, high: float, most: int, expected: list) -> None:
    assert svg.ticks(low, high, most) == pytest.approx(expected)


def test_tick_labels_have_a_true_minus_and_no_noise() -> None:
    assert [svg.tick_label(value) for value in (-0.1 - 0.2, -0.0, 0.1 + 0.2, 2.0)] == [
        "−0.3",
        "0",
        "0.3",
        "2",
    ]


def test_text_and_attributes_are_escaped() -> None:
    drawn = svg.text(1.0, 2.0, "<b> & c", '"x"')
    root = ElementTree.fromstring(drawn)
    assert (root.text, root.get("class")) == ("<b> & c", '"x"')


def test_a_path_breaks_where_a_point_is_missing() -> None:
    points = [(0.0, 0.0), (1.0, 0.123), (None, 2.0), (3.0, 3.0)]
    assert svg.path(points, "line", closed=True) == '<path d="M0 0L1 0.12M3 3" class="line"/>'
    assert svg.path(points[:2], "line", closed=True) == '<path d="M0 0L1 0.12Z" class="line"/>'
    assert svg.path([(None, None)], "line") == ""
