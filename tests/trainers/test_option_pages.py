"""What `--help GROUP` shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List

import pytest

from humanoid_envs.configs import values_of
from humanoid_envs.errors import UserError
from humanoid_envs.mdp import Gait
from humanoid_envs.tasks import preset
from humanoid_envs.terrain import TerrainConfig
from trainers.option_pages import groups, show_options
from trainers.presets import TrainConfig


@dataclass(frozen=True)
class Skipping(Gait):
    """A clock that skips."""

    skips: int = 3
    """Beats left out."""


CONFIG = TrainConfig(task=preset("fast").replace(gait=Skipping(skips=4)))


def shown(group: str, capsys: pytest.CaptureFixture) -> List[str]:
    show_options(CONFIG, group)
    found = re.findall(r"^[ |│]*--([a-z][\w.-]*)", capsys.readouterr().out, re.MULTILINE)
    return [name for name in found if not re.search(r"(^|\.)no-", name)]  # the other half of a flag


@pytest.mark.parametrize("group", groups(CONFIG))
def test_a_group_shows_its_options(group: str, capsys: pytest.CaptureFixture) -> None:
    absent = "task.terrain"  # a config within, which is not there: on flat ground
    values = [name for name in values_of(CONFIG) if name not in (*groups(CONFIG), absent)]
    of = {"run": [name for name in values if "." not in name], "all": values}
    wanted = of.get(group, [name for name in values if name.startswith(f"{group}.")])
    assert sorted(shown(group, capsys)) == sorted(name.replace("_", "-") for name in wanted)


def test_values_are_the_configs_own(capsys: pytest.CaptureFixture) -> None:
    show_options(CONFIG, "task.gait")
    page = " ".join(capsys.readouterr().out.replace("│", "").replace("|", "").split())
    assert "A clock that skips." in page
    assert "--task.gait.skips INT Beats left out. (default: 4)" in page


def test_a_group_without_options_says_what_it_is_for(capsys: pytest.CaptureFixture) -> None:
    show_options(CONFIG, "ppo.losses")
    page = capsys.readouterr().out
    assert page.startswith("ppo.losses has no options here. It is a Losses:")
    assert "Auxiliary losses" in page


def test_unknown_groups() -> None:
    with pytest.raises(UserError, match=r"^--help knows no group 'task\.gate'; did you mean 'task\.gait'"):
        show_options(CONFIG, "task.gate")


def test_a_terrain_that_is_there_has_options(capsys: pytest.CaptureFixture) -> None:
    show_options(CONFIG.replace({"task.terrain": TerrainConfig(levels=7)}), "task.terrain")
    page = " ".join(capsys.readouterr().out.replace("│", "").replace("|", "").split())
    assert "--task.terrain.levels INT (default: 7)" in page
    assert "--task.terrain.kinds.stairs-up.tread FLOAT" in page
