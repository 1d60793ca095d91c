"""Estimates with 95 % intervals: of shares, and of means over independent rollouts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterable, Optional, Sequence

from torch import Tensor

_LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A number measured on a sample, and where the truth lies with 95 % confidence."""

    value: Optional[float]
    """None where nothing could be measured."""
    low: Optional[float]
    high: Optional[float]
    """None for an interval that the sample is too small for."""
    samples: int
    """Rollouts or trials that it rests on."""


def share_estimate(successes: int, trials: int) -> Estimate:
    """A share with Wilson's score interval, which also holds near 0 and 1 (Wilson 1927)."""
    if trials == 0:
        return Estimate(None, None, None, 0)
    from scipy.stats import (
        binomtest,
    )  # takes a second to import, which a command line's help need not wait for

    interval = binomtest(successes, trials).proportion_ci(_LEVEL, method="wilson")
    return Estimate(successes / trials, float(interval.low), float(interval.high), trials)


def mean_estimate(values: Tensor) -> Estimate:
    """The mean of independent values (n,) with Student's t interval; NaN is left out."""
    values = values[~values.isnan()].double()
    n = len(values)
    if n == 0:
        return Estimate(None, None, None, 0)
    mean = float(values.mean())
    if n == 1:
        return Estimate(mean, None, None, 1)
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1, 0.5 + 0.5 * _LEVEL)) * float(values.std()) / math.sqrt(n)
    return Estimate(mean, mean - half, mean + half, n)


def combined(estimates: Iterable[Estimate]) -> Estimate:
    """The mean of independent estimates, each counting the same: the spread between them is no error."""
    known = [estimate for estimate in estimates if estimate.value is not None]
    if not known:
        return Estimate(None, None, None, 0)
    value = _mean([estimate.value for estimate in known])
    samples = sum(estimate.samples for estimate in known)
    if any(estimate.low is None or estimate.high is None for estimate in known):
        return Estimate(value, None, None, samples)
    squares = sum(((estimate.high or 0.0) - (estimate.low or 0.0)) ** 2 for estimate in known)
    half = 0.5 * math.sqrt(squares) / len(known)
    return Estimate(value, value - half, value + half, samples)


def _mean(values: Sequence[Optional[float]]) -> float:
    return sum(value for value in values if value is not None) / len(values)
