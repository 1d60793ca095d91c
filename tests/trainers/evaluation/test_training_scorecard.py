"""Scorecards while training: their headline, their file, and when they are due."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from humanoid_envs.contract import PolicyContract
from humanoid_envs.tasks import preset
from tests.trainers.evaluation.scripted import TINY_SCORECARD, limp
from trainers.evaluation.report.page import make_page, make_sections
from trainers.evaluation.result_file import read_result
from trainers.evaluation.scorecard import Scorecard, ScorecardConfig, make_scorecard
from trainers.evaluation.training_scorecard import SMALL, ScorecardCallback, headline
from trainers.ppo import Every

pytest.importorskip("mujoco")


def limp_ppo() -> Any:
    """In place of a trainer."""
    env = SimpleNamespace(contract=PolicyContract.of(preset("fast"), engine="mujoco_warp"))
    env.unwrapped = env
    return SimpleNamespace(
        num_updates=200,
        metrics={"episode/return": 1.0},
        metadata={},
        get_env=lambda: env,
        signature=SimpleNamespace(wrapper=None),
        policy=SimpleNamespace(actor_state_size=0),
        predict=lambda observation, state: (limp(observation), None),
    )


@pytest.fixture(scope="module")
def card() -> Scorecard:
    return make_scorecard(limp, preset("fast"), config=TINY_SCORECARD)


def test_headline(card: Scorecard) -> None:
    numbers = headline(card)
    assert numbers["scorecard/survived"] == card.overall.survived.value == 1.0  # for a second
    assert numbers["scorecard/torque"] == card.overall.torque.value
    assert numbers["scorecard/push_survival"] == card.pushes.survived.value == 0.0
    forward = card.commands[0].metrics.error.vx.value
    assert forward is not None
    assert numbers["scorecard/worst_velocity_error"] >= abs(forward) > 0.2
    assert numbers["scorecard/commands_met"] == sum(result.training_goal for result in card.commands[:2])
    assert numbers["scorecard/shipping_goal_lacks"] == len(card.shipping_goal) > 0
    assert all(isinstance(value, float) and math.isfinite(value) for value in numbers.values())


def test_commands_beyond_do_not_count(card: Scorecard) -> None:
    within = dataclasses.replace(card, commands=card.commands[:2])
    assert headline(card) == headline(within)


def test_what_has_no_value_is_left_out(card: Scorecard) -> None:
    nothing = dataclasses.replace(card.overall.drift, value=None)
    overall = dataclasses.replace(card.overall, drift=nothing)
    assert "scorecard/drift" in headline(card)
    assert "scorecard/drift" not in headline(dataclasses.replace(card, overall=overall))


def test_the_callback_logs_the_headline_and_writes_all(tmp_path: Path, card: Scorecard) -> None:
    ppo = limp_ppo()
    callback = ScorecardCallback(preset("fast"), tmp_path / "scorecards", Every(updates=100), TINY_SCORECARD)
    callback(ppo)
    assert ppo.metrics == {"episode/return": 1.0, **headline(card)}
    (written,) = (tmp_path / "scorecards").iterdir()
    assert written.name == "update_000200.json"
    content = read_result(written)
    assert content["policy"]["file"] == "update_000200"
    assert content["policy"]["contract"]["engine"] == "mujoco_warp"
    assert len(content["scorecards"][0]["commands"]) == 3
    assert "<h1>update_000200</h1>" in make_page(content, make_sections(content))
    ppo.num_updates = 201
    callback(ppo)
    assert len(list((tmp_path / "scorecards").iterdir())) == 1


def test_the_small_one_measures_what_a_goal_is_about() -> None:
    """All nine commands and pushes of 1 m/s, in a fraction of the whole scorecard's steps."""
    task, whole = preset("fast"), ScorecardConfig()
    assert SMALL.commands == whole.commands
    assert SMALL.pushes.largest == whole.pushes.largest
    assert SMALL.env_steps(task) < whole.env_steps(task) / 14
