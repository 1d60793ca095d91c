"""Commands by hand."""

from __future__ import annotations

import dataclasses
from typing import Any, Iterator, List, Tuple

import pytest
import torch

from humanoid_envs.contract import PolicyContract
from humanoid_envs.tasks import preset
from trainers.evaluation.env import evaluation_env
from trainers.evaluation.steering import CommandKeys, command_bounds

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


def test_bounds_hold_what_any_policy_has_learned() -> None:
    v0 = PolicyContract.of(preset("v0"))
    forward, left, turn = v0.commands
    fast, slow = dataclasses.replace(forward, range=(-0.1, 2.0)), dataclasses.replace(turn, range=(-0.2, 0.2))
    other = dataclasses.replace(v0, commands=(fast, left, slow))
    assert command_bounds([v0]) == [forward.range, left.range, turn.range]
    assert command_bounds([v0, other])[0] == (forward.range[0], 2.0)
    assert command_bounds([v0, other])[2] == turn.range
