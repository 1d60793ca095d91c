"""The package of tests/plugins/bouncy_walk, installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from humanoid_envs import plugins
from humanoid_envs.engines import ENGINES
from humanoid_envs.robots import ROBOTS
from humanoid_envs.tasks import PRESETS
from tests.examples.script import ROOT
from trainers.presets import PRESETS as RECIPES


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the package is installed, as pip does it."""
    site, source = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("source")
    shutil.copytree(ROOT / "tests/plugins/bouncy_walk", source / "it")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(source / "it")], check=True, timeout=120)
    return site


@pytest.fixture
def plugin(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets this process find the package; what it registers is forgotten after the test."""
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(plugins, "_loaded", [])
    registries: List[Any] = [PRESETS, RECIPES, ENGINES, ROBOTS]
    before = [dict(registry) for registry in registries]
    yield
    for registry, content in zip(registries, before):
        for name in set(registry) - set(content):
            del registry[name]
    for name in [name for name in sys.modules if name.partition(".")[0] == "bouncy_walk"]:
        del sys.modules[name]
