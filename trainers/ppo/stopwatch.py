"""Timing the parts of a rollout's steps, on the CPU or, with CUDA events, on a GPU."""

from __future__ import annotations

import time
from typing import Dict, Optional, Sequence

import torch


class Stopwatch:
    """Time between laps. On CUDA the laps are events in the device's own stream, which may be part of a
    captured graph: nobody waits for them, and only the last round counts."""

    def __init__(self, device: torch.device, names: Sequence[str]) -> None:
        self._names = list(names)
        self._on_gpu = device.type == "cuda"
        self._events = [_event() for _ in range(len(names) + 1)] if self._on_gpu else []
        self._seconds = dict.fromkeys(names, 0.0)
        self._rounds = 0
        self._last = 0.0

    def lap(self, name: Optional[str]) -> None:
        """End of the part of that name; None starts a round. Parts come in the order of the names."""
        if self._on_gpu:
            index = 0 if name is None else 1 + self._names.index(name)
            self._events[index].record(torch.cuda.current_stream())
            self._rounds = 1
            return
        now = time.perf_counter()
        if name is None:
            self._rounds += 1
        else:
            self._seconds[name] += now - self._last
        self._last = now

    def take(self) -> Dict[str, float]:
        """Seconds a round since the last call; {} before the first round."""
        if self._rounds == 0:
            return {}
        if self._on_gpu:
            self._events[-1].synchronize()
            pairs = zip(self._names, self._events, self._events[1:])
            return {name: 1e-3 * start.elapsed_time(end) for name, start, end in pairs}
        seconds = {name: total / self._rounds for name, total in self._seconds.items()}
        self._seconds, self._rounds = dict.fromkeys(self._names, 0.0), 0
        return seconds


def _event() -> torch.cuda.Event:
    try:
        return torch.cuda.Event(enable_timing=True, external=True)
    except TypeError:  # older torch cannot read the events of a graph
        return torch.cuda.Event(enable_timing=True)


def speeds(samples: int, collect_s: float, learn_s: float, split: Dict[str, float]) -> Dict[str, float]:
    """Curves of how fast an update of so many samples was; split: seconds of the rollout by what they were
    for."""
    return {
        "speed/collect_steps_per_s": samples / collect_s,
        "speed/steps_per_s": samples / (collect_s + learn_s),
        "speed/collect_s": collect_s,
        "speed/learn_s": learn_s,
        **{f"speed/{name}_s": seconds for name, seconds in split.items()},
    }
