"""Does a policy walk? Fixed commands in C MuJoCo at the release's 1 ms and explicit PD."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import Callable, Iterator, List, Sequence, Tuple

import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from humanoid_envs import rotations
from humanoid_envs.registration import make_mujoco
from humanoid_envs.simulators.simulator import PhysicsConfig
from humanoid_envs.tasks.velocity import VelocityConfig, preset
from humanoid_envs.vector_env import HumanoidVectorEnv

Policy = Callable[[Tensor], Tensor]
"""Observations (N, 705) -> actions (N, 12), float32 on the CPU."""
Command = Tuple[float, float, float]

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

_FALLEN_HEIGHT = 0.5


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
) -> List[CommandScore]:
    """Walk each command for some seconds, `episodes` times from different initial joint angles.

    Nothing is randomized but the start (joints ± 0.1 rad). `config` is the task that gives the observation
    (default v0); its physics is replaced by 1 ms × 10 with explicit PD.
    """
    env = evaluation_env(config or preset("v0"), len(commands) * episodes, seconds, num_threads)
    fixed = torch.tensor(commands, dtype=torch.float32).repeat_interleave(episodes, dim=0)
    env.set_command(fixed)
    observation, _ = env.reset(seed=seed)
    standing = torch.ones(env.num_envs, dtype=torch.bool)
    velocity = torch.zeros(env.num_envs, 3)
    torque, returns, samples = (torch.zeros(env.num_envs) for _ in range(3))
    for step in range(env.config.steps(seconds)):
        with torch.no_grad(), _one_torch_thread():
            observation, reward, terminated, _, _ = env.step(policy(observation))
        state = env.simulator.state
        returns += torch.as_tensor(reward) * standing
        standing &= ~torch.as_tensor(terminated) & (state.base_pos[:, 2] > _FALLEN_HEIGHT)
        if step >= env.config.steps(start_up):
            linear = rotations.rotate_inverse(state.base_quat, state.base_lin_vel)[:, :2]
            angular = rotations.rotate_inverse(state.base_quat, state.base_ang_vel)[:, 2:]
            velocity += torch.cat([linear, angular], dim=1) * standing[:, None]
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


@contextlib.contextmanager
def _one_torch_thread() -> Iterator[None]:
    """For batches so small that several threads would mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def evaluation_env(
    config: VelocityConfig, num_envs: int, seconds: float, num_threads: int = 0
) -> HumanoidVectorEnv:
    """The task in C MuJoCo at 1 ms with explicit PD, nothing random but the initial joint angles; episodes
    last at least that long and end only when someone resets them."""
    calm = config.without_randomization()
    length = max(seconds, calm.terminations.episode_length)
    config = dataclasses.replace(
        calm,
        physics=PhysicsConfig(),
        terminations=dataclasses.replace(calm.terminations, episode_length=length),
        randomization=dataclasses.replace(
            calm.randomization, start_joint_pos=config.randomization.start_joint_pos
        ),
    )
    return make_mujoco(
        num_envs, config, num_threads=num_threads, array="torch", autoreset_mode=AutoresetMode.DISABLED
    )


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
