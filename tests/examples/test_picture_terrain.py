"""examples/picture_terrain.py draws kinds of ground."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.examples.script import run_here

MY_BUMP = """
from dataclasses import dataclass
import numpy as np
from humanoid_envs.terrain import TerrainConfig, TerrainKind, TerrainKinds, register_terrain

@dataclass(frozen=True)
class Bump(TerrainKind):
    def heights(self, difficulty, rng, patch):
        return difficulty * np.exp(-2 * ((patch.x - 2) ** 2 + patch.y ** 2))

@dataclass(frozen=True)
class Ground(TerrainKinds):
    bump: Bump = Bump()

@register_terrain("picture_bump")
def bump():
    return TerrainConfig(kinds=Ground())
"""


def test_draws_some_kinds_of_a_terrain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("--terrain", "sparse", "--kinds", "stones", "beams", "--difficulties", "0.2", "0.6", "1")
    assert run_here(tmp_path, "picture_terrain.py", *options, monkeypatch=monkeypatch) == 0
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["beams.png", "stones.png"]
    pixels = np.asarray(Image.open(tmp_path / "pictures/beams.png").convert("RGB")).astype(int)
    brown = (abs(pixels - (84, 48, 5)) < 30).all(-1).mean()  # the ditch
    assert brown > 0.05


def test_draws_a_kind_of_a_plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "picture_bump_plugin.py").write_text(MY_BUMP)
    options = ("--plugin", "picture_bump_plugin", "--terrain", "picture_bump", "--folder", "mine")
    assert run_here(tmp_path, "picture_terrain.py", *options, monkeypatch=monkeypatch) == 0
    assert (tmp_path / "mine/bump.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--terrain", "ruogh"), "Unknown terrain 'ruogh'; did you mean 'rough'"),
        (("--kinds", "stair_up"), "Unknown kind of terrain 'stair_up'; did you mean 'stairs_up'"),
    ],
)
def test_unknown_names_end_with_one_line(
    options: tuple, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = run_here(tmp_path, "picture_terrain.py", *options, monkeypatch=monkeypatch)
    assert message in str(end)
    assert not (tmp_path / "pictures").exists()
