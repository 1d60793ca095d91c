"""Scores of a policy on fixed commands, in C MuJoCo at the release's 1 ms and explicit PD."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import torch

from humanoid_envs.mdp.measures import VELOCITY_COMMAND
from humanoid_envs.robots import XBOT_L, AnyRobot
from humanoid_envs.tasks import AnyConfig
from trainers.evaluation.env import NOMINAL, DomainRandomization, evaluation_env, robot_for
from trainers.evaluation.goals import TRAINING_GOAL
from trainers.evaluation.rollout import Command, Policy, planar_velocity, rollout
from trainers.given_configs import Given

NINE_COMMANDS: Tuple[Command, ...] = (
    (0.4, 0.0, 0.0),
    (0.6, 0.0, 0.0),
    (-0.3, 0.0, 0.0),
    (0.0, 0.3, 0.0),
    (0.0, -0.3, 0.0),
    (0.0, 0.0, 0.3),
    (0.0, 0.0, -0.3),
    (0.0, 0.0, 0.0),
    (0.3, 0.15, 0.15),
)
"""vx, vy (m/s), yaw rate (rad/s): every direction, standing, and a diagonal."""

WIDE_COMMANDS: Tuple[Command, ...] = (
    (0.5, 0.0, 0.0),
    (1.0, 0.0, 0.0),
    (1.5, 0.0, 0.0),
    (-0.8, 0.0, 0.0),
    (0.0, 0.6, 0.0),
    (0.0, -0.6, 0.0),
    (0.0, 0.0, 1.5),
    (0.0, 0.0, -1.5),
    (0.0, 0.0, 0.0),
    (0.8, 0.4, 0.0),
    (1.0, 0.0, 1.0),
    (0.5, -0.3, -0.8),
)
"""The ends of what preset fast_wide is for, standing, and diagonals."""


@dataclass(frozen=True)
class CommandScore:
    """How a policy did on one command, over all its episodes."""

    command: Command
    episodes: int
    falls: int
    """Episodes in which the torso, an arm or the head touched the ground, or the base sank below 0.5 m."""
    mean_velocity: Optional[Command]
    """Mean body-frame vx, vy (m/s) and yaw rate (rad/s) after the start-up time, while standing; None if
    every robot fell before."""
    mean_abs_torque: Optional[float]
    """Over joints and that time, N·m; likewise."""
    mean_return: float
    """Sum of the task's rewards until the fall or the end."""

    @property
    def met(self) -> bool:
        """Whether this is good enough for a trained policy, see `TRAINING_GOAL`."""
        mean = self.mean_velocity
        return self.falls == 0 and mean is not None and TRAINING_GOAL.is_met_by(self.command, mean)

    @property
    def worst_error(self) -> Optional[float]:
        """Largest difference of the mean velocity and the command, m/s or rad/s; None if there is no mean."""
        if self.mean_velocity is None:
            return None
        return max(abs(mean - wanted) for mean, wanted in zip(self.mean_velocity, self.command))


def evaluate_commands(
    policy: Policy,
    commands: Optional[Sequence[Command]] = None,
    *,
    config: AnyConfig = "v0",
    episodes: int = 5,
    seconds: float = 20.0,
    start_up: float = 3.0,
    seed: int = 0,
    num_threads: int = 0,
    randomization: Given[DomainRandomization] = NOMINAL,
    robot: Optional[AnyRobot] = None,
) -> List[CommandScore]:
    """Walk each command for some seconds, `episodes` times from different initial joint angles. None are the
    nine, as fast for the robot's legs as they are for XBot-L's.

    Nothing is randomized but the start (joints ± 0.1 rad) and how the robots differ, by `randomization`.
    `config` is the task that gives the observation, a preset's name, or a mapping of a task's fields; its
    physics is replaced by 1 ms × 10 with explicit PD. robot: see `robot_for`.
    """
    robot = robot_for(policy, robot)
    told = VELOCITY_COMMAND.scaled(NINE_COMMANDS, robot, XBOT_L) if commands is None else commands
    env = evaluation_env(
        config, len(told) * episodes, seconds, num_threads, randomization=randomization, robot=robot
    )
    fixed = torch.tensor(told, dtype=torch.float32).repeat_interleave(episodes, dim=0)
    env.set_command(fixed)
    velocity = torch.zeros(env.num_envs, 3)
    torque, returns, samples = (torch.zeros(env.num_envs) for _ in range(3))
    standing = torch.ones(env.num_envs, dtype=torch.bool)
    for now in rollout(env, policy, seconds, seed=seed):
        state, standing = now.state, now.standing
        returns += now.reward * now.stood
        if now.step >= env.config.steps(start_up):
            velocity += planar_velocity(state) * standing[:, None]
            torque += state.joint_torque.abs().mean(dim=1) * standing
            samples += standing
    env.close()
    by_command = (len(told), episodes)
    total = samples.view(by_command).sum(dim=1)  # 0 / 0 is NaN: nothing was measured
    mean_velocity = velocity.view(*by_command, 3).sum(dim=1) / total[:, None]
    mean_torque = torque.view(by_command).sum(dim=1) / total
    mean_return = returns.view(by_command).mean(dim=1)
    falls = (~standing).view(by_command).sum(dim=1)
    columns = (falls, mean_velocity, mean_torque, mean_return)
    return [
        CommandScore(
            command,
            episodes,
            fallen,
            None if math.isnan(effort) else (mean[0], mean[1], mean[2]),
            None if math.isnan(effort) else effort,
            earned,
        )
        for command, fallen, mean, effort, earned in zip(told, *(column.tolist() for column in columns))
    ]


def format_scores(scores: Sequence[CommandScore]) -> str:
    """A table for the terminal."""
    lines = ["  command vx, vy, ωz     mean vx, vy, ωz          falls   mean |τ|   return"]
    for score in scores:
        command = " ".join(f"{value:6.2f}" for value in score.command)
        mean = " ".join(_number(value, 7, 3) for value in score.mean_velocity or (None, None, None))
        falls = f"{score.falls:3d}/{score.episodes:<3d}"
        torque = _number(score.mean_abs_torque, 6, 1)
        lines.append(f"  {command}   {mean}   {falls}  {torque}   {score.mean_return:7.2f}")
    if any(score.mean_velocity is None for score in scores):
        lines.append("  –: every robot fell within the start-up time, before anything was measured")
    return "\n".join(lines)


def summarize(scores: Sequence[CommandScore]) -> Dict[str, float]:
    """The scores as few numbers, by the names of their TensorBoard curves. Without `worst_tracking_error` if
    every robot fell before its velocity was measured."""
    errors = [score.worst_error for score in scores if score.worst_error is not None]
    falls = sum(score.falls for score in scores)
    return {
        "evaluation/return": sum(score.mean_return for score in scores) / len(scores),
        "evaluation/falls": falls,
        "evaluation/fall_rate": falls / sum(score.episodes for score in scores),
        **({"evaluation/worst_tracking_error": max(errors)} if errors else {}),
    }


def _number(value: Optional[float], width: int, digits: int) -> str:
    return f"{'–':>{width}}" if value is None else f"{value:{width}.{digits}f}"
