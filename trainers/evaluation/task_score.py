"""How well any task is done: the task's own commands, events and rewards, in a simulator that it may not have
been trained in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

import torch
from gymnasium.vector import AutoresetMode

from humanoid_envs.configs import Config, Count, Index, NonNegative, Positive
from humanoid_envs.mdp.commands import VelocityCommand
from humanoid_envs.registration import make
from humanoid_envs.robots import AnyRobot
from humanoid_envs.tasks import AnyConfig, TaskConfig, preset
from trainers.evaluation.env import choose_simulator, device_of, robot_for
from trainers.evaluation.intervals import Estimate, mean_estimate, share_estimate
from trainers.evaluation.rollout import Policy, Progress, no_progress, rollout


@dataclass(frozen=True)
class TaskScoreConfig(Config):
    """How much is measured."""

    robots: Count = 100
    seconds: Positive = 20.0
    settling: NonNegative = 1.0
    """Time after the start that does not count, s."""
    seed: Index = 0

    def env_steps(self, task: TaskConfig) -> int:
        """Steps of all robots together."""
        return self.robots * task.steps(self.seconds)


@dataclass(frozen=True)
class TaskScore:
    """What came of it; intervals are over the robots."""

    simulator: str
    config: TaskScoreConfig
    survived: Estimate
    """Share of the robots that did not fall."""
    errors: Tuple[Estimate, ...]
    """For each number that robots are told, the mean absolute distance of what they do, averaged over
    `commands.averaging_time`, until they fall."""
    labels: Tuple[str, ...]
    units: Tuple[str, ...]
    """Of the same."""
    reward: Estimate
    """Per second, until the fall."""
    torque: Estimate
    """Mean absolute torque of the joints, N·m."""


def score_task(
    policy: Policy,
    task: AnyConfig,
    *,
    simulator: str = "mujoco",
    config: Optional[TaskScoreConfig] = None,
    robot: Optional[AnyRobot] = None,
    num_threads: int = 0,
    progress: Progress = no_progress,
) -> TaskScore:
    """Let robots do the task with all that is random in it. simulator: see `choose_simulator`; robot: see
    `robot_for`.

    Raises:
        UserError: unknown simulator, or a policy that does not fit the task.
    """
    task, config, choice = preset(task), config or TaskScoreConfig(), choose_simulator(simulator)
    length = max(task.terminations.episode_length, config.seconds)
    env = make(
        config.robots,
        task.replace({"physics": choice.physics, "terminations.episode_length": length}),
        engine=choice.engine,
        robot=robot_for(policy, robot),
        device=device_of(choice.engine),
        num_threads=num_threads,
        array="torch",
        autoreset_mode=AutoresetMode.DISABLED,
        compiled=False,
    )
    steps, reward, torque = (torch.zeros(config.robots, device=env.device) for _ in range(3))
    errors = torch.zeros(config.robots, len(task.commands.labels), device=env.device)
    standing = torch.ones(config.robots, dtype=torch.bool, device=env.device)
    for now in rollout(env, policy, config.seconds, seed=config.seed, progress=progress):
        standing = now.standing
        if now.step < env.config.steps(config.settling):
            continue
        steps += standing
        reward += now.reward * standing
        torque += now.state.joint_torque.abs().mean(dim=1) * standing
        errors += env.command_error.abs() * standing[:, None]
    labels, units = env.config.commands.labels, env.config.commands.units
    per_second = 1.0 / env.config.policy_period
    env.close()
    return TaskScore(
        simulator=simulator,
        config=config,
        survived=share_estimate(int(standing.sum()), config.robots),
        errors=tuple(mean_estimate(column.cpu() / steps.cpu()) for column in errors.T),
        labels=labels,
        units=units,
        reward=mean_estimate(per_second * reward.cpu() / steps.cpu()),
        torque=mean_estimate(torque.cpu() / steps.cpu()),
    )


def summarize_task(score: TaskScore) -> Dict[str, float]:
    """The score as few numbers, by the names of their curves."""
    known = {"return": score.reward, **{f"error_{n}": e for n, e in zip(score.labels, score.errors)}}
    values = {name: estimate.value for name, estimate in known.items() if estimate.value is not None}
    falls = 1.0 - (score.survived.value or 0.0)
    return {"evaluation/fall_rate": falls, **{f"evaluation/{name}": v for name, v in values.items()}}


def is_about_velocity(task: TaskConfig) -> bool:
    """Whether robots are told a planar velocity and a yaw rate, as the protocols of walking do."""
    return task.commands.labels == VelocityCommand.labels
