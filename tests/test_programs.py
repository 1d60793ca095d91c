"""How programs are called, and Ctrl-C while they are being imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from humanoid_envs import programs
from humanoid_envs.programs import example_command, shell_command

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = sorted((ROOT / "examples").rglob("*.py"))


def test_commands_are_as_a_user_types_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "examples/play.py"
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("sys.executable", str(tmp_path / ".venv/bin/python"))
    assert shell_command(script, "a run", Path("b")) == ".venv/bin/python examples/play.py 'a run' b"
    monkeypatch.setattr("sys.executable", "/usr/bin/python3")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert shell_command(script) == "python3 examples/play.py"
    monkeypatch.setattr("shutil.which", lambda name: f"/other/{name}")
    assert shell_command(script) == "/usr/bin/python3 examples/play.py"
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    assert shell_command(script) == "/usr/bin/python3 ../examples/play.py"
    monkeypatch.chdir(ROOT)
    assert example_command("play.py", "a") == "/usr/bin/python3 examples/play.py a"


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_every_program_takes_part(path: Path) -> None:
    """Ctrl-C is the guard's while importing, `concise_errors`' from then on."""
    text = path.read_text()
    if path.name == "run_policy.py":  # needs nothing of this project
        assert text.index("signal.signal(signal.SIGINT, ") < text.index("import mujoco")
        return
    assert "@concise_errors()\ndef main()" in text
    heavy = [text.find(f"\n{word} {name}") for word in ("import", "from") for name in ("torch", "gymnasium")]
    assert "\nfrom humanoid_envs" in text or "\nimport humanoid_envs" in text
    ours = min(
        at for at in (text.find("\nfrom humanoid_envs"), text.find("\nimport humanoid_envs")) if at > 0
    )
    assert all(at < 0 or at > ours for at in heavy)


def interrupted(folder: Path, *command: str) -> subprocess.CompletedProcess:
    """Ctrl-C in the middle of importing: torch is a package that takes its time, and tells when."""
    (folder / "torch").mkdir()
    (folder / "torch/__init__.py").write_text("import time\nopen('importing', 'w')\ntime.sleep(60.0)\n")
    (folder / "mujoco.py").write_text((folder / "torch/__init__.py").read_text())
    path = os.pathsep.join([str(folder), str(ROOT)])
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(3000):
        if (folder / "importing").exists():
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30.0)
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


@pytest.mark.parametrize("name", ["train_ppo.py", "run_policy.py", "other_libraries/cleanrl_ppo.py"])
def test_ctrl_c_while_importing(tmp_path: Path, name: str) -> None:
    end = interrupted(tmp_path, str(ROOT / "examples" / name))
    assert (end.returncode, end.stdout, end.stderr) == (130, "Stopped.\n", "")


def test_other_programs_have_their_own_ways(tmp_path: Path) -> None:
    end = interrupted(tmp_path, "-c", "import humanoid_envs")
    assert "KeyboardInterrupt" in end.stderr
    assert end.stdout == ""


def test_after_importing_it_is_a_keyboard_interrupt() -> None:
    before = signal.signal(signal.SIGINT, programs._end)
    try:
        programs.imported()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
