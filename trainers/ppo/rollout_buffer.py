"""One rollout: what was seen, done and earned, and what follows from it for the update."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Optional

import torch
from torch import Tensor

from humanoid_envs.compilation import compiled
from trainers.ppo.distributed import ALONE, Workers
from trainers.ppo.observation_store import ObservationStore
from trainers.ppo.signature import EnvSignature


@dataclass(frozen=True)
class Minibatch:
    """Samples of a rollout, one per row. Where networks remember, they are all T steps of E environments,
    time-major, B = T·E."""

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
    starts: Optional[Tensor] = None
    """(T, E) bool, where an episode begins after the first step; None: the rows are in any order."""
    state: Optional[Tensor] = None
    """(E, S) the policy's state at the first step, zero if an episode begins there; None if S is 0."""
    features: Dict[str, Tensor] = field(default_factory=dict)
    """For auxiliary losses: what the policy has just computed of these samples, "outputs" (B, action_dim),
    "values" (B,) and what else its `evaluate` has, with gradients."""

    def mean(self, values: Tensor) -> Tensor:
        """() mean of values (B,) over the samples that count."""
        if self.valid is None:
            return values.mean()
        return torch.where(self.valid, values, 0.0).sum() / self.valid.sum().clamp(min=1)

    def sequences(self, values: Tensor) -> Tensor:
        """(T, E, …) of values (B, …), where there are sequences."""
        assert self.starts is not None
        return values.view(*self.starts.shape, *values.shape[1:])


class RolloutBuffer:
    """Rollout of T steps in N environments, in tensors (T, N, …) that are allocated once and overwritten.

    Whoever collects calls `begin`, writes each step, and calls `finish`, which computes `advantages` and
    `returns`.
    """

    def __init__(
        self,
        num_steps: int,
        num_envs: int,
        signature: EnvSignature,
        device: torch.device,
        masked: bool = False,
        bfloat16: bool = False,
        fused: bool = False,
        workers: Workers = ALONE,
        sequences: bool = False,
        state_size: int = 0,
        padded: bool = True,
    ) -> None:
        """masked: there are steps that do not count, marked in `valid`. bfloat16: keep observations so.
        fused: fuse what writes and reads with `torch.compile`. workers: normalize advantages over the samples
        of all. sequences: minibatches are of whole environments. state_size: of the policy. padded: see
        `ObservationStore`. Where the critic sees the actor's observation, the two stores are one."""

        def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros((num_steps, num_envs, *shape), dtype=dtype, device=device)

        def store(size: int, history: int, tail: int) -> ObservationStore:
            # A step that only resets shows another stack than its predecessor with one frame more.
            history, tail = (1, 0) if masked else (history, tail)
            kind = torch.bfloat16 if bfloat16 else torch.float32
            return ObservationStore(num_steps, num_envs, size, history, device, kind, padded, tail)

        self.num_steps = num_steps
        self.num_envs = num_envs
        self._workers = workers
        policy, critic = zip(signature.history(), signature.tail())
        self.obs = store(signature.obs_dim, *policy)
        shared = signature.critic_shape is None
        self.critic_obs = self.obs if shared else store(signature.critic_dim, *critic)
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
        self.starts = zeros(dtype=torch.bool) if sequences else None
        """Where an episode begins after the first step."""
        self.state = torch.zeros(num_envs, state_size, device=device) if state_size else None
        """(N, S) the policy's at the first step."""
        self._offsets = num_envs * torch.arange(num_steps, device=device)
        self.minibatch = compiled(self._minibatch) if fused else self._minibatch
        """The samples (Minibatch) with these indices (B,) into the time-major flattened rollout (t·N + n), or
        the sequences of the environments with these indices (E,)."""
        self.write = compiled(self._write) if fused else self._write
        """Write tensors (N, …) into step (1,) of the fields of these names."""

    @property
    def num_samples(self) -> int:
        return self.num_steps * self.num_envs

    @property
    def num_items(self) -> int:
        """How many there are of what minibatches are made of: samples, or environments."""
        return self.num_samples if self.starts is None else self.num_envs

    def begin(self, obs: Tensor, critic_obs: Tensor, state: Optional[Tensor] = None) -> None:
        """Take in the first observations, (N, obs_dim) and (N, critic_dim), and the policy's state (N, S)."""
        if self.state is not None and state is not None:
            self.state.copy_(state)
        self.obs.begin(obs)
        if self.critic_obs is not self.obs:
            self.critic_obs.begin(critic_obs)

    def finish(self, last_values: Tensor, gamma: float, gae_lambda: float, normalize: bool) -> None:
        """Compute returns and advantages. last_values: (N,) values after the last step."""
        self.obs.finish(self.dones)
        if self.critic_obs is not self.obs:
            self.critic_obs.finish(self.dones)
        if self.starts is not None:
            self.starts[1:] = starts_after(self.dones, self.valid)[:-1]
        rewards = self.rewards + self.bootstraps
        advantages = generalized_advantages(rewards, self.values, self.dones, last_values, gamma, gae_lambda)
        self.returns.copy_(advantages + self.values)
        self.advantages.copy_(_normalize(advantages, self.valid, self._workers) if normalize else advantages)

    def _write(self, step: Tensor, obs: Tensor, critic_obs: Tensor, fields: Dict[str, Tensor]) -> None:
        self.obs.write(step, obs)
        if self.critic_obs is not self.obs:
            self.critic_obs.write(step, critic_obs)
        for name, value in fields.items():
            getattr(self, name).index_copy_(0, step, value[None])

    def _minibatch(self, indices: Tensor) -> Minibatch:
        def pick(field: Tensor) -> Tensor:
            return field.flatten(0, 1)[indices]

        envs = indices
        if self.starts is not None:
            indices = (self._offsets[:, None] + envs).flatten()
        obs = self.obs.gather(indices)
        return Minibatch(
            obs=obs,
            critic_obs=obs if self.critic_obs is self.obs else self.critic_obs.gather(indices),
            actor_outputs=pick(self.actor_outputs),
            actions=pick(self.actions),
            log_probs=pick(self.log_probs),
            values=pick(self.values),
            returns=pick(self.returns),
            advantages=pick(self.advantages),
            valid=None if self.valid is None else pick(self.valid),
            starts=None if self.starts is None else self.starts[:, envs],
            state=None if self.state is None else self.state[envs],
        )


def starts_after(dones: Tensor, valid: Optional[Tensor]) -> Tensor:
    """Bool, of any shape: after which steps an environment shows a new episode. dones, valid: see
    `RolloutBuffer`; where environments reset in a step of their own, that is the one before it."""
    return dones if valid is None else ~valid


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


def _normalize(advantages: Tensor, valid: Optional[Tensor], workers: Workers) -> Tensor:
    counted = torch.ones_like(advantages, dtype=torch.bool) if valid is None else valid

    def total(values: Tensor) -> Tensor:
        return torch.where(counted, values, 0.0).sum()

    ones = torch.ones_like(advantages)
    count, summed = workers.sum(torch.stack([total(ones), total(advantages)]))
    deviations = advantages - summed / count
    variance = workers.sum(total(deviations.square())) / (count - 1.0)
    return deviations / (variance.sqrt() + 1e-8)
