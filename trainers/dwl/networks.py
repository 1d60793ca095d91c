"""The networks of denoising world model learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from torch import Tensor, nn

from trainers.dwl.estimating import EstimatingActor, EstimatingPolicy, Thought, input_normalizer, perceptron
from trainers.dwl.targets import Targets
from trainers.ppo.actor_critic import PolicyConfig, scale_output
from trainers.ppo.config import PPOConfig, Width
from trainers.ppo.recurrent import GatedUnit
from trainers.ppo.signature import EnvSignature


class DWLActor(EstimatingActor):
    """A gated recurrent unit, a latent of its state, and two networks that see the latent alone: the head,
    which acts, and the decoder, which estimates."""

    def __init__(self, signature: EnvSignature, config: PPOConfig, policy: DWLPolicy, estimated: int) -> None:
        """estimated: E, entries of the targets."""
        encoder = GatedUnit(signature.obs_dim, policy.hidden)
        super().__init__(encoder, input_normalizer(signature, config))
        self.cut, self.reconstructed = policy.cut, policy.reconstructed
        self.latent = nn.Linear(policy.hidden, policy.latent)
        self.decoder = perceptron(policy.latent, policy.decoder, estimated, config)
        width = estimated if policy.reconstructed else policy.latent
        self.head = perceptron(width, config.actor_hidden, signature.action_dim, config)

    def think(self, rows: Tensor, found: Tensor) -> Thought:
        latent = self.latent(found)
        estimate = self.decoder(latent)
        shown = estimate if self.reconstructed else latent
        return Thought(self.head(shown.detach() if self.cut else shown), estimate, latent)


@dataclass(frozen=True)
class DWLPolicy(PolicyConfig):
    """The policy of denoising world model learning (Gu et al., arXiv 2408.14472; sizes as independent
    re-implementations have them): a gated recurrent unit sees one noisy observation after the other; from a
    small latent the head, of `PPOConfig.actor_hidden`, acts, and a decoder estimates what the critic sees.
    Losses: `DWLLosses`. The rollout's `num_steps` are how far back a gradient goes, while the state goes on.
    """

    hidden: Width = 256
    """Entries of the memory."""
    latent: Width = 24
    """Entries of the latent."""
    decoder: Tuple[Width, ...] = (64,)
    """Widths of the decoder's hidden layers."""
    cut: bool = False
    """Let no gradient of acting through to the encoder: it learns from the denoising loss alone."""
    reconstructed: bool = False
    """Show the head what the decoder estimates instead of the latent. With `cut` that is world model
    reconstruction (arXiv 2502.16230)."""
    targets: Optional[Tuple[str, ...]] = None
    """Terms of the critic's newest frame that the decoder estimates; None: all."""

    def build(self, signature: EnvSignature, config: PPOConfig) -> EstimatingPolicy:
        targets = Targets(signature, self.targets)
        actor = DWLActor(signature, config, self, targets.size)
        scale_output(actor, config)
        return EstimatingPolicy(actor, targets, signature, config)
