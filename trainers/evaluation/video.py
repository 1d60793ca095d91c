"""A policy's walk as a video, and a picture of its middle."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Iterator, Optional, Sequence, Tuple, Union

import numpy as np
from tqdm import tqdm

from humanoid_envs.errors import MissingPackage
from humanoid_envs.files import replacing
from humanoid_envs.robots import XBOT_L, AnyRobot
from humanoid_envs.tasks import AnyConfig, TaskConfig, preset
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.evaluation import evaluation_env
from trainers.evaluation.rollout import Policy, Walker
from trainers.evaluation.task_score import is_about_velocity
from trainers.policies import policy_of
from trainers.ppo import PPO, Every


def walk_steps(
    env: HumanoidVectorEnv,
    policy: Policy,
    seconds: float,
    *,
    command: Optional[Sequence[float]] = None,
    seed: int = 0,
    on_fall: Callable[[float], None] = lambda time: None,
) -> Iterator[int]:
    """Walk in an environment that does not reset by itself, and yield the step's number after each.

    Args:
        command: see `set_command`; None lets the task draw them.
        on_fall: told when a robot has fallen, s; it stands up at once.

    Raises UserError if the policy's contract does not fit the environment.
    """
    return _walk_steps(Walker(env, policy), env, seconds, command, seed, on_fall)


def _walk_steps(
    walker: Walker,
    env: HumanoidVectorEnv,
    seconds: float,
    command: Optional[Sequence[float]],
    seed: int,
    on_fall: Callable[[float], None],
) -> Iterator[int]:
    env.set_command(command)
    walker.start(seed)
    for step in range(env.config.steps(seconds)):
        _, _, terminated = walker.step()
        yield step
        if terminated.any():
            on_fall((step + 1) * env.config.policy_period)
            walker.stand_up(terminated)


def record(
    env: HumanoidVectorEnv,
    policy: Policy,
    seconds: float,
    path: Path,
    *,
    size: Sequence[int] = (960, 540),
    fps: int = 50,
    **walk_options: Any,
) -> None:
    """Write a walk as an mp4, and as a png beside it a picture of its middle.

    A bar shows how far it is, where standard error is a terminal.

    Args:
        size: width and height of the pictures.
        fps: pictures in a second of the walk and of the video; at most one a policy step.
        env, policy, seconds, walk_options: see `walk_steps`.

    Raises:
        ImportError: imageio is not installed.
        RuntimeError: pictures cannot be rendered here.
    """
    imageio = _imageio()
    steps = walk_steps(env, policy, seconds, **walk_options)
    every = max(1, round(1.0 / (fps * env.config.policy_period)))
    picture = np.empty(0)
    with replacing(path) as temporary, open_video(temporary, fps) as video:
        total = env.config.steps(seconds)
        for step in tqdm(steps, "video", total, unit="step", leave=False, disable=None):
            if step % every == 0:
                frame = np.ascontiguousarray(env.simulator.render(0, (size[1], size[0])))
                video.append_data(frame)
                picture = frame if step <= total // 2 else picture
    with replacing(path.with_suffix(".png")) as temporary:
        imageio.imwrite(temporary, picture, ".png")


def filmed_command(task: TaskConfig) -> Optional[Tuple[float, ...]]:
    """What a robot is told in a video unless something else is asked for: 0.4 m/s forwards, and of tasks that
    are not about velocity what they draw, None."""
    return (0.4, 0.0, 0.0) if is_about_velocity(task) else None


def open_video(path: Path, fps: int) -> Any:
    """A context in which `append_data` takes the pictures of an mp4, whose name may end otherwise.

    Raises:
        ImportError: imageio is not installed.
    """
    options = ["-f", "mp4"]  # which ffmpeg would read off the name
    return _imageio().get_writer(path, ".mp4", fps=fps, macro_block_size=2, output_params=options)


class VideoCallback:
    """Records from time to time how the policy walks in C MuJoCo at 1 ms: `update_000200.mp4` and `.png`.

    It fails when it is made, not hours later, where pictures cannot be rendered.
    """

    def __init__(
        self,
        task: AnyConfig,
        directory: Union[str, Path],
        every: Every,
        *,
        command: Optional[Sequence[float]] = None,
        seconds: float = 6.0,
        size: Sequence[int] = (640, 360),
        fps: int = 25,
        robot: AnyRobot = XBOT_L,
    ) -> None:
        """task, robot: what the policy is trained on. command: see `set_command`; by default that of
        `filmed_command`. size: width, height. fps: few, since rendering without a GPU takes a tenth of a
        second a picture.

        Raises ImportError without imageio, RuntimeError where pictures cannot be rendered.
        """
        _imageio()
        self._task = preset(task)
        command = filmed_command(self._task) if command is None else command
        self._env = evaluation_env(self._task, num_envs=1, seconds=seconds, robot=robot)
        self._directory, self._every = Path(directory), every
        self._seconds, self._options = seconds, {"command": command, "size": size, "fps": fps}
        self._env.reset(seed=0)
        self._env.simulator.render(0, (size[1], size[0]))

    def __call__(self, ppo: PPO) -> None:
        if self._every(ppo):
            path = self._directory / f"update_{ppo.num_updates:06d}.mp4"
            record(self._env, policy_of(ppo, self._task), self._seconds, path, **self._options)

    def close(self) -> None:
        """Free the simulation."""
        self._env.close()


def _imageio() -> Any:
    try:
        import imageio.v2 as imageio
        import imageio_ffmpeg  # noqa: F401  writes the mp4
    except ImportError as error:
        raise MissingPackage("Videos need imageio: pip install imageio imageio-ffmpeg.") from error
    return imageio
