"""Intervals against published values, and against how often they hold."""

from __future__ import annotations

import math

import pytest
import torch

from trainers.evaluation.intervals import Estimate, combined, mean_estimate, share_estimate


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(8, 10, 0.490, 0.943), (1, 20, 0.009, 0.236), (0, 10, 0.0, 0.278), (64, 64, 0.943, 1.0)],
)
def test_wilson_interval(successes: int, trials: int, low: float, high: float) -> None:
    estimate = share_estimate(successes, trials)
    assert estimate.value == successes / trials
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=6e-4)
    assert estimate.samples == trials


def test_no_trials_no_share() -> None:
    assert share_estimate(0, 0) == Estimate(None, None, None, 0)


@pytest.mark.parametrize("trials", [1, 7, 64, 5000])
def test_wilson_is_its_formula(trials: int) -> None:
    z2 = 1.959963984540054**2 / trials
    for successes in {0, 1, trials // 3, trials}:
        share = successes / trials
        center = (share + z2 / 2.0) / (1.0 + z2)
        half = math.sqrt(z2 * (share * (1.0 - share) + z2 / 4.0)) / (1.0 + z2)
        estimate = share_estimate(successes, trials)
        assert (estimate.low, estimate.high) == pytest.approx((center - half, center + half), abs=1e-9)


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.7062), (2, 4.30265), (3, 3.18245), (5, 2.57058), (9, 2.26216), (63, 1.99834), (10**6, 1.95997)],
)
def test_mean_intervals_against_tables_of_students_distribution(freedom: int, quantile: float) -> None:
    values = torch.arange(freedom + 1).double()
    estimate = mean_estimate(values)
    error = float(values.std()) / math.sqrt(freedom + 1)
    assert estimate.high is not None
    assert (estimate.high - freedom / 2.0) / error == pytest.approx(quantile, rel=1e-5)


def test_mean_interval() -> None:
    estimate = mean_estimate(torch.tensor([1.0, 2.0, math.nan, 3.0, 4.0]))
    half = 3.18245 * math.sqrt(5.0 / 3.0) / 2.0  # t · s / √n
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx(
        (2.5, 2.5 - half, 2.5 + half), abs=1e-5
    )
    assert estimate.samples == 4
    assert mean_estimate(torch.tensor([7.0])) == Estimate(7.0, None, None, 1)
    assert mean_estimate(torch.tensor([math.nan])) == Estimate(None, None, None, 0)


def test_intervals_hold_19_times_out_of_20() -> None:
    generator = torch.Generator().manual_seed(0)
    samples = torch.randn(4000, 6, generator=generator)
    estimates = [mean_estimate(row) for row in samples]
    held = sum((estimate.low or 0.0) < 0.0 < (estimate.high or 0.0) for estimate in estimates)
    assert held / 4000 == pytest.approx(0.95, abs=0.012)
    together = [combined(estimates[i : i + 4]) for i in range(0, 4000, 4)]
    held = sum((estimate.low or 0.0) < 0.0 < (estimate.high or 0.0) for estimate in together)
    assert 0.94 <= held / 1000 <= 0.99


def test_spread_between_groups_is_no_error() -> None:
    exact = [Estimate(value, value - 0.3, value + 0.3, 5) for value in (-10.0, 0.0, 13.0)]
    estimate = combined(exact)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx(
        (1.0, 1.0 - 0.3 / math.sqrt(3), 1.0 + 0.3 / math.sqrt(3))
    )
    assert estimate.samples == 15
    nothing, single = Estimate(None, None, None, 0), Estimate(4.0, None, None, 1)
    assert combined([nothing, nothing]) == nothing
    assert combined([nothing, exact[0]]).value == -10.0
    assert combined([single, exact[1]]) == Estimate(2.0, None, None, 6)
