"""Modules from outside by name, and what is said where one is missing."""

from __future__ import annotations

import pickle
import re
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
import torch

from humanoid_envs import plugins
from humanoid_envs.configs import from_plain, to_plain
from humanoid_envs.contract import ObservationTerm
from humanoid_envs.errors import MissingPlugIn, UserError
from humanoid_envs.mdp.live import LiveTable
from humanoid_envs.tasks import PRESETS, preset
from humanoid_envs.tasks.velocity import VelocityConfig
from humanoid_envs.vector_env import HumanoidVectorEnv
from tests.mdp.test_rewards import step
from tests.scripted_simulator import ScriptedSimulator, standing

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current one, empty; what is imported in the test is forgotten after it."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(plugins, "_loaded", [])
    yield tmp_path
    for name in set(sys.modules) - before:  # others, torch's for instance, cannot be imported again
        file = getattr(sys.modules[name], "__file__", None)
        if file is None or str(tmp_path) in file:
            del sys.modules[name]


def install(site: Path, name: str, module: str) -> None:
    """What pip leaves of a package that announces a plug-in."""
    info = site / "bouncy_walk-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bouncy-walk\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{plugins.GROUP}]\n{name} = {module}\n")
    sys.path.append(str(site))


def test_a_file_in_the_current_folder(folder: Path) -> None:
    (folder / "my_walk_a.py").write_text("import my_walk_b\n")
    (folder / "my_walk_b.py").write_text("")
    plugins.load("my_walk_a")
    plugins.load("my_walk_a")
    assert plugins.loaded() == ("my_walk_a",)
    assert plugins.record() == {"plugins": ["my_walk_a"]}
    assert {"my_walk_a", "my_walk_b"} <= set(sys.modules)


def test_an_installed_one_by_the_name_that_it_announces(folder: Path) -> None:
    site = folder / "site"
    install(site, "bouncy", "bouncy_walk.all")
    (site / "bouncy_walk").mkdir()
    (site / "bouncy_walk" / "__init__.py").write_text("")
    (site / "bouncy_walk" / "all.py").write_text("")
    (folder / "bouncy").mkdir()  # a folder is no module
    assert plugins.installed()["bouncy"] == "bouncy_walk.all"
    assert "bouncy_walk.all" not in sys.modules  # nothing is imported unasked
    plugins.load("bouncy")
    assert "bouncy_walk.all" in sys.modules
    (folder / "bouncy.py").write_text("")
    plugins._loaded.clear()
    plugins.load("bouncy")
    assert "bouncy" in sys.modules  # the current folder comes first


def test_unknown_names_come_with_the_nearest(folder: Path) -> None:
    install(folder / "site", "bouncy", "bouncy_walk")
    (folder / "my_walk.py").write_text("")
    for name in ("my_wlak", "my_walk.py", "bouncey", "", "a b", "../my_walk", "os.nothing"):
        with pytest.raises(
            UserError, match=r"^There is no plug-in '.*', here or installed; (did|there)"
        ) as caught:
            plugins.load(name)
        if name == "bouncey":
            assert str(caught.value).endswith("did you mean 'bouncy'?")
    with pytest.raises(UserError, match=r"did you mean 'my_walk'\?$"):
        plugins.load("my_walk.py")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "x = 1\nimport my_other\n",
            r"my_broken\.py, line 2: ModuleNotFoundError: No module named 'my_other'",
        ),
        ("def f():\n  return 1 / 0\nf()\n", r"my_broken\.py, line 2: ZeroDivisionError: division by zero"),
        ("import json\njson.loads('{')\n", r"my_broken\.py, line 2: JSONDecodeError: "),
        ("x =\n", r"my_broken\.py, line 1: SyntaxError: invalid syntax"),
    ],
)
def test_a_plugin_that_fails_says_where_and_why(folder: Path, text: str, message: str) -> None:
    (folder / "my_broken.py").write_text(text)
    with pytest.raises(UserError, match=rf"^Plug-in 'my_broken' cannot be imported: {message}") as caught:
        plugins.load("my_broken")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None
    assert plugins.loaded() == ()


def test_what_a_file_was_written_with_is_named_where_it_is_missing() -> None:
    ending = r"load the plug-in that has it: --plugin my_walk\.$"
    with pytest.raises(MissingPlugIn, match=ending), plugins.naming_missing(["my_walk"]):
        raise MissingPlugIn("no such class", "elsewhere")
    ending = r"^No such engine\. .* are not loaded: --plugin a --plugin b\.$"
    with pytest.raises(UserError, match=ending), plugins.naming_missing(["a", "b"]):
        raise UserError("No such engine.")


def test_the_error_passes_between_processes() -> None:
    error = pickle.loads(pickle.dumps(MissingPlugIn("no such class", "my_walk")))
    assert str(error) == "no such class; load the plug-in that has it: --plugin my_walk."


@pytest.mark.parametrize("written_with", [None, [], "my_walk", 3, {"my_walk": 1}])
def test_errors_of_other_files_stay_as_they_are(written_with: object) -> None:
    with pytest.raises(UserError, match=r"^No such engine\.$"), plugins.naming_missing(written_with):
        raise UserError("No such engine.")


def test_the_pages_example(folder: Path) -> None:
    page = (ROOT / "docs/plugins.md").read_text()
    module, with_reward, with_memory, with_terms, _, own_class, *_ = re.findall(
        r"```python\n(.*?)```", page, re.DOTALL
    )
    (folder / "my_walk.py").write_text(module)
    try:
        plugins.load("my_walk")
        assert preset("my_walk").gait.period == 0.7
        assert preset("my_walk").replace(**{"gait.period": 0.75}) != preset("my_walk")
    finally:
        PRESETS.pop("my_walk", None)
    (folder / "my_rewards.py").write_text(with_reward.replace('"my_walk"', '"my_rewards"') + with_memory)
    try:
        plugins.load("my_rewards")
        rewards: Any = preset("my_rewards").rewards
        assert rewards.active["knee_torque"].weight == -1e-4
        assert "rewards.knee_torque.weight" in LiveTable(preset("my_rewards")).places
        remembering = sys.modules["my_rewards"].SlowTorque(1.0)
        value, memory = remembering.advance(step(2), torch.ones(2, 1))
        torch.testing.assert_close(value, torch.full((2,), 0.98))
        torch.testing.assert_close(memory[:, 0], value)
    finally:
        PRESETS.pop("my_rewards", None)
    heads = "from dataclasses import dataclass\nfrom humanoid_envs.configs import Share\n"
    (folder / "my_terms.py").write_text(heads + with_terms)
    try:
        plugins.load("my_terms")
        env = HumanoidVectorEnv(ScriptedSimulator(standing(2)), "pushed")
        observation, _ = env.reset(seed=0)
        assert observation.shape == (2, 15 * (47 + 3))
        assert env.contract.observation_terms[-1] == ObservationTerm("acceleration", 3, 0.1)
        assert env.config.curricula.active["pushes"].parameter in env.live
        env.close()
    finally:
        PRESETS.pop("pushed", None)
    heads += "from humanoid_envs.simulators.simulator import PhysicsConfig\n"
    (folder / "my_physics.py").write_text(heads + own_class)
    plugins.load("my_physics")
    values = {"physics": {"class": "my_physics.MyPhysics", "carried_percent": 25}}
    physics: Any = from_plain(VelocityConfig, values).physics
    assert physics.carried == 0.25
    assert to_plain(VelocityConfig(physics=physics))["physics"]["class"] == "my_physics.MyPhysics"
