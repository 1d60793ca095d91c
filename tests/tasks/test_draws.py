"""Draws of several steps at once are those of one step after the other."""

from __future__ import annotations

import itertools
from typing import Callable, Dict

import pytest
import torch
from torch import Tensor

from humanoid_envs.errors import UserError
from humanoid_envs.tasks import Task
from humanoid_envs.tasks.draws import Draws, DrawsAhead
from humanoid_envs.tasks.velocity import v0
from tests.scripted_simulator import ScriptedSimulator, standing

TASK = Task(ScriptedSimulator(standing(2)), v0())
LIVE = TASK.initial_memory().live


def numbered(start: int) -> Callable[[int], Draws]:
    """Draws whose numbers count up from row to row, however many are made at once."""
    count = itertools.count(start)

    def draw(steps: int) -> Draws:
        rows = torch.tensor([float(next(count)) for _ in range(steps * 2)])
        uniform, normal = rows[:, None].expand(-1, 32), torch.zeros(len(rows), 12 + 47)
        return TASK._randomness.to_draws(uniform, normal, LIVE)

    return draw


def assert_same(draws: Draws, expected: Draws) -> None:
    for name, value in vars(expected).items():
        assert torch.equal(getattr(draws, name), value), name


def test_draws_ahead_are_those_of_one_step_after_the_other() -> None:
    ahead, one_by_one = DrawsAhead(numbered(0), 3), DrawsAhead(numbered(0), 1)
    for _ in range(7):
        assert_same(ahead.next(), one_by_one.next())


def test_draws_ahead_go_on_from_a_saved_state_and_forget() -> None:
    ahead, other = DrawsAhead(numbered(0), 3), DrawsAhead(numbered(6), 3)
    other.load_state_dict(ahead.state_dict())  # none left
    ahead.next()
    other.load_state_dict(ahead.state_dict())
    for _ in range(4):
        assert_same(other.next(), ahead.next())
    ahead.clear()
    assert_same(ahead.next(), numbered(12)(1))


def test_states_of_a_time_with_other_names_are_read() -> None:
    """The velocity task's pushes and starts had names of their own, and terms drew nothing."""
    ahead, other = DrawsAhead(numbered(0), 3), DrawsAhead(numbered(6), 3)
    ahead.next()
    other.load_state_dict(as_before(ahead.state_dict()))
    for _ in range(2):
        assert_same(other.next(), ahead.next())


def as_before(state: Dict[str, Tensor]) -> Dict[str, Tensor]:
    newer = ("pushes", "starts", "parameters", "term_uniform", "term_normal")
    old = {name: value for name, value in state.items() if name not in newer}
    starts = state["starts"]
    return {
        **old,
        "push_velocity": state["pushes"],
        "start_yaw": starts[..., 0],
        "start_phase": starts[..., 1],
        "start_joint_pos": starts[..., 2:],
    }


@pytest.mark.parametrize("damage", ["name", "rows", "less"])
def test_damaged_states_are_refused(damage: str) -> None:
    ahead = DrawsAhead(numbered(0), 3)
    ahead.next()
    state = ahead.state_dict()
    if damage == "rows":
        state["starts"] = state["starts"][:1]
    else:
        starts = state.pop("starts")
        state.update({"stats": starts} if damage == "name" else {})
    with pytest.raises(UserError, match="draws are damaged"):
        ahead.load_state_dict(state)
