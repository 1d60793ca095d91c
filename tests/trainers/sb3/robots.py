"""A few robots in C MuJoCo whose episodes are short, and policies small enough for tests."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from humanoid_envs.registration import make_mujoco
from humanoid_envs.tasks import TaskConfig, preset
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.ppo import PPO, PPOConfig
from trainers.sb3 import HumanoidVecEnv


def short_task(steps: int = 5, falls: bool = False) -> TaskConfig:
    """Preset fast with episodes of so many steps: time is up in the step after their length. falls: they end
    with each step, as every base counts as too low."""
    fast = preset("fast")
    ends = {"terminations.episode_length": (steps - 1) * fast.policy_period}
    return fast.replace(ends, **({"terminations.low_base.height": 2.0} if falls else {}))


def make(num_envs: int = 2, config: Any = None, **options: Any) -> HumanoidVectorEnv:
    return make_mujoco(num_envs, config or short_task(), num_threads=1, **options)


def make_vec(num_envs: int = 2, config: Any = None, **options: Any) -> HumanoidVecEnv:
    return HumanoidVecEnv(make(num_envs, config, **options))


def make_ppo(**config: Any) -> PPO:
    """A trainer whose actor exceeds the bounds of no action, after one update."""
    tiny = PPOConfig(actor_hidden=(16, 8), critic_hidden=(12,), num_steps=4, device="cpu", init_std=0.3)
    ppo = PPO(make(), dataclasses.replace(tiny, **config))
    ppo.metadata["task"] = short_task().plain()
    return ppo.learn(8, progress_bar=False)


def observations(rows: int, size: int = 705, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-3.0, 3.0, (rows, size)).astype(np.float32)


def actions(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.5, (rows, 12)).astype(np.float32)
