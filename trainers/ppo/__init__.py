"""Proximal policy optimization for Gymnasium vector environments, on the device from rollout to update."""

from trainers.ppo.actor_critic import PolicyConfig
from trainers.ppo.callbacks import (
    Callback,
    CheckpointCallback,
    EvaluationCallback,
    Every,
    StopOnScore,
    TimeLimit,
)
from trainers.ppo.config import PPOConfig
from trainers.ppo.import_humanoid_gym import import_humanoid_gym
from trainers.ppo.loggers import CSVLogger, Logger, TableLogger, TensorBoardLogger, WandbLogger
from trainers.ppo.losses import AuxiliaryLoss, Losses
from trainers.ppo.nan_guard import NonFiniteError
from trainers.ppo.policy import Evaluation, Policy, initial_std
from trainers.ppo.ppo import PPO
from trainers.ppo.recurrent import GRUPolicy, Recurrent
from trainers.ppo.rollout_buffer import Minibatch
from trainers.ppo.signature import EnvSignature

__all__ = [
    "PPO",
    "AuxiliaryLoss",
    "CSVLogger",
    "Callback",
    "CheckpointCallback",
    "EnvSignature",
    "Evaluation",
    "EvaluationCallback",
    "Every",
    "GRUPolicy",
    "Logger",
    "Losses",
    "Minibatch",
    "NonFiniteError",
    "PPOConfig",
    "Policy",
    "PolicyConfig",
    "Recurrent",
    "StopOnScore",
    "TableLogger",
    "TensorBoardLogger",
    "TimeLimit",
    "WandbLogger",
    "import_humanoid_gym",
    "initial_std",
]

import trainers.dwl  # noqa: F401  checkpoints name its classes: they are to load wherever PPO is
