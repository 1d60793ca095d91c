"""The code of docs/from_humanoid_gym.md runs as it stands there."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

from humanoid_envs.tasks import PRESETS

PAGE = Path(__file__).resolve().parents[1] / "docs/from_humanoid_gym.md"


def test_its_code_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mujoco.batch")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    module = types.ModuleType("my_habits")
    monkeypatch.setitem(sys.modules, "my_habits", module)
    there = vars(module)
    try:
        exec(code, there)
    finally:
        PRESETS.pop("my_habits", None)
    assert there["env"].live["rewards.knee_torque.weight"] == pytest.approx(-2e-4)
    assert there["info"]["command"][:, 0].tolist() == pytest.approx([0.4, 0.4])
    there["env"].close()
