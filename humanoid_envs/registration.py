"""The registered ids, and the functions that make their environments."""

from __future__ import annotations

import dataclasses
import inspect
import math
import warnings
from typing import Any, Dict, Optional, Tuple, Union

import torch

from humanoid_envs import isaacgym_first
from humanoid_envs.compilation import can_compile
from humanoid_envs.engines import ENGINES
from humanoid_envs.errors import UserError
from humanoid_envs.robots import XBOT_L, AnyRobot, Robot
from humanoid_envs.tasks import AnyConfig, TaskConfig, preset
from humanoid_envs.terrain import Terrain, TerrainConfig, build_terrain
from humanoid_envs.vector_env import HumanoidVectorEnv


def make(
    num_envs: int = 1,
    config: AnyConfig = "v0",
    *,
    engine: str = "auto",
    robot: AnyRobot = XBOT_L,
    device: Optional[Union[str, torch.device]] = None,
    action_bound: Optional[float] = None,
    **options: Any,
) -> HumanoidVectorEnv:
    """An environment on any engine, which is `HumanoidXBotL-IsaacGym-v0`; torch tensors unless `array` says
    otherwise.

    Args:
        num_envs: number of robots.
        config: a preset's name, whose task is then in the robot's terms; a `TaskConfig`, or a dict of its
            fields, as they are.
        engine: `"isaacgym"` (NVIDIA Isaac Gym), `"mujoco_warp"`, `"mujoco"` (C MuJoCo on the CPU), one of a
            plug-in, or `"auto"`: the fastest of ours that runs here, see `best_engine`.
            `env.metadata["engine"]` says which.
        robot: a robot, the name of one that is registered, or its fields as plain values.
        device: where an engine with devices runs, by default the current CUDA device; `"cpu"` runs Isaac
            Gym's PhysX on the CPU, and Warp's slow CPU mode, for tests.
        action_bound: replaces `config.actions.clip`: the action space is ± this. What an action means stays
            (`config.actions.scale`), so that actions within the bound give the same joint targets; for
            libraries that explore all of the action space. A policy's contract records it.
        options: the engine's, see below, and those of `HumanoidVectorEnv`. Other engines' are left out, so
            that one call fits all.

    Options of engines:
        num_threads (mujoco): threads that step the physics; 0 takes all cores that the process may use.
            Results do not depend on it.
        max_contacts, max_constraints (mujoco_warp): room for contacts of a robot, on average, and for
            constraint rows of each: 4 per contact, 1 per joint at its limit. None for what the robot's model
            needs. `info["simulator"]` tells when it was not enough. The others make room as they need it.
        terrain (ours): a `Terrain` for a task without one. What `config.terrain` says is built here.
        headless (isaacgym): False opens its viewer. The others have none for many robots.

    Raises:
        UserError: unknown engine, a config whose physics or terrain the engine cannot do, or a terrain that
            cannot be built.
        MissingPackage: the engine is not installed, or torch was imported before Isaac Gym.
    """
    if engine == "auto":
        engine, reason = best_engine(device)
        warnings.warn(
            f"HumanoidXBotL-IsaacGym-v0 runs on {engine}: {reason}. engine={engine!r} chooses it silently.",
            stacklevel=2,
        )
    robot = Robot.of(robot)
    chosen, task = ENGINES.find(engine, "auto"), _task(config, robot, action_bound)
    own, others = _options(engine, device, options)
    if task.terrain is not None:
        own["terrain"] = _terrain(task.terrain, engine, options)
    simulator = chosen.make(robot, task.physics, _positive(num_envs), **own)
    others.setdefault("compiled", simulator.device.type == "cuda" and can_compile())
    env = HumanoidVectorEnv(simulator, task, **others)
    env.metadata["engine"] = engine
    return env


def make_mujoco(
    num_envs: int = 1, config: AnyConfig = "v0", *, array: str = "numpy", **options: Any
) -> HumanoidVectorEnv:
    """`HumanoidXBotL-MuJoCo-v0`: C MuJoCo on the CPU, all envs in one process; numpy arrays. See `make`."""
    return make(num_envs, config, engine="mujoco", array=array, **options)


def make_mujoco_warp(num_envs: int = 1, config: AnyConfig = "v0", **options: Any) -> HumanoidVectorEnv:
    """`HumanoidXBotL-MuJoCoWarp-v0`: MuJoCo Warp on a CUDA device; torch tensors on it. See `make`."""
    return make(num_envs, config, engine="mujoco_warp", **options)


def best_engine(device: Optional[Union[str, torch.device]] = None) -> Tuple[str, str]:
    """The fastest engine that runs on this machine, or on that device, and why."""
    if device is not None and torch.device(device).type == "cpu":
        return "mujoco", "the CPU was asked for"
    if not torch.cuda.is_available():
        return "mujoco", "no CUDA device was found"
    gpu = torch.cuda.get_device_name()
    if isaacgym_first.PROBLEM is None:
        return "isaacgym", f"NVIDIA Isaac Gym is installed and this machine has {gpu}"
    first_sentence, *_ = isaacgym_first.PROBLEM.split(". ")
    return "mujoco_warp", f"this machine has {gpu}, and {first_sentence}"


def _options(
    engine: str, device: Optional[Union[str, torch.device]], options: Dict[str, Any]
) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """The engine's options, and those of the environment."""
    takes = ENGINES[engine].options
    own = {name: value for name, value in options.items() if name in takes}
    if device is not None and "device" in takes:
        own["device"] = device
    elif device is not None and torch.device(device).type != "cpu":
        raise UserError(f"Engine {engine!r} runs on the CPU, not on {str(device)!r}; leave device out.")
    if "cameras" in takes:
        own.setdefault("cameras", options.get("render_mode") == "rgb_array")
    of_env = inspect.signature(HumanoidVectorEnv).parameters
    foreign = {name for other in ENGINES.values() for name in other.options} - set(of_env)
    return own, {name: value for name, value in options.items() if name not in own and name not in foreign}


def _terrain(config: TerrainConfig, engine: str, options: Dict[str, Any]) -> Terrain:
    """UserError if the engine knows flat ground alone, or the ground is given twice."""
    if "terrain" not in ENGINES[engine].options:
        raise UserError(
            f"The task has a terrain, but engine {engine!r} takes none: set config.terrain to None, or give "
            "what makes its simulators an option `terrain`."
        )
    if options.get("terrain") is not None:
        raise UserError("The ground is given twice: by the task's config.terrain and by the option terrain.")
    return build_terrain(config)


def _task(config: AnyConfig, robot: Robot, action_bound: Optional[float]) -> TaskConfig:
    task = preset(config, robot)
    if action_bound is None:
        return task
    is_number = isinstance(action_bound, (int, float)) and not isinstance(action_bound, bool)
    if not is_number or not (0.0 < action_bound < math.inf):
        raise UserError(f"action_bound must be a positive number of action units, not {action_bound!r}.")
    return dataclasses.replace(task, actions=dataclasses.replace(task.actions, clip=float(action_bound)))


def _positive(num_envs: int) -> int:
    if isinstance(num_envs, bool) or not isinstance(num_envs, int) or num_envs < 1:
        raise UserError(f"num_envs must be a positive integer, not {num_envs!r}.")
    return num_envs
