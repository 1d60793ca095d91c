from __future__ import annotations

import time

import pytest
import torch

from trainers.ppo.stopwatch import Stopwatch


def test_means_over_rounds_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 3.0, 10.0, 12.0, 18.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    stopwatch = Stopwatch(torch.device("cpu"), ("infer", "simulate"))
    assert stopwatch.take() == {}
    for _ in range(2):
        stopwatch.lap(None)
        stopwatch.lap("infer")
        stopwatch.lap("simulate")
    assert stopwatch.take() == {"infer": 1.5, "simulate": 4.0}
    assert stopwatch.take() == {}
