"""A task's preset, and a recipe to train it."""

from __future__ import annotations

from bouncy_walk.engine import HoistedPhysics
from bouncy_walk.networks import ElmanPolicy, SmoothLosses
from bouncy_walk.rewards import BouncyRewards
from bouncy_walk.squat import squat
from humanoid_envs.tasks.velocity import VelocityConfig, fast, register_preset
from trainers import presets as recipes
from trainers.presets import TrainConfig


@register_preset("bouncy")
def bouncy() -> VelocityConfig:
    """Preset fast on a rope, with two more rewards."""
    physics = HoistedPhysics(timestep=0.005, decimation=2, implicit_damping=True)
    return fast().replace(physics=physics, rewards=BouncyRewards())


@recipes.register_preset("bouncy_small")
def bouncy_small() -> TrainConfig:
    """Few robots and this plug-in's network and loss, on its engine."""
    return recipes.cpu().replace(
        {"ppo.num_steps": 16, "ppo.num_minibatches": 1, "ppo.symmetry": False, "ppo.device": "cpu"},
        **{"ppo.policy": ElmanPolicy(), "ppo.losses": SmoothLosses()},
        task=bouncy(),
        engine="hoisted",
        num_envs=4,
        total_timesteps=128,
        compiled=False,
    )


@recipes.register_preset("squat_small")
def squat_small() -> TrainConfig:
    """The task and the robot of this plug-in, and few of them."""
    return recipes.cpu().replace(
        {"ppo.num_steps": 16, "ppo.num_minibatches": 1, "ppo.device": "cpu"},
        task=squat(),
        robot="stiff",
        engine="mujoco",
        num_envs=4,
        total_timesteps=128,
        compiled=False,
    )
