"""A policy at work on many robots at once, step by step."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Callable, Iterator, Optional, Tuple

import torch
from torch import Tensor

from humanoid_envs import rotations
from humanoid_envs.contract import PolicyContract
from humanoid_envs.simulators.simulator import SimState
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.evaluation.env import fallen_height

Policy = Callable[[Tensor], Tensor]
"""Observations (N, H·F) -> actions (N, J), float32 on the CPU. One with a memory also has `reset(mask)`,
which forgets the episodes of the masked robots, without a mask all. One with a `contract`, as from
`load_policy`, is held against every environment in which it acts."""
Command = Tuple[float, float, float]
"""vx, vy (m/s), yaw rate (rad/s)."""
Progress = Callable[[int], object]
"""Called with the env-steps that have been done since the last call."""

_MANY = 128
"""From so many robots on, a policy gains from several threads."""


@dataclass(frozen=True)
class RolloutStep:
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


class Walker:
    """A policy at work in an environment that resets nothing by itself: the one place where the two meet.

    They are held against each other, and the policy forgets what it remembers of robots that start anew.
    """

    def __init__(self, env: HumanoidVectorEnv, policy: Policy) -> None:
        """Raises UserError if the policy has a contract that does not fit the environment."""
        require_fit(policy, env)
        self._env, self._policy = env, policy
        self._forget: Callable[..., object] = getattr(policy, "reset", lambda mask=None: None)
        self._observation = torch.empty(0)

    def start(self, seed: Optional[int] = None) -> None:
        """Start all robots anew. seed: see `env.reset`."""
        self._observation, _ = self._env.reset(seed=seed)
        self._forget()

    def step(self) -> Tuple[Tensor, Tensor, Tensor]:
        """One policy step: actions (N, J) as the policy gave them, rewards (N,), and whether the task has
        ended the episodes (N,)."""
        env = self._env
        with torch.no_grad(), _torch_threads(env.num_envs):
            action = self._policy(self._observation.cpu()).to(env.device)
        self._observation, reward, terminated, _, _ = env.step(action)
        return action, torch.as_tensor(reward), torch.as_tensor(terminated)

    def stand_up(self, mask: Tensor) -> None:
        """Start the masked robots anew."""
        self._observation, _ = self._env.reset(options={"reset_mask": mask})
        self._forget(mask.cpu())


def require_fit(policy: Policy, env: HumanoidVectorEnv, source: str = "This policy") -> None:
    """Raise UserError, naming the first difference, unless the policy was made for such an environment.
    Functions without a `contract` cannot be told."""
    contract = getattr(policy, "contract", None)
    if isinstance(contract, PolicyContract):
        contract.require_match(env.contract, source)


def rollout(
    env: HumanoidVectorEnv,
    policy: Policy,
    seconds: float,
    *,
    seed: Optional[int] = None,
    progress: Progress = no_progress,
) -> Iterator[RolloutStep]:
    """Start all robots anew and let them walk. Between two steps commands, pushes and forces may be set.

    `RolloutStep.standing` leaves out the robots that have fallen. They start anew, for robots that lie around
    take the physics several times as long. seed: see `env.reset`.

    Raises UserError if the policy's contract does not fit the environment.
    """
    walker = Walker(env, policy)
    walker.start(seed)
    limit, lowest = env.config.actions.clip, fallen_height(env.simulator.robot)
    stood = torch.ones(env.num_envs, dtype=torch.bool, device=env.device)
    for step in range(env.config.steps(seconds)):
        action, reward, terminated = walker.step()
        state = env.simulator.state
        down = terminated | (state.base_pos[:, 2] <= lowest)
        standing = stood & ~down
        yield RolloutStep(step, state, action.clamp(-limit, limit), reward, stood, standing)
        if bool(down.any()):
            walker.stand_up(down)
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
