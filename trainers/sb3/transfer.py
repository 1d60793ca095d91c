"""Policies from `trainers.ppo` to Stable-Baselines3 and back."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Dict, Optional, Type, TypeVar, Union

import stable_baselines3
import torch
from gymnasium.vector import VectorEnv
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import VecEnv, VecNormalize
from torch import Tensor

from humanoid_envs.configs import to_plain
from humanoid_envs.errors import UserError, WrongType
from humanoid_envs.registration import make_mujoco
from trainers.export import robot_of, task_of
from trainers.ppo import PPO, PPOConfig
from trainers.ppo.normalization import EPSILON, LIMIT
from trainers.sb3.model_files import describe, normalization_of, signature_of
from trainers.sb3.policy import AsymmetricPolicy, humanoid_vec_env, policy_kwargs
from trainers.sb3.vec_env import HumanoidVecEnv
from trainers.sb3.wrappers import Normalization, changes

Algorithm = TypeVar("Algorithm", bound=OnPolicyAlgorithm)


def from_ppo(
    policy: Union[PPO, str, Path],
    env: Union[VecEnv, VectorEnv, None] = None,
    algorithm: Type[Algorithm] = stable_baselines3.PPO,
    **options: Any,
) -> Algorithm:
    """A model of Stable-Baselines3 that acts as the policy does, ready to be trained further: with its actor,
    critic and standard deviations, and a fresh optimizer.

    Args:
        policy: a trainer or its checkpoint.
        env: where to go on, with `dict_obs=True`; None makes 64 robots in C MuJoCo on the policy's own task.
        algorithm: PPO, A2C or sb3_contrib's TRPO.
        options: of the algorithm. Unless given, `gamma` and `gae_lambda` are the policy's, since its critic
            has learned these values, and `learning_rate` is the one that its training ended with.

    Raises:
        FileNotFoundError: no such checkpoint.
        ValueError: the policy does not fit the environment or the algorithm.
    """
    if algorithm.policy_aliases.get("MlpPolicy") is not ActorCriticPolicy:
        raise UserError(
            f"{algorithm.__name__} has networks of another kind than the policy's multilayer perceptrons for "
            "actor and critic: take PPO, A2C or TRPO."
        )
    source = "This policy" if isinstance(policy, PPO) else str(policy)
    ppo = policy if isinstance(policy, PPO) else PPO.load(policy, device="cpu")
    if env is None:
        env = make_mujoco(64, task_of(ppo), robot=robot_of(ppo), dict_obs=True)
    env = HumanoidVecEnv(env) if isinstance(env, VectorEnv) else env
    inner = humanoid_vec_env(env)
    normalizer, wrapper = changes(env)
    if normalizer is not None or wrapper is not None:
        raise UserError(
            f"{source} has learned from observations as they are: make the environment without "
            f"{wrapper or 'VecNormalize'}, or VecNormalize with norm_obs=False."
        )
    if not inner.humanoids.dict_obs:
        raise UserError(f"{source} has a critic of its own: make the environment with dict_obs=True.")
    ppo.signature.require_match(signature_of(inner), source)
    defaults = {
        "gamma": ppo.config.gamma,
        "gae_lambda": ppo.config.gae_lambda,
        "learning_rate": ppo.learner.learning_rate.item(),
    }
    model = algorithm(
        AsymmetricPolicy, env, policy_kwargs=policy_kwargs(env, ppo.config), **{**defaults, **options}
    )
    assert isinstance(model.policy, AsymmetricPolicy)
    model.policy.take_over(ppo.policy)
    describe(model)
    return model


def to_ppo(model: OnPolicyAlgorithm, env: Optional[VectorEnv] = None, **options: Any) -> PPO:
    """A model with an `AsymmetricPolicy` as the trainer's PPO: it predicts, is saved and exported, and in an
    environment trains on, with a fresh optimizer. Step and update counts start at 0. What `VecNormalize` has
    learned of its observations becomes part of the networks (`PPOConfig.normalize_observations`).

    env, options: see `PPO.load`.

    Raises:
        TypeError: the model has another policy, or does not say what it was trained on.
        UserError: other wrappers, or a `VecNormalize` that the trainer has not, change what it sees.
    """
    policy = model.policy
    if not isinstance(policy, AsymmetricPolicy):
        raise WrongType(
            f"This model's {type(policy).__name__} is no AsymmetricPolicy: trainers.ppo has other networks."
        )
    metadata = describe(model)
    config = dataclasses.replace(policy.config, gamma=model.gamma, gae_lambda=model.gae_lambda)
    weights, normalizer = policy.weights(), normalization_of(model)
    if normalizer is not None:
        if isinstance(normalizer, VecNormalize):
            normalizer = Normalization.of(normalizer, model.num_timesteps)
        weights = {**weights, **_normalizers(normalizer, config)}
        config = dataclasses.replace(config, normalize_observations=True)
    content: Dict[str, Any] = {
        "config": to_plain(config, PPOConfig),
        "signature": metadata["signature"],
        "policy": weights,
        "learner": {"optimizer": {}, "learning_rate": config.learning_rate},
        "num_timesteps": 0,
        "num_updates": 0,
        "metadata": {
            name: metadata[name] for name in ("task", "engine", "robot", "plugins") if name in metadata
        },
        "random": None,
        "environment": None,
    }
    return PPO.from_content(content, "This model", env, **options)


def _normalizers(normalization: Normalization, config: PPOConfig) -> Dict[str, Tensor]:
    """State dicts of the networks' `RunningNormalizer`s, which do the same."""
    missing = {"policy", "critic"} - normalization.mean.keys()
    obstacles = {
        f"does not normalize {', '.join(sorted(missing))}": missing,
        f"bounds observations to ±{normalization.clip:g}, not ±{LIMIT:g}": normalization.clip != LIMIT,
        "is around networks that normalize by themselves": config.normalize_observations,
        "is around symmetric networks, which would mirror before": config.symmetry,
        f"has an epsilon below {EPSILON:g}": normalization.epsilon < EPSILON,
    }
    for obstacle, there in obstacles.items():
        if there:
            raise UserError(
                f"This model's VecNormalize {obstacle}: the trainer's normalizer cannot do the same. Take "
                "as_policy(model), or train with PPOConfig.normalize_observations."
            )
    weights: Dict[str, Tensor] = {}
    for network, part in (("actor", "policy"), ("critic", "critic")):
        var = normalization.var[part] + (normalization.epsilon - EPSILON)
        weights[f"{network}.normalizer.mean"] = torch.from_numpy(normalization.mean[part]).float()
        weights[f"{network}.normalizer.var"] = torch.from_numpy(var).float()
        weights[f"{network}.normalizer.count"] = torch.tensor(normalization.count[part], dtype=torch.float64)
    return weights
