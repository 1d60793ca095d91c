"""The main job: a training run with everything that belongs to it, and its presets by machine."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Optional

import yaml

from humanoid_envs.compilation import can_compile
from humanoid_envs.configs import from_plain, to_plain
from humanoid_envs.registration import best_engine, make_isaacgym
from humanoid_envs.tasks.velocity import VelocityConfig
from humanoid_envs.tasks.velocity import preset as task_preset
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.ppo import PPO, CheckpointCallback, PPOConfig
from trainers.ppo.checkpoint import read_checkpoint


@dataclass(frozen=True)
class TrainConfig:
    """A training run."""

    task: VelocityConfig = field(default_factory=VelocityConfig)
    ppo: PPOConfig = field(default_factory=PPOConfig)
    num_envs: int = 4096
    """Robots trained on at once."""
    total_timesteps: int = 150_000_000
    """Environment steps of the whole run, over all robots; a resumed run goes on up to it."""
    max_minutes: Optional[float] = None
    """Stop after this much training time in any case."""
    engine: str = "auto"
    """isaacgym, mujoco_warp, mujoco, or auto for the fastest that this machine has."""
    stagger_episodes: bool = True
    """Begin each robot's first episode at a random step of its length, so that time-outs spread over time."""
    compiled: bool = True
    """Fuse the task's operations with torch.compile, where a C++ compiler is found: several times faster,
    after half a minute at the first run on a machine."""
    save_every: int = 200
    """Updates between writes of checkpoints/last.pt."""
    keep_every: int = 500
    """Updates between checkpoints that are kept."""


def v0() -> TrainConfig:
    """The release's task and recipe; for a GPU."""
    return TrainConfig()


def fast() -> TrainConfig:
    """Walking in a minute on a GPU."""
    steps, envs, total = 12, 4096, 50_000_000
    updates = total // (steps * envs)
    return TrainConfig(
        task=task_preset("fast"),
        ppo=PPOConfig(
            num_steps=steps,
            num_epochs=5,
            num_minibatches=2,
            gamma=0.99,
            gae_lambda=0.95,
            learning_rate=1e-3,
            decay_updates=(updates // 2, updates),
            entropy_coef=0.005,
            final_max_learning_rate=2e-5,
            actor_output_scale=0.1,
            symmetry=True,
        ),
        num_envs=envs,
        total_timesteps=total,
    )


def cpu() -> TrainConfig:
    """A few minutes on two CPU cores: preset fast with fewer robots and smaller networks."""
    gpu = fast()
    ppo = dataclasses.replace(
        gpu.ppo,
        num_steps=32,
        num_epochs=4,
        desired_kl=0.03,
        decay_updates=None,
        entropy_coef=0.002,
        actor_hidden=(128, 64),
        critic_hidden=(128, 64),
    )
    return dataclasses.replace(gpu, ppo=ppo, num_envs=256, max_minutes=5.0)


PRESETS: Dict[str, Callable[[], TrainConfig]] = {"v0": v0, "fast": fast, "cpu": cpu}


def preset(name: str) -> TrainConfig:
    """The preset of that name, or for `"auto"` the one that suits this machine.

    Raises:
        ValueError: no preset of that name.
    """
    if name == "auto":
        # Isaac Gym cannot damp implicitly, as preset fast wants.
        name = {"mujoco": "cpu", "mujoco_warp": "fast", "isaacgym": "v0"}[best_engine()[0]]
    if name not in PRESETS:
        raise ValueError(f"Unknown preset {name!r}; there are 'auto', {', '.join(map(repr, PRESETS))}.")
    return PRESETS[name]()


class Run:
    """A folder `runs/<name>/` with the run's `config.yaml`, TensorBoard events and `checkpoints/`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.checkpoints = directory / "checkpoints"
        self.last_checkpoint = self.checkpoints / "last.pt"

    @classmethod
    def of_checkpoint(cls, checkpoint: Path) -> Run:
        """The run that wrote a checkpoint."""
        return cls(checkpoint.parent.parent)

    def write_config(self, config: TrainConfig) -> None:
        """Write the config beside the run, whole or not at all."""
        self.directory.mkdir(parents=True, exist_ok=True)
        temporary = self.directory / "config.yaml.tmp"
        temporary.write_text(yaml.safe_dump(to_plain(config), sort_keys=False))
        os.replace(temporary, self.directory / "config.yaml")

    def read_config(self) -> TrainConfig:
        """The config that the run was started with.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it has fields that this version does not know.
        """
        path = self.directory / "config.yaml"
        if not path.is_file():
            raise FileNotFoundError(f"{self.directory} is no training run: it has no config.yaml.")
        return from_plain(TrainConfig, yaml.safe_load(path.read_text()), str(path))


def find_checkpoint(name: str, runs: Path = Path("runs")) -> Path:
    """A checkpoint file by its path, by its run's name, or for `"last"` that of the run trained last.

    Raises:
        FileNotFoundError: there is none.
    """
    if Path(name).is_file():
        return Path(name)
    written = sorted(runs.glob("*/checkpoints/last.pt"), key=lambda path: path.stat().st_mtime)
    if name != "last":
        written = [path for path in written if Run.of_checkpoint(path).directory.name == name]
    if not written:
        raise FileNotFoundError(
            f"{name!r} is neither a checkpoint file nor a run with one in {runs}/; "
            "python examples/train_ppo.py trains one."
        )
    return written[-1]


def train(
    config: TrainConfig,
    run: Run,
    resume: Optional[Path] = None,
    *,
    on_start: Optional[Callable[[PPO], None]] = None,
    progress_bar: bool = True,
) -> PPO:
    """Train a policy and leave its checkpoints in the run's folder.

    Args:
        config: what to train, on what, and how.
        run: where its files go.
        resume: a checkpoint to go on from: exactly where it stopped, or in new episodes if the task, the
            number of robots or the engine is another.
        on_start: called once with the policy as it is before training.
        progress_bar: show one where standard error is a terminal.

    Raises:
        ValueError: the folder holds another run, or the checkpoint is of other networks or another robot.
    """
    if resume is None and run.last_checkpoint.exists():
        raise ValueError(f"{run.directory} already holds a run: resume it, or choose another name.")
    env = make_env(config)
    setting = {"task": to_plain(config.task), "num_envs": config.num_envs, "engine": env.metadata["engine"]}
    if resume is None:
        ppo = PPO(env, config.ppo, log_dir=run.directory)
    else:
        same = read_checkpoint(resume)["metadata"] == setting
        ppo = PPO.load(resume, env, config=config.ppo, log_dir=run.directory, restore_env=same)
    ppo.metadata.update(setting)
    run.write_config(config)
    if on_start is not None:
        on_start(ppo)
    remaining = config.total_timesteps - ppo.num_timesteps
    if remaining > 0:
        checkpoint = CheckpointCallback(run.checkpoints, config.save_every, config.keep_every)
        ppo.learn(remaining, callback=[checkpoint, TimeLimit(config.max_minutes)], progress_bar=progress_bar)
    ppo.save(run.last_checkpoint)
    env.close()
    return ppo


def make_env(config: TrainConfig) -> HumanoidVectorEnv:
    """The vector environment of a run, on torch tensors."""
    engine = best_engine()[0] if config.engine == "auto" else config.engine
    return make_isaacgym(
        config.num_envs,
        config.task,
        engine=engine,
        stagger_episodes=config.stagger_episodes,
        compiled=config.compiled and can_compile(),
    )


def task_of(ppo: PPO) -> VelocityConfig:
    """The task that a policy was trained on, which travels in its checkpoint.

    Raises:
        ValueError: the checkpoint does not say, so the policy was trained on something else.
    """
    if "task" not in ppo.metadata:
        raise ValueError("This checkpoint names no velocity task: it was not written by train().")
    return from_plain(VelocityConfig, ppo.metadata["task"], "checkpoint")


class TimeLimit:
    """Stops training after some minutes, counted from the first update."""

    def __init__(self, minutes: Optional[float]) -> None:
        self._seconds = math.inf if minutes is None else 60.0 * minutes
        self._start: Optional[float] = None

    def __call__(self, ppo: PPO) -> Optional[bool]:
        now = time.monotonic()
        self._start = now if self._start is None else self._start
        return False if now - self._start > self._seconds else None
