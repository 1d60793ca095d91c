"""Policies that estimate, from what the actor sees, what only a simulator knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple, Union

import torch
from torch import Tensor, nn

from humanoid_envs.errors import UserError
from trainers.dwl.targets import Targets
from trainers.ppo.actor_critic import layers
from trainers.ppo.config import PPOConfig
from trainers.ppo.distributed import ALONE, Workers
from trainers.ppo.losses import AuxiliaryLoss, Losses
from trainers.ppo.mlp import MLP
from trainers.ppo.normalization import RunningNormalizer
from trainers.ppo.policy import Evaluation, Policy, initial_std, unrolled
from trainers.ppo.rollout_buffer import Minibatch
from trainers.ppo.signature import EnvSignature


@dataclass(frozen=True)
class Thought:
    """What an actor makes of what it sees."""

    outputs: Tensor
    """(B, A) means or logits of the actions."""
    estimate: Tensor
    """(B, E) of the normalized targets."""
    latent: Tensor
    """(B, Z) what the encoder says besides; (B, 0) for nothing."""


class EstimatingActor(nn.Module):
    """An encoder, and what follows from what it finds: subclasses have `think`.

    The encoder maps rows (B, obs_dim) to (B, F), or remembers: see `trainers.ppo.recurrent`.
    """

    def __init__(self, encoder: nn.Module, normalizer: Optional[RunningNormalizer]) -> None:
        """normalizer: of what the actor sees."""
        super().__init__()
        self.normalizer = normalizer
        self.encoder = encoder
        self.state_size: int = getattr(encoder, "state_size", 0)

    def think(self, rows: Tensor, found: Tensor) -> Thought:
        """rows: (B, obs_dim) what is seen, normalized; found: (B, F) what the encoder makes of it."""
        raise NotImplementedError(f"{type(self).__name__} has no think(rows, found).")

    def step(self, rows: Tensor, state: Optional[Tensor] = None) -> Tuple[Thought, Optional[Tensor]]:
        """Of observations (B, obs_dim) and the state before (B, state_size), None without; and the next."""
        rows = self.seen(rows)
        if not self.state_size:
            return self.think(rows, self.encoder(rows)), None
        found, state = self.encoder(rows, state)
        return self.think(rows, found), state

    def forward(self, rows: Tensor, state: Optional[Tensor] = None) -> Union[Tensor, Tuple[Tensor, ...]]:
        """The outputs alone, with the next state of one that remembers."""
        thought, state = self.step(rows, state)
        return thought.outputs if state is None else (thought.outputs, state)

    def thoughts(self, rows: Tensor, state: Optional[Tensor], starts: Optional[Tensor]) -> Thought:
        """Of a minibatch: see `unrolled`; starts: None for rows in any order."""
        rows = self.seen(rows)
        found = self.encoder(rows) if starts is None else unrolled(self.encoder, rows, state, starts)
        return self.think(rows, found)

    def seen(self, rows: Tensor) -> Tensor:
        """(B, obs_dim) as the encoder sees them."""
        rows = rows.float()
        return rows if self.normalizer is None else self.normalizer(rows)


class EstimatingPolicy(Policy):
    """An actor that estimates, and a critic that sees the privileged observation.

    Auxiliary losses find the actor's `"estimate"` and `"latent"` in `Minibatch.features`, with gradients, and
    what is to be estimated by `policy.targets(batch.critic_obs)`.
    """

    actor: EstimatingActor

    def __init__(
        self, actor: EstimatingActor, targets: Targets, signature: EnvSignature, config: PPOConfig
    ) -> None:
        critic = MLP(layers(signature.critic_dim, config.critic_hidden, 1, config), config.bfloat16)
        super().__init__(actor, critic, initial_std(signature, config))
        self.targets = targets

    def evaluate(self, batch: Minibatch) -> Evaluation:
        """See `Policy`."""
        thought = self.actor.thoughts(batch.obs, self._parts(batch.state)[0], batch.starts)
        values = self.critic(batch.critic_obs).squeeze(-1)
        features = {"estimate": thought.estimate, "latent": thought.latent}
        return Evaluation(thought.outputs, values, features)

    @torch.no_grad()
    def update_normalization(self, obs: Tensor, critic_obs: Tensor, workers: Workers = ALONE) -> None:
        """See `Policy`: the targets' statistics as well."""
        super().update_normalization(obs, critic_obs, workers)
        self.targets.update(critic_obs.flatten(0, -2), workers)


@dataclass(frozen=True)
class Denoising(AuxiliaryLoss):
    """Mean square error of the estimate of the normalized targets, over samples and entries."""

    def build(self, policy: Policy, signature: EnvSignature) -> Denoising:
        require_estimates(policy, self)
        return self

    def __call__(self, policy: Policy, batch: Minibatch) -> Tensor:
        assert isinstance(policy, EstimatingPolicy)
        error = batch.features["estimate"] - policy.targets(batch.critic_obs)
        return batch.mean(error.square().mean(-1))


@dataclass(frozen=True)
class Sparsity(AuxiliaryLoss):
    """Mean absolute value of the latent's entries."""

    weight: float = 0.002

    def build(self, policy: Policy, signature: EnvSignature) -> Sparsity:
        require_estimates(policy, self)
        return self

    def __call__(self, policy: Policy, batch: Minibatch) -> Tensor:
        return batch.mean(batch.features["latent"].abs().mean(-1))


@dataclass(frozen=True)
class EstimateLosses(Losses):
    """An estimate alone."""

    denoising: Denoising = Denoising()


def require_estimates(policy: Policy, loss: AuxiliaryLoss) -> None:
    """UserError unless the policy estimates something."""
    if not isinstance(policy, EstimatingPolicy):
        raise UserError(
            f"{type(loss).__name__} is a loss of policies that estimate, such as DWLPolicy; "
            f"{type(policy).__name__} does not."
        )


def perceptron(inputs: int, hidden: Sequence[int], outputs: int, config: PPOConfig) -> MLP:
    """A multilayer perceptron that sees what needs no normalizing."""
    return MLP(layers(inputs, hidden, outputs, config, normalized=False), config.bfloat16)


def input_normalizer(signature: EnvSignature, config: PPOConfig) -> Optional[RunningNormalizer]:
    """Of what the actor sees, where the config says so."""
    return RunningNormalizer(signature.obs_dim) if config.normalize_observations else None
