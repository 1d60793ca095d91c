"""Imports NVIDIA's `isaacgym`, where it is installed, before torch can be: it refuses to come second.

`import humanoid_envs` runs this module before anything else.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Optional

_INSTALL = (
    "NVIDIA Isaac Gym is not installed. It is a download for Python 3.8 from developer.nvidia.com/isaac-gym; "
    "docs/isaac_gym.md tells how to add it. Without it, use engine='mujoco_warp' (CUDA) or 'mujoco' (CPU)."
)
_TORCH_FIRST = (
    "NVIDIA Isaac Gym must be imported before torch, and torch came first. Put `import humanoid_envs` (or "
    "`import isaacgym`) above every import of torch, and of packages that import it."
)


def find_problem() -> Optional[str]:
    """Import isaacgym. Returns None, or why that is not possible and what to do."""
    if "isaacgym" not in sys.modules:
        if importlib.util.find_spec("isaacgym") is None:
            return _INSTALL
        if "torch" in sys.modules:
            return _TORCH_FIRST
    try:
        importlib.import_module("isaacgym.gymapi")
    except Exception as error:  # its binary modules fail in many ways: libpython, CUDA, NumPy
        return f"NVIDIA Isaac Gym is installed but cannot be imported: {type(error).__name__}: {error}"
    return None


PROBLEM = find_problem()
"""Why the engine `isaacgym` cannot be used in this process, or None if it can."""
