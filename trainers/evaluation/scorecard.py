"""The scorecard: a grid of commands, pushes and changes of command, on robots that differ."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Sequence, Tuple

import torch
from typing_extensions import Annotated

from humanoid_envs.configs import Config, Count, Index, NonNegative, Positive
from humanoid_envs.mdp.measures import VELOCITY_COMMAND
from humanoid_envs.robots import AnyRobot, Robot
from humanoid_envs.tasks import AnyConfig, TaskConfig
from trainers.evaluation.command_scores import NINE_COMMANDS
from trainers.evaluation.cycles import CycleStatistics, GaitCycle
from trainers.evaluation.env import DomainRandomization, evaluation_env, measured_task, robot_for
from trainers.evaluation.goals import SHIPPING_GOAL, TRAINING_GOAL, Goal
from trainers.evaluation.metrics import Metrics, WalkStatistics, average
from trainers.evaluation.pushes import PushConfig, PushResult, push_test
from trainers.evaluation.rollout import Command, Policy, Progress, no_progress, rollout
from trainers.evaluation.step_response import StepConfig, StepResponse, step_responses
from trainers.given_configs import Given, config_of

BEYOND_COMMANDS: Tuple[Command, ...] = (
    (0.8, 0.0, 0.0),
    (1.0, 0.0, 0.0),
    (-0.6, 0.0, 0.0),
    (0.0, 0.5, 0.0),
    (0.0, -0.5, 0.0),
    (0.0, 0.0, 0.7),
    (0.0, 0.0, -0.7),
    (0.6, 0.3, 0.5),
)
"""Faster than the release's task commands in training."""


@dataclass(frozen=True)
class ScorecardConfig(Config):
    """What is measured, and on how many robots."""

    commands: Annotated[Tuple[Command, ...], VELOCITY_COMMAND] = NINE_COMMANDS
    beyond: Annotated[Tuple[Command, ...], VELOCITY_COMMAND] = BEYOND_COMMANDS
    rollouts: Count = 64
    """Robots for each command."""
    beyond_rollouts: Index = 8
    """Robots for each of the commands beyond."""
    seconds: Positive = 20.0
    """Duration of a rollout."""
    start_up: NonNegative = 3.0
    """Time at its start that counts for nothing but falls, s."""
    randomization: DomainRandomization = field(default_factory=DomainRandomization)
    """How the robots differ."""
    pushes: PushConfig = field(default_factory=PushConfig)
    steps: StepConfig = field(default_factory=StepConfig)
    seed: Index = 0

    def env_steps(self, task: TaskConfig) -> int:
        """Env-steps of the whole scorecard."""
        robots = len(self.commands) * self.rollouts + len(self.beyond) * self.beyond_rollouts
        walking = robots * task.steps(self.seconds)
        return walking + self.pushes.env_steps(task) + self.steps.env_steps(task)


@dataclass(frozen=True)
class CommandResult:
    """All rollouts with one command."""

    command: Command
    beyond: bool
    """Whether the command is beyond the release's range, where no goal applies."""
    metrics: Metrics
    training_goal: bool
    """No fall, and every mean velocity within 10 % or 0.03 of the command."""
    shipping_goal: bool
    """The same with 5 % or 0.02."""


@dataclass(frozen=True)
class Scorecard:
    """All numbers about a policy on one simulator."""

    simulator: str
    config: ScorecardConfig
    commands: Tuple[CommandResult, ...]
    overall: Metrics
    """Over the commands that are not beyond, each counting the same."""
    pushes: PushResult
    step_responses: Tuple[StepResponse, ...]
    cycles: Tuple[GaitCycle, ...]
    """Of the commands that are not beyond."""
    training_goal: Tuple[str, ...]
    """What is missing to `TRAINING_GOAL`; empty if it is reached."""
    shipping_goal: Tuple[str, ...]
    """What is missing to `SHIPPING_GOAL`; empty if it is reached."""
    wall_seconds: float
    cpu_seconds: float


def make_scorecard(
    policy: Policy,
    task: AnyConfig,
    *,
    simulator: str = "mujoco",
    config: Optional[Given[ScorecardConfig]] = None,
    robot: Optional[AnyRobot] = None,
    progress: Progress = no_progress,
) -> Scorecard:
    """Measure a policy on a simulator, see `docs/sim2sim.md`.

    task: the one that the policy was trained on. It gives observation, action and gait; everything else is
    the same for all policies. robot: see `robot_for`.
    """
    config, robot = config_of(ScorecardConfig, config), robot_for(policy, robot)
    start, cpu_start = time.perf_counter(), time.process_time()
    task = measured_task(task, robot)
    commands, cycles = _walk(policy, task, robot, simulator, config, progress)
    where: Dict[str, Any] = {
        "robot": robot,
        "simulator": simulator,
        "randomization": config.randomization,
        "seed": config.seed,
        "progress": progress,
    }
    pushes = push_test(policy, task, config=config.pushes, **where)
    responses = step_responses(policy, task, config=config.steps, **where)
    within = [result for result in commands if not result.beyond]
    overall = average(result.metrics for result in within)
    training, shipping = (missing(goal, within, overall, pushes) for goal in (TRAINING_GOAL, SHIPPING_GOAL))
    return Scorecard(
        simulator=simulator,
        config=config,
        commands=commands,
        overall=overall,
        pushes=pushes,
        step_responses=responses,
        cycles=cycles,
        training_goal=training,
        shipping_goal=shipping,
        wall_seconds=time.perf_counter() - start,
        cpu_seconds=time.process_time() - cpu_start,
    )


def _walk(
    policy: Policy,
    task: TaskConfig,
    robot: Robot,
    simulator: str,
    config: ScorecardConfig,
    progress: Progress,
) -> Tuple[Tuple[CommandResult, ...], Tuple[GaitCycle, ...]]:
    """All commands at once, each with its own robots."""
    groups = [(command, config.rollouts) for command in config.commands]
    groups += [(command, config.beyond_rollouts) for command in config.beyond]
    commands = torch.tensor([command for command, robots in groups for _ in range(robots)])
    env = evaluation_env(
        task,
        len(commands),
        config.seconds,
        simulator=simulator,
        randomization=config.randomization,
        robot=robot,
    )
    env.set_command(commands)
    first_of_each = [index * config.rollouts for index in range(len(config.commands))]
    walks = WalkStatistics(env, commands, config.start_up)
    cycles = CycleStatistics(env, config.start_up, config.seconds, record=first_of_each)
    for now in rollout(env, policy, config.seconds, seed=config.seed, progress=progress):
        walks.add(now)
        cycles.add(now)
    env.close()
    table, results, mean_cycles, row = walks.per_rollout(), [], [], 0
    for index, (command, robots) in enumerate(groups):
        rows = slice(row, row + robots)
        row += robots
        beyond = index >= len(config.commands)
        metrics = table.summarize(rows)
        met = (_is_met(goal, command, metrics) for goal in (TRAINING_GOAL, SHIPPING_GOAL))
        results.append(CommandResult(command, beyond, metrics, *met))
        if not beyond:
            mean_cycles.append(cycles.cycle(command, rows))
    return tuple(results), tuple(mean_cycles)


def missing(
    goal: Goal, commands: Sequence[CommandResult], overall: Metrics, pushes: PushResult
) -> Tuple[str, ...]:
    """What a policy lacks to reach a goal, in words; nothing if it reaches it."""
    lacks = [
        f"command {result.command}: mean velocity {_velocity(result.metrics)}, "
        f"survived {result.metrics.survived.value}"
        for result in commands
        if not _is_met(goal, result.command, result.metrics)
    ]
    bounds = (
        ("drift when told to stand, m/s", overall.drift.value, goal.drift),
        ("mean |torque|, N·m", overall.torque.value, goal.torque),
    )
    lacks += [
        f"{name}: {_round(value)} instead of at most {most}"
        for name, value, most in bounds
        if most is not None and not (value is not None and value <= most)
    ]
    share = pushes.survived.value or 0.0
    if goal.push_survival is not None and share < goal.push_survival:
        lacks.append(f"survived pushes: {_round(share)} instead of at least {goal.push_survival}")
    return tuple(lacks)


def _is_met(goal: Goal, command: Command, metrics: Metrics) -> bool:
    known = [value for value in _velocity(metrics) if value is not None]
    return metrics.survived.value == 1.0 and len(known) == 3 and goal.is_met_by(command, known)


def _velocity(metrics: Metrics) -> Tuple[Optional[float], ...]:
    return tuple(_round(axis.value) for axis in vars(metrics.velocity).values())


def _round(value: Optional[float]) -> Optional[float]:
    return None if value is None else round(value, 4)
