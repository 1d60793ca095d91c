"""The hybrid internal model: velocity, and a latent by which the next observation is told from all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from humanoid_envs.configs import Count, Positive
from humanoid_envs.errors import UserError
from trainers.dwl.estimating import (
    Denoising,
    EstimatingActor,
    EstimatingPolicy,
    Thought,
    input_normalizer,
    perceptron,
)
from trainers.dwl.targets import Targets, newest_size
from trainers.ppo.actor_critic import PolicyConfig, scale_output
from trainers.ppo.config import PPOConfig, Width
from trainers.ppo.losses import AuxiliaryLoss, Losses, LossFunction
from trainers.ppo.policy import Policy
from trainers.ppo.rollout_buffer import Minibatch
from trainers.ppo.signature import EnvSignature


class HIMActor(EstimatingActor):
    """The encoder gives an estimate and a latent of length 1; the head sees both, unchanged by it, and the
    newest frame."""

    def __init__(self, signature: EnvSignature, config: PPOConfig, policy: HIMPolicy, estimated: int) -> None:
        """estimated: E, entries of the targets."""
        encoder = perceptron(signature.obs_dim, policy.encoder, estimated + policy.latent, config)
        super().__init__(encoder, input_normalizer(signature, config))
        self.estimated, self.described = estimated, policy.latent
        self.frame = newest_size(signature, 0)
        inputs = self.frame + estimated + policy.latent
        self.head = perceptron(inputs, config.actor_hidden, signature.action_dim, config)

    def think(self, rows: Tensor, found: Tensor) -> Thought:
        estimate, latent = found[:, : self.estimated], found[:, self.estimated :]
        latent = functional.normalize(latent, dim=1)
        shown = torch.cat([self.newest(rows), estimate.detach(), latent.detach()], dim=1)
        return Thought(self.head(shown), estimate, latent)

    def newest(self, rows: Tensor) -> Tensor:
        """(B, F) the newest frame of (B, obs_dim)."""
        return rows[:, rows.shape[1] - self.frame :]


@dataclass(frozen=True)
class HIMPolicy(PolicyConfig):
    """The networks of the hybrid internal model (Long et al., arXiv 2312.11460): the encoder sees a history
    of frames, the head of `PPOConfig.actor_hidden` the newest. Losses: `Denoising` and `Contrastive`."""

    encoder: Tuple[Width, ...] = (256, 128)
    """Widths of the encoder's hidden layers."""
    latent: Width = 16
    """Entries of the latent."""
    targets: Tuple[str, ...] = ("base_lin_vel",)
    """Terms of the critic's newest frame that are estimated."""

    def build(self, signature: EnvSignature, config: PPOConfig) -> EstimatingPolicy:
        targets = Targets(signature, self.targets)
        actor = HIMActor(signature, config, self, targets.size)
        scale_output(actor, config)
        return EstimatingPolicy(actor, targets, signature, config)


class SwappedPrediction(nn.Module):
    """Assigns latents of histories, and those of the frames that came next, to prototypes, so that both get
    as many of each (Sinkhorn); each is to tell the other's (Caron et al., arXiv 2006.09882)."""

    def __init__(self, actor: HIMActor, config: Contrastive) -> None:
        super().__init__()
        sizes = [actor.frame, *config.target, actor.described]
        layers = [nn.Linear(*pair) for pair in zip(sizes, sizes[1:])]
        modules = [module for layer in layers for module in (layer, nn.ELU())]
        self.target = nn.Sequential(*modules[:-1])
        self.prototypes = nn.Linear(actor.described, config.prototypes, bias=False)
        self.temperature = config.temperature

    def forward(self, policy: Policy, batch: Minibatch) -> Tensor:
        assert isinstance(policy.actor, HIMActor)
        assert batch.starts is not None
        latent = batch.sequences(batch.features["latent"])[:-1].flatten(0, 1)
        frames = batch.sequences(policy.actor.newest(policy.actor.seen(batch.obs)))[1:].flatten(0, 1)
        counted = (~batch.starts[1:]).flatten().float()
        weights = functional.normalize(self.prototypes.weight, dim=1)
        source = latent @ weights.T
        target = functional.normalize(self.target(frames), dim=1) @ weights.T
        told = [functional.log_softmax(scores / self.temperature, dim=1) for scores in (source, target)]
        assigned = [balanced(scores.detach(), counted) for scores in (source, target)]
        each = -0.5 * (assigned[1] * told[0] + assigned[0] * told[1]).mean(1)
        return (each * counted).sum() / counted.sum().clamp(min=1.0)


@dataclass(frozen=True)
class Contrastive(AuxiliaryLoss):
    """Cross-entropy of the prototypes of a history's latent and of the next frame's, each told by the other,
    by prototype."""

    sequences: ClassVar[bool] = True

    target: Tuple[Width, ...] = (128, 64)
    """Widths of the hidden layers of the network that sees the next frame."""
    prototypes: Count = 32
    temperature: Positive = 3.0

    def build(self, policy: Policy, signature: EnvSignature) -> LossFunction:
        if not isinstance(policy.actor, HIMActor):
            raise UserError(f"Contrastive is a loss of a HIMPolicy, not of {type(policy).__name__}.")
        return SwappedPrediction(policy.actor, self)


@dataclass(frozen=True)
class HIMLosses(Losses):
    """Those of the hybrid internal model."""

    denoising: Denoising = Denoising()
    contrastive: Contrastive = Contrastive()


def balanced(scores: Tensor, counted: Tensor, sharpness: float = 20.0, rounds: int = 3) -> Tensor:
    """(B, K) assignments exp(sharpness·score), scaled so that each prototype gets the same share of the rows
    that count (B,), and each row is assigned once, by turns."""
    assigned = torch.exp(sharpness * (scores - scores.max())) * counted[:, None]
    for _ in range(rounds):
        assigned = assigned / assigned.sum(0, keepdim=True).clamp(min=1e-12)
        assigned = assigned / assigned.sum(1, keepdim=True).clamp(min=1e-12)
    return assigned
