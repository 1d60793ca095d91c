"""Env-steps per second of Stable-Baselines3's PPO: our batch in one process against its own SubprocVecEnv,
with a process for each robot. Both have the same cores, networks and settings.

    python examples/benchmark_sb3.py                      # on a machine that does nothing else
    python examples/benchmark_sb3.py --num-envs 64 256 --processes 4 16
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from typing import Callable, Dict, List, Tuple

import humanoid_envs  # noqa: F401  before torch; registers the ids
from trainers.command_line import concise_errors
from trainers.ppo import PPOConfig
from trainers.sb3 import AsymmetricPolicy, HumanoidVecEnv

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import SubprocVecEnv, VecEnv

ID = "HumanoidXBotL-MuJoCo-v0"


def batch(num_envs: int, preset: str) -> VecEnv:
    """All robots in this process."""
    return HumanoidVecEnv(gymnasium.make_vec(ID, num_envs=num_envs, config=preset, dict_obs=True))


def processes(num_envs: int, preset: str) -> VecEnv:
    """A process for each robot."""

    def one() -> gymnasium.Env:
        torch.set_num_threads(1)  # else each would have as many as there are cores
        return Monitor(gymnasium.make(ID, config=preset, dict_obs=True, num_threads=1))

    return SubprocVecEnv([one] * num_envs)


class Stopwatch(BaseCallback):
    """When each rollout began."""

    def __init__(self) -> None:
        super().__init__()
        self.starts: List[float] = []

    def _on_rollout_start(self) -> None:
        self.starts.append(time.perf_counter())

    def _on_step(self) -> bool:
        return True


def measure(
    make: Callable[[int, str], VecEnv], num_envs: int, preset: str, samples: int, updates: int
) -> Tuple[float, float]:
    """Env-steps per second of the environment alone, and with PPO; one update warms up."""
    env = make(num_envs, preset)
    env.reset()
    actions = np.zeros((num_envs, 12), np.float32)
    steps = max(1, samples // num_envs)
    start = time.perf_counter()
    for _ in range(steps):
        env.step(actions)
    alone = steps * num_envs / (time.perf_counter() - start)

    networks = PPOConfig(actor_hidden=(128, 64), critic_hidden=(128, 64))
    model = PPO(
        AsymmetricPolicy,
        env,
        n_steps=steps,
        batch_size=steps * num_envs // 2,
        n_epochs=4,
        policy_kwargs={"config": networks},
        seed=0,
        device="cpu",
    )
    stopwatch = Stopwatch()
    model.learn((updates + 2) * steps * num_envs, callback=stopwatch)
    env.close()
    return alone, updates * steps * num_envs / (stopwatch.starts[updates + 1] - stopwatch.starts[1])


@concise_errors()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--num-envs", nargs="+", type=int, default=[16, 256], help="robots in our batch")
    parser.add_argument("--processes", nargs="+", type=int, default=[4, 16], help="robots of SubprocVecEnv")
    parser.add_argument("--preset", default="fast", help="of the task: fast or v0")
    parser.add_argument("--samples", type=int, default=4096, help="env-steps in a rollout")
    parser.add_argument("--updates", type=int, default=4, help="of PPO that are timed")
    chosen = parser.parse_args()

    load = f"load average {os.getloadavg()[0]:.1f} at the start"
    print(f"{platform.machine()}, {os.cpu_count()} CPU cores, {load}; preset {chosen.preset}\n")
    print("|  | robots | environment alone | with PPO |\n|---|---|---|---|")
    best: Dict[str, Tuple[float, float]] = {}
    for name, make, sizes in (
        ("HumanoidVecEnv", batch, chosen.num_envs),
        ("SubprocVecEnv", processes, chosen.processes),
    ):
        for size in sizes:
            rates = measure(make, size, chosen.preset, chosen.samples, chosen.updates)
            print(f"| {name} | {size} | {rates[0]:,.0f}/s | {rates[1]:,.0f}/s |", flush=True)
            before = best.get(name, (0.0, 0.0))
            best[name] = max(before[0], rates[0]), max(before[1], rates[1])
    ours, theirs = best["HumanoidVecEnv"], best["SubprocVecEnv"]
    print(f"| best, ratio |  | {ours[0] / theirs[0]:.1f} | {ours[1] / theirs[1]:.1f} |")


if __name__ == "__main__":
    main()
