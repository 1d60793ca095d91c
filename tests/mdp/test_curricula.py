"""Curricula against closed forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

import pytest
import torch
from torch import Tensor

from humanoid_envs.errors import UserError
from humanoid_envs.mdp import Curricula, CurriculumTerm, Episodes
from humanoid_envs.mdp.curricula import RaiseWithSuccess, written

BEGIN, TARGET, RATE = 1.0, 3.0, 0.1
STEP = RATE * (TARGET - BEGIN)
"""What one episode per robot moves."""


def episodes(done: Sequence[bool], fallen: Optional[Sequence[bool]] = None) -> Episodes:
    ends, falls = torch.tensor(done), torch.tensor(fallen if fallen is not None else [False] * len(done))
    return Episodes(ends, falls, torch.ones(len(ends)), torch.zeros(len(ends), 3))


NONE = episodes([False] * 4)
ALL_WALKED = episodes([True] * 4)
ALL_FELL = episodes([True] * 4, [True] * 4)


def run(term: CurriculumTerm, *history: Episodes, value: float = BEGIN) -> Tuple[float, float]:
    """The value and the memory after these steps."""
    number, memory = torch.tensor(value, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    for ended in history:
        number, memory = term.advance(number, BEGIN, memory, ended)
        assert (number.dtype, number.shape, memory.shape) == (torch.float64, (), (1,))
    return number.item(), memory.item()


def test_share_of_the_episodes_that_ended() -> None:
    ended = episodes([True, True, False, True], [True, False, True, False])
    count, share = ended.share(ended.fallen)
    assert (count.item(), share.item()) == pytest.approx((3.0, 1.0 / 3.0))
    count, share = NONE.share(torch.ones(4, dtype=torch.bool))
    assert (count.item(), share.item()) == (0.0, 0.0)


def test_raises_with_success() -> None:
    term = RaiseWithSuccess("it", target=TARGET, rate=RATE, easy=0.05, hard=0.2, episodes=1.0)
    assert run(term, NONE, NONE) == (BEGIN, 0.0)  # nothing moves while no episode ends
    assert run(term, ALL_WALKED)[0] == pytest.approx(BEGIN + STEP)
    assert run(term, *[ALL_WALKED] * 3)[0] == pytest.approx(BEGIN + 3 * STEP)
    assert run(term, *[ALL_WALKED] * 50)[0] == TARGET  # and no further
    quarter = episodes([True, False, False, False])  # a quarter of an episode per robot
    assert run(term, quarter)[0] == pytest.approx(BEGIN + 0.25 * STEP)


def test_goes_back_when_robots_fall_and_not_below_the_beginning() -> None:
    term = RaiseWithSuccess("it", target=TARGET, rate=RATE, episodes=1.0)
    value, share = run(term, ALL_FELL, value=2.0)
    assert (value, share) == pytest.approx((2.0 - STEP, 0.5))  # halfway from 0 to all
    value, share = run(term, ALL_FELL, ALL_FELL, value=2.0)
    assert (value, share) == pytest.approx((2.0 - 2 * STEP, 0.75))
    assert run(term, *[ALL_FELL] * 50, value=2.0)[0] == BEGIN
    # A fall is remembered: 0.5 becomes 0.25, which is still too often, and 0.125, which is neither.
    back, between = BEGIN + 0.8 - STEP, BEGIN + 0.8 - 2 * STEP
    assert run(term, ALL_FELL, value=BEGIN + 0.8)[0] == pytest.approx(back)
    assert run(term, ALL_FELL, ALL_WALKED, value=BEGIN + 0.8) == pytest.approx((between, 0.25))
    assert run(term, ALL_FELL, *[ALL_WALKED] * 2, value=BEGIN + 0.8) == pytest.approx((between, 0.125))
    onwards = [ALL_FELL, *[ALL_WALKED] * 4]  # 0.03125, and forwards again
    assert run(term, *onwards, value=BEGIN + 0.8)[0] == pytest.approx(between + STEP)


def test_the_average_is_over_so_many_episodes_per_robot() -> None:
    one_of_four = episodes([True] * 4, [True, False, False, False])
    for average in (0.0, 1.0, 3.0):
        term = RaiseWithSuccess("it", target=TARGET, episodes=average)
        assert run(term, one_of_four)[1] == pytest.approx(0.25 / (1.0 + average))
    at_once = RaiseWithSuccess("it", target=TARGET, episodes=0.0)
    assert run(at_once, ALL_FELL, NONE)[1] == 1.0  # steps in which none ends say nothing


def test_a_target_below_the_beginning_is_reached_downwards() -> None:
    term = RaiseWithSuccess("it", target=0.0, rate=0.25, episodes=1.0)
    assert run(term, ALL_WALKED)[0] == pytest.approx(0.75)
    assert run(term, *[ALL_WALKED] * 10)[0] == 0.0
    assert run(term, ALL_FELL, value=0.5)[0] == pytest.approx(0.75)


def test_hard_is_not_below_easy() -> None:
    with pytest.raises(UserError, match=r"RaiseWithSuccess.hard must be at least easy, 0.3; got 0.2"):
        RaiseWithSuccess("it", easy=0.3, hard=0.2)


@dataclass(frozen=True)
class Two(Curricula):
    first: RaiseWithSuccess = RaiseWithSuccess()
    second: RaiseWithSuccess = RaiseWithSuccess("actions.delay")


def test_terms_without_a_parameter_are_off() -> None:
    assert [*Two().active] == ["second"]
    assert not Curricula().active


def test_a_term_without_a_rule_says_so() -> None:
    number: Tensor = torch.tensor(0.0)
    with pytest.raises(UserError, match="CurriculumTerm needs advance"):
        CurriculumTerm("it").advance(number, 0.0, torch.zeros(0), NONE)
    assert CurriculumTerm("it").memory_size == 0


def test_written_changes_one_place_in_a_copy() -> None:
    table = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    assert written(table, 1, torch.tensor(9.0, dtype=torch.float64)).tolist() == [1.0, 9.0, 3.0]
    assert table.tolist() == [1.0, 2.0, 3.0]
