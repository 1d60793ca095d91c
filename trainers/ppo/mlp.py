"""Multilayer perceptrons that are quick on a GPU."""

from __future__ import annotations

from typing import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

NamedLayers = OrderedDict[str, nn.Module]


class MLP(nn.Sequential):
    """Layers one after the other.

    bfloat16: on CUDA compute all but the last layer in bfloat16 (weights and their gradients stay float32),
    which halves the time of the large matrix products. The last layer's output is an action or a value,
    which 8 bits of mantissa would make too coarse.
    """

    def __init__(self, layers: NamedLayers, bfloat16: bool = False) -> None:
        super().__init__(layers)
        self._in_bfloat16 = bfloat16

    def forward(self, input: Tensor) -> Tensor:
        """(N, D) -> (N, A), float32"""
        if not (self._in_bfloat16 and input.is_cuda):
            return super().forward(input if input.dtype == torch.float32 else input.float())
        *hidden, last = self
        with torch.autocast("cuda", torch.bfloat16):
            for layer in hidden:
                input = layer(input)
        return last(input.float())


class InputLinear(nn.Linear):
    """A linear layer that takes inputs with zeros behind the last entry: matrix products are faster where
    rows begin at multiples of 32 bytes."""

    def forward(self, input: Tensor) -> Tensor:
        padding = input.shape[-1] - self.in_features
        return functional.linear(input, functional.pad(self.weight, (0, padding)), self.bias)
