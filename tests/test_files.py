"""Files appear whole or not at all, and what killed processes left goes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from humanoid_envs.errors import StorageError, UserError
from humanoid_envs.files import is_running, remove_strays, replacing


def names(folder: Path) -> list:
    return sorted(path.name for path in folder.iterdir())


def raise_within(path: Path, error: Exception) -> None:
    with replacing(path) as temporary:
        temporary.touch()
        raise error


def test_the_new_file_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "deep/er/a.txt"
    for text in ("one", "two"):
        with replacing(path) as temporary:
            assert temporary.parent == path.parent
            assert temporary.name == f".a.txt.{os.getpid()}.tmp"
            temporary.write_text(text)
            assert not path.exists() or path.read_text() != text
        assert path.read_text() == text
    assert names(path.parent) == ["a.txt"]


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError):
        raise_within(path, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError), replacing(path):  # nothing was written yet
        _ = 1 / 0
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_what_is_renamed_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def fsync(descriptor: int) -> None:
        done.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    def replace(source: Path, target: Path) -> None:
        done.append((str(source), str(target)))
        source.rename(target)

    monkeypatch.setattr("humanoid_envs.files.os.fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    with replacing(tmp_path / "a") as temporary:
        temporary.write_text("new")
    assert done == [str(temporary), (str(temporary), str(tmp_path / "a")), str(tmp_path)]


def test_an_error_of_the_disk_names_the_file_and_the_cause(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(UserError, match=r"a\.txt cannot be written: No space left on device\.$"):
        raise_within(tmp_path / "a.txt", full)
    with pytest.raises(StorageError, match="elsewhere cannot be written: No such file"):
        raise_within(tmp_path / "a.txt", FileNotFoundError(errno.ENOENT, "No such file", "elsewhere"))
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(StorageError, match=r"runs cannot be written: (Not a directory|File exists)"):
        raise_within(tmp_path / "runs/a.txt", full)
    assert names(tmp_path) == ["runs"]


def test_strays_of_dead_processes_are_removed(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    assert not is_running(dead.pid)
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    stray = folder / f".last.pt.{dead.pid}.tmp"
    kept = [
        folder / f".last.pt.{os.getppid()}.tmp",
        folder / "notes.tmp",
        folder / ".a.tmp",
        folder / "last.pt",
    ]
    for path in [stray, *kept]:
        path.touch()
    with replacing(folder / "mine") as temporary:
        temporary.touch()
        assert remove_strays(tmp_path) == [stray]
    assert names(folder) == sorted(["mine", *(path.name for path in kept)])
