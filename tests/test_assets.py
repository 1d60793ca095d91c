"""The model files are found in a checkout and in an installed wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Set

import pytest

from humanoid_envs.assets import asset_path

ROOT = Path(__file__).resolve().parents[1]


def files_below(folder: Path) -> Set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def unpacked_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    build = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert build.returncode == 0, build.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_a_checkout_uses_its_own_assets() -> None:
    assert asset_path("xbot_l/xbot_l.xml") == ROOT / "assets" / "xbot_l" / "xbot_l.xml"
    assert asset_path("xbot_l/xbot_l.xml").is_file()


def test_the_wheel_has_the_packages_and_all_assets_and_nothing_else(unpacked_wheel: Path) -> None:
    assert files_below(unpacked_wheel / "humanoid_envs" / "_assets") == files_below(ROOT / "assets")
    top = {path.name for path in unpacked_wheel.iterdir()}
    (metadata,) = (name for name in top if name.endswith(".dist-info"))
    assert top == {"humanoid_envs", "trainers", metadata}
    assert files_below(unpacked_wheel / metadata / "licenses") == {"LICENSE", "NOTICE"}


def test_an_installed_wheel_finds_its_models(unpacked_wheel: Path, tmp_path: Path) -> None:
    program = "from humanoid_envs.robots import XBOT_L; print(XBOT_L.mjcf); print(XBOT_L.urdf)"
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked_wheel)},
        capture_output=True,
        text=True,
        check=True,
    )
    for line in run.stdout.split():
        assert Path(line).is_file()
        assert unpacked_wheel in Path(line).parents
