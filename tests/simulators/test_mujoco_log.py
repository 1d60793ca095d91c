"""MuJoCo leaves no file where the program runs, and prints nothing that is counted anyway."""

from __future__ import annotations

from pathlib import Path

import mujoco
import pytest
import torch

from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators import mujoco_log
from humanoid_envs.simulators.mujoco import MuJoCoSimulator


def log_to() -> tuple:
    config = mujoco.MjLogConfig.get()
    return config.logto_console, config.logto_file


def test_divergence_leaves_no_file_and_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    before = log_to()
    simulator = MuJoCoSimulator(XBOT_L, num_envs=2)
    for _step in range(2):
        simulator.step(torch.full((2, 12), torch.nan))
        assert simulator.diverged.all()
    assert not [*tmp_path.iterdir()]
    assert capfd.readouterr() == ("", "")
    assert log_to() == before


def test_the_last_inside_restores_what_was() -> None:
    before = log_to()
    first, second = mujoco_log.quiet(), mujoco_log.quiet()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert log_to() == (False, False)
    second.__exit__(None, None, None)
    assert log_to() == before
