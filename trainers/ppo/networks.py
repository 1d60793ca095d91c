"""From a config to the networks and auxiliary losses of a training."""

from __future__ import annotations

from typing import Dict, Tuple

import torch
from torch import nn

from humanoid_envs.errors import UserError
from trainers.ppo.config import PPOConfig
from trainers.ppo.distributed import Workers
from trainers.ppo.losses import LossFunction
from trainers.ppo.policy import Policy
from trainers.ppo.rollout_buffer import RolloutBuffer
from trainers.ppo.signature import EnvSignature
from trainers.ppo.tensor_env import TensorEnv


def build_networks(config: PPOConfig, signature: EnvSignature) -> Tuple[Policy, Dict[str, LossFunction]]:
    """A policy with new weights, by the config's seed, and the functions of its auxiliary losses. Those that
    have parameters are in the policy's `auxiliary`.

    Raises UserError for networks that cannot be what the config says.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed)
        policy = config.policy.build(signature, config)
        if not isinstance(policy, Policy):
            raise UserError(f"{type(config.policy).__name__}.build must return a Policy; got {policy!r:.80}.")
        losses = {name: loss.build(policy, signature) for name, loss in config.losses.named().items()}
    kept = {"symmetry": policy.symmetric, "normalize_observations": policy.gathers_statistics}
    for name, is_kept in kept.items():
        if getattr(config, name) and not is_kept:
            kind = type(config.policy).__name__
            raise UserError(f"PPOConfig.{name} is not for the networks of {kind}: set it to False.")
    own = {name: loss for name, loss in losses.items() if isinstance(loss, nn.Module)}
    if own:
        policy.auxiliary = nn.ModuleDict(own)
    return policy, losses


def rollout_for(
    env: TensorEnv, policy: Policy, config: PPOConfig, fused: bool, workers: Workers
) -> RolloutBuffer:
    """A rollout of an environment as networks and auxiliary losses want it, see `RolloutBuffer`.

    Raises UserError if it cannot fill the minibatches.
    """
    losses = config.losses.named().values()
    sequences = policy.state_size > 0 or any(loss.sequences for loss in losses)
    stored = policy.takes_stored_rows and not losses
    rollout = RolloutBuffer(
        config.num_steps,
        env.num_envs,
        env.signature,
        env.device,
        masked=env.has_reset_steps,
        bfloat16=stored and config.bfloat16 and env.device.type == "cuda",
        fused=fused,
        workers=workers,
        sequences=sequences,
        state_size=policy.state_size,
        padded=stored,
    )
    if rollout.num_items < config.num_minibatches:
        what = "environments, which networks or losses need whole," if sequences else "environments"
        raise UserError(
            f"A rollout of {env.num_envs} {what} × {config.num_steps} steps cannot fill "
            f"num_minibatches={config.num_minibatches}."
        )
    return rollout
