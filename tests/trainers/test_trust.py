"""Which files may run code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from humanoid_envs.errors import UserError
from trainers import trust


@pytest.fixture(autouse=True)
def own_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_file_from_elsewhere_takes_the_users_word(tmp_path: Path) -> None:
    path = write(tmp_path / "model.zip", b"code")
    with pytest.raises(UserError, match=r"model\.zip is a model of X: it runs code .* pass --trust"):
        trust.require_trust(path, False, "a model of X")
    trust.require_trust(path, True, "a model of X")
    assert not trust.is_known(path)  # saying so once does not make it ours


def test_what_was_written_here_is_known_by_its_content(tmp_path: Path) -> None:
    path = write(tmp_path / "model.zip", b"code")
    trust.remember(path)
    trust.remember(path)
    assert trust.list_path().read_text().split() == [trust.sha256_of(path)]
    trust.require_trust(path.rename(tmp_path / "moved.zip"), False)
    with pytest.raises(UserError):
        trust.require_trust(write(tmp_path / "moved.zip", b"c0de"), False)


def test_nothing_beside_a_file_makes_it_known(tmp_path: Path) -> None:
    path = write(tmp_path / "policy.pt", b"code")
    for name in ("policy.sha256", "policy.pt.sha256", "written.sha256"):
        (tmp_path / name).write_text(trust.sha256_of(path))
    assert not trust.is_known(path)


def test_a_list_that_cannot_be_written_or_read_knows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "policy.pt", b"code")
    (tmp_path / "data").write_text("a file")
    trust.remember(path)
    assert not trust.is_known(path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "other"))
    trust.list_path().parent.mkdir(parents=True)
    trust.list_path().write_bytes(b"\xff\xfe\n" + trust.sha256_of(path).encode() + b"\n")
    assert trust.is_known(path)


def test_the_list_is_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", os.sep + "home-of-x")
    assert trust.list_path() == Path("/home-of-x/.local/share/humanoid_envs/written.sha256")
