"""Watch a policy walk in C MuJoCo at the release's 1 ms.

    python examples/play.py                                  # the run trained last, in MuJoCo's viewer
    python examples/play.py runs/mine/checkpoints/last.pt --command 0.4 0 0
    python examples/play.py --video walk.mp4 --seconds 10    # headless: a video and a picture beside it

Without --command the task draws a new one every few seconds.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Iterator, Optional, Sequence

import imageio.v2 as imageio
import numpy as np

from humanoid_envs.vector_env import HumanoidVectorEnv
from humanoid_envs.viewer import Viewer
from trainers.evaluation import evaluation_env
from trainers.ppo import PPO
from trainers.training import find_checkpoint, task_of

FRAMES_PER_SECOND = 50


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", nargs="?", default="last", help="a file, a run's name, or 'last'")
    parser.add_argument("--command", nargs=3, type=float, metavar=("VX", "VY", "YAW"), help="m/s, m/s, rad/s")
    parser.add_argument("--video", type=Path, help="write this mp4, and a picture of its middle, headless")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", nargs=2, type=int, default=(960, 540), metavar=("WIDTH", "HEIGHT"))
    arguments = parser.parse_args()

    ppo = PPO.load(find_checkpoint(arguments.checkpoint), device="cpu")
    env = evaluation_env(task_of(ppo), num_envs=1, seconds=arguments.seconds)
    steps = walk(env, ppo, arguments.command, arguments.seconds, arguments.seed)
    if arguments.video is None:
        watch(env, steps)
    else:
        record(env, steps, arguments.video, tuple(arguments.size))
    env.close()


def walk(
    env: HumanoidVectorEnv, ppo: PPO, command: Optional[Sequence[float]], seconds: float, seed: int
) -> Iterator[int]:
    """Walk, and yield the step's number after each."""
    env.set_command(command)
    observation, _ = env.reset(seed=seed)
    for step in range(env.config.steps(seconds)):
        observation, _, terminated, _, _ = env.step(ppo.predict(observation)[0])
        yield step
        if terminated.any():
            print(f"Fell after {(step + 1) * env.config.policy_period:.2f} s.")
            observation, _ = env.reset(options={"reset_mask": terminated})


def watch(env: HumanoidVectorEnv, steps: Iterator[int]) -> None:
    """Show the walk in MuJoCo's viewer, until the window is closed."""
    viewer = Viewer(env.simulator)
    for _ in steps:
        viewer.show()
        if not viewer.is_open:
            break
    viewer.close()


def record(env: HumanoidVectorEnv, steps: Iterator[int], path: Path, size: Sequence[int]) -> None:
    """Write the walk as a video, and a picture of its middle."""
    every = max(1, round(1.0 / (FRAMES_PER_SECOND * env.config.policy_period)))
    frames = [env.simulator.render(0, (size[1], size[0])) for step in steps if step % every == 0]
    unfinished = path.with_name(f".{path.name}.unfinished.mp4")
    path.parent.mkdir(parents=True, exist_ok=True)
    imageio.mimwrite(unfinished, [np.ascontiguousarray(frame) for frame in frames], fps=FRAMES_PER_SECOND)
    os.replace(unfinished, path)
    imageio.imwrite(path.with_suffix(".png"), frames[len(frames) // 2])
    print(f"Wrote {path} ({len(frames) / FRAMES_PER_SECOND:.1f} s) and {path.with_suffix('.png')}.")


if __name__ == "__main__":
    main()
