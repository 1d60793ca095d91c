"""The curves `train/…`."""

from __future__ import annotations

from typing import Dict, Optional

from torch import Tensor


def train_metrics(
    losses: Dict[str, float], learning_rate: Tensor, updates: int, std: Optional[Tensor]
) -> Dict[str, float]:
    """losses: means over an update. learning_rate: () that of its last minibatch, not the mean. updates: made
    so far. std: standard deviations of the actions, None for discrete ones."""
    return {
        **{f"train/{name}": value for name, value in losses.items()},
        "train/learning_rate": learning_rate.item(),
        "train/updates": updates,
        **({} if std is None else {"train/std": std.mean().item()}),
    }
