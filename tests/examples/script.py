"""Runs the example scripts as their users do, but tiny and in a folder of the test's own."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Tuple, Union

import pytest

ROOT = Path(__file__).resolve().parents[2]

TINY: Tuple[str, ...] = (
    "--preset", "cpu", "--engine", "mujoco", "--num-envs", "4", "--total-timesteps", "128", "--no-compiled",
    "--ppo.num-steps", "16", "--ppo.actor-hidden", "8", "--ppo.critic-hidden", "8", "--ppo.device", "cpu",
)  # fmt: skip
"""Options of train_ppo.py for two updates of 4 robots × 16 steps; the first two choose the preset."""


def run_here(
    folder: Path, name: str, *arguments: str, monkeypatch: pytest.MonkeyPatch
) -> Union[int, str, None]:
    """The same as `run` within this process, which has torch already: the exit code, or the message that
    the script ended with. The rest is for pytest's `capsys`."""
    with monkeypatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "200")
        patch.setattr(sys, "argv", [name, *arguments])
        try:
            runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
        except SystemExit as end:
            return end.code
    return 0


def run(folder: Path, name: str, *arguments: str) -> subprocess.CompletedProcess:
    """What `python examples/NAME ARGUMENTS` does when called in that folder."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
    )
