"""One rollout: what was seen, done and earned, and what follows from it for the update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import torch
from torch import Tensor

from trainers.ppo.signature import EnvSignature


@dataclass(frozen=True)
class Minibatch:
    """Samples of a rollout, one per row."""

    obs: Tensor
    """(B, obs_dim) what the actor saw."""
    critic_obs: Tensor
    """(B, critic_dim) what the critic saw."""
    actor_outputs: Tensor
    """(B, action_dim) means or logits at the time."""
    actions: Tensor
    """(B, action_dim), or (B,) indices."""
    log_probs: Tensor
    """(B,) log probability of the actions at the time."""
    values: Tensor
    """(B,) value estimates at the time."""
    returns: Tensor
    """(B,) targets of the critic."""
    advantages: Tensor
    """(B,)"""
    valid: Optional[Tensor]
    """(B,) bool, False where an environment was only resetting, so nothing is learned; None: all count."""


class RolloutBuffer:
    """Rollout of T steps in N environments, in tensors (T, N, …) that are allocated once and overwritten.

    Whoever collects writes the fields of step t; `finish` then computes `advantages` and `returns`.
    """

    def __init__(
        self,
        num_steps: int,
        num_envs: int,
        signature: EnvSignature,
        device: torch.device,
        masked: bool = False,
    ) -> None:
        """masked: there are steps that do not count, marked in `valid`. Where the critic sees the actor's
        observation, `critic_obs` is `obs`. On CUDA observations have zeros behind their last entry, up to a
        multiple of 8 entries, see `InputLinear`."""
        align = 8 if device.type == "cuda" else 1

        def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros((num_steps, num_envs, *shape), dtype=dtype, device=device)

        self.num_steps = num_steps
        self.num_envs = num_envs
        self.obs = zeros(_round_up(signature.obs_dim, align))
        shared = signature.critic_shape is None
        self.critic_obs = self.obs if shared else zeros(_round_up(signature.critic_dim, align))
        self.actor_outputs = zeros(signature.action_dim)
        self.actions = zeros(dtype=torch.int64) if signature.discrete else zeros(signature.action_dim)
        self.log_probs = zeros()
        self.values = zeros()
        self.rewards = zeros()
        self.bootstraps = zeros()
        """γ·V(final observation) where an episode was cut off, else 0: counts as reward of that step."""
        self.dones = zeros(dtype=torch.bool)
        self.valid = zeros(dtype=torch.bool) if masked else None
        self.advantages = zeros()
        self.returns = zeros()

    @property
    def num_samples(self) -> int:
        return self.num_steps * self.num_envs

    def finish(self, last_values: Tensor, gamma: float, gae_lambda: float, normalize: bool) -> None:
        """Compute returns and advantages. last_values: (N,) values after the last step."""
        rewards = self.rewards + self.bootstraps
        advantages = generalized_advantages(rewards, self.values, self.dones, last_values, gamma, gae_lambda)
        self.returns.copy_(advantages + self.values)
        self.advantages.copy_(_normalize(advantages, self.valid) if normalize else advantages)

    def minibatch(self, indices: Tensor) -> Minibatch:
        """The samples with these indices into the time-major flattened rollout (t·N + n)."""

        def pick(field: Tensor) -> Tensor:
            return field.flatten(0, 1)[indices]

        obs = pick(self.obs)
        return Minibatch(
            obs=obs,
            critic_obs=obs if self.critic_obs is self.obs else pick(self.critic_obs),
            actor_outputs=pick(self.actor_outputs),
            actions=pick(self.actions),
            log_probs=pick(self.log_probs),
            values=pick(self.values),
            returns=pick(self.returns),
            advantages=pick(self.advantages),
            valid=None if self.valid is None else pick(self.valid),
        )


def generalized_advantages(
    rewards: Tensor, values: Tensor, dones: Tensor, last_values: Tensor, gamma: float, gae_lambda: float
) -> Tensor:
    """(T, N) advantages by GAE (arXiv 1506.02438): Σ_k (γλ)^k δ_{t+k} up to the episode's end, with
    δ_t = r_t + γ·V_{t+1} − V_t, where V is 0 after a done. All arguments (T, N) but last_values (N,)."""
    advantages = torch.empty_like(rewards)
    following = torch.zeros_like(last_values)
    next_values = last_values
    discounts = gamma * (~dones).to(rewards.dtype)
    for t in range(rewards.shape[0] - 1, -1, -1):
        delta = rewards[t] + discounts[t] * next_values - values[t]
        following = delta + discounts[t] * gae_lambda * following
        advantages[t] = following
        next_values = values[t]
    return advantages


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _normalize(advantages: Tensor, valid: Optional[Tensor]) -> Tensor:
    if valid is None:
        mean, std = advantages.mean(), advantages.std()
    else:
        count = valid.sum()
        mean = torch.where(valid, advantages, 0.0).sum() / count
        variance = torch.where(valid, (advantages - mean).square(), 0.0).sum() / (count - 1)
        std = variance.sqrt()
    return (advantages - mean) / (std + 1e-8)
