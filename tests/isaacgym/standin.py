"""Makes the stand-in importable as `isaacgym` in a process that has torch already."""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Dict, Iterator

STANDIN = Path(__file__).resolve().parents[1] / "isaacgym_standin"


@contextlib.contextmanager
def standin() -> Iterator[None]:
    """Inside, `import isaacgym` gives the stand-in, and the adapter uses it."""
    import mujoco  # noqa: F401  before torch is hidden
    import torch

    before = _take_modules()
    sys.path.insert(0, str(STANDIN))
    try:
        del sys.modules["torch"]
        try:
            importlib.import_module("isaacgym.gymapi")
        finally:
            sys.modules["torch"] = torch
        yield
    finally:
        sys.path.remove(str(STANDIN))
        _take_modules()
        sys.modules.update(before)


def _take_modules() -> Dict[str, ModuleType]:
    """Remove the stand-in or the original, and the adapter, from what is imported."""
    names = [
        name
        for name in sys.modules
        if name.split(".")[0] == "isaacgym" or name.startswith("humanoid_envs.simulators.isaacgym")
    ]
    return {name: sys.modules.pop(name) for name in names}
