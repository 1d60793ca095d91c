"""Physics engines by name: ours, and those of plug-ins.

    @register_engine("mine")
    class MySimulator: ...      # see `Simulator`; made as MySimulator(robot, physics, num_envs, **options)

makes `engine="mine"` known wherever an engine is named.
"""

from __future__ import annotations

import importlib.util
import inspect
from dataclasses import dataclass
from typing import Callable, FrozenSet, Optional, Tuple, TypeVar, Union

import torch

from humanoid_envs import isaacgym_first
from humanoid_envs.errors import UserError
from humanoid_envs.registry import Registry
from humanoid_envs.robots import Robot
from humanoid_envs.simulators.simulator import PhysicsConfig, Simulator
from humanoid_envs.terrain.terrain import Terrain

M = TypeVar("M", bound=Callable[..., Simulator])

Device = Union[str, torch.device]


@dataclass(frozen=True)
class Engine:
    """How simulators of an engine are made."""

    make: Callable[..., Simulator]
    """A class, or a function, of a robot, its `PhysicsConfig` and the number of envs, and of options by name.

    Some options have one meaning on all engines: `device`, which an engine lacks that runs on the CPU alone;
    `num_threads` of a CPU, 0 for all; `headless=False`, to open a viewer of its own; `cameras`, whether
    `render` will be called; `terrain`, the ground, which an engine lacks that knows flat ground alone."""
    problem: Callable[[], Optional[str]] = lambda: None
    """Why it cannot run on this machine, in this process; None if it can."""
    gap_presets: Tuple[str, ...] = ()
    """Presets whose physics the gap between simulators shows beside the release's."""

    @property
    def options(self) -> FrozenSet[str]:
        """The names of its options."""
        _, _, _, *others = inspect.signature(self.make).parameters.values()
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return frozenset(parameter.name for parameter in others if parameter.kind in named)


ENGINES: Registry[Engine] = Registry("engine")


def register_engine(
    name: str, *, problem: Callable[[], Optional[str]] = lambda: None, gap_presets: Tuple[str, ...] = ()
) -> Callable[[M], M]:
    """Decorates a class or function that makes an engine's simulators; see `Engine`.

    Raises:
        UserError: the name is taken, or what is decorated takes other arguments.
    """

    def register(make: M) -> M:
        try:
            inspect.signature(make).bind("robot", "physics", 1)
        except TypeError as error:
            raise UserError(
                f"Engine {name!r}: {make!r} must take a robot, a PhysicsConfig and a number of envs: {error}."
            ) from None
        ENGINES.add(name, Engine(make, problem, gap_presets))
        return make

    return register


def _unless_installed(*modules: str) -> Callable[[], Optional[str]]:
    def problem() -> Optional[str]:
        missing = [module for module in modules if not _is_installed(module)]
        return f"{missing[0]} is not installed" if missing else None

    return problem


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it
        return False


@register_engine("mujoco", problem=_unless_installed("mujoco", "mujoco.batch"), gap_presets=("fast",))
def _mujoco(
    robot: Robot,
    physics: PhysicsConfig,
    num_envs: int,
    *,
    num_threads: int = 0,
    terrain: Optional[Terrain] = None,
) -> Simulator:
    from humanoid_envs.simulators.mujoco import MuJoCoSimulator

    return MuJoCoSimulator(robot, physics, num_envs, num_threads, terrain=terrain)


@register_engine("mujoco_warp", problem=_unless_installed("mujoco_warp"), gap_presets=("fast",))
def _mujoco_warp(
    robot: Robot,
    physics: PhysicsConfig,
    num_envs: int,
    *,
    device: Device = "cuda",
    max_contacts: Optional[int] = None,
    max_constraints: Optional[int] = None,
    terrain: Optional[Terrain] = None,
) -> Simulator:
    from humanoid_envs.simulators.mujoco_warp import MuJoCoWarpSimulator

    return MuJoCoWarpSimulator(
        robot, physics, num_envs, device, max_contacts, max_constraints, terrain=terrain
    )


@register_engine("isaacgym", problem=lambda: isaacgym_first.PROBLEM)
def _isaacgym(
    robot: Robot,
    physics: PhysicsConfig,
    num_envs: int,
    *,
    device: Device = "cuda",
    headless: bool = True,
    cameras: bool = False,
    terrain: Optional[Terrain] = None,
) -> Simulator:
    from humanoid_envs.simulators.isaacgym import IsaacGymSimulator

    return IsaacGymSimulator(
        robot, physics, num_envs, device=device, headless=headless, cameras=cameras, terrain=terrain
    )
