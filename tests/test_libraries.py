"""The snippets of docs/libraries.md run, where their libraries are installed."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any, Dict

import pytest

pytest.importorskip("mujoco")

PAGE = (Path(__file__).parents[1] / "docs" / "libraries.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
LIBRARIES = ("stable_baselines3", "torchrl", "tianshou", "ray", "rl_games", "minari")


def snippet(library: str) -> str:
    (found,) = [text for text in SNIPPETS if re.search(rf"^from {library}\b", text, re.MULTILINE)]
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", LIBRARIES)
def test_snippet(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(SNIPPETS) == len(LIBRARIES)
    pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    module = types.ModuleType("snippet")
    monkeypatch.setitem(sys.modules, "snippet", module)
    there: Dict[str, Any] = vars(module)
    exec(snippet(library), there)
    if library == "stable_baselines3":
        assert there["model"].num_timesteps == 480
        assert (abs(there["model"].replay_buffer.actions[:60]) <= 1.0).all()
    if library == "rl_games":
        from rl_games.common.vecenv import create_vec_env  # pyright: ignore[reportMissingImports]

        robots = create_vec_env("xbot_l", 4, config="fast")
        assert robots.reset().shape == (4, 705)
        assert set(robots.step(robots.env.action_space.sample())[3]) == {"time_outs"}
    if library == "minari":
        episode = next(there["dataset"].iterate_episodes())
        lengths = episode.infos["episode_so_far"]["episode_length"]
        assert lengths.tolist() == list(range(len(episode.rewards) + 1))
        recovered, recorded = (there[name].unwrapped for name in ("again", "env"))
        assert recovered.config == recorded.config
        assert recovered.action_space == recorded.action_space
