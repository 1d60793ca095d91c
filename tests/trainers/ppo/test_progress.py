"""What the bar shows: a terminal that is a string."""

from __future__ import annotations

import io
import math
from types import SimpleNamespace
from typing import Any, List, Tuple

import pytest

from trainers.ppo.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, limit: float, updates: List[Tuple[int, float]]) -> str:
    """After updates of so many steps, which end at those times, s."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("COLUMNS", "200")
    bar = Progress(3_600_000, limit)
    ppo: Any = SimpleNamespace(training_seconds=0.0, metrics={"episode/return": 12.34})
    for steps, ppo.training_seconds in updates:
        bar.update(ppo, steps)
    bar.close()
    return terminal.getvalue().split("\r")[-1]


def test_it_begins_with_the_first_rollout(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, math.inf, []).startswith("first rollout   0%")


def test_steps_end_first(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first update waited for a compiler: its time tells nothing about the others.
    line = shown(monkeypatch, 1200.0, [(100_000, 40.0), (800_000, 100.0)])
    assert line.startswith("train  25%")
    # 800 000 steps in 60 s, and 2 700 000 are left.
    assert line.rstrip().endswith("900.00k of 3.60M steps, 1.0 of 20 min, 3.4 min left, return 12.3")


def test_time_ends_first(monkeypatch: pytest.MonkeyPatch) -> None:
    line = shown(monkeypatch, 1200.0, [(100_000, 40.0), (300_000, 640.0)])
    assert line.startswith("train  50%")
    assert "400.00k of 3.60M steps, 10.0 of 20 min, time ends first, 10.0 min left, return" in line


def test_without_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    line = shown(monkeypatch, math.inf, [(1_000_000, 10.0), (2_600_000, 70.0)])
    assert line.startswith("train 100%")
    assert "3.60M of 3.60M steps, 1.0 min, 0.0 min left" in line


def test_nothing_is_shown_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    ppo: Any = SimpleNamespace(training_seconds=1.0, metrics={})
    bar = Progress(10)
    bar.update(ppo, 10)
    bar.close()
    assert stream.getvalue() == ""
