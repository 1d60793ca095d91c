"""How hard a walking robot may be pushed, in each direction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional, Tuple

import torch
from torch import Tensor
from typing_extensions import Annotated

from humanoid_envs import rotations
from humanoid_envs.configs import Config, Count, NonNegative, Positive
from humanoid_envs.mdp.measures import SPEED, VELOCITY_COMMAND
from humanoid_envs.robots import AnyRobot
from humanoid_envs.tasks import AnyConfig, TaskConfig, preset
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.evaluation.command_scores import NINE_COMMANDS
from trainers.evaluation.env import DomainRandomization, evaluation_env, robot_for
from trainers.evaluation.intervals import Estimate, mean_estimate, share_estimate
from trainers.evaluation.rollout import Command, Policy, Progress, no_progress, rollout
from trainers.given_configs import Given, config_of


@dataclass(frozen=True)
class PushConfig(Config):
    """Each robot walks and is pushed once; that is repeated with more or less force, by bisection."""

    directions: Count = 8
    """Evenly around the robot, the first one forward."""
    commands: Annotated[Tuple[Command, ...], VELOCITY_COMMAND] = NINE_COMMANDS
    repeats: Count = 2
    """Robots for each direction and command."""
    rounds: Count = 4
    """Each halves the interval in which a robot's limit lies; the first push is half the largest."""
    largest: Annotated[Positive, SPEED] = 2.0
    """Upper end of that interval, m/s."""
    start_up: NonNegative = 1.6
    """Time before a push, s; up to a gait cycle is added, so that pushes hit at all phases."""
    watch: Positive = 2.0
    """Time after it for which the robot must stand, s."""

    @property
    def num_robots(self) -> int:
        return self.directions * len(self.commands) * self.repeats

    def env_steps(self, task: TaskConfig) -> int:
        """Env-steps of the whole protocol."""
        return self.rounds * self.num_robots * task.steps(self.seconds(task))

    def seconds(self, task: TaskConfig) -> float:
        """Duration of a round."""
        return self.start_up + task.gait.period + self.watch


@dataclass(frozen=True)
class PushDirection:
    """Pushes towards one side."""

    angle: float
    """From the robot's heading, to the left, rad."""
    survived: Estimate
    """Share of robots that stand `watch` seconds after a push of half the largest (1 m/s)."""
    limit: Estimate
    """Largest push survived, m/s: mean over robots."""


@dataclass(frozen=True)
class PushResult:
    """A push adds a horizontal velocity to the base, and with it to the whole robot: its joints keep their
    own."""

    strength: float
    """Velocity that `survived` is about, m/s."""
    largest: float
    """Bound on all limits, m/s."""
    survived: Estimate
    """Share over all directions."""
    limit: Estimate
    """Mean over all directions, m/s."""
    directions: Tuple[PushDirection, ...]


def push_test(
    policy: Policy,
    task: AnyConfig,
    *,
    config: Given[PushConfig],
    simulator: str,
    randomization: Given[DomainRandomization],
    seed: int = 0,
    robot: Optional[AnyRobot] = None,
    progress: Progress = no_progress,
) -> PushResult:
    """Push walking robots from all sides, each at its own phase of the gait. robot: see `robot_for`."""
    task, config = preset(task), config_of(PushConfig, config)
    robot = robot_for(policy, robot)
    env = evaluation_env(
        task,
        config.num_robots,
        config.seconds(task),
        simulator=simulator,
        randomization=randomization,
        robot=robot,
    )
    per_direction = config.num_robots // config.directions
    commands = torch.tensor(config.commands).repeat(config.directions * config.repeats, 1)
    env.set_command(commands)
    side = torch.arange(config.directions).repeat_interleave(per_direction)
    angle = 2.0 * math.pi * side / config.directions
    generator = torch.Generator().manual_seed(seed)
    first, cycle = task.steps(config.start_up), task.steps(task.gait.period)
    when = first + torch.randint(cycle, (config.num_robots,), generator=generator)
    low, high = torch.zeros(config.num_robots), torch.full((config.num_robots,), config.largest)
    survived = torch.zeros(0, dtype=torch.bool)
    for attempt in range(config.rounds):
        strength = 0.5 * (low + high)
        stands = _stands_after_push(
            env, policy, strength, angle, when, config, None if attempt else seed, progress
        )
        low, high = torch.where(stands, strength, low), torch.where(stands, high, strength)
        survived = stands if attempt == 0 else survived
    env.close()
    # A limit is known up to half an interval; one that was never reached is the bound itself.
    limit = torch.where(high == config.largest, high, 0.5 * (low + high))

    def of_direction(index: int) -> PushDirection:
        rows = slice(index * per_direction, (index + 1) * per_direction)
        share = share_estimate(int(survived[rows].sum()), per_direction)
        return PushDirection(2.0 * math.pi * index / config.directions, share, mean_estimate(limit[rows]))

    return PushResult(
        strength=0.5 * config.largest,
        largest=config.largest,
        survived=share_estimate(int(survived.sum()), len(survived)),
        limit=mean_estimate(limit),
        directions=tuple(of_direction(index) for index in range(config.directions)),
    )


def _stands_after_push(
    env: HumanoidVectorEnv,
    policy: Policy,
    strength: Tensor,
    angle: Tensor,
    when: Tensor,
    config: PushConfig,
    seed: int | None,
    progress: Progress,
) -> Tensor:
    """(N,) bool: which robots stand `watch` seconds after their push. All arguments (N,)."""
    watch = env.config.steps(config.watch)
    stands = torch.zeros(env.num_envs, dtype=torch.bool)
    for now in rollout(env, policy, config.seconds(env.config), seed=seed, progress=progress):
        due = when == now.step
        if due.any():
            push_robots(env, due, strength, angle)
        over = when + watch == now.step
        if over.any():
            stands = torch.where(over, now.standing.cpu(), stands)
    return stands


def push_robots(env: HumanoidVectorEnv, mask: Tensor, strength: Tensor, angle: Tensor) -> None:
    """Add a horizontal velocity to the bases of the masked robots, (N,) m/s, at an angle to their headings,
    (N,) rad to the left."""
    state = env.simulator.state
    direction = rotations.heading(state.base_quat) + angle.to(env.device)
    kick = torch.stack([direction.cos(), direction.sin(), torch.zeros_like(direction)], dim=1)
    lin_vel = state.base_lin_vel + strength.to(env.device)[:, None] * kick
    env.simulator.push(mask.to(env.device), lin_vel, state.base_ang_vel)
