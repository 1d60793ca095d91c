"""examples/check_isaacgym.py, with the stand-in for Isaac Gym."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Tuple

import pytest

from tests.isaacgym.standin import STANDIN

ROOT = Path(__file__).resolve().parents[2]


def check(*arguments: str) -> Tuple[int, str]:
    run = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "check_isaacgym.py"), *arguments],
        env={**os.environ, "PYTHONPATH": f"{STANDIN}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return run.returncode, run.stdout


def test_agrees_with_mujoco_and_says_what_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    numbers, altered = tmp_path / "isaacgym.json", tmp_path / "altered.json"
    try:
        import mujoco.batch  # noqa: F401

        status, output = check("--engine", "mujoco", "--save", str(tmp_path / "mujoco.json"))
        assert status == 0, output
        reference = ["--reference", str(tmp_path / "mujoco.json")]
    except ImportError:
        reference = []  # an older MuJoCo simulates the stand-in only
    status, output = check("--device", "cpu", "--save", str(numbers), *reference)
    assert status == 0, output
    assert "The environment keeps Gymnasium's contract." in output
    assert not reference or "Nothing differs more than expected." in output
    values = json.loads(numbers.read_text())
    assert values["weight on the feet / m g"] == pytest.approx(1.0, abs=0.01)
    assert values["friction 0.1 against 0.6"] == pytest.approx(0.35, abs=0.01)

    # The same numbers once more, without the simulation.
    script = runpy.run_path(str(ROOT / "examples" / "check_isaacgym.py"))
    names = script["conformance"].__globals__
    monkeypatch.setitem(names, "_simulator", lambda *_: SimpleNamespace(close=lambda: None))
    monkeypatch.setitem(names, "conformance", lambda _: [])
    monkeypatch.setitem(names, "measure", lambda *_: values)
    altered.write_text(json.dumps({**values, "standing height, m": 0.85}))
    monkeypatch.setattr(sys, "argv", ["check_isaacgym.py", "--reference", str(altered)])
    assert script["main"]() == 1
    output = capsys.readouterr().out
    assert output.count("<-- differs") == 1
    assert "standing height, m: 0.881 instead of 0.850. Look at: collision shapes of the feet" in output
