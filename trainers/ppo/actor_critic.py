"""The networks: an actor that sees the observation and a critic that may see more."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Dict, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from trainers.ppo.config import PPOConfig
from trainers.ppo.distributed import ALONE, Workers
from trainers.ppo.distributions import Categorical, DiagonalGaussian, Distribution
from trainers.ppo.mlp import MLP, InputLinear, NamedLayers
from trainers.ppo.normalization import RunningNormalizer
from trainers.ppo.symmetry import CanonicalMLP, Mirror

_ACTIVATIONS = {"elu": nn.ELU, "relu": nn.ReLU, "tanh": nn.Tanh}


class ActorCritic(nn.Module):
    """Asymmetric actor-critic of two multilayer perceptrons.

    For continuous actions the actor's output is the mean and `std` (action_dim,) a free parameter, the same
    in every state; for discrete ones the output is the logits and `std` is None.

    symmetry: mirrors of the environment, see `EnvSignature.symmetry`, for networks that are symmetric by
    construction (`CanonicalMLP`); None for plain ones.
    """

    def __init__(
        self,
        obs_dim: int,
        critic_dim: int,
        action_dim: int,
        config: PPOConfig,
        discrete: bool = False,
        symmetry: Optional[Dict[str, Any]] = None,
    ) -> None:
        super().__init__()
        self.discrete = discrete
        partner = None if symmetry is None else torch.tensor(symmetry["action"]["permutation"])
        self._partner: Optional[Tensor]
        self.register_buffer("_partner", partner, persistent=False)
        self.std: Optional[nn.Parameter]
        if discrete:
            self.register_parameter("std", None)
        else:
            self.std = nn.Parameter(torch.full((action_dim,), config.init_std))
        actor = _layers(obs_dim, config.actor_hidden, action_dim, config)
        critic = _layers(critic_dim, config.critic_hidden, 1, config)
        if symmetry is None:
            self.actor = MLP(actor, bfloat16=config.bfloat16)
            self.critic = MLP(critic, bfloat16=config.bfloat16)
        else:
            mirrors = {name: Mirror(symmetry[name]) for name in ("policy", "critic", "action")}

            def canonical(layers: NamedLayers, what: str, output: Optional[Mirror]) -> CanonicalMLP:
                index = symmetry[what]["index"]
                return CanonicalMLP(
                    layers, mirror=mirrors[what], index=index, output=output, bfloat16=config.bfloat16
                )

            self.actor = canonical(actor, "policy", mirrors["action"])
            self.critic = canonical(critic, "critic", None)
        with torch.no_grad():
            list(self.actor.parameters())[-2].mul_(config.actor_output_scale)

    def distribution(self, actor_output: Tensor, std: Optional[Tensor] = None) -> Distribution:
        """The distribution that an actor's output (B, action_dim) stands for. `std` replaces the current
        standard deviation: with outputs of the past, the policy of the past."""
        if self.std is None:
            return Categorical(actor_output)
        std = self.std if std is None else std
        if self._partner is not None:  # exploration is to be as symmetric as the actions
            std = 0.5 * (std + std[self._partner])
        return DiagonalGaussian(actor_output, std)

    def forward(self, obs: Tensor, critic_obs: Tensor) -> Tuple[Tensor, Tensor]:
        """Actor's outputs (B, action_dim) and values (B,) of observations (B, obs_dim), (B, critic_dim)."""
        return self.actor(obs), self.value(critic_obs)

    def value(self, critic_obs: Tensor) -> Tensor:
        """(B,) values of critic observations (B, critic_dim)."""
        return self.critic(critic_obs).squeeze(-1)

    @torch.no_grad()
    def update_normalization(self, obs: Tensor, critic_obs: Tensor, workers: Workers = ALONE) -> None:
        """Take all workers' observations (…, obs_dim), (…, critic_dim) into the statistics of
        `PPOConfig.normalize_observations`; does nothing without. Symmetric networks normalize what they see,
        which is the canonical one of two mirror images: whatever the statistics, they stay symmetric."""
        for network, seen in ((self.actor, obs), (self.critic, critic_obs)):
            first = network[0]
            if isinstance(first, RunningNormalizer):
                rows = seen.flatten(0, -2).float()
                rows = network.canonical(rows) if isinstance(network, CanonicalMLP) else rows
                first.update(rows, workers)

    @torch.no_grad()
    def bound_std(self, minimum: Tensor, maximum: Tensor) -> None:
        """Keep standard deviations within bounds (each ()): a gradient step can take a free parameter past
        zero, where no distribution exists."""
        if self.std is not None:
            self.std.clamp_(minimum, maximum)


def _layers(input_dim: int, hidden: Sequence[int], output_dim: int, config: PPOConfig) -> NamedLayers:
    """Numbered as in a plain MLP, also behind a normalizer, and so is the checkpoint."""
    layers: NamedLayers = OrderedDict()
    if config.normalize_observations:
        layers["normalizer"] = RunningNormalizer(input_dim)
    widths = [input_dim, *hidden, output_dim]
    for index, (width_in, width_out) in enumerate(zip(widths, widths[1:])):
        if index > 0:
            layers[str(2 * index - 1)] = _ACTIVATIONS[config.activation]()
        linear = nn.Linear if index > 0 else InputLinear
        layers[str(2 * index)] = linear(width_in, width_out)
    return layers
