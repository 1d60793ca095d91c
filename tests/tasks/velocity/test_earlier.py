"""Configs that earlier versions wrote are the same tasks now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import pytest

from humanoid_envs.configs import from_plain, to_plain
from humanoid_envs.errors import UserError
from humanoid_envs.tasks import preset, restored_task
from humanoid_envs.tasks.velocity import TrackingCriticFrame, VelocityConfig

SAVED: Dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "golden" / "earlier_presets.json").read_text()
)
"""The presets as they were written when rewards were weights in `scales` and parameters beside them."""


@pytest.mark.parametrize("name", [*SAVED])
def test_presets_are_the_same(name: str) -> None:
    assert from_plain(VelocityConfig, SAVED[name]) == preset(name)
    assert from_plain(VelocityConfig, to_plain(preset(name))) == preset(name)
    assert restored_task(SAVED[name]) == restored_task(preset(name).plain()) == preset(name)


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
        "commands.velocity.min_speed": 0.1,
        "feet.sole_height": 0.0,
    }
    assert from_plain(VelocityConfig, given) == VelocityConfig().replace(expected)
    assert from_plain(VelocityConfig, {"rewards": {"base_height": 0.8}}).rewards.base_height.target == 0.8
    assert given["commands"] == {"min_speed": 0.1}  # what was given stays as it is


def test_values_of_other_groups() -> None:
    """Of commands, observations, terminations and randomization, each where its term has it now."""
    given = {
        "commands": {"lin_vel_x": [-0.1, 0.2], "heading_mode": False, "resample_period": 2.0},
        "observations": {"history": 5, "privileged_history": 2, "lin_vel_scale": 3.0, "euler_noise": 0.5},
        "terminations": {"min_base_height": 0.5, "max_tilt": 1.0, "base_contact_force": 2.0},
        "randomization": {"foot_friction": [0.4, 0.5], "gains": 0.2, "push_adds": True, "start_phase": True},
    }
    expected = {
        "commands.velocity.lin_vel_x": (-0.1, 0.2),
        "commands.velocity.heading_mode": False,
        "commands.resample_period": 2.0,
        "observations.policy.history": 5,
        "observations.critic.history": 2,
        "observations.policy.command_lin_vel.scale": 3.0,
        "observations.critic.command_lin_vel.scale": 3.0,
        "observations.critic.base_lin_vel.scale": 3.0,
        "observations.policy.euler.noise": 0.5,
        "terminations.low_base.height": 0.5,
        "terminations.tilt.angle": 1.0,
        "terminations.base_contact.force": 2.0,
        "randomization.foot_friction.range": (0.4, 0.5),
        "randomization.gains.share": 0.2,
        "randomization.push.adds": True,
        "randomization.start_phase.on": True,
    }
    assert restored_task(given) == VelocityConfig().replace(expected)


def test_a_critic_that_tracked_is_a_frame_of_its_own() -> None:
    given = {"observations": {"privileged_tracking": True, "tracking_scale": 2.0}}
    critic = restored_task(given).observations.critic
    assert isinstance(critic, TrackingCriticFrame)
    assert critic.base_height.scale == critic.foot_height.scale == critic.mean_velocity_error.scale == 2.0
    given = {"observations": {"privileged_tracking": False, "tracking_scale": 2.0}}
    assert restored_task(given) == VelocityConfig()


def test_terms_keep_what_is_not_named() -> None:
    config = from_plain(VelocityConfig, {"rewards": {"tracking_lin_vel": {"sharpness": 4.0}}})
    assert config == VelocityConfig().replace({"rewards.tracking_lin_vel.sharpness": 4.0})
    assert config.rewards.tracking_lin_vel.weight == 1.2


def test_nothing_wrong_is_hidden_by_what_is_translated() -> None:
    with pytest.raises(UserError, match="VelocityCommands needs a mapping of its fields, not 'slow'"):
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
