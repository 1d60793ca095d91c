"""Watch a policy walk in C MuJoCo at the release's 1 ms.

    python examples/play.py                                  # the run trained last, in MuJoCo's viewer
    python examples/play.py runs/mine/checkpoints/last.pt --command 0.4 0 0
    python examples/play.py --video walk.mp4 --seconds 10    # headless: a video and a picture beside it

Without --command the task draws a new one every few seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path
from typing import Iterator, Optional, Sequence

import imageio.v2 as imageio
import numpy as np

from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.command_line import concise_errors
from trainers.evaluation import evaluation_env
from trainers.ppo import PPO
from trainers.training import find_checkpoint, task_of

FRAMES_PER_SECOND = 50


@concise_errors()
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
    if arguments.seconds < 0.1:
        parser.error(f"--seconds must be at least 0.1, not {arguments.seconds}")
    if arguments.video is not None and arguments.video.suffix != ".mp4":
        parser.error(f"--video writes an mp4: give a name that ends so, not {arguments.video}")

    ppo = PPO.load(find_checkpoint(arguments.checkpoint), device="cpu")
    env = evaluation_env(task_of(ppo), num_envs=1, seconds=arguments.seconds)
    middle = env.config.steps(arguments.seconds) // 2
    steps = walk(env, ppo, arguments.command, arguments.seconds, arguments.seed)
    if arguments.video is None:
        watch(env, steps)
    else:
        record(env, steps, middle, arguments.video, arguments.size)
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
    from humanoid_envs.viewer import Viewer

    viewer = Viewer(env.simulator)
    for _ in steps:
        viewer.show()
        if not viewer.is_open:
            break
    viewer.close()


def record(
    env: HumanoidVectorEnv, steps: Iterator[int], middle: int, path: Path, size: Sequence[int]
) -> None:
    """Write the walk as a video, and a picture of its middle step."""
    every = max(1, round(1.0 / (FRAMES_PER_SECOND * env.config.policy_period)))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = np.empty(0)
    with unfinished(path) as name:
        video = imageio.get_writer(name, fps=FRAMES_PER_SECOND, macro_block_size=2)
        with video:
            for step in steps:
                if step % every == 0:
                    frame = np.ascontiguousarray(env.simulator.render(0, (size[1], size[0])))
                    video.append_data(frame)
                    picture = frame if step <= middle else picture
    with unfinished(path.with_suffix(".png")) as name:
        imageio.imwrite(name, picture)
    print(f"Wrote {path} and {path.with_suffix('.png')}.")


@contextlib.contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A temporary name to write under, which becomes the right one when all went well."""
    temporary = path.with_name(f".unfinished.{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
