"""Concurrent estimation: a network tells the actor what cannot be measured, and learns it in simulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import torch
from torch import Tensor

from trainers.dwl.estimating import EstimatingActor, EstimatingPolicy, Thought, input_normalizer, perceptron
from trainers.dwl.targets import Targets
from trainers.ppo.actor_critic import PolicyConfig, scale_output
from trainers.ppo.config import PPOConfig, Width
from trainers.ppo.signature import EnvSignature


class ConcurrentActor(EstimatingActor):
    """The encoder estimates; the head sees the observation and the estimate, of which it changes nothing."""

    def __init__(
        self, signature: EnvSignature, config: PPOConfig, estimator: Tuple[int, ...], estimated: int
    ) -> None:
        """estimator: widths of the encoder's hidden layers. estimated: E, entries of the targets."""
        size = signature.obs_dim
        super().__init__(perceptron(size, estimator, estimated, config), input_normalizer(signature, config))
        self.head = perceptron(size + estimated, config.actor_hidden, signature.action_dim, config)

    def think(self, rows: Tensor, found: Tensor) -> Thought:
        outputs = self.head(torch.cat([rows, found.detach()], dim=1))
        return Thought(outputs, found, found[:, :0])


@dataclass(frozen=True)
class ConcurrentPolicy(PolicyConfig):
    """An actor of `PPOConfig.actor_hidden` beside an estimator of velocity and foot heights, which both see
    the observation, a history of frames (Ji et al., arXiv 2202.05481). Loss: `Denoising`."""

    estimator: Tuple[Width, ...] = (128, 64)
    """Widths of the estimator's hidden layers."""
    targets: Tuple[str, ...] = ("base_lin_vel", "foot_height")
    """Terms of the critic's newest frame that are estimated."""

    def build(self, signature: EnvSignature, config: PPOConfig) -> EstimatingPolicy:
        targets = Targets(signature, self.targets)
        actor = ConcurrentActor(signature, config, self.estimator, targets.size)
        scale_output(actor, config)
        return EstimatingPolicy(actor, targets, signature, config)
