"""Where the numbers lie that may change while a task runs, and what refuses to."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from humanoid_envs.configs import values_of
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.live import LiveTable
from humanoid_envs.tasks.velocity import fast, v0

CPU = torch.device("cpu")
CONFIG = v0()
TABLE = LiveTable(CONFIG)


def test_live_numbers_have_places_of_their_own() -> None:
    """All those with the mark: weights of terms that are computed, ranges of commands, shares, pushes."""
    names = [*TABLE.places]
    weights = [f"rewards.{name}.weight" for name in CONFIG.rewards.active]
    velocity = ["lin_vel_x", "lin_vel_y", "yaw_rate", "heading", "standing_share", "single_axis_share"]
    others = ["actions.delay", "actions.noise", "randomization.push.lin_vel", "randomization.push.ang_vel"]
    assert sorted(names) == sorted([*weights, *others, *(f"commands.velocity.{name}" for name in velocity)])
    places = [place for owned in TABLE.places.values() for place in owned]
    initial = TABLE.initial(CPU)
    assert places == [*range(len(initial))]
    assert initial.dtype == torch.float64
    assert TABLE.values(initial) == {name: values_of(CONFIG)[name] for name in names}


def test_writing_changes_one_number_and_no_other() -> None:
    table = TABLE.initial(CPU)
    before, kept = TABLE.values(table), table
    TABLE.write(table, "rewards.torques.weight", -3)
    TABLE.write(table, "commands.velocity.lin_vel_x", [-1.0, 1.5])
    assert kept is table
    after = TABLE.values(table)
    assert after == {
        **before,
        "rewards.torques.weight": -3.0,
        "commands.velocity.lin_vel_x": (-1.0, 1.5),
    }
    assert TABLE.values(TABLE.initial(CPU)) == before
    TABLE.write(table, "rewards.torques.weight", 0.0)  # of a term that was computed at first
    TABLE.write(table, "rewards.torques.weight", 1.0)
    assert TABLE.values(table)["rewards.torques.weight"] == 1.0


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rewards.torqes.weight", 1.0, "'rewards.torqes.weight'; did you mean 'rewards.torques.weight'"),
        ("rewards.alive.weight", 1.0, "alive.weight cannot change: the term's weight was 0 at first"),
        ("gait.period", 0.7, r"is fixed when the task is made; make another with `config.replace`"),
        ("rewards", CONFIG.rewards, "rewards is fixed when the task is made"),
        ("randomization.push.period", 1.0, r"period is fixed .*: .*randomization.push.lin_vel"),
        ("rewards.torques.weight", "high", r"Torques.weight must be a valid number; got 'high'"),
        ("rewards.torques.weight", float("nan"), r"Torques.weight must be .*got nan"),
        ("randomization.push.lin_vel", -0.1, r"Push.lin_vel must be at least 0; got -0.1"),
        ("actions.delay", 1.5, r"ActionConfig.delay must be at most 1; got 1.5"),
        ("commands.velocity.lin_vel_x", (0.5, -0.5), r"x must be \(low, high\) with low at most high"),
        ("commands.velocity.lin_vel_x", 0.5, r"VelocityCommand.lin_vel_x must be"),
        ("commands.velocity.lin_vel_x", (0.0, 11.0), r"lin_vel_x must be within ±10"),
    ],
)  # fmt: skip
def test_wrong_ones_are_refused_and_change_nothing(name: str, value: Any, message: str) -> None:
    table = TABLE.initial(CPU)
    with pytest.raises(UserError, match=message):
        TABLE.write(table, name, value)
    assert torch.equal(table, TABLE.initial(CPU))


def test_rules_between_numbers_see_those_of_the_table() -> None:
    """Not those that the task was made with."""
    table = TABLE.initial(CPU)
    TABLE.write(table, "commands.velocity.standing_share", 0.75)
    with pytest.raises(UserError, match=r"single_axis_share must be at most 1 - standing_share, 0\.25"):
        TABLE.write(table, "commands.velocity.single_axis_share", 0.5)
    TABLE.write(table, "commands.velocity.standing_share", 0.5)
    TABLE.write(table, "commands.velocity.single_axis_share", 0.5)


def test_a_place_is_a_number_or_an_end_of_a_range() -> None:
    low, high = TABLE.places["commands.velocity.lin_vel_x"]
    assert TABLE.place("commands.velocity.lin_vel_x[0]") == low
    assert TABLE.place("commands.velocity.lin_vel_x[1]") == high == low + 1
    assert (TABLE.place("actions.delay"),) == TABLE.places["actions.delay"]


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("commands.velocity.lin_vel_x", r"names no single number: it is commands.velocity.lin_vel_x\[0\] or"),
        ("commands.velocity.lin_vel_x[2]", r"'commands.velocity.lin_vel_x\[2\]' names no single number"),
        ("actions.delay[0]", r"names no single number: it is actions.delay\."),
        ("actions.dely", "VelocityConfig has no 'actions.dely'; did you mean 'actions.delay'"),
        ("actions.scale", "actions.scale is fixed when the task is made"),
    ],
)
def test_what_is_no_single_number_has_no_place(parameter: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        TABLE.place(parameter)


def test_a_bound_config_reads_the_table() -> None:
    """As it is at the time: its numbers are views. Everything else is the config's own."""
    table = TABLE.initial(CPU)
    bound = TABLE.bind(table)
    TABLE.write(table, "commands.velocity.lin_vel_x", (0.25, 0.75))
    TABLE.write(table, "randomization.push.lin_vel", 2.0)
    low, high = bound.commands.velocity.lin_vel_x
    assert (float(low), float(high), float(bound.randomization.push.lin_vel)) == (0.25, 0.75, 2.0)
    assert type(bound) is type(CONFIG)
    assert bound.rewards == CONFIG.rewards
    assert bound.randomization.start_yaw is CONFIG.randomization.start_yaw
    assert v0() == CONFIG


def test_terms_that_are_not_computed_are_not_live() -> None:
    assert "rewards.alive.weight" in LiveTable(fast()).places
    assert "rewards.collision.weight" not in LiveTable(fast()).places
    assert "rewards.collision.weight" in TABLE.places
