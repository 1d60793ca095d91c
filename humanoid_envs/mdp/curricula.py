"""Curricula: what changes in a task as robots get better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Tuple, TypeVar

import torch
from torch import Tensor

from humanoid_envs.configs import Config, NonNegative, Number, Positive, Share
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.terms import terms_of

C = TypeVar("C", bound="Curricula")


@dataclass(frozen=True)
class Episodes:
    """The episodes of N robots at the end of a step; those of which `done` is true have just ended."""

    done: Tensor
    """(N,) bool"""
    fallen: Tensor
    """(N,) bool: it ended by a termination, not by the time limit."""
    length: Tensor
    """(N,) s"""
    command_error: Tensor
    """(N, C) averaged distance of what the robot does from what it is told."""

    def share(self, condition: Tensor) -> Tuple[Tensor, Tensor]:
        """The number of episodes that have ended, and the share of them of which a condition (N,) is true; ()
        float64 both, the share 0 where none has ended."""
        count = self.done.sum().double()
        return count, (condition & self.done).sum() / count.clamp(min=1.0)


@dataclass(frozen=True)
class CurriculumTerm(Config):
    """Changes one live number of the task, by its name with dots: `parameter`."""

    parameter: str = ""
    """The live number, or one end of a range: `"randomization.push.lin_vel"`,
    `"commands.velocity.lin_vel_x[1]"`. Empty: the term is off."""

    @property
    def memory_size(self) -> int:
        """Numbers, of float64, that it remembers from step to step, for all robots together."""
        return 0

    def advance(
        self, value: Tensor, begin: float, memory: Tensor, episodes: Episodes
    ) -> Tuple[Tensor, Tensor]:
        """The new value, () float64, and the new memory (K,), at first 0. It is called in each step, also
        where no episode has ended. begin: the value in the task's config."""
        raise UserError(f"{type(self).__name__} needs advance(value, begin, memory, episodes).")


@dataclass(frozen=True)
class RaiseWithSuccess(CurriculumTerm):
    """Moves a number from where the config has it towards `target` while robots seldom fall, and back when
    they fall often: by `rate` times the distance between both with each episode per robot.

    With s the share of falls, averaged over about `episodes` episodes per robot: forwards where s is below
    `easy`, backwards where it is above `hard`.
    """

    target: Number = 0.0
    rate: Positive = 0.1
    easy: Share = 0.05
    hard: Share = 0.2
    episodes: NonNegative = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.hard >= self.easy, "hard", f"at least easy, {self.easy:g}")

    @property
    def memory_size(self) -> int:
        return 1

    def advance(
        self, value: Tensor, begin: float, memory: Tensor, episodes: Episodes
    ) -> Tuple[Tensor, Tensor]:
        count, falls = episodes.share(episodes.fallen)
        done = count / len(episodes.done)  # episodes per robot
        weight = done / (done + self.episodes) if self.episodes else (count > 0).double()
        share = memory[0] + weight * (falls - memory[0])
        move = (share < self.easy).double() - (share > self.hard).double()
        value = value + move * self.rate * (self.target - begin) * done
        low, high = min(begin, self.target), max(begin, self.target)
        return value.clamp(low, high), share[None]


@dataclass(frozen=True)
class Curricula(Config):
    """Base of groups of curricula: fields that are a `CurriculumTerm`."""

    @property
    def active(self) -> Dict[str, CurriculumTerm]:
        """Those that are on, by their names."""
        return {name: term for name, term in terms_of(self, CurriculumTerm).items() if term.parameter}

    def off(self: C) -> C:
        """The same group with all of them off."""
        return self.replace({f"{name}.parameter": "" for name in terms_of(self, CurriculumTerm)})


def written(table: Tensor, place: int, value: Tensor) -> Tensor:
    """The table with another value at a place."""
    at = torch.arange(len(table), device=table.device) == place
    return torch.where(at, value, table)
