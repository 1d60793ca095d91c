"""Termination terms: when an episode ends."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import ClassVar, Dict

import annotated_types as limits
import torch
from torch import Tensor
from typing_extensions import Annotated

from humanoid_envs import rotations
from humanoid_envs.configs import Config, NonNegative, Positive
from humanoid_envs.mdp.measures import BASE_HEIGHT, FORCE
from humanoid_envs.mdp.step import Step
from humanoid_envs.mdp.terms import Term, terms_of
from humanoid_envs.simulators.simulator import SimState, where_rows


@dataclass(frozen=True)
class TerminationTerm(Term):
    """(N,) bool: which episodes end with this step."""

    truncates: ClassVar[bool] = False
    """The episode is cut off, as by a time limit: what would have come after it still counts as reward."""


@dataclass(frozen=True)
class BaseContact(TerminationTerm):
    """The torso, an arm, a hand or the head touches something, or any link but the feet: as `Robot.falls_on`
    says. (Release)"""

    force: Annotated[NonNegative, FORCE] = 1.0
    """Contact force above which it does, N."""

    def __call__(self, step: Step) -> Tensor:
        return step.state.base_contact_force.norm(dim=-1) > self.force


@dataclass(frozen=True)
class LowBase(TerminationTerm):
    """The base is too low."""

    height: Annotated[NonNegative, BASE_HEIGHT] = 0.0
    """Over the ground: below this, m."""

    def __call__(self, step: Step) -> Tensor:
        return step.base_height < self.height


@dataclass(frozen=True)
class Tilt(TerminationTerm):
    """The base is too tilted."""

    angle: Annotated[float, limits.Interval(gt=0, le=math.pi)] = math.pi
    """Angle between the base's vertical axis and the world's beyond which it is, rad."""

    def __call__(self, step: Step) -> Tensor:
        return -step.gravity[:, 2] < math.cos(self.angle)


@dataclass(frozen=True)
class Terminations(Config):
    """Base of groups of terminations: fields that are a `TerminationTerm`."""

    episode_length: Positive = 24.0
    """Time after which an episode is truncated, s."""

    @property
    def terms(self) -> Dict[str, TerminationTerm]:
        """By their names, in order."""
        return terms_of(self, TerminationTerm)


def time_out(episode_step: Tensor, max_episode_steps: int) -> Tensor:
    """(N,) bool: the counter exceeds the episode's length."""
    return episode_step > max_episode_steps


_FASTEST = 50.0, 100.0, 1200.0
"""Speed of the base (m/s and rad/s) and of a joint (rad/s): a hundred times what motors reach."""
_HEIGHTS = -0.5, 10.0
"""Of the base over the ground, m."""


def impossible(state: SimState, height: Tensor) -> Tensor:
    """(N,) bool: numbers that no robot has, although they may be finite: under the ground, in the sky, or
    faster than anything real. What follows from them must not be learned from. NaN is impossible too.

    height: (N,) of the base over the ground, m.
    """
    lowest, highest = _HEIGHTS
    possible = (height > lowest) & (height < highest)
    speeds = (state.base_lin_vel, state.base_ang_vel, state.joint_vel)
    for speed, fastest in zip(speeds, _FASTEST):
        possible = possible & (speed.abs() < fastest).all(dim=1)
    return ~possible


def calmed(state: SimState, mask: Tensor, base_pos: Tensor, joint_pos: Tensor) -> SimState:
    """The state with the masked envs in the air at rest, as simulators show those that diverged.

    base_pos: (N, 3) m. joint_pos: (J,) rad.
    """
    rest = {name: torch.zeros_like(getattr(state, name)) for name in _STATE}
    rest["base_pos"] = base_pos
    rest["base_quat"] = rotations.from_yaw(rest["base_pos"][:, 0])
    rest["joint_pos"] = joint_pos.expand_as(state.joint_pos)
    return SimState(**{name: where_rows(mask, rest[name], getattr(state, name)) for name in _STATE})


_STATE = tuple(field.name for field in dataclasses.fields(SimState))  # the compiler does not know `vars`
