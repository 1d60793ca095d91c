"""The benchmark measures both, and compares them."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("mujoco")
pytest.importorskip("stable_baselines3")

from tests.examples.script import run_here


def test_compares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    options = ("--num-envs", "2", "--processes", "1", "--samples", "8", "--updates", "1")
    assert run_here(tmp_path, "benchmark_sb3.py", *options, monkeypatch=monkeypatch) == 0
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("|")][2:]
    assert [row[1].strip() for row in rows] == ["HumanoidVecEnv", "SubprocVecEnv", "best, ratio"]
    rates = [[float(cell.strip("/s ").replace(",", "")) for cell in row[3:5]] for row in rows]
    for ours, theirs, ratio in zip(*rates):
        # Of rates that were printed without their fractions.
        assert (ours - 0.5) / (theirs + 0.5) - 0.051 < ratio < (ours + 0.5) / (theirs - 0.5) + 0.051
