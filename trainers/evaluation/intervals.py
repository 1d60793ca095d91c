"""Estimates with 95 % intervals: of shares, and of means over independent rollouts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterable, Optional, Sequence

from torch import Tensor

Z = 1.959964
"""97.5 % quantile of the normal distribution."""


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
    share, z2 = successes / trials, Z * Z / trials
    center = (share + z2 / 2.0) / (1.0 + z2)
    half = Z * math.sqrt(share * (1.0 - share) / trials + z2 / (4.0 * trials)) / (1.0 + z2)
    low = 0.0 if successes == 0 else center - half
    high = 1.0 if successes == trials else center + half
    return Estimate(share, low, high, trials)


def mean_estimate(values: Tensor) -> Estimate:
    """The mean of independent values (n,) with Student's t interval; NaN is left out."""
    values = values[~values.isnan()].double()
    n = len(values)
    if n == 0:
        return Estimate(None, None, None, 0)
    mean = float(values.mean())
    if n == 1:
        return Estimate(mean, None, None, 1)
    half = t_quantile(n - 1) * float(values.std()) / math.sqrt(n)
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


def t_quantile(freedom: int) -> float:
    """97.5 % quantile of Student's t distribution, to 0.2 %.

    Exact for one and two degrees of freedom, else the series in 1/freedom of Abramowitz and Stegun, 26.7.5.
    """
    p = 0.95  # P(|t| < quantile)
    if freedom == 1:
        return math.tan(0.5 * math.pi * p)
    if freedom == 2:
        return p * math.sqrt(2.0 / (1.0 - p * p))
    z, n = Z, float(freedom)
    return (
        z
        + (z**3 + z) / (4.0 * n)
        + (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / (96.0 * n**2)
        + (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / (384.0 * n**3)
        + (79.0 * z**9 + 776.0 * z**7 + 1482.0 * z**5 - 1920.0 * z**3 - 945.0 * z) / (92160.0 * n**4)
    )


def _mean(values: Sequence[Optional[float]]) -> float:
    return sum(value for value in values if value is not None) / len(values)
