"""Stable-Baselines3 and sb3-contrib on the humanoid environments, and policies to and from `trainers.ppo`."""

from humanoid_envs.errors import MissingPackage

try:
    import stable_baselines3  # noqa: F401
except ImportError as error:
    raise MissingPackage(
        "trainers.sb3 needs Stable-Baselines3: pip install stable-baselines3 sb3-contrib."
    ) from error

from trainers.sb3.callbacks import (
    EpisodeTermsCallback,
    EvaluationCallback,
    InterruptionCallback,
    SaveCallback,
    nine_commands,
    small_scorecard,
)
from trainers.sb3.logger import run_logger
from trainers.sb3.model_files import as_policy, describe, load_model, save_model
from trainers.sb3.policy import AsymmetricPolicy, policy_kwargs
from trainers.sb3.transfer import from_ppo, to_ppo
from trainers.sb3.vec_env import HumanoidVecEnv

__all__ = [
    "AsymmetricPolicy",
    "EpisodeTermsCallback",
    "EvaluationCallback",
    "HumanoidVecEnv",
    "InterruptionCallback",
    "SaveCallback",
    "as_policy",
    "describe",
    "from_ppo",
    "load_model",
    "nine_commands",
    "policy_kwargs",
    "run_logger",
    "save_model",
    "small_scorecard",
    "to_ppo",
]
