"""Commands by hand."""

from __future__ import annotations

import dataclasses
from typing import Any, Iterator, List, Tuple

import pytest
import torch

from humanoid_envs.contract import PolicyContract
from humanoid_envs.errors import UserError
from humanoid_envs.tasks import preset
from trainers.evaluation.env import evaluation_env
from trainers.evaluation.steering import (
    CommandKeys,
    command_numbers,
    neutral_command,
    require_command,
    round_step,
)

pytest.importorskip("mujoco.batch")

UP, DOWN, LEFT, RIGHT, ENTER = 265, 264, 263, 262, 257


@pytest.fixture
def env() -> Iterator[Any]:
    env = evaluation_env(preset("v0"), 2, 1.0)
    env.reset(seed=0)
    yield env
    env.close()


def told(env: Any) -> List[float]:
    """The command that the robots observe after a step."""
    _, _, _, _, info = env.step(torch.zeros(2, 12))
    assert torch.equal(info["command"][0], info["command"][1])
    return info["command"][0].tolist()


@pytest.mark.parametrize(
    ("keys", "command"),
    [
        ((UP, UP, UP), (0.3, 0.0, 0.0)),
        ((DOWN,), (-0.1, 0.0, 0.0)),
        ((ord(","), ord(","), ord(".")), (0.0, 0.1, 0.0)),
        ((LEFT, LEFT), (0.0, 0.0, 0.2)),
        ((RIGHT, UP, ord(".")), (0.1, -0.1, -0.1)),
        ((UP,) * 20, (0.6, 0.0, 0.0)),  # as far as preset v0 trains
        ((DOWN,) * 20, (-0.3, 0.0, 0.0)),
        ((UP, LEFT, ENTER), (0.0, 0.0, 0.0)),
        ((UP, ord("X"), ENTER, UP), (0.1, 0.0, 0.0)),
    ],
)
def test_keys_change_the_command(env: Any, keys: Tuple[int, ...], command: Tuple[float, ...]) -> None:
    steering = CommandKeys(env)
    for key in keys:
        steering.press(key)
    assert steering.apply()
    assert told(env) == pytest.approx(command)
    assert steering.command == pytest.approx(command)


def test_nothing_happens_before_it_is_applied_nor_without_keys(env: Any) -> None:
    env.set_command((0.4, 0.0, 0.0))
    steering = CommandKeys(env, (0.4, 0.0, 0.0))
    assert not steering.apply()
    steering.press(UP)
    assert told(env) == pytest.approx((0.4, 0.0, 0.0))
    assert steering.apply()
    assert told(env) == pytest.approx((0.5, 0.0, 0.0))
    assert not steering.apply()


def test_a_key_without_meaning_leaves_commands_to_the_task(env: Any) -> None:
    steering = CommandKeys(env)
    steering.press(ord("V"))
    assert not steering.apply()


def test_keys_of_another_task_are_in_its_own_numbers() -> None:
    env = evaluation_env(preset("stand"), 2, 1.0)
    env.reset(seed=0)
    steering = CommandKeys(env)
    assert steering.command == pytest.approx((0.83, 0.0, 0.0))  # zero height was not trained
    for key in (DOWN, ord(","), *[LEFT] * 30):
        steering.press(key)
    assert steering.apply()
    assert told(env) == pytest.approx((0.82, 0.04, 1.0))
    assert steering.shown == "height 0.82 m, pitch 0.04 rad, lift 1.0 (1 left, -1 right)"
    assert "↑ ↓ height, comma and period pitch, ← → lift, Enter neutral" in steering.help
    steering.press(266)  # of a fourth number
    assert not steering.apply()
    steering.press(ENTER)
    assert steering.apply()
    assert told(env) == pytest.approx((0.83, 0.0, 0.0))
    env.close()


def test_bounds_hold_what_any_policy_has_learned() -> None:
    v0 = PolicyContract.of(preset("v0"))
    forward, left, turn = v0.commands
    fast, slow = dataclasses.replace(forward, range=(-0.1, 2.0)), dataclasses.replace(turn, range=(-0.2, 0.2))
    other = dataclasses.replace(v0, commands=(fast, left, slow))
    for contracts, forwards in (([v0], forward.range), ([v0, other], (forward.range[0], 2.0))):
        numbers = command_numbers(contracts)
        assert [(n.low, n.high) for n in numbers] == [forwards, left.range, turn.range]
        assert [n.word for n in numbers] == ["forward", "left", "turn"]
        assert neutral_command(numbers) == (0.0, 0.0, 0.0)


def test_steps_are_round_parts_of_what_was_trained() -> None:
    assert [number.step for number in command_numbers([PolicyContract.of(preset("v0"))])] == [0.05] * 3
    assert [n.step for n in command_numbers([PolicyContract.of(preset("stand"))])] == [0.005, 0.02, 0.05]
    assert [round_step(most) for most in (0.1, 0.099, 7.0, 0.0499, 3e-7, 0.0)] == [
        0.1,
        0.05,
        5,
        0.02,
        2e-7,
        1,
    ]


def test_policies_that_are_told_different_things_are_not_steered_together() -> None:
    contracts = [PolicyContract.of(preset(name)) for name in ("v0", "stand")]
    with pytest.raises(
        UserError, match=r"told different things: \(height, pitch, lift\), \(vx, vy, yaw_rate\)"
    ):
        command_numbers(contracts)


def test_a_command_of_another_size_names_the_numbers() -> None:
    stand = PolicyContract.of(preset("stand"))
    require_command(None, stand)
    require_command((0.8, 0.0, 1.0), stand)
    with pytest.raises(UserError, match=r"takes 3 numbers of this policy: height \(m\), pitch \(rad\), lift"):
        require_command((0.8, 0.0), stand)
    with pytest.raises(UserError, match="told nothing: leave --command out"):
        require_command((0.8,), dataclasses.replace(stand, commands=()))
