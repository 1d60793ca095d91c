"""Measure env-steps per second: physics alone, the environment, with the policy, and with training.

    python examples/benchmark_throughput.py                                   # this machine's fastest engine
    python examples/benchmark_throughput.py --preset v0 --num-envs 4096 8192 16384
    python examples/benchmark_throughput.py --engine mujoco --preset v0 --num-envs 64 --processes 16
    python examples/benchmark_throughput.py --preset v0 --first 300       # robots that have learned to stand
    python examples/benchmark_throughput.py --preset fast --physics 5x2   # other simulation steps

--processes also steps so many single environments in Gymnasium's AsyncVectorEnv, one process each.
Physics alone is the engine's own stepping of the same model, with nothing around it, towards the joint
targets that the policy's actions became, so that all columns make the same motions; but nobody who fell is
restarted there. All but training run in windows of half a second of simulated time from the start of all
episodes, in turns, so that what else the machine does falls on all alike; the median window counts, and the
median ratio of neighbouring windows.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import platform
import statistics
import time
from typing import Callable, List, Sequence, Tuple

from humanoid_envs.capture import accelerated
from humanoid_envs.registration import best_engine
from humanoid_envs.tasks import TaskConfig
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.command_line import add_plugin, concise_errors
from trainers.ppo import PPO
from trainers.presets import PRESETS, TrainConfig, preset
from trainers.training import make_env

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AsyncVectorEnv, VectorEnv
from torch import Tensor

WINDOW_STEPS = 50


@concise_errors()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_plugin(parser)
    parser.add_argument("--preset", nargs="+", default=["auto"], help=f"auto, {', '.join(PRESETS)}")
    parser.add_argument("--engine", default="auto", help="isaacgym, mujoco_warp, mujoco or auto")
    parser.add_argument("--num-envs", nargs="+", type=int, help="default: the preset's")
    parser.add_argument("--physics", type=physics, help="step in ms x steps per action, for example 5x2")
    parser.add_argument("--first", type=int, default=0, help="updates to train before anything is timed")
    parser.add_argument("--processes", type=int, help="single environments in an AsyncVectorEnv")
    parser.add_argument("--windows", type=int, default=5)
    parser.add_argument(
        "--updates", type=int, default=10, help="training updates to time, after 3 to warm up"
    )
    arguments = parser.parse_args()
    engine = best_engine()[0] if arguments.engine == "auto" else arguments.engine
    print(f"{machine()}; engine {engine}\n")
    columns = ["preset", "physics", "envs", "physics alone", "environment", "with policy", "with training"]
    print(f"| {' | '.join(columns)} | env ÷ physics |\n|{'---|' * 8}")
    for name in arguments.preset:
        # Robots that start anew while others stand would cost the environment contacts that the physics
        # alone, which resets nobody, does not have.
        config = dataclasses.replace(preset(name), engine=engine, stagger_episodes=False)
        if arguments.physics is not None:
            timestep, decimation = arguments.physics
            steps = dataclasses.replace(config.task.physics, timestep=timestep, decimation=decimation)
            config = dataclasses.replace(config, task=dataclasses.replace(config.task, physics=steps))
        for num_envs in arguments.num_envs or [config.num_envs]:
            many = dataclasses.replace(config, num_envs=num_envs)
            row, ratio = measure(many, arguments.first, arguments.windows, arguments.updates)
            steps = f"{1e3 * config.task.physics.timestep:.3g} ms × {config.task.physics.decimation}"
            rates = " | ".join(f"{rate / 1e3:,.1f}k" for rate in row)
            print(f"| {name} | {steps} | {num_envs:,} | {rates} | {ratio:.2f} |", flush=True)
        if arguments.processes:
            rate = measure_processes(config.task, arguments.processes, arguments.windows)
            print(f"\n{name} in AsyncVectorEnv, {arguments.processes} processes: {rate / 1e3:,.2f}k\n")


def measure_processes(task: TaskConfig, processes: int, windows: int) -> float:
    """Env-steps per second of Gymnasium's own way to many environments."""
    make = functools.partial(gymnasium.make, "HumanoidXBotL-MuJoCo-v0", config=task)
    env = AsyncVectorEnv([make] * processes)
    actions = np.zeros(env.action_space.shape or (), np.float32)
    (seconds,) = seconds_per_step([lambda _: env.step(actions)], env, windows)
    env.close()
    return processes / statistics.median(seconds)


def physics(text: str) -> Tuple[float, int]:
    """Simulation step in s and steps per action."""
    milliseconds, steps = text.split("x")
    return 1e-3 * float(milliseconds), int(steps)


def measure(config: TrainConfig, first: int, windows: int, updates: int) -> Tuple[List[float], float]:
    """Env-steps per second: physics alone, environment, with policy, with training; and the second's ratio
    to the first."""
    env = make_env(config)
    ppo = PPO(env, config.ppo)
    per_update = config.ppo.num_steps * env.num_envs
    if first:
        ppo.learn(first * per_update, progress_bar=False)
    physics_step = accelerated(env.simulator, env.simulator.step_physics)
    actions, targets = record_motions(env, ppo)
    state = {"observation": env.reset(seed=0)[0]}

    def physics_alone(step: int) -> None:
        env.simulator.joint_targets.copy_(targets[step])
        physics_step()

    def environment(step: int) -> None:
        env.step(actions[step])

    def with_policy(step: int) -> None:
        action = ppo.predict(state["observation"], deterministic=False)[0]
        state["observation"] = env.step(action)[0]

    seconds = seconds_per_step([physics_alone, environment, with_policy], env, windows)
    rates = [env.num_envs / statistics.median(of_one) for of_one in seconds]
    stamps: List[float] = []
    ppo.learn(
        (updates + 3) * per_update,
        callback=lambda _: stamps.append(time.perf_counter()),
        progress_bar=False,
    )
    rates.append(updates * per_update / (stamps[-1] - stamps[-1 - updates]))
    env.close()
    return rates, statistics.median(alone / whole for alone, whole in zip(*seconds[:2]))


def record_motions(env: HumanoidVectorEnv, ppo: PPO) -> Tuple[List[Tensor], List[Tensor]]:
    """The policy's actions in a window, and the joint targets that became of them."""
    actions, targets = [], []
    observation, _ = env.reset(seed=0)
    for _ in range(WINDOW_STEPS):
        action, _ = ppo.predict(observation, deterministic=False)
        observation = env.step(action)[0]
        actions.append(action.clone())
        targets.append(env.simulator.joint_targets.clone())
    return actions, targets


def seconds_per_step(
    functions: Sequence[Callable[[int], object]], env: VectorEnv, windows: int
) -> List[List[float]]:
    """Of each function in each window, after one to warm up. Windows begin with a reset."""
    device = getattr(env, "device", torch.device("cpu"))

    def window(function: Callable[[int], object]) -> float:
        env.reset(seed=0)
        _wait(device)
        start = time.perf_counter()
        for step in range(WINDOW_STEPS):
            function(step)
        _wait(device)
        return (time.perf_counter() - start) / WINDOW_STEPS

    in_turns = [[window(function) for function in functions] for _ in range(windows + 1)]
    return [list(times) for times in zip(*in_turns[1:])]


def machine() -> str:
    """What this ran on."""
    cores = f"{torch.get_num_threads()} CPU threads"
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{platform.machine()}, {cores}, {gpu}, torch {torch.__version__}"


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
