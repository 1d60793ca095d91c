"""The registered ids, and the functions that make their environments."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import Any, Mapping, Optional, Tuple, Union

import gymnasium
import torch

from humanoid_envs import isaacgym_first
from humanoid_envs.compilation import can_compile
from humanoid_envs.errors import UserError
from humanoid_envs.robots import XBOT_L, Robot
from humanoid_envs.simulators.simulator import Simulator
from humanoid_envs.tasks.velocity import AnyConfig, VelocityConfig, preset
from humanoid_envs.vector_env import HumanoidVectorEnv

ENGINES = ("isaacgym", "mujoco_warp", "mujoco")
"""Physics engines, fastest first."""

AnyRobot = Union[Robot, Mapping[str, Any]]
"""A robot, or its fields as plain values."""


def register_environments() -> None:
    """Make the project's ids known to Gymnasium."""
    for engine, name in (("mujoco", "MuJoCo"), ("mujoco_warp", "MuJoCoWarp"), ("isaacgym", "IsaacGym")):
        gymnasium.register(
            id=f"HumanoidXBotL-{name}-v0",
            entry_point=f"humanoid_envs.single_env:make_{engine}",
            vector_entry_point=f"{__name__}:make_{engine}",
        )


def make_mujoco(
    num_envs: int = 1,
    config: AnyConfig = "v0",
    *,
    robot: AnyRobot = XBOT_L,
    num_threads: int = 0,
    array: str = "numpy",
    action_bound: Optional[float] = None,
    **options: Any,
) -> HumanoidVectorEnv:
    """`HumanoidXBotL-MuJoCo-v0`: C MuJoCo on the CPU, all envs in one process.

    Args:
        num_envs: number of robots.
        config: a preset's name, a `VelocityConfig`, or a dict of its fields.
        robot: the robot; XBot-L unless you bring your own.
        action_bound: replaces `config.actions.clip`: the action space is ± this. What an action means stays
            (`config.actions.scale`), so that actions within the bound give the same joint targets; for
            libraries that explore all of the action space. A policy's contract records it.
        num_threads: threads that step the physics; 0 takes all cores that the process may use. Results do
            not depend on it.
        array, options: see `HumanoidVectorEnv`.
    """
    from humanoid_envs.simulators.mujoco import MuJoCoSimulator

    task, num_envs = _task(config, action_bound), _positive(num_envs)
    simulator = MuJoCoSimulator(Robot.of(robot), task.physics, num_envs, num_threads=num_threads)
    return _environment("mujoco", simulator, task, array=array, **options)


def make_mujoco_warp(
    num_envs: int = 1,
    config: AnyConfig = "v0",
    *,
    robot: AnyRobot = XBOT_L,
    device: Optional[Union[str, torch.device]] = None,
    action_bound: Optional[float] = None,
    max_contacts: Optional[int] = None,
    max_constraints: Optional[int] = None,
    **options: Any,
) -> HumanoidVectorEnv:
    """`HumanoidXBotL-MuJoCoWarp-v0`: MuJoCo Warp on a CUDA device; torch tensors on that device.

    Args:
        device: the CUDA device, by default the current one; `"cpu"` runs Warp's slow CPU mode, for tests.
        max_contacts, max_constraints: room for contacts of a robot, on average, and for constraint rows of
            each: 4 per contact, 1 per joint at its limit. None for what the robot's model needs.
            `info["simulator"]` tells when it was not enough.
        num_envs, config, robot, action_bound, options: see `make_mujoco`.
    """
    from humanoid_envs.simulators.mujoco_warp import MuJoCoWarpSimulator

    task, num_envs = _task(config, action_bound), _positive(num_envs)
    simulator = MuJoCoWarpSimulator(
        Robot.of(robot), task.physics, num_envs, device or "cuda", max_contacts, max_constraints
    )
    options.setdefault("compiled", simulator.device.type == "cuda" and can_compile())
    return _environment("mujoco_warp", simulator, task, **options)


def make_isaacgym(
    num_envs: int = 1,
    config: AnyConfig = "v0",
    *,
    engine: str = "auto",
    robot: AnyRobot = XBOT_L,
    device: Optional[Union[str, torch.device]] = None,
    headless: bool = True,
    array: str = "torch",
    action_bound: Optional[float] = None,
    max_contacts: Optional[int] = None,
    max_constraints: Optional[int] = None,
    **options: Any,
) -> HumanoidVectorEnv:
    """`HumanoidXBotL-IsaacGym-v0`: the fastest engine of this machine; torch tensors.

    Args:
        engine: `"isaacgym"` (NVIDIA Isaac Gym), `"mujoco_warp"`, `"mujoco"`, or `"auto"`: the first of them
            that runs here, see `best_engine`. `env.metadata["engine"]` says which.
        device: CUDA device of a GPU engine; `"cpu"` runs Isaac Gym's PhysX on the CPU.
        headless: False opens the viewer of engine `"isaacgym"`. Others have none for many robots.
        max_contacts, max_constraints: see `make_mujoco_warp`; the other engines make room as they need it.
        num_envs, config, robot, array, action_bound, options: see `make_mujoco`.

    Raises:
        ValueError: unknown engine, or a config whose physics Isaac Gym cannot do.
        ImportError: `engine="isaacgym"` where it is not installed, or torch was imported before it.
    """
    if engine == "auto":
        engine, reason = best_engine(device)
        warnings.warn(
            f"HumanoidXBotL-IsaacGym-v0 runs on {engine}: {reason}. engine={engine!r} chooses it silently.",
            stacklevel=2,
        )
    if engine == "mujoco_warp":
        return make_mujoco_warp(
            num_envs,
            config,
            robot=robot,
            device=device,
            action_bound=action_bound,
            max_contacts=max_contacts,
            max_constraints=max_constraints,
            array=array,
            **options,
        )
    if engine == "mujoco":
        if device is not None and torch.device(device).type != "cpu":
            raise UserError(f"Engine 'mujoco' runs on the CPU, not on {str(device)!r}; leave device out.")
        return make_mujoco(num_envs, config, robot=robot, array=array, action_bound=action_bound, **options)
    if engine != "isaacgym":
        raise UserError(f"Unknown engine {engine!r}; there are 'auto', {', '.join(map(repr, ENGINES))}.")

    from humanoid_envs.simulators.isaacgym import IsaacGymSimulator

    task, num_envs = _task(config, action_bound), _positive(num_envs)
    cameras = options.get("render_mode") == "rgb_array"
    simulator = IsaacGymSimulator(
        Robot.of(robot), task.physics, num_envs, device=device or "cuda", headless=headless, cameras=cameras
    )
    return _environment("isaacgym", simulator, task, array=array, **options)


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


def _environment(
    engine: str, simulator: Simulator, config: VelocityConfig, **options: Any
) -> HumanoidVectorEnv:
    env = HumanoidVectorEnv(simulator, config, **options)
    env.metadata["engine"] = engine
    return env


def _task(config: AnyConfig, action_bound: Optional[float]) -> VelocityConfig:
    task = preset(config)
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
