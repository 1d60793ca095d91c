"""What PPO trains: an actor and a critic, step by step and over whole rollouts.

A network is any module that maps rows (B, D) to rows (B, A). One that remembers also has a `state_size`, see
`trainers.ppo.recurrent`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, Optional, Tuple

import torch
from torch import Tensor, nn

from trainers.ppo.distributed import ALONE, Workers
from trainers.ppo.distributions import Categorical, DiagonalGaussian, Distribution
from trainers.ppo.normalization import RunningNormalizer

if TYPE_CHECKING:
    from trainers.ppo.config import PPOConfig
    from trainers.ppo.rollout_buffer import Minibatch
    from trainers.ppo.signature import EnvSignature


@dataclass(frozen=True)
class Evaluation:
    """What a policy makes of a minibatch."""

    outputs: Tensor
    """(B, action_dim) means or logits."""
    values: Tensor
    """(B,)"""
    features: Dict[str, Tensor]
    """Whatever else was computed on the way and auxiliary losses need, by names of the policy's own choice:
    `Minibatch.features`."""


class Policy(nn.Module):
    """An actor that sees the observation and a critic that may see more.

    For continuous actions the actor's output is the mean and `std` (action_dim,) a free parameter, the same
    in every state; for discrete ones the output is the logits and `std` is None.

    What is remembered of an environment is one row, the actor's part first: `state_size` entries, zero when
    an episode begins; None stands for the state of networks that remember nothing.
    """

    takes_stored_rows: bool = False
    """Whether both networks take observations as they are fastest on CUDA: with zeros behind the last entry,
    see `InputLinear`, and in bfloat16 where `PPOConfig` says so."""

    symmetric: bool = False
    """Whether the networks are what `PPOConfig.symmetry` asks for."""

    def __init__(self, actor: nn.Module, critic: nn.Module, std: Optional[Tensor] = None) -> None:
        """critic: its rows have one entry. std: (action_dim,) at the start, see `initial_std`; None for
        discrete actions."""
        super().__init__()
        self.std: Optional[nn.Parameter]
        self.register_parameter("std", None if std is None else nn.Parameter(std))
        self.actor = actor
        self.critic = critic
        self.actor_state_size: int = getattr(actor, "state_size", 0)
        """Entries of the state that belong to the actor."""
        self.state_size: int = self.actor_state_size + getattr(critic, "state_size", 0)
        """S, entries of the state; 0: nothing is remembered."""
        self.fusible = self.state_size == 0
        """Whether `torch.compile` is to fuse on CUDA what the networks compute, and all losses. It writes
        every step of a sequence out, which would take it minutes."""

    def distribution(self, actor_output: Tensor, std: Optional[Tensor] = None) -> Distribution:
        """The distribution that an actor's output (B, action_dim) stands for. `std` replaces the current
        standard deviation: with outputs of the past, the policy of the past."""
        if self.std is None:
            return Categorical(actor_output)
        return DiagonalGaussian(actor_output, self.std if std is None else std)

    def act(self, obs: Tensor, memory: Optional[Tensor] = None) -> Tuple[Tensor, Optional[Tensor]]:
        """Actor's outputs (B, action_dim) of observations (B, obs_dim), and what it remembers then. memory:
        (B, actor_state_size), the actor's part of the state."""
        return self.actor(obs, memory) if self.actor_state_size else (self.actor(obs), memory)

    def value(self, critic_obs: Tensor, state: Optional[Tensor] = None) -> Tensor:
        """(B,) values of critic observations (B, critic_dim). state: (B, S) before they were seen."""
        return self._valued(critic_obs, self._parts(state)[1])[0]

    def forward(
        self, obs: Tensor, critic_obs: Tensor, state: Optional[Tensor] = None
    ) -> Tuple[Tensor, Tensor, Optional[Tensor]]:
        """One step: actor's outputs (B, action_dim), values (B,) and the next state (B, S) of observations
        (B, obs_dim), (B, critic_dim) and the state before."""
        acting, valuing = self._parts(state)
        outputs, acting = self.act(obs, acting)
        values, valuing = self._valued(critic_obs, valuing)
        if acting is None or valuing is None:
            return outputs, values, None
        return outputs, values, torch.cat([acting, valuing], dim=1)

    def evaluate(self, batch: Minibatch) -> Evaluation:
        """Outputs and values of a minibatch, to be learned from. Networks that remember go through its
        sequences from the states at their beginnings, and forget where an episode starts."""
        if batch.state is None or batch.starts is None:
            outputs, values, _ = self(batch.obs, batch.critic_obs)
            return Evaluation(outputs, values, {})
        acting, valuing = self._parts(batch.state)
        outputs = unrolled(self.actor, batch.obs, acting, batch.starts)
        values = unrolled(self.critic, batch.critic_obs, valuing, batch.starts)
        return Evaluation(outputs, values.squeeze(-1), {})

    @torch.no_grad()
    def update_normalization(self, obs: Tensor, critic_obs: Tensor, workers: Workers = ALONE) -> None:
        """Take all workers' observations (…, obs_dim), (…, critic_dim) into the statistics of
        `PPOConfig.normalize_observations`, which a network's `RunningNormalizer` named `normalizer` keeps.
        Policies with other statistics bring those up to date as well."""
        for network, seen in ((self.actor, obs), (self.critic, critic_obs)):
            normalizer = getattr(network, "normalizer", None)
            if isinstance(normalizer, RunningNormalizer):
                normalizer.update(self.normalized(network, seen.flatten(0, -2).float()), workers)

    @property
    def gathers_statistics(self) -> bool:
        """Whether `update_normalization` is to be called after each update."""
        return any(isinstance(module, RunningNormalizer) for module in self.modules())

    def normalized(self, network: nn.Module, rows: Tensor) -> Tensor:
        """What a network's normalizer sees of observations (B, D)."""
        return rows

    @torch.no_grad()
    def bound_std(self, minimum: Tensor, maximum: Tensor) -> None:
        """Keep standard deviations within bounds (each ()): a gradient step can take a free parameter past
        zero, where no distribution exists."""
        if self.std is not None:
            self.std.clamp_(minimum, maximum)

    def _parts(self, state: Optional[Tensor]) -> Tuple[Optional[Tensor], Optional[Tensor]]:
        """The actor's and the critic's."""
        if state is None:
            return None, None
        return state[:, : self.actor_state_size], state[:, self.actor_state_size :]

    def _valued(self, critic_obs: Tensor, memory: Optional[Tensor]) -> Tuple[Tensor, Optional[Tensor]]:
        if self.state_size == self.actor_state_size:
            return self.critic(critic_obs).squeeze(-1), memory
        values, memory = self.critic(critic_obs, memory)
        return values.squeeze(-1), memory


def unrolled(network: nn.Module, rows: Tensor, memory: Optional[Tensor], starts: Tensor) -> Tensor:
    """(T·E, A) a network's outputs over T steps of E environments, time-major. rows: (T·E, D); memory: (E, M)
    before the first step; starts: (T, E) bool, where an episode begins, which it does not remember."""
    if not getattr(network, "state_size", 0):
        return network(rows)
    sequences = rows.view(*starts.shape, rows.shape[-1])
    return network.unroll(sequences, memory, starts).flatten(0, 1)  # pyright: ignore[reportCallIssue]


def initial_std(signature: EnvSignature, config: PPOConfig) -> Optional[Tensor]:
    """(action_dim,) what `PPOConfig.init_std` says; None for discrete actions."""
    return None if signature.discrete else torch.full((signature.action_dim,), config.init_std)
