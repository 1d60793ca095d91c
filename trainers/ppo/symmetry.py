"""Left-right symmetric networks: of one half of all situations they see the mirror images."""

from __future__ import annotations

from typing import Any, Dict, Optional

import torch
from torch import Tensor, nn

from trainers.ppo.mlp import MLP, NamedLayers


class Mirror(nn.Module):
    """`sign · x[..., permutation]`; entries behind the last, which pad a row, stay."""

    permutation: Tensor
    sign: Tensor

    def __init__(self, mirror: Dict[str, Any]) -> None:
        """mirror: "permutation" and "sign", a list each."""
        super().__init__()
        self.register_buffer("permutation", torch.tensor(mirror["permutation"]), persistent=False)
        self.register_buffer("sign", torch.tensor(mirror["sign"]), persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """(N, D) -> (N, D)"""
        size = len(self.permutation)
        mirrored = values[:, self.permutation] * self.sign
        return torch.cat([mirrored, values[:, size:]], dim=1) if values.shape[1] > size else mirrored


class CanonicalMLP(MLP):
    """A multilayer perceptron before a mirror: where the entry `index` of its input is negative it sees the
    mirror image, and its output, if that is an action, is mirrored back. So it is symmetric by construction,
    and learns each situation once (phase-based mirroring: Abdolhosseini et al., MIG 2019)."""

    def __init__(
        self,
        layers: NamedLayers,
        *,
        mirror: Mirror,
        index: int,
        output: Optional[Mirror],
        bfloat16: bool = False,
    ) -> None:
        super().__init__(layers, bfloat16=bfloat16)
        # Not submodules: the layers' names are those of a plain MLP, and so is the checkpoint.
        self._reflect = (mirror, output)
        self._index = index

    def forward(self, input: Tensor) -> Tensor:
        """(N, D) -> (N, A)"""
        output_mirror = self._reflect[1]
        output = super().forward(self.canonical(input))
        if output_mirror is None:
            return output
        return torch.where(self._reflected(input), output_mirror(output), output)

    def canonical(self, input: Tensor) -> Tensor:
        """(N, D) -> (N, D) what the layers see: of two mirror images the one whose entry `index` is not
        negative."""
        return torch.where(self._reflected(input), self._reflect[0](input), input)

    def _reflected(self, input: Tensor) -> Tensor:
        return input[:, self._index : self._index + 1] < 0.0

    def _apply(self, fn: Any, recurse: bool = True) -> nn.Module:
        for mirror in self._reflect:
            if mirror is not None:
                mirror._apply(fn)
        return super()._apply(fn, recurse)
