"""Does a policy walk? Fixed commands in C MuJoCo at the release's 1 ms and explicit PD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

import torch

from humanoid_envs.tasks.velocity import VelocityConfig, preset
from trainers.evaluation.goals import TRAINING_GOAL
from trainers.evaluation.rollout import Command, Policy, planar_velocity, rollout
from trainers.evaluation.setting import NOMINAL, Spread, evaluation_env

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
    mean_velocity: Command
    """Mean body-frame vx, vy (m/s) and yaw rate (rad/s) after the start-up time, while standing."""
    mean_abs_torque: float
    """Over joints and time, N·m."""
    mean_return: float
    """Sum of the task's rewards until the fall or the end."""

    @property
    def met(self) -> bool:
        """Whether this is good enough for a trained policy, see `TRAINING_GOAL`."""
        return self.falls == 0 and TRAINING_GOAL.is_met_by(self.command, self.mean_velocity)


def evaluate_commands(
    policy: Policy,
    commands: Sequence[Command] = NINE_COMMANDS,
    *,
    config: VelocityConfig | None = None,
    episodes: int = 5,
    seconds: float = 20.0,
    start_up: float = 3.0,
    seed: int = 0,
    num_threads: int = 0,
    spread: Spread = NOMINAL,
) -> List[CommandScore]:
    """Walk each command for some seconds, `episodes` times from different initial joint angles.

    Nothing is randomized but the start (joints ± 0.1 rad) and how the robots differ, by `spread`. `config` is
    the task that gives the observation (default v0); its physics is replaced by 1 ms × 10 with explicit PD.
    """
    env = evaluation_env(
        config or preset("v0"), len(commands) * episodes, seconds, num_threads, spread=spread
    )
    fixed = torch.tensor(commands, dtype=torch.float32).repeat_interleave(episodes, dim=0)
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
    by_command = (len(commands), episodes)
    total = samples.view(by_command).sum(dim=1).clamp(min=1.0)
    mean_velocity = velocity.view(*by_command, 3).sum(dim=1) / total[:, None]
    mean_torque = torque.view(by_command).sum(dim=1) / total
    mean_return = returns.view(by_command).mean(dim=1)
    falls = (~standing).view(by_command).sum(dim=1)
    columns = (falls, mean_velocity, mean_torque, mean_return)
    return [
        CommandScore(command, episodes, fallen, (mean[0], mean[1], mean[2]), effort, total)
        for command, fallen, mean, effort, total in zip(commands, *(column.tolist() for column in columns))
    ]


def format_scores(scores: Sequence[CommandScore]) -> str:
    """A table for the terminal."""
    lines = ["  command vx, vy, ωz     mean vx, vy, ωz          falls   mean |τ|   return"]
    for score in scores:
        command = " ".join(f"{value:6.2f}" for value in score.command)
        mean = " ".join(f"{value:7.3f}" for value in score.mean_velocity)
        falls = f"{score.falls:3d}/{score.episodes:<3d}"
        lines.append(
            f"  {command}   {mean}   {falls}  {score.mean_abs_torque:6.1f}   {score.mean_return:7.2f}"
        )
    return "\n".join(lines)


def summarize(scores: Sequence[CommandScore]) -> Dict[str, float]:
    """The scores as few numbers, by the names of their TensorBoard curves."""
    errors = (
        abs(mean - target) for score in scores for mean, target in zip(score.mean_velocity, score.command)
    )
    falls = sum(score.falls for score in scores)
    return {
        "evaluation/return": sum(score.mean_return for score in scores) / len(scores),
        "evaluation/falls": falls,
        "evaluation/fall_rate": falls / sum(score.episodes for score in scores),
        "evaluation/worst_tracking_error": max(errors),
    }
