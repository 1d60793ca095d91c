"""Denoising world model learning: PPO with networks and losses of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional

from gymnasium.vector import VectorEnv

from humanoid_envs.configs import from_plain
from humanoid_envs.errors import UserError
from trainers.dwl.estimating import Denoising, Sparsity
from trainers.dwl.networks import DWLPolicy
from trainers.given_configs import Given, config_of
from trainers.ppo.config import PPOConfig
from trainers.ppo.losses import Losses
from trainers.ppo.ppo import PPO


@dataclass(frozen=True)
class DWLLosses(Losses):
    """What the encoder learns besides acting: to tell what the critic sees, by a sparse latent."""

    denoising: Denoising = Denoising()
    sparsity: Sparsity = Sparsity()


def dwl_config() -> PPOConfig:
    """Hyper-parameters of denoising world model learning for 4096 environments: networks and losses as
    re-implementations have them, and of PPO what trains quickly here."""
    return PPOConfig(
        num_steps=24,
        num_epochs=4,
        num_minibatches=4,
        gamma=0.99,
        gae_lambda=0.95,
        learning_rate=1e-3,
        max_learning_rate=1e-3,
        entropy_coef=0.005,
        actor_output_scale=0.1,
        policy=DWLPolicy(),
        losses=DWLLosses(),
        actor_hidden=(48,),
        critic_hidden=(512, 512, 256),
    )


class DWL(PPO):
    """Denoising world model learning (Gu et al., arXiv 2408.14472): PPO with `DWLPolicy` and `DWLLosses`, and
    nothing else. A PPO with such a config is the same thing.

    >>> dwl = DWL(make(4096, "dwl_flat"), log_dir="runs/mine")
    >>> dwl.learn(100_000_000)
    """

    def __init__(self, env: VectorEnv, config: Optional[Given[PPOConfig]] = None, **options: Any) -> None:
        """config: a whole one, by default `dwl_config()`, or a mapping of what differs from that. options: of
        `PPO`."""
        if isinstance(config, Mapping):
            config = from_plain(PPOConfig, config, "config", dwl_config())
        config = config_of(PPOConfig, config, dwl_config())
        policy = options.get("policy") or config.policy
        if not isinstance(policy, DWLPolicy):
            raise UserError(f"DWL trains a DWLPolicy, not {type(policy).__name__}: take PPO for others.")
        super().__init__(env, config, **options)
