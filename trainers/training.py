"""The main job: a training run with everything that belongs to it, and its presets by machine."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, List, Optional, Sequence, Tuple

import yaml
from gymnasium.vector import VectorEnv

from humanoid_envs.compilation import can_compile
from humanoid_envs.configs import from_plain, to_plain
from humanoid_envs.registration import best_engine, make_isaacgym
from humanoid_envs.tasks.velocity import VelocityConfig
from humanoid_envs.tasks.velocity import preset as task_preset
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.evaluation import CommandScore, evaluate_commands, summarize
from trainers.evaluation.video import VideoCallback
from trainers.export import ExportCallback
from trainers.ppo import (
    PPO,
    Callback,
    CheckpointCallback,
    EvaluationCallback,
    Every,
    Logger,
    PPOConfig,
    TableLogger,
    TimeLimit,
    WandbLogger,
)
from trainers.ppo.checkpoint import read_checkpoint
from trainers.ppo.devices import resolve_device
from trainers.ppo.distributed import ALONE, Workers

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TrainConfig:
    """A training run."""

    task: VelocityConfig = field(default_factory=VelocityConfig)
    ppo: PPOConfig = field(default_factory=PPOConfig)
    num_envs: int = 4096
    """Robots trained on at once, over all workers."""
    total_timesteps: int = 150_000_000
    """Environment steps of the whole run, over all robots; a resumed run goes on up to it."""
    max_minutes: Optional[float] = None
    """Stop after this much training time in any case; evaluations and videos do not count."""
    engine: str = "auto"
    """isaacgym, mujoco_warp, mujoco, or auto for the fastest that this machine has."""
    sim_device: str = "auto"
    """Where the physics runs: cpu, cuda, cuda:1, or auto for what suits the engine. The networks are on
    `ppo.device`."""
    stagger_episodes: bool = True
    """Begin each robot's first episode at a random step of its length, so that time-outs spread over time."""
    compiled: bool = True
    """Fuse the task's operations with torch.compile, where a C++ compiler is found: several times faster,
    after half a minute at the first run on a machine."""
    save_every: int = 200
    """Updates between writes of checkpoints/last.pt."""
    keep_every: int = 500
    """Updates between checkpoints that are kept."""
    evaluate_every: Optional[float] = None
    """Minutes of training between evaluations on nine commands in C MuJoCo; the best policy is kept as
    checkpoints/best.pt. None: no evaluation while training."""
    video_every: Optional[float] = None
    """Minutes of training between videos of the policy in videos/. None: no videos."""
    table_every: Optional[float] = None
    """Minutes between tables of all scalars on standard output. None: no tables."""
    wandb: Optional[str] = None
    """Project on Weights & Biases that the scalars go to as well. None: they stay here."""

    def __post_init__(self) -> None:
        for name in ("evaluate_every", "video_every", "table_every"):
            minutes = getattr(self, name)
            if minutes is not None and not minutes > 0.0:
                raise ValueError(f"TrainConfig.{name} must be positive minutes or None; got {minutes}.")


def v0() -> TrainConfig:
    """The release's task and recipe; for a GPU."""
    return TrainConfig()


def fast() -> TrainConfig:
    """Walking in half a minute on a GPU."""
    steps, envs, total = 12, 4096, 31_000_000
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
            max_learning_rate=1e-3,
            decay_updates=(updates // 2, updates),
            entropy_coef=0.005,
            final_max_learning_rate=2e-5,
            final_max_std=0.1,
            actor_output_scale=0.1,
            symmetry=True,
            bfloat16=True,
        ),
        num_envs=envs,
        total_timesteps=total,
    )


def walk() -> TrainConfig:
    """The shipped policy's recipe, for a GPU: minutes, and its end is to be trained at 1 ms, see its card."""
    quick, envs, total = fast(), 8192, 220_000_000
    updates = total // (quick.ppo.num_steps * envs)
    ppo = dataclasses.replace(quick.ppo, decay_updates=(updates // 2, updates), final_max_learning_rate=5e-5)
    return dataclasses.replace(quick, task=task_preset("walk"), ppo=ppo, num_envs=envs, total_timesteps=total)


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


PRESETS: Dict[str, Callable[[], TrainConfig]] = {"v0": v0, "fast": fast, "walk": walk, "cpu": cpu}


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
    """A folder `runs/<name>/`: `config.yaml`, TensorBoard events, `progress.csv`, `checkpoints/`, and if
    wanted `videos/`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.checkpoints = directory / "checkpoints"
        self.last_checkpoint = self.checkpoints / "last.pt"
        self.best_checkpoint = self.checkpoints / "best.pt"

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
        return read_config(path)


def read_config(path: Path) -> TrainConfig:
    """The config of a YAML file, such as a run's; fields that are left out take their defaults.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is no YAML, or has fields that this version does not know.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no config file {path}.")
    try:
        values = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no YAML file: {error}") from error
    return from_plain(TrainConfig, values, str(path))


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
    viewer: bool = False,
    workers: Workers = ALONE,
) -> PPO:
    """Train a policy and leave its checkpoints in the run's folder, exported beside those that are kept, and
    as `policy.onnx` and `policy.jit.pt` beside the last.

    Args:
        config: what to train, on what, and how.
        run: where its files go.
        resume: a checkpoint to go on from: exactly where it stopped, or in new episodes if the task, the
            number of robots or the engine is another, or several workers train or trained.
        on_start: called once with the policy as it is before training.
        progress_bar: show one where standard error is a terminal.
        viewer: watch robot 0 while it learns; the key v in the window switches that off and on.
        workers: those that train together; each calls this function, and the first does the rest.

    Raises:
        ValueError: the folder holds another run, the robots cannot be divided among the workers, or the
            checkpoint is of other networks or another robot.
        ImportError: a package that the config asks for is not installed.
        RuntimeError: there is no display for the viewer, or videos cannot be rendered.
    """
    if resume is None and run.last_checkpoint.exists():
        raise ValueError(f"{run.directory} already holds a run: resume it, or choose another name.")
    with contextlib.ExitStack() as closing:
        viewer = viewer and workers.is_first
        env = make_env(config, headless=not viewer, workers=workers)
        shown = _watched(env) if viewer else env
        closing.callback(shown.close)
        exports = ExportCallback(run.checkpoints, config.keep_every)
        callbacks = [*_callbacks(config, run, closing), exports] if workers.is_first else []
        loggers = _loggers(config, run, closing) if workers.is_first else []
        ppo = _trainer(config, run, resume, shown, loggers, workers)
        if workers.is_first:
            run.write_config(config)
            if on_start is not None:
                on_start(ppo)
        workers.wait()
        remaining = config.total_timesteps - ppo.num_timesteps
        if remaining > 0:
            ppo.learn(remaining, callbacks, progress_bar, reset_num_timesteps=False)
        ppo.save(run.last_checkpoint)
        exports.export(ppo, "policy")
    return ppo


def _trainer(
    config: TrainConfig,
    run: Run,
    resume: Optional[Path],
    env: VectorEnv,
    loggers: Sequence[Logger],
    workers: Workers,
) -> PPO:
    setting = {
        "task": to_plain(config.task),
        "num_envs": config.num_envs,
        "engine": (env.metadata or {})["engine"],
    }
    if resume is None:
        ppo = PPO(env, config.ppo, run.directory, loggers, workers)
    else:
        trained = read_checkpoint(resume)["metadata"]
        same = all(trained.get(name) == value for name, value in setting.items())
        ppo = PPO.load(
            resume,
            env,
            config=config.ppo,
            log_dir=run.directory,
            loggers=loggers,
            restore_env=same,
            workers=workers,
        )
    ppo.metadata.update(setting)
    return ppo


def _callbacks(config: TrainConfig, run: Run, closing: contextlib.ExitStack) -> List[Callback]:
    callbacks: List[Callback] = []
    if config.evaluate_every is not None:
        every = Every(minutes=config.evaluate_every)
        callbacks.append(
            EvaluationCallback(evaluate, every, best=run.best_checkpoint, score="evaluation/return")
        )
    if config.video_every is not None:
        every = Every(minutes=config.video_every)
        video = VideoCallback(config.task, run.directory / "videos", every)
        closing.callback(video.close)
        callbacks.append(video)
    checkpoints = CheckpointCallback(run.checkpoints, config.save_every, config.keep_every)
    return [*callbacks, checkpoints, TimeLimit(config.max_minutes)]


def _loggers(config: TrainConfig, run: Run, closing: contextlib.ExitStack) -> List[Logger]:
    loggers: List[Logger] = []
    if config.table_every is not None:
        loggers.append(TableLogger(60.0 * config.table_every))
    if config.wandb is not None:
        wandb = WandbLogger(config.wandb, run.directory.name, to_plain(config), run.directory)
        closing.callback(wandb.close)
        loggers.append(wandb)
    return loggers


def choose_engine(config: TrainConfig) -> Tuple[str, str]:
    """The engine that a run's physics runs on, and why."""
    if config.engine != "auto":
        return config.engine, "it was asked for"
    return best_engine(_sim_device(config))


def make_env(config: TrainConfig, headless: bool = True, workers: Workers = ALONE) -> HumanoidVectorEnv:
    """The vector environment of a run, on torch tensors. headless: False lets Isaac Gym open its viewer.
    workers: of several, each has its share of the robots and of the machine."""
    engine, _ = choose_engine(config)
    device, options = _sim_device(config), {}
    if engine == "mujoco":
        options["num_threads"] = workers.num_threads()
    elif device is None:
        device = workers.device
    else:
        workers.require_own_device(device)
    return make_isaacgym(
        workers.share(config.num_envs, "num_envs"),
        config.task,
        engine=engine,
        device=device,
        headless=headless,
        stagger_episodes=config.stagger_episodes,
        compiled=config.compiled and can_compile(),
        **options,
    )


def _sim_device(config: TrainConfig) -> Optional[torch.device]:
    return None if config.sim_device == "auto" else resolve_device(config.sim_device, "sim_device")


def _watched(env: HumanoidVectorEnv) -> VectorEnv:
    if env.metadata["engine"] == "isaacgym":  # its own viewer is open
        return env
    from humanoid_envs.viewer import WatchedVectorEnv

    return WatchedVectorEnv(env)


def nine_commands(ppo: PPO) -> List[CommandScore]:
    """How the policy walks in C MuJoCo at 1 ms, 2 episodes of 10 s a command."""
    return evaluate_commands(
        lambda observation: ppo.predict(observation)[0], config=task_of(ppo), episodes=2, seconds=10.0
    )


def evaluate(ppo: PPO) -> Dict[str, float]:
    """Summary of `nine_commands`."""
    return summarize(nine_commands(ppo))


def task_of(ppo: PPO) -> VelocityConfig:
    """The task that a policy was trained on, which travels in its checkpoint.

    Raises:
        ValueError: the checkpoint does not say, so the policy was trained on something else.
    """
    if "task" not in ppo.metadata:
        raise ValueError("This checkpoint names no velocity task: it was not written by train().")
    return from_plain(VelocityConfig, ppo.metadata["task"], "checkpoint")
