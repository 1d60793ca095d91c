"""A policy at work on many robots at once, step by step."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Callable, Iterator, Optional, Tuple

import torch
from torch import Tensor

from humanoid_envs import rotations
from humanoid_envs.simulators.simulator import SimState
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.evaluation.setting import FALLEN_HEIGHT

Policy = Callable[[Tensor], Tensor]
"""Observations (N, 705) -> actions (N, 12), float32 on the CPU. One with a memory also has `reset(mask)`,
which forgets the episodes of the masked robots, without a mask all."""
Command = Tuple[float, float, float]
"""vx, vy (m/s), yaw rate (rad/s)."""
Progress = Callable[[int], object]
"""Called with the env-steps that have been done since the last call."""

_MANY = 128
"""From so many robots on, a policy gains from several threads."""


@dataclass(frozen=True)
class Moment:
    """The end of one policy step. Tensors are on the simulator's device."""

    step: int
    """Number of the step in its walk, from 0."""
    state: SimState
    """Live: the next step overwrites it."""
    action: Tensor
    """(N, J) that led here, within the env's bounds."""
    reward: Tensor
    """(N,)"""
    stood: Tensor
    """(N,) bool: had not fallen before this step."""
    standing: Tensor
    """(N,) bool: nor in it."""


def no_progress(steps: int) -> None:
    """Shows nothing."""


def rollout(
    env: HumanoidVectorEnv,
    policy: Policy,
    seconds: float,
    *,
    seed: Optional[int] = None,
    progress: Progress = no_progress,
) -> Iterator[Moment]:
    """Start all robots anew and let them walk. Between two moments commands, pushes and forces may be set.

    `Moment.standing` leaves out the robots that have fallen. They start anew, for robots that lie around take
    the physics several times as long. seed: see `env.reset`.
    """
    observation, _ = env.reset(seed=seed)
    forget: Callable[..., object] = getattr(policy, "reset", lambda mask=None: None)
    forget()
    limit = env.config.actions.clip
    stood = torch.ones(env.num_envs, dtype=torch.bool, device=env.device)
    for step in range(env.config.steps(seconds)):
        with torch.no_grad(), _torch_threads(env.num_envs):
            action = policy(observation.cpu()).to(env.device)
        observation, reward, terminated, _, _ = env.step(action)
        state = env.simulator.state
        down = torch.as_tensor(terminated) | (state.base_pos[:, 2] <= FALLEN_HEIGHT)
        standing = stood & ~down
        yield Moment(step, state, action.clamp(-limit, limit), torch.as_tensor(reward), stood, standing)
        if bool(down.any()):
            observation, _ = env.reset(options={"reset_mask": down})
            forget(down.cpu())
        progress(env.num_envs)
        stood = standing


def planar_velocity(state: SimState) -> Tensor:
    """(N, 3) what commands are about: the base's vx, vy (m/s) and yaw rate (rad/s), body frame."""
    linear = rotations.rotate_inverse(state.base_quat, state.base_lin_vel)
    angular = rotations.rotate_inverse(state.base_quat, state.base_ang_vel)
    return torch.cat([linear[:, :2], angular[:, 2:]], dim=1)


@contextlib.contextmanager
def _torch_threads(num_envs: int) -> Iterator[None]:
    """One thread for batches so small that several would mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(threads if num_envs >= _MANY else 1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
