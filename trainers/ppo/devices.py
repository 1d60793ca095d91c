"""Torch devices by name."""

from __future__ import annotations

import torch


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
        raise ValueError(f"{what} {name!r} is no torch device: use auto, cpu or cuda.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"{what} {name!r} needs CUDA, which torch does not see here: use auto or cpu.")
    return device
