"""Numbers in words."""

from __future__ import annotations

import pytest

from trainers.evaluation.command_scores import NINE_COMMANDS
from trainers.evaluation.report.published import ON_ITS_MODEL, ON_SIMPLE_MODEL, published_walk
from trainers.evaluation.report.quantities import (
    Interval,
    decimal,
    interval,
    out_of,
    plain,
    slug,
    tick_label,
    words,
)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((0.4, 0.0, 0.0), "forward 0.4"),
        ((-0.3, 0.0, 0.0), "backward 0.3"),
        ((0.0, 0.3, 0.0), "left 0.3"),
        ((0.0, -0.5, 0.0), "right 0.5"),
        ((0.0, 0.0, 0.7), "turn left 0.7"),
        ((0.0, 0.0, -0.3), "turn right 0.3"),
        ((0.0, 0.0, 0.0), "stand"),
        ((0.3, -0.15, 0.0), "(0.3, −0.15, 0)"),
    ],
)
def test_commands_in_words(command: tuple, said: str) -> None:
    assert words(command) == said


def test_numbers_have_a_true_minus_and_zero_no_sign() -> None:
    assert [decimal(value, 2) for value in (-0.123, -0.001, 0.5, None)] == ["−0.12", "0.00", "0.50", "–"]


def test_estimates_come_with_unit_and_interval() -> None:
    estimate = {"value": 0.5, "low": 0.25, "high": 0.75, "samples": 8}
    assert interval(estimate).html(2, "m/s") == '0.50\u00a0m/s <span class="ci">[0.25, 0.75]</span>'
    assert interval(estimate).times(100.0).html(0, "°") == '50° <span class="ci">[25, 75]</span>'
    assert Interval(1.0).html(1) == "1.0"
    assert Interval(None).html(1, "m") == "–"
    assert out_of(estimate) == '4 of 8 <span class="ci">[25.0, 75.0] %</span>'


def test_names_for_the_eye() -> None:
    assert [plain(name) for name in ("link of left_knee_joint", "base_link")] == ["left knee", "base link"]


def test_a_slug_is_safe_in_a_path() -> None:
    assert [slug(name) for name in ("mujoco:fast", "../a b", "mujoco_warp")] == [
        "mujoco-fast",
        "-a-b",
        "mujoco_warp",
    ]


def test_every_command_has_its_published_walk() -> None:
    assert tuple(walk.command for walk in ON_ITS_MODEL) == NINE_COMMANDS
    assert {walk.command for walk in ON_SIMPLE_MODEL} < set(NINE_COMMANDS)
    assert published_walk(ON_ITS_MODEL, (9.0, 0.0, 0.0)) is None
    forward = published_walk(ON_ITS_MODEL, (0.4, 0.0, 0.0))
    assert forward is not None
    assert forward.velocity[0] == 0.402


def test_short_numbers_have_a_true_minus_and_no_noise() -> None:
    shown = [tick_label(value) for value in (-0.1 - 0.2, -0.0, 0.1 + 0.2, 2.0)]
    assert shown == ["−0.3", "0", "0.3", "2"]
