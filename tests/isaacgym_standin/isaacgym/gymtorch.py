"""Isaac Gym's tensors as torch tensors and back."""

from __future__ import annotations

import weakref

import torch

from ._records import ContractError, Tensor


def wrap_tensor(gym_tensor: Tensor) -> torch.Tensor:
    """A torch tensor on the buffer; that of a GPU pipeline on the GPU, or on the CPU where there is none."""
    assert gym_tensor.array is not None
    shared = torch.from_numpy(gym_tensor.array)
    on_gpu = gym_tensor.gpu is not None and torch.cuda.is_available()
    gym_tensor.torch = shared.to(torch.device("cuda", gym_tensor.gpu or 0)) if on_gpu else shared
    return gym_tensor.torch


def unwrap_tensor(torch_tensor: torch.Tensor) -> Tensor:
    """A descriptor of the tensor's buffer, which it does not keep alive."""
    if not torch_tensor.is_contiguous():
        raise ContractError("the tensor must be contiguous")
    if torch_tensor.dtype not in (torch.float32, torch.int32):
        raise ContractError(f"tensors are float32 or int32, not {torch_tensor.dtype}")
    return Tensor(reference=weakref.ref(torch_tensor))
