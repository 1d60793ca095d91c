"""Train XBot-L with Stable-Baselines3 or sb3-contrib, on C MuJoCo.

    python examples/train_sb3.py                                       # PPO
    python examples/train_sb3.py --algorithm tqc --minutes 10          # or crossq, recurrent_ppo
    python examples/train_sb3.py --algorithm tqc --resume runs/sb3_tqc/model.zip
    python examples/evaluate_sb3.py runs/sb3_tqc/model.zip

TensorBoard shows the curves: tensorboard --logdir runs.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import humanoid_envs  # noqa: F401  before torch
from humanoid_envs.programs import example_command
from humanoid_envs.robots import ROBOTS, XBOT_L
from humanoid_envs.tasks import TaskConfig
from humanoid_envs.tasks import preset as task_preset
from trainers.command_line import add_plugin, concise_errors
from trainers.presets import preset
from trainers.runs import Run, naming_what_stays, refuse_to_overwrite
from trainers.sb3 import (
    AsymmetricPolicy,
    EpisodeTermsCallback,
    EvaluationCallback,
    HumanoidVecEnv,
    InterruptionCallback,
    SaveCallback,
    load_model,
    policy_kwargs,
    run_logger,
    save_model,
)
from trainers.signals import Interruption

import gymnasium
import torch
from sb3_contrib import TQC, CrossQ, RecurrentPPO
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from torch import nn

CPU = preset("cpu")
"""The trainer's own preset for a few CPU cores: its task, and PPO's networks."""


@dataclass(frozen=True)
class Recipe:
    """An algorithm with settings that learn."""

    make: Callable[..., BaseAlgorithm]
    num_envs: int
    task: TaskConfig
    privileged: bool = False
    """Whether the critic sees more than the actor."""
    torch_threads: Optional[int] = None
    """Small networks lose more than they gain by several; None leaves torch its choice."""
    log_interval: int = 50
    """Of algorithms with a replay buffer in episodes, of others in rollouts."""


def ppo(env: HumanoidVecEnv, **options: Any) -> PPO:
    """With the asymmetric, left-right symmetric networks of the trainer's own preset."""
    kwargs = policy_kwargs(env, CPU.ppo)
    return PPO(AsymmetricPolicy, env, policy_kwargs=kwargs, ent_coef=0.002, **_ON_POLICY, **options)


def recurrent_ppo(env: HumanoidVecEnv, **options: Any) -> RecurrentPPO:
    """With an LSTM for the actor instead of the observation's history."""
    kwargs = {"lstm_hidden_size": 64, "enable_critic_lstm": False, "net_arch": [64]}
    kwargs = {**kwargs, "activation_fn": nn.ELU, "log_std_init": -0.5}
    return RecurrentPPO("MlpLstmPolicy", env, policy_kwargs=kwargs, **_ON_POLICY, **options)


def tqc(env: HumanoidVecEnv, **options: Any) -> TQC:
    """Truncated quantile critics (arXiv 2005.04269), with few quantiles: comparing all pairs costs most."""
    kwargs = {"net_arch": [128, 128], "n_quantiles": 10}
    settings = {"top_quantiles_to_drop_per_net": 1, "tau": 0.01, "ent_coef": "auto_0.01"}
    return TQC("MlpPolicy", env, policy_kwargs=kwargs, **settings, **_OFF_POLICY, **options)


def crossq(env: HumanoidVecEnv, **options: Any) -> CrossQ:
    """Batch normalization instead of target networks (arXiv 1902.05605)."""
    kwargs = {"net_arch": {"pi": [128, 128], "qf": [128, 128]}}
    return CrossQ("MlpPolicy", env, policy_kwargs=kwargs, ent_coef="auto_0.001", **_OFF_POLICY, **options)


_ON_POLICY: Dict[str, Any] = {
    "n_steps": 32,
    "batch_size": 4096,
    "n_epochs": 4,
    "learning_rate": 1.5e-3,
    "target_kl": 0.05,
    "vf_coef": 1.0,
    "max_grad_norm": 1.0,
}
# Rewards of a step are below 0.1, so that the weight of entropy begins small in both.
_OFF_POLICY: Dict[str, Any] = {
    "buffer_size": 500_000,
    "learning_starts": 5_000,
    "gradient_steps": 2,
    "n_steps": 3,
    "learning_rate": 1e-3,
    "gamma": 0.98,
}


def variant(frames: int, action_clip: float = 18.0) -> TaskConfig:
    """The task with other frames in an observation and bounds of actions. What explores with all of the
    action space from the start on wants one in which walking robots act."""
    return CPU.task.replace({"observations.policy.history": frames, "actions.clip": action_clip})


ALGORITHMS: Dict[str, Recipe] = {
    "ppo": Recipe(ppo, 256, CPU.task, privileged=True, log_interval=1),
    "recurrent_ppo": Recipe(recurrent_ppo, 256, variant(frames=1), torch_threads=1, log_interval=1),
    "tqc": Recipe(tqc, 64, variant(frames=3, action_clip=2.0), torch_threads=1),
    "crossq": Recipe(crossq, 64, variant(frames=3, action_clip=2.0), torch_threads=1),
}


class TimeLimit(BaseCallback):
    """Stops after some minutes."""

    def __init__(self, minutes: float) -> None:
        super().__init__()
        self._seconds, self._start = 60.0 * minutes, 0.0

    def _on_training_start(self) -> None:
        self._start = time.monotonic()

    def _on_step(self) -> bool:
        return time.monotonic() - self._start < self._seconds


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_plugin(parser)
    parser.add_argument("--algorithm", choices=ALGORITHMS, default="ppo")
    parser.add_argument("--task", help="a preset of the task; default: what suits the algorithm")
    parser.add_argument("--minutes", type=float, default=5.0, help="of training; default 5")
    parser.add_argument("--total-timesteps", type=int, default=10**9, help="env-steps at most")
    parser.add_argument("--num-envs", type=int, help="robots; default: what suits the algorithm")
    parser.add_argument("--robot", default=XBOT_L.name, help="name of a robot, ours or a plug-in's")
    parser.add_argument("--evaluate-every", type=int, help="env-steps between walks of nine commands")
    parser.add_argument("--run-name", help="folder below runs/; default: sb3_ALGORITHM")
    parser.add_argument("--resume", type=Path, help="a model to go on with; without its replay buffer")
    parser.add_argument(
        "--trust",
        action="store_true",
        help="--resume a model of others, though it runs code when it is loaded",
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


@concise_errors()
def main() -> None:
    with Interruption() as interruption:
        train(arguments(), interruption)


def train(chosen: argparse.Namespace, interruption: Interruption) -> None:
    recipe, run = ALGORITHMS[chosen.algorithm], run_of(chosen)
    task = recipe.task if chosen.task is None else task_preset(chosen.task)
    recipe = dataclasses.replace(recipe, task=task.for_robot(chosen.robot))
    path = run.directory / "model.zip"
    if recipe.torch_threads is not None:
        torch.set_num_threads(recipe.torch_threads)
    interruption.farewell = lambda: how_to_go_on(path, chosen.algorithm)
    with run.claim():
        refuse_to_overwrite(path, chosen.resume)
        with contextlib.closing(make_env(recipe, chosen.num_envs, chosen.robot)) as env:
            options = {"verbose": 1, "device": "cpu"}
            if chosen.resume is None:
                model = recipe.make(env, seed=chosen.seed, **options)
            else:
                model = load_model(chosen.resume, env, trust=chosen.trust, **options)
            model.set_logger(run_logger(run.directory))
            callbacks: List[BaseCallback] = [
                InterruptionCallback(interruption),
                EpisodeTermsCallback(),
                TimeLimit(chosen.minutes),
                SaveCallback(path),
            ]
            if chosen.evaluate_every is not None:
                best = run.directory / "best.zip"
                callbacks.append(EvaluationCallback(chosen.evaluate_every, best=best))
            with interruption.saving(), naming_what_stays(path):
                model.learn(
                    chosen.total_timesteps,
                    callback=callbacks,
                    log_interval=recipe.log_interval,
                    reset_num_timesteps=chosen.resume is None,
                )
                save_model(model, path)
    if interruption.came:
        return
    print(f"{model.num_timesteps:,} env-steps in all. Model: {path}")
    evaluation = example_command("evaluate_sb3.py", path)
    print(f"How does it walk? {evaluation}")


def run_of(chosen: argparse.Namespace) -> Run:
    """What is resumed goes on in its folder, if that is a run's."""
    if chosen.run_name is not None:
        return Run.named(chosen.run_name)
    folder = None if chosen.resume is None else chosen.resume.resolve().parent
    if folder is not None and folder.parent == Path("runs").resolve():
        return Run.named(folder.name)
    return Run.named(f"sb3_{chosen.algorithm}")


def make_env(recipe: Recipe, num_envs: Optional[int], robot: str) -> HumanoidVecEnv:
    return HumanoidVecEnv(
        gymnasium.make_vec(
            "HumanoidXBotL-MuJoCo-v0",
            num_envs=num_envs or recipe.num_envs,
            config=recipe.task,
            robot=ROBOTS.find(robot),
            dict_obs=recipe.privileged,
            stagger_episodes=True,
        )
    )


def how_to_go_on(model: Path, algorithm: str) -> str:
    if not model.is_file():
        return "Stopped before anything was trained."
    return (
        f"Stopped. Go on with: {example_command('train_sb3.py', '--algorithm', algorithm, '--resume', model)}"
    )


if __name__ == "__main__":
    main()
