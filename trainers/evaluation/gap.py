"""The simulator gap: the same policy, commands and starts on several simulators, and how far they differ."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

import torch
from torch import Tensor
from typing_extensions import Annotated

from humanoid_envs.configs import Config, Count, Index, NonNegative, Positive
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.measures import VELOCITY_COMMAND
from humanoid_envs.robots import AnyRobot
from humanoid_envs.tasks import AnyConfig, TaskConfig, preset
from trainers.evaluation.command_scores import NINE_COMMANDS
from trainers.evaluation.cycles import CycleStatistics, GaitCycle
from trainers.evaluation.env import NOMINAL, evaluation_env, measured_task, robot_for
from trainers.evaluation.goals import TRAINING_GOAL
from trainers.evaluation.metrics import Metrics, WalkStatistics, average
from trainers.evaluation.rollout import Command, Policy, Progress, no_progress, rollout
from trainers.given_configs import Given, config_of


@dataclass(frozen=True)
class GapConfig(Config):
    """How long each simulator walks."""

    commands: Annotated[Tuple[Command, ...], VELOCITY_COMMAND] = NINE_COMMANDS
    rollouts: Count = 4
    """Robots for each command; they differ in their initial joint angles alone."""
    seconds: Positive = 10.0
    start_up: NonNegative = 3.0
    """Time at the start that does not count, s."""
    seed: Index = 0

    def env_steps(self, task: TaskConfig) -> int:
        """Env-steps on one simulator."""
        return len(self.commands) * self.rollouts * task.steps(self.seconds)


@dataclass(frozen=True)
class CommandWalk:
    """All robots with one command on one simulator."""

    command: Command
    mean_velocity: Tuple[Optional[float], ...]
    """vx, vy (m/s), yaw rate (rad/s)."""
    met: bool
    """Whether no robot fell and the mean velocity is within 10 % or 0.03 of the command."""
    cycle: GaitCycle


@dataclass(frozen=True)
class SimulatorWalk:
    """The nine commands on one simulator."""

    simulator: str
    joints: Tuple[str, ...]
    commands: Tuple[CommandWalk, ...]
    overall: Metrics
    wall_seconds: float


@dataclass(frozen=True)
class JointGap:
    """One joint on two simulators; means over commands and the gait's phases."""

    joint: str
    portrait: float
    """Distance of the phase portraits, in units of the first simulator's own spread: 0 for the same motion,
    about 1.4 for unrelated ones."""
    position: float
    """Root of the mean square of the difference in angle, rad."""
    velocity: float
    """rad/s"""
    torque: float
    """N·m"""


@dataclass(frozen=True)
class Gap:
    """How far a second simulator is from a first."""

    first: str
    second: str
    joints: Tuple[JointGap, ...]
    portrait: float
    """Mean over the joints."""
    torque: float
    """Mean over the joints, N·m."""
    velocity: Tuple[float, float, float]
    """Mean magnitude of the difference of the mean velocities: vx, vy (m/s), yaw rate (rad/s)."""
    contact_time: float
    """Time in a gait cycle for which a foot is in contact on one simulator alone, s."""


@dataclass(frozen=True)
class GapReport:
    """The gap between simulators for one policy."""

    config: GapConfig
    walks: Tuple[SimulatorWalk, ...]
    gaps: Tuple[Gap, ...]
    """From the first simulator to each other one."""
    floor: Gap
    """Of the first simulator to itself with another seed: what is smaller means nothing."""


def compare_simulators(
    policy: Policy,
    task: AnyConfig,
    simulators: Sequence[str],
    *,
    config: Optional[Given[GapConfig]] = None,
    others: Sequence[SimulatorWalk] = (),
    robot: Optional[AnyRobot] = None,
    progress: Progress = no_progress,
) -> GapReport:
    """Compare the first simulator with the others, and with walks measured elsewhere (another Python, another
    machine). robot: see `robot_for`."""
    task, config = preset(task), config_of(GapConfig, config)
    walks = [walk_commands(policy, task, name, config, progress, robot) for name in simulators]
    another_seed = dataclasses.replace(config, seed=config.seed + 1)
    again = walk_commands(policy, task, simulators[0], another_seed, progress, robot)
    walks += others
    period = task.gait.period
    gaps = tuple(gap_between(walks[0], other, period) for other in walks[1:])
    return GapReport(config, tuple(walks), gaps, gap_between(walks[0], again, period))


def walk_commands(
    policy: Policy,
    task: AnyConfig,
    simulator: str,
    config: Given[GapConfig],
    progress: Progress = no_progress,
    robot: Optional[AnyRobot] = None,
) -> SimulatorWalk:
    """All commands on one simulator, on robots as the model has them."""
    start = time.perf_counter()
    config, robot = config_of(GapConfig, config), robot_for(policy, robot)
    command = torch.tensor(config.commands).repeat_interleave(config.rollouts, dim=0)
    env = evaluation_env(
        measured_task(task, robot),
        len(command),
        config.seconds,
        simulator=simulator,
        randomization=NOMINAL,
        robot=robot,
    )
    env.set_command(command)
    walks = WalkStatistics(env, command, config.start_up)
    cycles = CycleStatistics(env, config.start_up, config.seconds)
    for now in rollout(env, policy, config.seconds, seed=config.seed, progress=progress):
        walks.add(now)
        cycles.add(now)
    env.close()
    table, results, metrics = walks.per_rollout(), [], []
    for index, command in enumerate(config.commands):
        rows = slice(index * config.rollouts, (index + 1) * config.rollouts)
        metrics.append(table.summarize(rows))
        velocity = tuple(axis.value for axis in vars(metrics[-1].velocity).values())
        met = metrics[-1].survived.value == 1.0 and TRAINING_GOAL.is_met_by(command, velocity)
        results.append(CommandWalk(command, velocity, met, cycles.cycle(command, rows)))
    joints, seconds = env.simulator.robot.joint_names, time.perf_counter() - start
    return SimulatorWalk(simulator, joints, tuple(results), average(metrics), seconds)


def gap_between(first: SimulatorWalk, second: SimulatorWalk, period: float) -> Gap:
    """How far the second simulator's walks are from the first's; NaN where robots fell at once on either.
    period: duration of a gait cycle, s.

    Raises:
        ValueError: the walks have no command in common.
    """
    pairs = [(a, b) for a in first.commands for b in second.commands if a.command == b.command]
    if not pairs:
        raise UserError(f"{first.simulator} and {second.simulator} have no command in common.")
    pairs = [(a, b) for a, b in pairs if None not in (*a.mean_velocity, *b.mean_velocity)]
    if not pairs:
        nan = math.nan
        return Gap(first.simulator, second.simulator, (), nan, nan, (nan, nan, nan), nan)

    def both(name: str) -> Tuple[Tensor, Tensor]:  # (commands, BINS, …) each
        a, b = (torch.tensor([getattr(pair[side].cycle, name) for pair in pairs]) for side in range(2))
        return a, b

    pos, vel, torque, contact = (both(name) for name in ("joint_pos", "joint_vel", "joint_torque", "contact"))
    portrait = (0.5 * _relative(*pos).square() + 0.5 * _relative(*vel).square()).sqrt()
    by_joint = [values.mean(dim=0) for values in (portrait, *(_rms(b - a) for a, b in (pos, vel, torque)))]
    velocity = [torch.tensor([pair[side].mean_velocity for pair in pairs]) for side in range(2)]
    vx, vy, yaw_rate = (velocity[1] - velocity[0]).abs().mean(dim=0).tolist()
    return Gap(
        first=first.simulator,
        second=second.simulator,
        joints=tuple(
            JointGap(name, *(float(values[j]) for values in by_joint)) for j, name in enumerate(first.joints)
        ),
        portrait=float(by_joint[0].mean()),
        torque=float(by_joint[3].mean()),
        velocity=(vx, vy, yaw_rate),
        contact_time=float((contact[1] - contact[0]).abs().mean()) * period,
    )


def _rms(values: Tensor) -> Tensor:
    """Over the phases: (commands, BINS, J) -> (commands, J)."""
    return values.square().mean(dim=1).sqrt()


def _relative(first: Tensor, second: Tensor) -> Tensor:
    """The difference over the phases, in units of how much the first moves."""
    return _rms(second - first) / _rms(first - first.mean(dim=1, keepdim=True)).clamp(min=1e-6)
