"""What changes over a training: the learning rate with the KL divergence, other values with the updates."""

from __future__ import annotations

from typing import Optional, Tuple

import torch
from torch import Tensor


def kl_adaptive(rate: Tensor, kl: Tensor, desired_kl: float, factor: float) -> Tensor:
    """The learning rate for the next step: divided by the factor where the KL divergence is above twice the
    desired one, multiplied by it where it is below half (the rule of the Humanoid-Gym release, arXiv
    2404.05695). rate, kl: (). Nothing is read back from the device."""
    adapted = torch.where(kl < 0.5 * desired_kl, rate * factor, rate)
    return torch.where(kl > 2.0 * desired_kl, rate / factor, adapted)


def progress(update: int, span: Optional[Tuple[int, int]]) -> float:
    """How far an update is between the first and the last of a span, from 0 to 1; 0 without a span."""
    if span is None:
        return 0.0
    first, last = span
    return min(max((update - first) / (last - first), 0.0), 1.0)


def linear(start: float, end: float, done: float) -> float:
    """From start to end in equal differences; done: 0 to 1."""
    return start + (end - start) * done


def geometric(start: float, end: float, done: float) -> float:
    """From start to end, both positive, in equal ratios; done: 0 to 1."""
    return start * (end / start) ** done
