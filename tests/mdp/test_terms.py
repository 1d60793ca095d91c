"""Lists of terms: what they give, and what each remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import pytest
import torch
from torch import Tensor

from humanoid_envs.errors import UserError
from humanoid_envs.mdp import ObservationTerm, Rewards, RewardTerm, Step, TerminationTerm, rewards
from humanoid_envs.mdp.terms import TermList, join_columns, split_columns, terms_of
from humanoid_envs.robots import XBOT_L, Robot
from humanoid_envs.tasks import preset
from tests.mdp.steps import step


def test_values_are_those_of_the_terms() -> None:
    error = torch.tensor([[0.0, 0.0, 0.0], [0.03, -0.04, 0.12], [-0.3, 0.4, -1.2]])
    told = torch.tensor([[0.5, 0.1, 0.2, 0.0]]).expand(3, 4)
    x = step(3, command_error=error, commands={"velocity": told})
    active = preset("fast").rewards.active
    values, memory = TermList(active, XBOT_L).advance(x, torch.zeros(3, 0))
    assert (len(values), memory.shape) == (len(active), (3, 0))
    for value, (name, term) in zip(values, active.items()):
        torch.testing.assert_close(value, term(x), msg=name)
    assert TermList({}, XBOT_L).advance(x, torch.zeros(3, 0))[0] == []


@dataclass(frozen=True)
class Count(RewardTerm):
    """Steps so far, from a start."""

    first: float = 0.0

    def memory_size(self, robot: Robot) -> int:
        return 1

    def start(self, step: Step) -> Tensor:
        return step.zeros(1) + self.first

    def advance(self, step: Step, memory: Tensor) -> Tuple[Tensor, Tensor]:
        return memory[:, 0], memory + 1.0


@dataclass(frozen=True)
class Counting(Rewards):
    slow: Count = Count(1.0)
    alive: rewards.Alive = rewards.Alive(1.0)
    late: Count = Count(1.0, first=10.0)


def test_terms_remember_each_its_own() -> None:
    terms, x = TermList(Counting().active, XBOT_L), step(2)
    memory = terms.start(x)
    for k in range(3):
        values, memory = terms.advance(x, memory)
        assert torch.stack(values, dim=1).tolist() == [[k, 1.0, 10.0 + k]] * 2
    assert memory.shape == (2, 2)


@dataclass(frozen=True)
class Nothing(RewardTerm):
    pass


@dataclass(frozen=True)
class Unseen(ObservationTerm):
    pass


@dataclass(frozen=True)
class Endless(TerminationTerm):
    pass


@pytest.mark.parametrize("term", [Nothing(1.0), Unseen(), Endless()])
def test_a_term_without_a_formula_says_so(term: object) -> None:
    assert isinstance(term, (RewardTerm, ObservationTerm, TerminationTerm))
    with pytest.raises(UserError, match=f"{type(term).__name__} needs __call__"):
        TermList({"it": term}, XBOT_L).advance(step(), torch.zeros(1, 0))


def test_terms_of_a_group_come_in_the_order_of_its_fields() -> None:
    assert [*terms_of(Counting(), RewardTerm)] == ["slow", "alive", "late"]
    assert [*terms_of(Counting(), Count)] == ["slow", "late"]


def test_columns_are_split_and_joined() -> None:
    table = torch.arange(12.0).view(2, 6)
    parts = split_columns(table, [2, 0, 4])
    assert [part.shape for part in parts] == [(2, 2), (2, 0), (2, 4)]
    assert torch.equal(join_columns(parts, table), table)
    assert join_columns([], table).shape == join_columns([table[:, :0]], table).shape == (2, 0)
    assert split_columns(table, []) == []
