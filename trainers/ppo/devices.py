"""Torch devices by name, and what they hold."""

from __future__ import annotations

from typing import Dict

import torch

from humanoid_envs.errors import UserError


def resolve_device(name: str, what: str = "device") -> torch.device:
    """The device of that name, or for "auto" CUDA where there is one and else the CPU.

    what: the option's name, for messages.
    Raises ValueError for a name that torch does not know, and for CUDA where there is none.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"{what} {name!r} is no torch device: use auto, cpu or cuda.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"{what} {name!r} needs CUDA, which torch does not see here: use auto or cpu.")
    return device


def memory_in_use(device: torch.device) -> Dict[str, float]:
    """GiB of a GPU by the names of their curves: of all processes, the physics included, and torch's peak."""
    if device.type != "cuda":
        return {}
    free, total = torch.cuda.mem_get_info(device)
    return {
        "memory/gpu_used_gib": (total - free) / 2**30,
        "memory/torch_peak_gib": torch.cuda.max_memory_allocated(device) / 2**30,
    }
