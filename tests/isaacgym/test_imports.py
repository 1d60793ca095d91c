"""Isaac Gym is imported before torch: by the package where it can be, else there is a clear error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.isaacgym.standin import STANDIN

ROOT = Path(__file__).resolve().parents[2]

MAKE = "import gymnasium; gymnasium.make_vec('HumanoidXBotL-IsaacGym-v0', num_envs=1, {})"
MADE = MAKE.format("engine='isaacgym', device='cpu'")
CUDA = "import torch; torch.cuda.is_available, torch.cuda.get_device_name = lambda: True, lambda *_: 'a GPU'"
BEST = "from humanoid_envs.registration import best_engine; print(best_engine())"


def reported(program: str) -> str:
    """A line that prints the ImportError which these lines of a program raise."""
    return f"try: {program}\nexcept ImportError as error: print(error)"


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
    """On a machine with a CUDA device (pretended) it is the best engine then."""
    said = run("import humanoid_envs", MADE, "print('made')", CUDA, BEST)
    assert said.startswith("made\n('isaacgym', 'NVIDIA Isaac Gym is installed")


def test_the_trainers_do_too() -> None:
    without = "import torch; torch.cuda.is_available = lambda: False"
    assert run("import trainers.ppo", MADE, without, BEST) == ("('mujoco', 'no CUDA device was found')\n")


def test_torch_first_is_an_error_that_says_what_to_change() -> None:
    made, best, alone = run(
        "import torch, humanoid_envs", reported(MADE), CUDA, BEST, reported("import isaacgym")
    ).splitlines()
    assert "torch came first. Put `import humanoid_envs`" in made
    assert "'mujoco_warp'" in best
    assert "torch came first" in best
    assert "isaacgym must be imported before torch" in alone


def test_torch_first_does_not_matter_to_other_engines() -> None:
    pytest.importorskip("mujoco.batch")
    assert run("import torch, humanoid_envs", MAKE.format("engine='mujoco'")) == ""


def test_without_isaacgym_the_error_says_how_to_install_it(tmp_path: Path) -> None:
    made = reported(MAKE.format("engine='isaacgym'"))
    error, best = run("import humanoid_envs", made, CUDA, BEST, path=tmp_path).splitlines()
    assert error.startswith("NVIDIA Isaac Gym is not installed")
    assert "docs/isaac_gym.md" in error
    assert "engine='mujoco_warp'" in error
    assert (ROOT / "docs" / "isaac_gym.md").is_file()
    assert "'mujoco_warp'" in best
    assert "NVIDIA Isaac Gym is not installed" in best


def test_an_isaacgym_that_fails_to_import_is_reported(tmp_path: Path) -> None:
    (tmp_path / "isaacgym").mkdir()
    (tmp_path / "isaacgym" / "__init__.py").write_text("import numpy; raise AttributeError('np.float')")
    output = run("import humanoid_envs", reported(MAKE.format("engine='isaacgym'")), path=tmp_path)
    assert output.startswith("NVIDIA Isaac Gym is installed but cannot be imported: AttributeError")
