"""The networks: an actor that sees the observation and a critic that may see more."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainers.ppo.config import PPOConfig
from trainers.ppo.distributions import Categorical, DiagonalGaussian, Distribution
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
        self._partner = None if symmetry is None else symmetry["action"]["permutation"]
        self.std: Optional[nn.Parameter]
        if discrete:
            self.register_parameter("std", None)
        else:
            self.std = nn.Parameter(torch.full((action_dim,), config.init_std))
        actor = _layers(obs_dim, config.actor_hidden, action_dim, config.activation)
        critic = _layers(critic_dim, config.critic_hidden, 1, config.activation)
        if symmetry is None:
            self.actor, self.critic = nn.Sequential(*actor), nn.Sequential(*critic)
        else:
            mirrors = {name: Mirror(symmetry[name]) for name in ("policy", "critic", "action")}
            index = symmetry["policy"]["index"]
            self.actor = CanonicalMLP(*actor, mirror=mirrors["policy"], index=index, output=mirrors["action"])
            index = symmetry["critic"]["index"]
            self.critic = CanonicalMLP(*critic, mirror=mirrors["critic"], index=index, output=None)
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
    def bound_std(self, minimum: float) -> None:
        """Lift standard deviations below the minimum to it: a gradient step can take a free parameter past
        zero, where no distribution exists."""
        if self.std is not None:
            self.std.clamp_(min=minimum)


class InputLinear(nn.Linear):
    """A linear layer that takes inputs with zeros behind the last entry: matrix products are faster where
    rows begin at multiples of 32 bytes."""

    def forward(self, input: Tensor) -> Tensor:
        padding = input.shape[-1] - self.in_features
        return functional.linear(input, functional.pad(self.weight, (0, padding)), self.bias)


def _layers(input_dim: int, hidden: Sequence[int], output_dim: int, activation: str) -> List[nn.Module]:
    widths = [input_dim, *hidden, output_dim]
    layers: List[nn.Module] = []
    for width_in, width_out in zip(widths, widths[1:]):
        linear = nn.Linear if layers else InputLinear
        layers += [linear(width_in, width_out), _ACTIVATIONS[activation]()]
    return layers[:-1]
