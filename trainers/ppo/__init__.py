"""Proximal policy optimization for Gymnasium vector environments, on the device from rollout to update."""

from trainers.ppo.callbacks import Callback, CheckpointCallback
from trainers.ppo.config import PPOConfig
from trainers.ppo.guard import NonFiniteError
from trainers.ppo.ppo import PPO

__all__ = ["PPO", "Callback", "CheckpointCallback", "NonFiniteError", "PPOConfig"]
