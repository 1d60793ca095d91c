"""A task of its own, with a term of every kind: walking at a commanded height of the base."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import ClassVar, Tuple

import torch
from torch import Tensor

from humanoid_envs.configs import NonNegative, Number, Positive, Range, Share
from humanoid_envs.mdp import (
    CommandTerm,
    Curricula,
    CurriculumTerm,
    Episodes,
    ObservationTerm,
    ParameterTerm,
    RewardTerm,
    Step,
    TerminationTerm,
)
from humanoid_envs.mdp.curricula import RaiseWithSuccess
from humanoid_envs.mdp.events import between
from humanoid_envs.mdp.live import LiveRange
from humanoid_envs.mdp.observations import VECTOR, Mirror, signed
from humanoid_envs.robots import Robot
from humanoid_envs.simulators.simulator import PhysicsParameters
from humanoid_envs.tasks import TaskConfig, register_preset
from humanoid_envs.tasks.velocity import (
    CriticFrame,
    FastRewards,
    PolicyFrame,
    VelocityCommands,
    VelocityObservations,
    VelocityRandomization,
    VelocityTerminations,
    fast,
)


@dataclass(frozen=True)
class HeightCommand(CommandTerm):
    """Height of the base, m."""

    labels: ClassVar[Tuple[str, ...]] = ("height",)
    units: ClassVar[Tuple[str, ...]] = ("m",)
    limits: ClassVar[Tuple[Tuple[float, float], ...]] = ((0.3, 1.2),)
    uniforms: ClassVar[int] = 1

    height: LiveRange = (0.75, 0.88)

    def ranges(self) -> Tuple[Range, ...]:
        return (self.height,)

    def sample(self, uniform: Tensor) -> Tensor:
        return between(self.height, uniform)

    def actual(self, step: Step) -> Tensor:
        return step.state.base_pos[:, 2:]


@dataclass(frozen=True)
class CommandHeight(ObservationTerm):
    """Commanded height, m."""

    def __call__(self, step: Step) -> Tensor:
        return step.commands["height"]


@dataclass(frozen=True)
class Acceleration(ObservationTerm):
    """What an accelerometer at rest would show of the base's motion: gravity and the change of the velocity
    per second, world frame, m/s²."""

    scale: Number = 0.05
    noise: NonNegative = 0.02

    def __call__(self, step: Step) -> Tensor:
        change = (step.base_velocity - step.last_base_velocity)[:, :3] / step.period
        return change - 9.81 * step.gravity

    def size(self, robot: Robot) -> int:
        return 3

    def mirror(self, robot: Robot) -> Mirror:
        return signed(VECTOR)


@dataclass(frozen=True)
class TrackHeight(RewardTerm):
    """exp(−|h − h*| / width)."""

    weight: Number = 1.0
    width: Positive = 0.05
    """m"""

    def __call__(self, step: Step) -> Tensor:
        error = step.state.base_pos[:, 2] - step.commands["height"][:, 0]
        return torch.exp(-error.abs() / self.width)


@dataclass(frozen=True)
class MotorStrength(ParameterTerm):
    """Factor of all torque limits, drawn with each episode."""

    each_episode: bool = True
    least: Share = 0.7

    def sample(self, uniform: Tensor) -> Tensor:
        return between((self.least, 1.0), uniform)

    def change(self, drawn: Tensor, parameters: PhysicsParameters) -> PhysicsParameters:
        return dataclasses.replace(parameters, torque_limit=parameters.torque_limit * drawn)

    def off(self) -> MotorStrength:
        return self.replace(least=1.0)


@dataclass(frozen=True)
class Load(ParameterTerm):
    """The base's centre of mass lies off the model's, by up to `offset` along each axis, m."""

    offset: NonNegative = 0.05

    def uniforms(self, robot: Robot) -> int:
        return 3

    def sample(self, uniform: Tensor) -> Tensor:
        return self.offset * (2.0 * uniform - 1.0)

    def change(self, drawn: Tensor, parameters: PhysicsParameters) -> PhysicsParameters:
        return dataclasses.replace(parameters, base_com=parameters.base_com + drawn)

    def off(self) -> Load:
        return self.replace(offset=0.0)


@dataclass(frozen=True)
class RunsAway(TerminationTerm):
    """Faster than anybody asked for."""

    speed: Positive = 3.0
    """m/s"""

    def __call__(self, step: Step) -> Tensor:
        return step.base_lin_vel[:, :2].norm(dim=1) > self.speed


@dataclass(frozen=True)
class Countdown(CurriculumTerm):
    """Brings a number down to 0 within so many episodes per robot."""

    parameter: str = "rewards.alive.weight"
    episodes: Positive = 100.0

    def advance(
        self, value: Tensor, begin: float, memory: Tensor, episodes: Episodes
    ) -> Tuple[Tensor, Tensor]:
        ended = episodes.done.double().mean()
        return (value - begin * ended / self.episodes).clamp(min=0.0), memory


@dataclass(frozen=True)
class SquatCommands(VelocityCommands):
    height: HeightCommand = HeightCommand()


@dataclass(frozen=True)
class SquatFrame(PolicyFrame):
    command_height: CommandHeight = CommandHeight()
    acceleration: Acceleration = Acceleration()


@dataclass(frozen=True)
class SquatCriticFrame(CriticFrame):
    command_height: CommandHeight = CommandHeight()


@dataclass(frozen=True)
class SquatObservations(VelocityObservations):
    policy: SquatFrame = SquatFrame()
    critic: SquatCriticFrame = SquatCriticFrame()


@dataclass(frozen=True)
class SquatRewards(FastRewards):
    height: TrackHeight = TrackHeight()


@dataclass(frozen=True)
class SquatTerminations(VelocityTerminations):
    runs_away: RunsAway = RunsAway()


@dataclass(frozen=True)
class SquatRandomization(VelocityRandomization):
    motor_strength: MotorStrength = MotorStrength()
    load: Load = Load()


@dataclass(frozen=True)
class SquatCurricula(Curricula):
    faster: RaiseWithSuccess = RaiseWithSuccess("commands.velocity.lin_vel_x[1]", target=1.2)
    countdown: Countdown = Countdown()


@dataclass(frozen=True)
class SquatConfig(TaskConfig):
    """The task."""

    commands: SquatCommands = field(default_factory=SquatCommands)
    observations: SquatObservations = field(default_factory=SquatObservations)
    rewards: SquatRewards = field(default_factory=SquatRewards)
    terminations: SquatTerminations = field(default_factory=SquatTerminations)
    randomization: SquatRandomization = field(default_factory=SquatRandomization)
    curricula: SquatCurricula = field(default_factory=SquatCurricula)


@register_preset("squat")
def squat() -> SquatConfig:
    """Walk as in preset fast, at a commanded height."""
    task = SquatConfig(physics=fast().physics)
    return task.replace({"commands.velocity.heading_mode": False, "terminations.episode_length": 0.1})
