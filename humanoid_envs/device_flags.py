"""Flags on a device that the host reads without waiting for it."""

from __future__ import annotations

from typing import List

import torch
from torch import Tensor


class DeviceFlags:
    """Each flag is raised when a check on a CUDA device fails, and stays so until `reset`; the host copies
    them asynchronously. On a CPU nothing is copied: the caller checks the values themselves."""

    def __init__(self, device: torch.device, flags: int) -> None:
        on_gpu = device.type == "cuda"
        self._well = torch.ones(flags, dtype=torch.bool, device=device)
        self._on_host = torch.ones(flags, dtype=torch.bool, pin_memory=on_gpu)
        self._arrival = torch.cuda.Event() if on_gpu else None

    def check(self, well: Tensor) -> None:
        """Part of the captured step. well: (flags,) bool"""
        self._well.logical_and_(well)

    def send(self) -> None:
        """Start copying the flags to the host, unless the last copy is still on its way."""
        if self._arrival is not None and self._arrival.query():
            self._on_host.copy_(self._well, non_blocking=True)
            self._arrival.record()

    def raised(self) -> List[bool]:
        """Whether each flag is raised, as of the last copy that arrived."""
        arrived = self._arrival is not None and self._arrival.query()
        return [not well for well in self._on_host.tolist()] if arrived else [False] * len(self._on_host)

    def reset(self) -> None:
        if self._arrival is not None:
            self._arrival.synchronize()
        self._well.fill_(True)
        self._on_host.fill_(True)
