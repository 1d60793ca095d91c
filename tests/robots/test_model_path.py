"""Where models are: files, folders of MuJoCo Menagerie, its package."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from humanoid_envs.errors import MissingPackage, UserError
from humanoid_envs.robots.model_path import model_path


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.URDF").write_text("<robot/>")
    assert model_path("mine.URDF") == tmp_path / "mine.URDF"
    with pytest.raises(FileNotFoundError, match=r"no model file .*yours\.xml"):
        model_path("yours.xml")
    (tmp_path / "mine.usd").write_text("")
    with pytest.raises(UserError, match=r"mine\.usd is no model file: give an MJCF"):
        model_path("mine.usd")


def test_a_folder_of_menagerie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that the scene includes."""
    folder = tmp_path / "acme_a1"
    folder.mkdir()
    (folder / "scene.xml").write_text('<mujoco><include file="a1.xml"/><worldbody/></mujoco>')
    for name in ("a1.xml", "a1_hands.xml"):
        (folder / name).write_text("<mujoco/>")
    monkeypatch.setenv("MENAGERIE_ROOT", str(tmp_path))
    assert model_path("menagerie:acme_a1") == folder / "a1.xml"
    assert model_path("menagerie:acme_a1/a1_hands") == folder / "a1_hands.xml"
    with pytest.raises(UserError, match=r"has no model 'acme_a2'; did you mean 'acme_a1'"):
        model_path("menagerie:acme_a2")
    with pytest.raises(UserError, match=r"has no file a1_hand\.xml; did you mean 'a1_hands'"):
        model_path("menagerie:acme_a1/a1_hand")


class Refused(Exception):
    """What the package raises."""


def get(name: str) -> SimpleNamespace:
    if name != "acme_a1":
        raise Refused(f"unknown robot {name!r}")
    return SimpleNamespace(default_model="a1", xml=lambda entry: f"/models/acme_a1/{entry}.xml")


def test_the_package_of_menagerie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MENAGERIE_ROOT", raising=False)
    monkeypatch.setitem(sys.modules, "mujoco_menagerie", SimpleNamespace(get=get, MenagerieError=Refused))
    assert model_path("menagerie:acme_a1") == Path("/models/acme_a1/a1.xml")
    assert model_path("menagerie:acme_a1/hands") == Path("/models/acme_a1/hands.xml")
    with pytest.raises(UserError, match="menagerie:acme_a2: unknown robot 'acme_a2'"):
        model_path("menagerie:acme_a2")
    monkeypatch.setitem(sys.modules, "mujoco_menagerie", None)
    with pytest.raises(MissingPackage, match=r"pip install mujoco-menagerie\), or MENAGERIE_ROOT"):
        model_path("menagerie:acme_a1")
