"""Events: what happens to robots at random. How they are made, how episodes start, pushes.

Each event draws uniform numbers in [0, 1), makes physical values of them (`sample`), and says what those do.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Dict, List, Tuple, Type, TypeVar

import annotated_types as limits
import torch
from torch import Tensor
from typing_extensions import Annotated

from humanoid_envs import rotations
from humanoid_envs.configs import ORDERED, Config, NonNegative, Range
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.commands import MAX_SPEED
from humanoid_envs.mdp.live import LIVE
from humanoid_envs.mdp.measures import ADDED_MASS, LENGTH, RATE, SPEED
from humanoid_envs.mdp.terms import join_columns, split_columns, terms_of
from humanoid_envs.robots import Robot
from humanoid_envs.simulators.simulator import PhysicsParameters, RobotState

E = TypeVar("E", bound="EventTerm")
T = TypeVar("T")
R = TypeVar("R", bound="Randomization")

Angle = Annotated[float, limits.Interval(ge=0, le=math.pi)]
Coefficient = Annotated[float, limits.Interval(ge=0, le=10)]
Friction = Annotated[Tuple[Coefficient, Coefficient], ORDERED]
Speed = Annotated[float, limits.Interval(ge=0, le=MAX_SPEED)]


@dataclass(frozen=True)
class EventTerm(Config):
    """Something that happens to robots at random."""

    def uniforms(self, robot: Robot) -> int:
        """Numbers that one robot draws."""
        return 1

    def sample(self, uniform: Tensor) -> Tensor:
        """(N, K) physical values from (N, K) uniform numbers in [0, 1)."""
        raise UserError(f"{type(self).__name__} needs sample(uniform).")

    def off(self: E) -> E:
        """The same event without effect: for evaluation and play."""
        raise UserError(f"{type(self).__name__} needs off(), the same event without effect.")

    def require_possible(self, robot: Robot) -> None:
        """UserError if the robot cannot be so."""


# How robots differ


@dataclass(frozen=True)
class ParameterTerm(EventTerm):
    """A physical parameter, drawn for each env when it is made."""

    each_episode: bool = False
    """Draw it anew at the start of each episode."""

    def change(self, drawn: Tensor, parameters: PhysicsParameters) -> PhysicsParameters:
        """The robots' parameters with this one changed. drawn: from `sample`."""
        raise UserError(f"{type(self).__name__} needs change(drawn, parameters).")


def between(bounds: Range, uniform: Tensor) -> Tensor:
    """Uniform numbers in [0, 1) as numbers between two bounds."""
    return bounds[0] + (bounds[1] - bounds[0]) * uniform


@dataclass(frozen=True)
class FootFriction(ParameterTerm):
    """Friction coefficient of the soles."""

    range: Friction = (1.0, 1.0)

    def sample(self, uniform: Tensor) -> Tensor:
        return between(self.range, uniform)

    def change(self, drawn: Tensor, parameters: PhysicsParameters) -> PhysicsParameters:
        return dataclasses.replace(parameters, foot_friction=drawn[:, 0])

    def off(self) -> FootFriction:
        return self.replace(range=(1.0, 1.0))


@dataclass(frozen=True)
class AddedMass(ParameterTerm):
    """Mass added to the base link, kg."""

    range: Annotated[Range, ADDED_MASS] = (0.0, 0.0)

    def sample(self, uniform: Tensor) -> Tensor:
        return between(self.range, uniform)

    def change(self, drawn: Tensor, parameters: PhysicsParameters) -> PhysicsParameters:
        return dataclasses.replace(parameters, base_mass=parameters.base_mass + drawn[:, 0])

    def off(self) -> AddedMass:
        return self.replace(range=(0.0, 0.0))

    def require_possible(self, robot: Robot) -> None:
        low, least = self.range[0], -0.9 * robot.base_mass
        if low < least:
            raise UserError(
                f"AddedMass.range must begin at {least:.1f} kg or more, nine tenths of the base of "
                f"{robot.name}; got {low:g}."
            )


@dataclass(frozen=True)
class BaseCom(ParameterTerm):
    """Where the base link's centre of mass lies, from where the model has it, m. None of our tasks has it."""

    distance: Annotated[float, limits.Interval(ge=0, le=0.5), LENGTH] = 0.0
    """Along each axis of the base link, at most this, m."""

    def uniforms(self, robot: Robot) -> int:
        return 3

    def sample(self, uniform: Tensor) -> Tensor:
        return between((-self.distance, self.distance), uniform)

    def change(self, drawn: Tensor, parameters: PhysicsParameters) -> PhysicsParameters:
        return dataclasses.replace(parameters, base_com=parameters.base_com + drawn)

    def off(self) -> BaseCom:
        return self.replace(distance=0.0)


@dataclass(frozen=True)
class Gains(ParameterTerm):
    """Factors of each joint's stiffness and damping."""

    share: Annotated[float, limits.Interval(ge=0, lt=1)] = 0.0
    """They lie within this share of 1."""

    def uniforms(self, robot: Robot) -> int:
        return 2 * robot.num_joints

    def sample(self, uniform: Tensor) -> Tensor:
        return between((1.0 - self.share, 1.0 + self.share), uniform)

    def change(self, drawn: Tensor, parameters: PhysicsParameters) -> PhysicsParameters:
        stiffness, damping = drawn.tensor_split(2, dim=1)
        return dataclasses.replace(
            parameters, stiffness=parameters.stiffness * stiffness, damping=parameters.damping * damping
        )

    def off(self) -> Gains:
        return self.replace(share=0.0)


# How episodes start


@dataclass(frozen=True)
class Start:
    """How episodes start."""

    state: RobotState
    phase: Tensor
    """(N,) of the gait, in cycles."""


@dataclass(frozen=True)
class StartTerm(EventTerm):
    """Something about the start of each episode."""

    def change(self, drawn: Tensor, start: Start) -> Start:
        """The start with this changed. drawn: from `sample`."""
        raise UserError(f"{type(self).__name__} needs change(drawn, start).")


@dataclass(frozen=True)
class StartYaw(StartTerm):
    """The heading lies within an angle of the x axis."""

    angle: Angle = 0.0
    """rad"""

    def sample(self, uniform: Tensor) -> Tensor:
        return self.angle * (2.0 * uniform - 1.0)

    def change(self, drawn: Tensor, start: Start) -> Start:
        turned = dataclasses.replace(start.state, base_quat=rotations.from_yaw(drawn[:, 0]))
        return dataclasses.replace(start, state=turned)

    def off(self) -> StartYaw:
        return self.replace(angle=0.0)


@dataclass(frozen=True)
class StartPhase(StartTerm):
    """The gait clock starts at a random phase instead of 0."""

    on: bool = False

    def sample(self, uniform: Tensor) -> Tensor:
        return uniform.clone() if self.on else torch.zeros_like(uniform)

    def change(self, drawn: Tensor, start: Start) -> Start:
        return dataclasses.replace(start, phase=drawn[:, 0])

    def off(self) -> StartPhase:
        return self.replace(on=False)


@dataclass(frozen=True)
class StartJointPos(StartTerm):
    """Joint angles lie within an angle of the default pose."""

    angle: Angle = 0.0
    """rad"""

    def uniforms(self, robot: Robot) -> int:
        return robot.num_joints

    def sample(self, uniform: Tensor) -> Tensor:
        return self.angle * (2.0 * uniform - 1.0)

    def change(self, drawn: Tensor, start: Start) -> Start:
        moved = dataclasses.replace(start.state, joint_pos=start.state.joint_pos + drawn)
        return dataclasses.replace(start, state=moved)

    def off(self) -> StartJointPos:
        return self.replace(angle=0.0)


# What happens in between


@dataclass(frozen=True)
class PushTerm(EventTerm):
    """Changes the base's velocity in intervals, by a clock that all envs share."""

    period: NonNegative = 0.0
    """Time between two, s; 0: none."""

    def change(self, drawn: Tensor, base_velocity: Tensor) -> Tensor:
        """(N, 6) linear and angular velocity, world frame, after the push. drawn: from `sample`."""
        raise UserError(f"{type(self).__name__} needs change(drawn, base_velocity).")

    def off(self: E) -> E:
        return self.replace(period=0.0)


@dataclass(frozen=True)
class Push(PushTerm):
    """Sets the base's horizontal velocity and its angular velocity to values within bounds, or adds them; its
    vertical velocity stays."""

    lin_vel: Annotated[Speed, LIVE, SPEED] = 0.0
    """m/s"""
    ang_vel: Annotated[Speed, LIVE, RATE] = 0.0
    """rad/s"""
    adds: bool = False
    """Add to the velocity, as an impulse does, instead of replacing it: replacing stops a robot that walks,
    and one that learns with that makes up for it by walking too fast in between."""

    def uniforms(self, robot: Robot) -> int:
        return 5

    def sample(self, uniform: Tensor) -> Tensor:
        centered = 2.0 * uniform - 1.0
        return torch.cat([self.lin_vel * centered[:, :2], self.ang_vel * centered[:, 2:]], dim=1)

    def change(self, drawn: Tensor, base_velocity: Tensor) -> Tensor:
        vertical = base_velocity[:, 2:3]
        before = base_velocity if self.adds else torch.zeros_like(base_velocity)
        horizontal, angular = before[:, :2] + drawn[:, :2], before[:, 3:] + drawn[:, 2:]
        return torch.cat([horizontal, vertical, angular], dim=1)


@dataclass(frozen=True)
class Randomization(Config):
    """Base of groups of events: fields that are an `EventTerm`. Within a kind their order is that of the
    random numbers and of the changes."""

    @property
    def terms(self) -> Dict[str, EventTerm]:
        """By their names, in order."""
        return terms_of(self, EventTerm)

    def off(self: R) -> R:
        """The same group without any effect."""
        return dataclasses.replace(self, **{name: term.off() for name, term in self.terms.items()})


class Events:
    """The events of one kind, with their numbers side by side in a table (N, K)."""

    def __init__(self, group: Randomization, kind: Type[EventTerm], robot: Robot) -> None:
        found = terms_of(group, kind)
        self.names = tuple(found)
        self.terms = tuple(found.values())
        self.sizes = [term.uniforms(robot) for term in self.terms]
        self.size = sum(self.sizes)

    def split(self, table: Tensor) -> List[Tensor]:
        """Each event's columns."""
        return split_columns(table, self.sizes)

    def sample(self, uniform: Tensor) -> Tensor:
        """(N, K) physical values."""
        parts = zip(self.split(uniform), self.terms)
        return join_columns([term.sample(part) for part, term in parts], uniform)

    def change(self, drawn: Tensor, thing: T) -> T:
        """What the events make of parameters or of a start, one after the other."""
        for part, term in zip(self.split(drawn), self.terms):
            thing = term.change(part, thing)  # pyright: ignore[reportAttributeAccessIssue]
        return thing
