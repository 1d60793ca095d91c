"""Distributions over actions: the actor's output becomes one of these.

Batched over the first axis; pure tensor operations, so that an update can be captured in a CUDA graph.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Union

import torch
from torch import Tensor

_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class DiagonalGaussian:
    """Independent normal distributions, for a Box action space."""

    mean: Tensor
    """(B, A)"""
    std: Tensor
    """(A,), positive and the same in every state."""

    def mode(self) -> Tensor:
        """(B, A) the most likely actions."""
        return self.mean

    def sample(self, generator: torch.Generator) -> Tensor:
        """(B, A) random actions."""
        noise = torch.randn(
            self.mean.shape, generator=generator, device=self.mean.device, dtype=self.mean.dtype
        )
        return self.mean + self.std * noise

    def log_prob(self, actions: Tensor) -> Tensor:
        """(B,) log density of actions (B, A)."""
        # The order of torch.distributions: another one rounds differently, which large steps amplify.
        squares = (actions - self.mean).square()
        return (-squares / (2.0 * self.std.square()) - self.std.log() - _LOG_SQRT_2PI).sum(-1)

    def entropy(self) -> Tensor:
        """(B,) differential entropy, nats."""
        return (self.std.log() + _LOG_SQRT_2PI + 0.5).sum().expand(self.mean.shape[0])

    def kl_from(self, old: Distribution) -> Tensor:
        """(B,) KL(old ‖ self), nats.

        The release adds 1e-5 inside the logarithm, so equal distributions are 1e-5 apart per action.
        """
        assert isinstance(old, DiagonalGaussian)
        log_ratio = torch.log(self.std / old.std + 1e-5)
        squares = old.std.square() + (old.mean - self.mean).square()
        return (log_ratio + squares / (2.0 * self.std.square()) - 0.5).sum(-1)


@dataclass(frozen=True)
class Categorical:
    """A choice among K actions, for a Discrete action space."""

    logits: Tensor
    """(B, K) unnormalised log probabilities."""

    def mode(self) -> Tensor:
        """(B,) the most likely actions."""
        return self.logits.argmax(-1)

    def sample(self, generator: torch.Generator) -> Tensor:
        """(B,) random actions."""
        return torch.multinomial(self.logits.softmax(-1), 1, generator=generator).squeeze(-1)

    def log_prob(self, actions: Tensor) -> Tensor:
        """(B,) log probability of actions (B,)."""
        return self.logits.log_softmax(-1).gather(-1, actions.unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Tensor:
        """(B,) entropy, nats."""
        log_probs = self.logits.log_softmax(-1)
        return -(log_probs.exp() * log_probs).sum(-1)

    def kl_from(self, old: Distribution) -> Tensor:
        """(B,) KL(old ‖ self), nats."""
        assert isinstance(old, Categorical)
        old_log_probs = old.logits.log_softmax(-1)
        return (old_log_probs.exp() * (old_log_probs - self.logits.log_softmax(-1))).sum(-1)


Distribution = Union[DiagonalGaussian, Categorical]
