"""The networks: an actor that sees the observation and a critic that may see more."""

from __future__ import annotations

from typing import Optional, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainers.ppo.config import PPOConfig
from trainers.ppo.distributions import Categorical, DiagonalGaussian, Distribution

_ACTIVATIONS = {"elu": nn.ELU, "relu": nn.ReLU, "tanh": nn.Tanh}


class ActorCritic(nn.Module):
    """Asymmetric actor-critic of two multilayer perceptrons.

    For continuous actions the actor's output is the mean and `std` (action_dim,) a free parameter, the same
    in every state; for discrete ones the output is the logits and `std` is None.
    """

    def __init__(
        self, obs_dim: int, critic_dim: int, action_dim: int, config: PPOConfig, discrete: bool = False
    ) -> None:
        super().__init__()
        self.discrete = discrete
        self.std: Optional[nn.Parameter]
        if discrete:
            self.register_parameter("std", None)
        else:
            self.std = nn.Parameter(torch.full((action_dim,), config.init_std))
        self.actor = _mlp(obs_dim, config.actor_hidden, action_dim, config.activation)
        self.critic = _mlp(critic_dim, config.critic_hidden, 1, config.activation)
        with torch.no_grad():
            list(self.actor.parameters())[-2].mul_(config.actor_output_scale)

    def distribution(self, actor_output: Tensor, std: Optional[Tensor] = None) -> Distribution:
        """The distribution that an actor's output (B, action_dim) stands for. `std` replaces the current
        standard deviation: with outputs of the past, the policy of the past."""
        if self.std is None:
            return Categorical(actor_output)
        return DiagonalGaussian(actor_output, self.std if std is None else std)

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


def _mlp(input_dim: int, hidden: Sequence[int], output_dim: int, activation: str) -> nn.Sequential:
    widths = [input_dim, *hidden, output_dim]
    layers = []
    for width_in, width_out in zip(widths, widths[1:]):
        linear = nn.Linear if layers else InputLinear
        layers += [linear(width_in, width_out), _ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])
