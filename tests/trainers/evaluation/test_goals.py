"""What is near enough to a command."""

from __future__ import annotations

from typing import Tuple

import pytest

from trainers.evaluation import CommandScore
from trainers.evaluation.goals import SHIPPING_GOAL, TRAINING_GOAL

Velocity = Tuple[float, float, float]


@pytest.mark.parametrize(
    ("command", "velocity", "training", "shipping"),
    [
        ((0.6, 0.0, 0.0), (0.6, 0.0, 0.0), True, True),
        ((0.6, 0.0, 0.0), (0.571, 0.0199, -0.0199), True, True),
        ((0.6, 0.0, 0.0), (0.56, 0.0, 0.0), True, False),  # 10 % of 0.6 is 0.06, 5 % is 0.03
        ((0.6, 0.0, 0.0), (0.53, 0.0, 0.0), False, False),
        ((0.6, 0.0, 0.0), (0.6, 0.031, 0.0), False, False),
        ((-0.3, 0.0, 0.0), (-0.331, 0.0, 0.0), False, False),
        ((-0.3, 0.0, 0.0), (-0.279, 0.0, 0.0), True, False),
        ((0.0, 0.0, 0.0), (0.0, 0.0, -0.029), True, False),
    ],
)
def test_goals(command: Velocity, velocity: Velocity, training: bool, shipping: bool) -> None:
    assert TRAINING_GOAL.is_met_by(command, velocity) == training
    assert SHIPPING_GOAL.is_met_by(command, velocity) == shipping


def test_a_fall_misses_any_goal() -> None:
    upright = CommandScore((0.4, 0.0, 0.0), 5, 0, (0.42, 0.0, 0.0), 14.0, 100.0)
    fallen = CommandScore((0.4, 0.0, 0.0), 5, 1, (0.42, 0.0, 0.0), 14.0, 100.0)
    slow = CommandScore((0.4, 0.0, 0.0), 5, 0, (0.32, 0.0, 0.0), 14.0, 100.0)
    assert (upright.met, fallen.met, slow.met) == (True, False, False)
