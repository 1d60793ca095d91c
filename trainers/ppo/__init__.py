"""Proximal policy optimization for Gymnasium vector environments, on the device from rollout to update."""

from trainers.ppo.callbacks import (
    Callback,
    CheckpointCallback,
    EvaluationCallback,
    Every,
    StopOnScore,
    TimeLimit,
)
from trainers.ppo.config import PPOConfig
from trainers.ppo.guard import NonFiniteError
from trainers.ppo.import_humanoid_gym import import_humanoid_gym
from trainers.ppo.loggers import CSVLogger, Logger, TableLogger, TensorBoardLogger, WandbLogger
from trainers.ppo.ppo import PPO

__all__ = [
    "PPO",
    "CSVLogger",
    "Callback",
    "CheckpointCallback",
    "EvaluationCallback",
    "Every",
    "Logger",
    "NonFiniteError",
    "PPOConfig",
    "StopOnScore",
    "TableLogger",
    "TensorBoardLogger",
    "TimeLimit",
    "WandbLogger",
    "import_humanoid_gym",
]
