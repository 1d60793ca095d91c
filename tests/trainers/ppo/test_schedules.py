from __future__ import annotations

import pytest
import torch

from trainers.ppo import schedules


@pytest.mark.parametrize(
    ("kl", "expected"),
    [
        (0.0, 1.5e-3),
        (0.0049, 1.5e-3),
        (0.0051, 1e-3),
        (0.0199, 1e-3),
        (0.0201, 1e-3 / 1.5),
        (9.0, 1e-3 / 1.5),
    ],
)
def test_learning_rate_follows_the_kl_divergence(kl: float, expected: float) -> None:
    rate = torch.tensor(1e-3, dtype=torch.float64)
    adapted = schedules.kl_adaptive(rate, torch.tensor(kl), desired_kl=0.01, factor=1.5)
    assert adapted.item() == pytest.approx(expected, rel=1e-12)
    assert rate.item() == 1e-3


def test_progress_runs_from_the_first_update_of_a_span_to_its_last() -> None:
    assert [schedules.progress(update, (10, 20)) for update in (0, 10, 15, 20, 99)] == [
        0.0,
        0.0,
        0.5,
        1.0,
        1.0,
    ]
    assert schedules.progress(99, None) == 0.0


def test_linear_and_geometric_decay() -> None:
    assert [schedules.linear(4.0, 1.0, done) for done in (0.0, 0.5, 1.0)] == [4.0, 2.5, 1.0]
    assert [schedules.geometric(4.0, 1.0, done) for done in (0.0, 0.5, 1.0)] == [4.0, 2.0, 1.0]
