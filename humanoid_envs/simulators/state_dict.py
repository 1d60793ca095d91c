"""What the simulators share of `state_dict` and `load_state_dict`: live tensors in one flat dict."""

from __future__ import annotations

from typing import Any, Dict, Mapping

import torch
from torch import Tensor

from humanoid_envs.errors import UserError

_LATER = ("parameters.base_com",)
"""What states of earlier versions lack: it was 0."""


def named_tensors(prefix: str, record: Any) -> Dict[str, Tensor]:
    """The tensors of a dataclass, named `prefix.field`."""
    return {f"{prefix}.{name}": value for name, value in vars(record).items()}


def clone_tensors(tensors: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    """A copy that later steps leave alone."""
    return {name: tensor.clone() for name, tensor in tensors.items()}


def copy_tensors(tensors: Mapping[str, Tensor], saved: Mapping[str, Tensor]) -> None:
    """Write saved values into the live tensors. Raises UserError, before writing any, if they do not fit."""
    later = {name: torch.zeros_like(tensors[name]) for name in _LATER if name in tensors}
    saved = {**later, **saved}
    if tensors.keys() != saved.keys():
        odd = sorted(map(str, tensors.keys() ^ saved.keys()))
        raise UserError(f"saved state of another kind of simulator: {odd}")
    for name, tensor in tensors.items():
        there = tuple(saved[name].shape) if isinstance(saved[name], Tensor) else type(saved[name]).__name__
        if there != tuple(tensor.shape):
            raise UserError(f"saved {name} is {there}, needed is {tuple(tensor.shape)}")
    for name, tensor in tensors.items():
        tensor.copy_(saved[name])
