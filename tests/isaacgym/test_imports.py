"""Isaac Gym is imported before torch: by the package where it can be, else there is a clear error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.isaacgym.standin import STANDIN

ROOT = Path(__file__).resolve().parents[2]

REPORTING = "import sys; sys.excepthook = lambda kind, error, _: print(issubclass(kind, ImportError), error)"
MAKE = "import gymnasium; gymnasium.make_vec('HumanoidXBotL-IsaacGym-v0', num_envs=1, {})"
CUDA = "import torch; torch.cuda.is_available, torch.cuda.get_device_name = lambda: True, lambda *_: 'a GPU'"
BEST = "from humanoid_envs.registration import best_engine; print(best_engine())"


def run(*lines: str, path: Path = STANDIN) -> str:
    """Output of a program with that folder on its path, errors included."""
    program = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return program.stdout


def test_the_package_imports_isaacgym_before_torch() -> None:
    made = MAKE.format("engine='isaacgym', device='cpu'")
    assert run("import humanoid_envs", f"print({made.split('; ')[0]!r})", made) == "import gymnasium\n"


def test_the_trainers_do_too() -> None:
    assert run("import trainers.ppo", MAKE.format("engine='isaacgym', device='cpu'")) == ""


def test_torch_first_is_an_error_that_says_what_to_change() -> None:
    assert "isaacgym must be imported before torch" in run("import torch, isaacgym")
    output = run("import torch, humanoid_envs", MAKE.format("engine='isaacgym', device='cpu'"))
    assert "ImportError" in output
    assert "torch came first. Put `import humanoid_envs`" in output


def test_torch_first_does_not_matter_to_other_engines() -> None:
    pytest.importorskip("mujoco.batch")
    assert run("import torch, humanoid_envs", MAKE.format("engine='mujoco'")) == ""


def test_without_isaacgym_the_error_says_how_to_install_it(tmp_path: Path) -> None:
    output = run(REPORTING, "import humanoid_envs", MAKE.format("engine='isaacgym'"), path=tmp_path)
    assert output.startswith("True NVIDIA Isaac Gym is not installed")
    assert "docs/isaac_gym.md" in output
    assert "engine='mujoco_warp'" in output
    assert (ROOT / "docs" / "isaac_gym.md").is_file()


def test_an_isaacgym_that_fails_to_import_is_reported(tmp_path: Path) -> None:
    (tmp_path / "isaacgym").mkdir()
    (tmp_path / "isaacgym" / "__init__.py").write_text("import numpy; raise AttributeError('np.float')")
    output = run(REPORTING, "import humanoid_envs", MAKE.format("engine='isaacgym'"), path=tmp_path)
    assert output.startswith("True NVIDIA Isaac Gym is installed but cannot be imported: AttributeError")


def test_best_engine(tmp_path: Path) -> None:
    """On a machine with a CUDA device (pretended)."""
    assert "'isaacgym', 'NVIDIA Isaac Gym is installed" in run("import humanoid_envs", CUDA, BEST)
    assert "('mujoco', 'no CUDA device was found')" in run(
        "import humanoid_envs, torch; torch.cuda.is_available = lambda: False", BEST
    )
    too_late = run(CUDA, BEST)
    assert "'mujoco_warp'" in too_late
    assert "torch came first" in too_late
    without = run(CUDA, BEST, path=tmp_path)
    assert "'mujoco_warp'" in without
    assert "NVIDIA Isaac Gym is not installed" in without
