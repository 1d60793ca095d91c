"""The plain networks: two multilayer perceptrons, which may be left-right symmetric."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence

import torch
from torch import Tensor, nn

from humanoid_envs.configs import Config
from trainers.ppo.distributions import Distribution
from trainers.ppo.mlp import MLP, InputLinear, NamedLayers
from trainers.ppo.normalization import RunningNormalizer
from trainers.ppo.policy import Policy
from trainers.ppo.symmetry import CanonicalMLP, Mirror

if TYPE_CHECKING:
    from trainers.ppo.config import PPOConfig
    from trainers.ppo.signature import EnvSignature

_ACTIVATIONS = {"elu": nn.ELU, "relu": nn.ReLU, "tanh": nn.Tanh}


@dataclass(frozen=True)
class PolicyConfig(Config):
    """Two multilayer perceptrons, as `actor_hidden`, `critic_hidden`, `activation`, `symmetry` and
    `normalize_observations` of `PPOConfig` say. Subclasses, in any file, have fields and build others."""

    def build(self, signature: EnvSignature, config: PPOConfig) -> Policy:
        """The networks for an environment, with new weights from torch's global generator, which is seeded.

        config: what it says of networks applies as far as it suits them.
        """
        return ActorCritic(
            signature.obs_dim,
            signature.critic_dim,
            signature.action_dim,
            config,
            signature.discrete,
            signature.symmetry() if config.symmetry else None,
        )


class ActorCritic(Policy):
    """Asymmetric actor-critic of two multilayer perceptrons.

    symmetry: mirrors of the environment, see `EnvSignature.symmetry`, for networks that are symmetric by
    construction (`CanonicalMLP`); None for plain ones.
    """

    takes_stored_rows = True

    def __init__(
        self,
        obs_dim: int,
        critic_dim: int,
        action_dim: int,
        config: PPOConfig,
        discrete: bool = False,
        symmetry: Optional[Dict[str, Any]] = None,
    ) -> None:
        actor = layers(obs_dim, config.actor_hidden, action_dim, config)
        critic = layers(critic_dim, config.critic_hidden, 1, config)
        std = None if discrete else torch.full((action_dim,), config.init_std)
        if symmetry is None:
            super().__init__(MLP(actor, config.bfloat16), MLP(critic, config.bfloat16), std)
        else:
            mirrors = {name: Mirror(symmetry[name]) for name in ("policy", "critic", "action")}

            def canonical(layers: NamedLayers, what: str, output: Optional[Mirror]) -> CanonicalMLP:
                index = symmetry[what]["index"]
                return CanonicalMLP(
                    layers, mirror=mirrors[what], index=index, output=output, bfloat16=config.bfloat16
                )

            super().__init__(
                canonical(actor, "policy", mirrors["action"]), canonical(critic, "critic", None), std
            )
        partner = None if symmetry is None else torch.tensor(symmetry["action"]["permutation"])
        self._partner: Optional[Tensor]
        self.register_buffer("_partner", partner, persistent=False)
        self.symmetric = symmetry is not None
        scale_output(self.actor, config)

    def distribution(self, actor_output: Tensor, std: Optional[Tensor] = None) -> Distribution:
        """See `Policy`: exploration is as symmetric as the actions."""
        if self.std is None or self._partner is None:
            return super().distribution(actor_output, std)
        std = self.std if std is None else std
        return super().distribution(actor_output, 0.5 * (std + std[self._partner]))

    def normalized(self, network: nn.Module, rows: Tensor) -> Tensor:
        """Symmetric networks normalize what they see, which is the canonical one of two mirror images:
        whatever the statistics, they stay symmetric."""
        return network.canonical(rows) if isinstance(network, CanonicalMLP) else rows


def layers(
    input_dim: int, hidden: Sequence[int], output_dim: int, config: PPOConfig, normalized: bool = True
) -> NamedLayers:
    """Of a multilayer perceptron with an activation between each two. Numbered as in a plain one, also behind
    a normalizer, and so is the checkpoint. normalized: have one where the config says so."""
    named: NamedLayers = OrderedDict()
    if normalized and config.normalize_observations:
        named["normalizer"] = RunningNormalizer(input_dim)
    widths = [input_dim, *hidden, output_dim]
    for index, (width_in, width_out) in enumerate(zip(widths, widths[1:])):
        if index > 0:
            named[str(2 * index - 1)] = _ACTIVATIONS[config.activation]()
        linear = nn.Linear if index > 0 else InputLinear
        named[str(2 * index)] = linear(width_in, width_out)
    return named


@torch.no_grad()
def scale_output(actor: nn.Module, config: PPOConfig) -> None:
    """Apply `actor_output_scale` to the weights of the layer that comes last."""
    list(actor.parameters())[-2].mul_(config.actor_output_scale)
