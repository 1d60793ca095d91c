"""Telling the host that something went wrong on the device, without making it wait."""

from __future__ import annotations

from typing import List

import torch
from torch import Tensor


class Alarm:
    """Each of its flags goes off for good when a check on the device fails; the host learns of it without
    waiting. On a CPU, where nobody waits, the caller looks for himself."""

    def __init__(self, device: torch.device, flags: int) -> None:
        on_gpu = device.type == "cuda"
        self._well = torch.ones(flags, dtype=torch.bool, device=device)
        self._on_host = torch.ones(flags, dtype=torch.bool, pin_memory=on_gpu)
        self._arrival = torch.cuda.Event() if on_gpu else None

    def check(self, well: Tensor) -> None:
        """Part of the captured step. well: (flags,) bool"""
        self._well.logical_and_(well)

    def send(self) -> None:
        """Start telling the host how things stand, unless the last message is still on its way."""
        if self._arrival is not None and self._arrival.query():
            self._on_host.copy_(self._well, non_blocking=True)
            self._arrival.record()

    def gone_off(self) -> List[bool]:
        """Each flag, as far as the host knows."""
        arrived = self._arrival is not None and self._arrival.query()
        return [not well for well in self._on_host.tolist()] if arrived else [False] * len(self._on_host)

    def reset(self) -> None:
        if self._arrival is not None:
            self._arrival.synchronize()
        self._well.fill_(True)
        self._on_host.fill_(True)
