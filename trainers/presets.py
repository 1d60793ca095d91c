"""What a training run is made of, and its presets by machine."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional, Union

from humanoid_envs.configs import Config, Count, Positive
from humanoid_envs.engines import ENGINES
from humanoid_envs.registration import best_engine
from humanoid_envs.registry import Registry
from humanoid_envs.robots import ROBOTS, XBOT_L
from humanoid_envs.tasks import PRESETS as TASK_PRESETS
from humanoid_envs.tasks import TaskConfig
from humanoid_envs.tasks import preset as task_preset
from humanoid_envs.tasks.config import with_class
from humanoid_envs.tasks.velocity import VelocityConfig
from trainers.dwl import dwl_config
from trainers.given_configs import config_of
from trainers.ppo import PPOConfig


@dataclass(frozen=True)
class TrainConfig(Config):
    """A training run."""

    task: TaskConfig = field(default_factory=VelocityConfig)
    robot: str = XBOT_L.name
    """Name of the robot, one of a plug-in or ours. The task's lengths, times and forces are numbers for it:
    see `for_robot`."""
    ppo: PPOConfig = field(default_factory=PPOConfig)
    num_envs: Count = 4096
    """Robots trained on at once, over all workers."""
    total_timesteps: Count = 150_000_000
    """Environment steps of the whole run, over all robots; a resumed run goes on up to it."""
    max_minutes: Optional[Positive] = None
    """Stop after this much training time in any case; evaluations, scorecards and videos do not count."""
    engine: str = "auto"
    """mujoco, mujoco_warp, isaacgym, one of a plug-in, or auto for the fastest of ours that runs here."""
    sim_device: str = "auto"
    """Where the physics runs: cpu, cuda, cuda:1, or auto for what suits the engine. The networks are on
    `ppo.device`."""
    stagger_episodes: bool = True
    """Begin each robot's first episode at a random step of its length, so that time-outs spread over time."""
    compiled: bool = True
    """Fuse the task's operations with torch.compile, where a C++ compiler is found: several times faster,
    after half a minute at the first run on a machine."""
    save_every: Count = 200
    """Updates between writes of checkpoints/last.pt."""
    save_minutes: Optional[Positive] = 1.0
    """Minutes of training after which checkpoints/last.pt is written in any case. None: by updates alone."""
    keep_every: Count = 500
    """Updates between checkpoints that are kept."""
    evaluate_every: Optional[Positive] = None
    """Minutes of training between evaluations on nine commands in C MuJoCo; the best policy is kept as
    checkpoints/best.pt. None: no evaluation while training."""
    scorecard_every: Optional[Positive] = None
    """Minutes of training between small scorecards in C MuJoCo, of 100,000 env-steps: their headline as
    `scorecard/…` curves, all numbers in scorecards/. None: no scorecards."""
    video_every: Optional[Positive] = None
    """Minutes of training between videos of the policy in videos/. None: no videos."""
    table_every: Optional[Positive] = None
    """Minutes between tables of all scalars on standard output. None: no tables."""

    wandb: Optional[str] = None
    """Project on Weights & Biases that the scalars go to as well. None: they stay here."""

    def __post_init__(self) -> None:
        super().__post_init__()
        engines = ("auto", *ENGINES)
        self.require(self.engine in engines, "engine", f"one of {', '.join(engines)}")
        ROBOTS.find(self.robot)

    def for_robot(self, robot: str) -> TrainConfig:
        """The same run with another robot, and with the task in that robot's terms."""
        return self.replace(robot=robot, task=self.task.for_robot(robot, self.robot))

    @classmethod
    def upgraded(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Earlier versions did not name the task's class."""
        task = values.get("task")
        return {**values, "task": with_class(task)} if isinstance(task, Mapping) else values


PRESETS: Registry[Callable[[], TrainConfig]] = Registry("preset")
register_preset = PRESETS.register
"""Decorates a function that makes a training run's config: `@register_preset("my_recipe")`."""


@register_preset("v0")
def v0() -> TrainConfig:
    """The release's task and recipe; for a GPU."""
    return TrainConfig()


@register_preset("fast")
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


@register_preset("walk")
def walk() -> TrainConfig:
    """The shipped policy's recipe, for a GPU: minutes, and its end is to be trained at 1 ms, see its card."""
    return _longer("walk", 220_000_000, final_max_learning_rate=5e-5)


@register_preset("fast_wide")
def fast_wide() -> TrainConfig:
    """Faster commands, for a GPU: a minute and a half."""
    return _longer("fast_wide", 160_000_000)


def _longer(task: str, total: int, **ppo: float) -> TrainConfig:
    """Preset fast on another task for that many env-steps, with twice the robots and what `ppo` names."""
    quick, envs = fast(), 8192
    updates = total // (quick.ppo.num_steps * envs)
    learning = dataclasses.replace(quick.ppo, decay_updates=(updates // 2, updates), **ppo)
    return dataclasses.replace(
        quick, task=task_preset(task), ppo=learning, num_envs=envs, total_timesteps=total
    )


@register_preset("cpu")
def cpu() -> TrainConfig:
    """A few minutes on two CPU cores: preset fast with fewer robots, smaller networks, larger physics steps,
    and averaged tracking that counts for half as much, so that not falling is learned first.

    Falls stop after two to three million steps. The limit is for machines on which those would take hours."""
    gpu = fast()
    ppo = dataclasses.replace(
        gpu.ppo,
        num_steps=32,
        num_epochs=4,
        desired_kl=0.03,
        max_learning_rate=1e-2,
        decay_updates=None,
        entropy_coef=0.002,
        actor_hidden=(128, 64),
        critic_hidden=(128, 64),
    )
    weights = {"mean_tracking_lin_vel.weight": 1.5, "mean_tracking_error.weight": -0.3}
    task = dataclasses.replace(
        gpu.task,
        physics=dataclasses.replace(
            gpu.task.physics, timestep=0.005, decimation=2, contact_time_constant=None
        ),
        actions=dataclasses.replace(gpu.task.actions, delay=0.1),
        rewards=gpu.task.rewards.replace(weights),
        randomization=gpu.task.randomization.replace({"push.adds": False}),
    )
    return dataclasses.replace(
        gpu, task=task, ppo=ppo, num_envs=256, total_timesteps=3_600_000, max_minutes=20.0
    )


@register_preset("dwl_flat")
def dwl_flat() -> TrainConfig:
    """Denoising world model learning on flat ground; for a GPU."""
    ppo, envs, total = dwl_config(), 4096, 120_000_000
    updates = total // (ppo.num_steps * envs)
    learning = ppo.replace(
        decay_updates=(updates // 2, updates), final_max_learning_rate=5e-5, final_max_std=0.1
    )
    return TrainConfig(task=task_preset("dwl_flat"), ppo=learning, num_envs=envs, total_timesteps=total)


AnyTrainConfig = Union[str, TrainConfig, Mapping[str, Any]]
"""A preset's name, a config, or a mapping of its fields."""


def preset(name: AnyTrainConfig) -> TrainConfig:
    """The preset of that name, or for `"auto"` the one that suits this machine, on the task's preset of that
    name if only a task has one; the config of these plain values, where what is left out takes its default; a
    config passes through.

    Raises:
        UserError: no preset of that name, wrong fields or values, or something else.
    """
    if not isinstance(name, str):
        return config_of(TrainConfig, name)
    if name == "auto":
        # Isaac Gym cannot damp implicitly, as preset fast wants.
        name = {"mujoco": "cpu", "mujoco_warp": "fast", "isaacgym": "v0"}[best_engine()[0]]
    if name not in PRESETS and name in TASK_PRESETS:
        return preset("auto").replace(task=task_preset(name))
    return PRESETS.find(name, "auto", *TASK_PRESETS)()
