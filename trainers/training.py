"""The main job: a training run with everything that belongs to it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, List, Optional, Sequence, Tuple

from gymnasium.vector import VectorEnv

from humanoid_envs.compilation import can_compile
from humanoid_envs.configs import to_plain
from humanoid_envs.engines import ENGINES
from humanoid_envs.registration import best_engine, make
from humanoid_envs.robots import ROBOTS, restored_robot
from humanoid_envs.tasks import restored_task
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.evaluation import CommandScore, evaluate_commands, summarize
from trainers.evaluation.task_score import TaskScoreConfig, is_about_velocity, score_task, summarize_task
from trainers.evaluation.training_scorecard import ScorecardCallback
from trainers.evaluation.video import VideoCallback
from trainers.export import ExportCallback
from trainers.policies import policy_of
from trainers.ppo import (
    PPO,
    Callback,
    CheckpointCallback,
    EvaluationCallback,
    Every,
    Logger,
    TableLogger,
    TimeLimit,
    WandbLogger,
)
from trainers.ppo.checkpoint import read_checkpoint
from trainers.ppo.devices import resolve_device
from trainers.ppo.distributed import ALONE, Workers
from trainers.presets import AnyTrainConfig, TrainConfig, preset
from trainers.runs import Run, naming_what_stays, refuse_to_overwrite
from trainers.signals import Interruption

if TYPE_CHECKING:
    import torch


def train(
    config: AnyTrainConfig,
    run: Run,
    resume: Optional[Path] = None,
    *,
    on_start: Optional[Callable[[PPO], None]] = None,
    progress_bar: bool = True,
    viewer: bool = False,
    workers: Workers = ALONE,
    interruption: Optional[Interruption] = None,
) -> PPO:
    """Train a policy and leave its checkpoints in the run's folder, exported beside those that are kept, and
    as `policy.onnx` and `policy.jit.pt` beside the last.

    Args:
        config: what to train, on what, and how: a config, a preset's name, or a mapping of fields.
        run: where its files go.
        resume: a checkpoint to go on from: exactly where it stopped, or in new episodes if the task, the
            number of robots, the robot's gains or the engine is another, or several workers train or trained.
        on_start: called once with the policy as it is before training.
        progress_bar: show one where standard error is a terminal.
        viewer: watch robot 0 while it learns; the key v in the window switches that off and on.
        workers: those that train together; each calls this function, and the first does the rest.
        interruption: a signal that it has received stops training after the update, as if that were the last.

    Raises:
        ValueError: the folder holds another run, the robots cannot be divided among the workers, or the
            checkpoint is of other networks or another robot.
        StorageError: the run's files cannot be written, or another process trains the run. The last
            checkpoint stays as it is; a folder in which nothing was trained goes.
        ImportError: a package that the config asks for is not installed.
        RuntimeError: there is no display for the viewer, or videos cannot be rendered.
    """
    config, interruption = preset(config), interruption or Interruption()
    with contextlib.ExitStack() as closing:
        if workers.is_first:
            closing.enter_context(run.claim())
        refuse_to_overwrite(run.last_checkpoint, resume)
        viewer = viewer and workers.is_first
        env = make_env(config, headless=not viewer, workers=workers)
        shown = _watched(env) if viewer else env
        closing.callback(shown.close)
        checkpoints = CheckpointCallback(
            run.checkpoints, config.save_every, config.keep_every, config.save_minutes
        )
        exports = ExportCallback(run.checkpoints, config.keep_every)
        callbacks: List[Callback] = [interruption]
        if workers.is_first:
            callbacks += [
                *_callbacks(config, run, closing),
                checkpoints,
                TimeLimit(config.max_minutes),
                exports,
            ]
        loggers = _loggers(config, run, closing) if workers.is_first else []
        ppo = _trainer(config, run, resume, shown, loggers, workers)
        if workers.is_first:
            run.write_config(config)
            if resume is not None and run.wrote(resume):
                checkpoints.catch_up(ppo)
                exports.catch_up(ppo)
            if on_start is not None:
                on_start(ppo)
        workers.wait()
        remaining = config.total_timesteps - ppo.num_timesteps
        together = workers.world_size > 1
        with interruption.saving(together), naming_what_stays(run.last_checkpoint):
            if remaining > 0:
                ppo.learn(remaining, callbacks, progress_bar, reset_num_timesteps=False)
            interruption.agree(workers)
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
    setting = {"num_envs": config.num_envs, "engine": (env.metadata or {})["engine"]}
    robot = ROBOTS[config.robot]
    if resume is None:
        ppo = PPO(env, config.ppo, run.directory, loggers, workers)
    else:
        trained = read_checkpoint(resume)["metadata"]
        same = all(trained.get(name) == value for name, value in setting.items())
        same = same and restored_robot(trained.get("robot"), str(resume)) == robot
        same = same and restored_task(trained.get("task"), str(resume)) == config.task
        ppo = PPO.load(
            resume,
            env,
            config=config.ppo,
            log_dir=run.directory,
            loggers=loggers,
            restore_env=same,
            workers=workers,
        )
    ppo.metadata.update(setting, task=config.task.plain(), robot=robot.plain())
    return ppo


def _callbacks(config: TrainConfig, run: Run, closing: contextlib.ExitStack) -> List[Callback]:
    """What looks at the policy, and adds to the metrics."""
    callbacks: List[Callback] = []
    if config.evaluate_every is not None:
        every = Every(minutes=config.evaluate_every)
        callbacks.append(
            EvaluationCallback(evaluate, every, best=run.best_checkpoint, score="evaluation/return")
        )
    if config.scorecard_every is not None:
        every = Every(minutes=config.scorecard_every)
        callbacks.append(ScorecardCallback(config.task, run.directory / "scorecards", every))
    if config.video_every is not None:
        every = Every(minutes=config.video_every)
        video = VideoCallback(config.task, run.directory / "videos", every, robot=config.robot)
        closing.callback(video.close)
        callbacks.append(video)
    return callbacks


def _loggers(config: TrainConfig, run: Run, closing: contextlib.ExitStack) -> List[Logger]:
    loggers: List[Logger] = []
    if config.table_every is not None:
        loggers.append(TableLogger(60.0 * config.table_every))
    if config.wandb is not None:
        wandb = WandbLogger(config.wandb, run.directory.name, to_plain(config), run.directory)
        closing.callback(wandb.close)
        loggers.append(wandb)
    return loggers


def choose_engine(config: AnyTrainConfig) -> Tuple[str, str]:
    """The engine that a run's physics runs on, and why."""
    config = preset(config)
    if config.engine != "auto":
        return config.engine, "it was asked for"
    return best_engine(_sim_device(config))


def make_env(config: AnyTrainConfig, headless: bool = True, workers: Workers = ALONE) -> HumanoidVectorEnv:
    """The vector environment of a run, on torch tensors. headless: False lets Isaac Gym open its viewer.
    workers: of several, each has its share of the robots and of the machine."""
    config = preset(config)
    engine, _ = choose_engine(config)
    device = _sim_device(config)
    if "device" in ENGINES.find(engine).options:
        if device is None:
            device = workers.device
        else:
            workers.require_own_device(device)
    return make(
        workers.share(config.num_envs, "num_envs"),
        config.task,
        engine=engine,
        robot=config.robot,
        device=device,
        headless=headless,
        stagger_episodes=config.stagger_episodes,
        compiled=config.compiled and can_compile(),
        num_threads=workers.num_threads(),
    )


def _sim_device(config: TrainConfig) -> Optional[torch.device]:
    return None if config.sim_device == "auto" else resolve_device(config.sim_device, "sim_device")


def _watched(env: HumanoidVectorEnv) -> VectorEnv:
    if "headless" in ENGINES[env.metadata["engine"]].options:  # its own viewer is open
        return env
    from humanoid_envs.viewer import WatchedVectorEnv

    return WatchedVectorEnv(env)


def nine_command_scores(ppo: PPO) -> List[CommandScore]:
    """How the policy walks in C MuJoCo at 1 ms, 2 episodes of 10 s a command."""
    policy = policy_of(ppo)
    return evaluate_commands(policy, config=policy.task, episodes=2, seconds=10.0)


def evaluate(ppo: PPO) -> Dict[str, float]:
    """Summary of `nine_command_scores`, or of the task's own score where robots are told other things."""
    policy = policy_of(ppo)
    if is_about_velocity(policy.task):
        return summarize(nine_command_scores(ppo))
    return summarize_task(score_task(policy, policy.task, config=TaskScoreConfig(robots=20, seconds=10.0)))
