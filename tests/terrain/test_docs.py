"""docs/terrain.md has all kinds, with their parameters, a picture of each and an example that works."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path
from typing import Dict

import pytest

from humanoid_envs.terrain import TERRAINS, Rough, RoughV0, Sparse, TerrainKind, build_terrain

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/terrain.md").read_text()
PICTURES = ROOT / "docs/pictures/terrain"
SHOWN: Dict[str, TerrainKind] = {**Sparse().all, **Rough().all, "obstacles": RoughV0().obstacles}


def row_of(name: str) -> str:
    return next(
        line for line in TEXT.splitlines() if line.startswith("|") and f"`{name}`" in line.split("|")[1]
    )


@pytest.mark.parametrize("name", SHOWN)
def test_table_has_parameters_of_kind(name: str) -> None:
    row = row_of(name)
    kind = SHOWN[name]
    for field in dataclasses.fields(kind):
        value = getattr(kind, field.name)
        if isinstance(value, tuple) and field.name != "side":
            assert f"{value[0]:g} → {value[1]:g}" in row, field.name
    if name in Sparse().all:
        assert "`sparse`" in row or "all" in row
    side = getattr(kind, "side", None)
    assert side is None or any(
        text in row for text in (f"{side}", "{:g} → {:g}".format(*pair(side)), "1 to 2")
    )


def pair(value: object) -> tuple:
    return value if isinstance(value, tuple) else (value, value)


def test_release_s_kinds_are_told() -> None:
    kinds = RoughV0()
    assert f"`uniform` {kinds.uniform.share:.0%}".replace("%", " %") in TEXT
    assert f"± {kinds.uniform.height[0]:g} → {kinds.uniform.height[1]:g}" in TEXT
    assert f"grade {kinds.slope_up.grade[0]:g} → {kinds.slope_up.grade[1]:g}" in TEXT


def test_every_kind_has_a_picture_and_pictures_are_small() -> None:
    names = {path.stem for path in PICTURES.glob("*.png")}
    assert names == set(SHOWN) - {"flat"}
    assert set(re.findall(r"pictures/terrain/(\w+)\.png", TEXT)) == names
    assert sum(path.stat().st_size for path in PICTURES.glob("*")) < 600_000


def test_example_of_a_kind_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = next(
        part for part in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if "# my_hills.py" in part
    )
    (tmp_path / "my_hills.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        __import__("my_hills")
        terrain = build_terrain(TERRAINS["my_hills"]().replace(levels=2))
    finally:
        sys.modules.pop("my_hills", None)
        TERRAINS.pop("my_hills", None)
    assert terrain.tiles is not None
    assert "hill" in terrain.tiles.kinds
