"""What standing needs beside the terms of `humanoid_envs.mdp`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Optional, Tuple

import torch
from torch import Tensor
from typing_extensions import Annotated

from humanoid_envs.configs import NonNegative, Positive, Range
from humanoid_envs.mdp.commands import CommandTerm
from humanoid_envs.mdp.events import between
from humanoid_envs.mdp.live import LiveRange, LiveShare
from humanoid_envs.mdp.measures import BASE_HEIGHT, LENGTH, SPEED
from humanoid_envs.mdp.observations import Mirror, ObservationTerm, signed
from humanoid_envs.mdp.rewards import RewardTerm
from humanoid_envs.mdp.step import Step
from humanoid_envs.robots import Robot


@dataclass(frozen=True)
class PostureCommand(CommandTerm):
    """Height of the base over the ground, pitch of the base, and the foot to lift: 1 the left one, -1 the
    right one, 0 none."""

    labels: ClassVar[Tuple[str, ...]] = ("height", "pitch", "lift")
    units: ClassVar[Tuple[str, ...]] = ("m", "rad", "1 left, -1 right")
    limits: ClassVar[Tuple[Tuple[float, float], ...]] = ((0.0, 3.0), (-1.0, 1.0), (-1.0, 1.0))
    uniforms: ClassVar[int] = 3

    height: Annotated[LiveRange, BASE_HEIGHT] = (0.78, 0.88)
    """m"""
    pitch: LiveRange = (-0.1, 0.2)
    """rad, positive forwards"""
    one_foot_share: LiveShare = 0.5
    """Share of drawn commands that lift a foot."""

    def ranges(self) -> Tuple[Range, ...]:
        return self.height, self.pitch, (-1.0, 1.0)

    def neutral(self, robot: Robot) -> Tuple[float, ...]:
        return robot.standing_height, 0.0, 0.0

    def sample(self, uniform: Tensor) -> Tensor:
        height, pitch, kind = uniform.split(1, dim=1)
        half = 0.5 * self.one_foot_share
        lift = (kind < half).float() - ((kind >= half) & (kind < self.one_foot_share)).float()
        return torch.cat([between(self.height, height), between(self.pitch, pitch), lift], dim=1)

    def actual(self, step: Step) -> Tensor:
        up = (~step.contact).float()
        return torch.stack([base_height(step), step.euler[:, 1], up[:, 0] - up[:, 1]], dim=1)


def base_height(step: Step) -> Tensor:
    """(N,) height of the base over the lower sole, m."""
    return step.base_height - step.foot_height.min(dim=1).values


def lifted(step: Step) -> Tensor:
    """(N, 2) bool: the feet that are to be in the air."""
    lift = step.commands["posture"][:, 2]
    return torch.stack([lift > 0.5, lift < -0.5], dim=1)


@dataclass(frozen=True)
class CommandPosture(ObservationTerm):
    """Commanded height less that of the robot's stance (m), pitch (rad), and the foot to lift."""

    turning: ClassVar[Optional[int]] = 2

    def __call__(self, step: Step) -> Tensor:
        command = step.commands["posture"]
        height = command[:, :1] - step.robot.standing_height
        return torch.cat([height, command[:, 1:3]], dim=1)

    def size(self, robot: Robot) -> int:
        return 3

    def mirror(self, robot: Robot) -> Mirror:
        return signed((1.0, 1.0, -1.0))


@dataclass(frozen=True)
class PostureError(ObservationTerm):
    """Averaged commanded minus actual height (m), pitch (rad) and foot in the air."""

    def __call__(self, step: Step) -> Tensor:
        return step.command_error[:, :3]

    def size(self, robot: Robot) -> int:
        return 3

    def mirror(self, robot: Robot) -> Mirror:
        return signed((1.0, 1.0, -1.0))


@dataclass(frozen=True)
class TrackHeight(RewardTerm):
    """exp(−|h − h*| / width), h: height of the base over the lower sole, m."""

    width: Annotated[Positive, LENGTH] = 0.03
    """m"""

    def __call__(self, step: Step) -> Tensor:
        error = base_height(step) - step.commands["posture"][:, 0]
        return torch.exp(-error.abs() / self.width)


@dataclass(frozen=True)
class TrackPitch(RewardTerm):
    """exp(−√((pitch − pitch*)² + roll²) / width), rad."""

    width: Positive = 0.1
    """rad"""

    def __call__(self, step: Step) -> Tensor:
        error = torch.stack([step.euler[:, 1] - step.commands["posture"][:, 1], step.euler[:, 0]], dim=1)
        return torch.exp(-error.norm(dim=1) / self.width)


@dataclass(frozen=True)
class Support(RewardTerm):
    """Mean over the feet of 1 where a foot is in contact or not as it is told to, 0 elsewhere."""

    def __call__(self, step: Step) -> Tensor:
        return (step.contact != lifted(step)).float().mean(dim=1)


@dataclass(frozen=True)
class LiftHeight(RewardTerm):
    """exp(−|z − target| / width), z: height of the sole of the foot that is to be lifted, m; 1 where none is
    to be."""

    target: Annotated[NonNegative, LENGTH] = 0.12
    """m"""
    width: Annotated[Positive, LENGTH] = 0.04
    """m"""

    def __call__(self, step: Step) -> Tensor:
        near = torch.exp(-(step.foot_height - self.target).abs() / self.width)
        return torch.where(lifted(step), near, 1.0).prod(dim=1)


@dataclass(frozen=True)
class Still(RewardTerm):
    """exp(−(‖v‖ / 1 m/s + ‖ω‖ / 2 rad/s) / width), v and ω: horizontal and angular velocity of the base."""

    width: Annotated[Positive, SPEED] = 0.2

    def __call__(self, step: Step) -> Tensor:
        speed = step.base_lin_vel[:, :2].norm(dim=1) + 0.5 * step.base_ang_vel.norm(dim=1)
        return torch.exp(-speed / self.width)


@dataclass(frozen=True)
class Steps(RewardTerm):
    """Number of feet that land in this step: who stands need not step."""

    def __call__(self, step: Step) -> Tensor:
        return (step.contact & (step.air_time > step.period)).float().sum(dim=1)
