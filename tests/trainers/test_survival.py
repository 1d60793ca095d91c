"""A run survives its user: kills, a second process, and disks that fail."""

from __future__ import annotations

import csv
import dataclasses
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from humanoid_envs.errors import StorageError, UserError
from humanoid_envs.vector_env import HumanoidVectorEnv
from tests.examples.script import ROOT
from tests.examples.script import TINY as OPTIONS
from trainers.ppo.checkpoint import read_checkpoint
from trainers.presets import TrainConfig, preset
from trainers.runs import Run
from trainers.training import train

pytest.importorskip("mujoco")

CPU = preset("cpu")
TINY = dataclasses.replace(
    CPU,
    ppo=dataclasses.replace(CPU.ppo, num_steps=8, actor_hidden=(8,), critic_hidden=(8,), device="cpu"),
    num_envs=4,
    total_timesteps=4 * 32,
    engine="mujoco",
    compiled=False,
    save_every=1,
    keep_every=2,
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> List[str]:
    """Exports take seconds: only their names."""
    names: List[str] = []

    def export(policy: Any, path: Path) -> None:
        names.append(path.name)

    monkeypatch.setattr("trainers.export.export_policy", export)
    return names


def run_in(folder: Path, resume: bool = False, **changes: Any) -> None:
    run = Run(folder)
    config: TrainConfig = dataclasses.replace(TINY, **changes)
    train(config, run, run.last_checkpoint if resume else None, progress_bar=False)


def at_update(monkeypatch: pytest.MonkeyPatch, update: int, act: Callable[[], object]) -> None:
    """Do something, once, after an update and before it is logged."""
    left = [act]

    def callback(ppo: Any) -> None:
        if ppo.num_updates == update and left:
            left.pop()()

    monkeypatch.setattr("trainers.training._callbacks", lambda *arguments: [callback])


# A process and its end


def start(folder: Path, *options: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "examples/train_ppo.py"), *options, "--no-evaluate"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], bool], process: subprocess.Popen) -> None:
    for _ in range(6000):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError("nothing happened in a minute")


def steps_of(run: Run) -> List[int]:
    with (run.directory / "progress.csv").open() as file:
        return [int(row["timesteps"]) for row in csv.DictReader(file)]


def curve(run: Run) -> List[int]:
    events = EventAccumulator(str(run.directory), size_guidance={"scalars": 0})
    events.Reload()
    return [point.step for point in events.Scalars("train/updates")]


def test_killed_locked_resumed_and_stopped(tmp_path: Path) -> None:
    """One run in the hands of an impatient user."""
    run, update = Run(tmp_path / "runs/a"), 64
    often = (*OPTIONS, "--total-timesteps", str(10**9), "--save-every", "7", "--run-name", "a")
    process = start(tmp_path, *often)
    try:
        wait_for(run.last_checkpoint.is_file, process)
        in_use = rf"runs/a is in use by process {process.pid} on {socket.gethostname()}: wait for its end"
        with pytest.raises(StorageError, match=in_use):
            run_in(run.directory, resume=True)
        wait_for(lambda: len(steps_of(run)) > 20, process)
    finally:
        process.kill()
    process.communicate()
    saved = read_checkpoint(run.last_checkpoint)["num_timesteps"]
    assert saved % (7 * update) == 0
    for steps in (steps_of(run), curve(run)):
        assert steps[: saved // update] == list(range(update, saved + 1, update))

    stray = run.checkpoints / f".last.pt.{process.pid}.tmp"
    stray.write_bytes(b"half")
    process = start(tmp_path, "--resume", "a")
    try:
        wait_for(lambda: len(steps_of(run)) >= saved // update + 20, process)
    finally:
        process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=100)
    assert (process.returncode, errors) == (130, "")
    assert re.fullmatch(r"Stopped\. Go on with: \S+ \S+train_ppo\.py --resume a", output.splitlines()[-1])
    end = read_checkpoint(run.last_checkpoint)["num_timesteps"]
    assert steps_of(run) == curve(run) == list(range(update, end + 1, update))
    assert end > saved
    assert {"policy.onnx", "policy.jit.pt"} <= {path.name for path in run.checkpoints.iterdir()}
    assert not stray.exists()
    assert not (run.directory / ".lock").exists()


def test_what_was_due_is_made_at_the_resume(tmp_path: Path, exported: List[str]) -> None:
    run_in(tmp_path / "a")
    kept = Run(tmp_path / "a").checkpoints / "update_000004.pt"
    before = read_checkpoint(kept)
    kept.unlink()
    exported.clear()
    run_in(tmp_path / "a", resume=True)
    again = read_checkpoint(kept)
    assert (again["num_updates"], again["environment"]) == (4, None)
    for name, weight in before["policy"].items():
        assert torch.equal(again["policy"][name], weight)
    assert exported[:2] == ["update_000004.onnx", "update_000004.jit.pt"]


def test_another_run_is_not_overwritten(tmp_path: Path, exported: List[str]) -> None:
    run_in(tmp_path / "a")
    run_in(tmp_path / "b")
    before = (tmp_path / "b/checkpoints/last.pt").read_bytes()
    for resume in (None, tmp_path / "a/checkpoints/last.pt"):
        with pytest.raises(UserError, match="b already holds a run: resume it, or choose another name"):
            train(TINY, Run(tmp_path / "b"), resume, progress_bar=False)
    assert (tmp_path / "b/checkpoints/last.pt").read_bytes() == before


# Disks


def test_the_first_step_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exported: List[str]) -> None:
    def fail(env: Any, actions: Any) -> None:
        raise RuntimeError("no physics today")

    with monkeypatch.context() as patch:
        patch.setattr(HumanoidVectorEnv, "step", fail)
        with pytest.raises(RuntimeError, match="no physics today"):
            run_in(tmp_path / "runs/a")
    assert list(tmp_path.iterdir()) == []

    at_update(monkeypatch, 3, lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_in(tmp_path / "runs/a")
    assert steps_of(Run(tmp_path / "runs/a")) == [32, 64]


def test_runs_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(StorageError, match=r"runs/a cannot be written: Not a directory\.$"):
        run_in(tmp_path / "runs/a")


def test_the_folder_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exported: List[str]) -> None:
    at_update(monkeypatch, 3, lambda: shutil.rmtree(tmp_path / "a"))
    with pytest.raises(StorageError, match="is gone: it or its folder was deleted or moved while training"):
        run_in(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_limit_of_file_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exported: List[str]) -> None:
    resource = pytest.importorskip("resource")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    at_update(monkeypatch, 3, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard)))
    try:
        with pytest.raises(StorageError, match=r"last\.pt cannot be written: File too large\. .* is whole"):
            run_in(tmp_path / "a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert read_checkpoint(Run(tmp_path / "a").last_checkpoint)["num_updates"] == 2
    assert not list((tmp_path / "a").rglob("*.tmp"))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """One of a megabyte and a half."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> None:
    with (disk / "full").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def test_the_disk_is_full(
    disk: Path, monkeypatch: pytest.MonkeyPatch, exported: List[str], capfd: pytest.CaptureFixture
) -> None:
    at_update(monkeypatch, 3, lambda: fill(disk))
    with pytest.raises(StorageError, match=r"cannot be written: No space left on device\. .* is whole"):
        run_in(disk / "runs/a")
    assert capfd.readouterr().err == ""  # of no thread
    assert read_checkpoint(Run(disk / "runs/a").last_checkpoint)["num_updates"] == 2
    (disk / "full").unlink()
    run_in(disk / "runs/a", resume=True)
    assert steps_of(Run(disk / "runs/a")) == [32, 64, 96, 128]
    fill(disk)
    with pytest.raises(StorageError, match=r"cannot be written: No space left on device"):
        run_in(disk / "runs/b")
    assert not (disk / "runs/b").exists()


def test_a_disk_for_reading_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(StorageError, match=r"runs cannot be written: Read-only file system\.$"):
        run_in(disk / "runs/a")
