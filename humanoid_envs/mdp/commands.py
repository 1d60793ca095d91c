"""Command terms: what robots are told to do, how it is drawn, and what they do of it.

A term has a row of numbers per robot: first those that it is told, with a name each, then what the term keeps
beside them, as a heading from which a yaw rate follows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Dict, List, Tuple

import torch
from torch import Tensor
from typing_extensions import Annotated

from humanoid_envs.configs import Config, NonNegative, Positive, Range
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.live import LiveRange, LiveShare
from humanoid_envs.mdp.measures import RATE, SPEED, TIME
from humanoid_envs.mdp.step import Step
from humanoid_envs.mdp.terms import split_columns, terms_of
from humanoid_envs.robots import Robot
from humanoid_envs.rotations import heading, wrap_angle
from humanoid_envs.simulators.simulator import SimState

MAX_SPEED = 10.0
"""Bound on commanded and pushed speeds, m/s: no legged robot is faster."""
MAX_YAW_RATE = 10.0
"""The same of yaw rates, rad/s."""


@dataclass(frozen=True)
class CommandTerm(Config):
    """What robots are told to do."""

    labels: ClassVar[Tuple[str, ...]] = ()
    """Names of the numbers that they are told."""
    units: ClassVar[Tuple[str, ...]] = ()
    limits: ClassVar[Tuple[Tuple[float, float], ...]] = ()
    """For each, what may be told at all."""
    uniforms: ClassVar[int] = 0
    """Uniform random numbers that a draw needs for one robot."""

    @property
    def size(self) -> int:
        """Numbers for one robot, those that it is not told included."""
        return len(self.labels)

    def ranges(self) -> Tuple[Range, ...]:
        """For each label, what is drawn."""
        raise UserError(f"{type(self).__name__} needs ranges().")

    def neutral(self, robot: Robot) -> Tuple[float, ...]:
        """For each label, what the robot does of it where it stands as it is built to."""
        return (0.0,) * len(self.labels)

    def sample(self, uniform: Tensor) -> Tensor:
        """(N, size) commands from (N, uniforms) uniform numbers in [0, 1)."""
        raise UserError(f"{type(self).__name__} needs sample(uniform).")

    def take(self, drawn: Tensor, command: Tensor) -> Tensor:
        """(N, size) the new command where one is due. drawn: from `sample`; command: the one before."""
        return drawn

    def follow(self, command: Tensor, state: SimState) -> Tensor:
        """(N, size) the command as it is in the state, in each step."""
        return command

    def actual(self, step: Step) -> Tensor:
        """(N, labels) what the robots do of it, in the same units."""
        raise UserError(f"{type(self).__name__} needs actual(step).")


@dataclass(frozen=True)
class VelocityCommand(CommandTerm):
    """Planar velocity in the body frame and yaw rate, with a heading (rad, world frame) beside them from
    which the yaw rate may follow. A heading of infinity is none: the robot is then not to turn."""

    labels: ClassVar[Tuple[str, ...]] = ("vx", "vy", "yaw_rate")
    units: ClassVar[Tuple[str, ...]] = ("m/s", "m/s", "rad/s")
    limits: ClassVar[Tuple[Tuple[float, float], ...]] = (
        (-MAX_SPEED, MAX_SPEED),
        (-MAX_SPEED, MAX_SPEED),
        (-MAX_YAW_RATE, MAX_YAW_RATE),
    )
    uniforms: ClassVar[int] = 6

    lin_vel_x: Annotated[LiveRange, SPEED] = (-0.3, 0.6)
    """Forward velocity, m/s."""
    lin_vel_y: Annotated[LiveRange, SPEED] = (-0.3, 0.3)
    """Velocity to the left, m/s."""
    yaw_rate: Annotated[LiveRange, RATE] = (-0.3, 0.3)
    """Yaw rate where no heading is commanded, rad/s."""
    heading: LiveRange = (-3.14, 3.14)
    """World heading to turn to, rad."""
    heading_mode: bool = True
    """Derive the yaw rate from a commanded heading instead of drawing it."""
    heading_gain: Annotated[NonNegative, RATE] = 0.5
    """Yaw rate per rad of heading error, 1/s."""
    max_heading_yaw_rate: Annotated[NonNegative, RATE] = 1.0
    """Bound on the yaw rate that a heading error asks for, rad/s."""
    min_speed: Annotated[NonNegative, SPEED] = 0.2
    """Planar commands up to this norm become standing still, m/s."""
    standing_share: LiveShare = 0.0
    """Share of drawn commands that are to stand still."""
    single_axis_share: LiveShare = 0.0
    """Share of drawn commands with only one of vx, vy and yaw rate not zero."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, bound in (("lin_vel_x", MAX_SPEED), ("lin_vel_y", MAX_SPEED), ("yaw_rate", MAX_YAW_RATE)):
            low, high = getattr(self, name)
            self.require(-bound <= low and high <= bound, name, f"within ±{bound:g}")
        rest = 1.0 - self.standing_share
        self.require(
            self.single_axis_share <= rest, "single_axis_share", f"at most 1 - standing_share, {rest:g}"
        )

    @property
    def size(self) -> int:
        return 4

    def ranges(self) -> Tuple[Range, ...]:
        most = self.max_heading_yaw_rate
        return self.lin_vel_x, self.lin_vel_y, (-most, most) if self.heading_mode else self.yaw_rate

    def sample(self, uniform: Tensor) -> Tensor:
        ranges = (self.lin_vel_x, self.lin_vel_y, self.yaw_rate, self.heading)
        columns = [low + (high - low) * uniform[:, i : i + 1] for i, (low, high) in enumerate(ranges)]
        velocity = torch.cat(columns[:3], dim=1)
        kind, axis = uniform[:, 4:5], (3.0 * uniform[:, 5:6]).floor()
        one_axis = torch.cat([axis == 0, axis == 1, axis == 2], dim=1) * velocity
        standing, single = self.standing_share, self.single_axis_share
        velocity = torch.where(kind < standing + single, one_axis, velocity)
        velocity = torch.where(kind < standing, torch.zeros_like(velocity), velocity)
        heading = columns[3]
        if self.heading_mode:
            straight = (kind < standing) | ((kind < standing + single) & (axis < 2))
            heading = torch.where(straight, torch.full_like(heading, math.inf), heading)
        return torch.cat([velocity, heading], dim=1)

    def take(self, drawn: Tensor, command: Tensor) -> Tensor:
        """Slow ones become standing still; with a heading the yaw rate is not drawn but follows."""
        planar = drawn[:, :2]
        planar = torch.where((planar.norm(dim=1) > self.min_speed)[:, None], planar, torch.zeros_like(planar))
        yaw_rate = command[:, 2:3] if self.heading_mode else drawn[:, 2:3]
        return torch.cat([planar, yaw_rate, drawn[:, 3:]], dim=1)

    def follow(self, command: Tensor, state: SimState) -> Tensor:
        """With the yaw rate that turns the robot to the commanded heading; 0 where there is none."""
        if not self.heading_mode:
            return command
        limit = self.max_heading_yaw_rate
        error = wrap_angle(command[:, 3] - heading(state.base_quat))
        yaw_rate = (self.heading_gain * error).clamp(-limit, limit)
        yaw_rate = torch.where(command[:, 3].isinf(), torch.zeros_like(yaw_rate), yaw_rate)
        return torch.cat([command[:, :2], yaw_rate[:, None], command[:, 3:]], dim=1)

    def actual(self, step: Step) -> Tensor:
        return torch.cat([step.base_lin_vel[:, :2], step.base_ang_vel[:, 2:]], dim=1)


@dataclass(frozen=True)
class Commands(Config):
    """Base of groups of commands: fields that are a `CommandTerm`, in the order of the numbers told."""

    resample_period: Positive = 8.0
    """Time after which new commands are drawn, s."""
    averaging_time: Annotated[Positive, TIME] = 0.25
    """Time constant of the low-pass filter that averages the distance of what robots do from the commands,
    s."""

    @property
    def terms(self) -> Dict[str, CommandTerm]:
        """By their names, in order."""
        return terms_of(self, CommandTerm)

    @property
    def labels(self) -> Tuple[str, ...]:
        """Names of all numbers that robots are told, in order."""
        return tuple(label for term in self.terms.values() for label in term.labels)

    @property
    def units(self) -> Tuple[str, ...]:
        """Of the same."""
        return tuple(unit for term in self.terms.values() for unit in term.units)

    @property
    def limits(self) -> Tuple[Tuple[float, float], ...]:
        """Of the same, what may be told at all."""
        return tuple(limit for term in self.terms.values() for limit in term.limits)

    def ranges(self) -> Tuple[Range, ...]:
        """Of the same, what is drawn."""
        return tuple(bounds for term in self.terms.values() for bounds in term.ranges())

    def neutral(self, robot: Robot) -> Tuple[float, ...]:
        """Of the same, what the robot does of it where it stands as it is built to."""
        return tuple(value for term in self.terms.values() for value in term.neutral(robot))


class CommandTerms:
    """The commands of a group as one table (N, K)."""

    def __init__(self, group: Commands) -> None:
        self.terms = tuple(group.terms.values())
        self.names = tuple(group.terms)
        self.sizes = [term.size for term in self.terms]
        self.size = sum(self.sizes)
        self.uniforms = [term.uniforms for term in self.terms]
        starts = [sum(self.sizes[:i]) for i in range(len(self.sizes))]
        self.told_columns: List[int] = [
            start + i for start, term in zip(starts, self.terms) for i in range(len(term.labels))
        ]

    def split(self, table: Tensor) -> Dict[str, Tensor]:
        """Each term's columns by its name."""
        return dict(zip(self.names, split_columns(table, self.sizes)))

    def told(self, table: Tensor) -> Tensor:
        """(N, C) the numbers that robots are told."""
        parts = [
            part[:, : len(term.labels)] for part, term in zip(split_columns(table, self.sizes), self.terms)
        ]
        return _side_by_side(parts, table)

    def sample(self, uniform: Tensor) -> Tensor:
        parts = split_columns(uniform, self.uniforms)
        return _side_by_side([term.sample(part) for part, term in zip(parts, self.terms)], uniform)

    def resample(self, table: Tensor, mask: Tensor, drawn: Tensor) -> Tensor:
        """The commands with those drawn in the masked rows."""
        parts = zip(split_columns(drawn, self.sizes), split_columns(table, self.sizes), self.terms)
        taken = _side_by_side([term.take(new, old) for new, old, term in parts], table)
        return torch.where(mask[:, None], taken, table)

    def follow(self, table: Tensor, state: SimState) -> Tensor:
        parts = zip(split_columns(table, self.sizes), self.terms)
        return _side_by_side([term.follow(command, state) for command, term in parts], table)

    def actual(self, step: Step) -> Tensor:
        """(N, C) what robots do of what they are told."""
        return _side_by_side([term.actual(step) for term in self.terms], step.joint_pos)


def _side_by_side(parts: List[Tensor], like: Tensor) -> Tensor:
    """Columns in one table; no copy of a single part."""
    if not parts:
        return like[:, :0]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
