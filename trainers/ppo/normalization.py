"""Inputs of mean 0 and variance 1, by statistics that are gathered while training."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainers.ppo.distributed import ALONE, Workers

EPSILON = 1e-8
"""Added to the variance."""
LIMIT = 10.0
"""Bound on a normalized input."""


class RunningNormalizer(nn.Module):
    """`(x − mean) / std`, bounded to ±10, with mean and variance over everything that `update` was given.

    The statistics are buffers: they travel in checkpoints and exports. They change only in `update`, in
    place and without waiting for the device, so that captured CUDA graphs see the new ones. Before the first
    `update` inputs are only bounded.
    """

    mean: Tensor
    """(D,)"""
    var: Tensor
    """(D,)"""
    count: Tensor
    """() float64, how many inputs the statistics are over."""

    def __init__(self, size: int) -> None:
        """size: D, entries of an input."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("var", torch.ones(size))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, D) -> (N, D). Entries behind the last, which pad a row with zeros, stay."""
        padding = (0, inputs.shape[-1] - self.mean.shape[0])
        mean, scale = functional.pad(self.mean, padding), functional.pad(self._scale(), padding)
        return ((inputs - mean) * scale).clamp(-LIMIT, LIMIT)

    @torch.no_grad()
    def update(self, inputs: Tensor, workers: Workers = ALONE) -> None:
        """Take all workers' inputs, of each (N, D) or padded ones, into the statistics (parallel variance:
        Chan, Golub and LeVeque, 1979)."""
        inputs = inputs[:, : self.mean.shape[0]]
        var, mean = torch.var_mean(inputs, dim=0, correction=0)
        mean, var = workers.moments(mean, var)
        number = inputs.shape[0] * workers.world_size
        total = self.count + number
        share = (number / total).float()
        change = mean - self.mean
        self.mean.add_(share * change)
        self.var.lerp_(var, share).add_(share * (1.0 - share) * change.square())
        self.count.copy_(total)

    def _scale(self) -> Tensor:
        return (self.var + EPSILON).rsqrt()
