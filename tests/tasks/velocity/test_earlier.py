"""Configs that earlier versions wrote are the same tasks now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import pytest

from humanoid_envs.configs import from_plain, to_plain
from humanoid_envs.errors import UserError
from humanoid_envs.tasks.velocity import VelocityConfig, preset

SAVED: Dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "golden" / "earlier_presets.json").read_text()
)
"""The presets as they were written when rewards were weights in `scales` and parameters beside them."""


@pytest.mark.parametrize("name", [*SAVED])
def test_presets_are_the_same(name: str) -> None:
    assert from_plain(VelocityConfig, SAVED[name]) == preset(name)
    assert from_plain(VelocityConfig, to_plain(preset(name))) == preset(name)


def test_single_values() -> None:
    rewards = {
        "scales": {"torques": -2e-5},
        "min_distance": 0.22,
        "mean_tracking_time": 0.5,
        "sole_height": 0.0,
    }
    given = {"rewards": rewards, "commands": {"min_speed": 0.1}}
    expected = {
        "rewards.torques.weight": -2e-5,
        "rewards.feet_distance.least": 0.22,
        "rewards.knee_distance.least": 0.22,
        "commands.averaging_time": 0.5,
        "commands.min_speed": 0.1,
        "feet.sole_height": 0.0,
    }
    assert from_plain(VelocityConfig, given) == VelocityConfig().replace(expected)
    assert from_plain(VelocityConfig, {"rewards": {"base_height": 0.8}}).rewards.base_height.target == 0.8
    assert given["commands"] == {"min_speed": 0.1}  # what was given stays as it is


def test_terms_keep_what_is_not_named() -> None:
    config = from_plain(VelocityConfig, {"rewards": {"tracking_lin_vel": {"sharpness": 4.0}}})
    assert config == VelocityConfig().replace({"rewards.tracking_lin_vel.sharpness": 4.0})
    assert config.rewards.tracking_lin_vel.weight == 1.2


def test_nothing_wrong_is_hidden_by_what_is_translated() -> None:
    with pytest.raises(UserError, match="CommandConfig needs a mapping of its fields, not 'slow'"):
        from_plain(VelocityConfig, {"commands": "slow", "rewards": {"mean_tracking_time": 0.5}})


@pytest.mark.parametrize(
    ("rewards", "message"),
    [
        ({"scales": {"torqes": 1.0}}, "has no field 'torqes'; did you mean 'torques'"),
        ({"scales": {"torques": "high"}}, r"Torques\.weight must be a valid number; got 'high'"),
        ({"scales": 3.0}, "has no field 'scales'"),
    ],
)
def test_wrong_ones_are_refused(rewards: Dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        from_plain(VelocityConfig, {"rewards": rewards})
