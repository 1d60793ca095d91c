"""Where a policy is measured: a simulator, a task without noise, and robots that may differ."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

import torch
from gymnasium.vector import AutoresetMode
from typing_extensions import Annotated

from humanoid_envs.configs import Config, Range, Share
from humanoid_envs.engines import ENGINES
from humanoid_envs.errors import UserError
from humanoid_envs.mdp import Randomization
from humanoid_envs.mdp.events import AddedMass, FootFriction, Friction, Gains, PushTerm
from humanoid_envs.mdp.live import LiveTable
from humanoid_envs.mdp.measures import ADDED_MASS
from humanoid_envs.mdp.rewards import Alive, Rewards
from humanoid_envs.mdp.terminations import BaseContact, LowBase, Terminations
from humanoid_envs.mdp.terms import terms_of
from humanoid_envs.registration import make
from humanoid_envs.robots import XBOT_L, AnyRobot, Robot
from humanoid_envs.simulators.simulator import PhysicsConfig
from humanoid_envs.tasks import AnyConfig, TaskConfig, preset
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.given_configs import Given, config_of

_FALLEN = 0.5 / XBOT_L.standing_height
"""Share of its height at which a robot has fallen."""


@dataclass(frozen=True)
class DomainRandomization(Config):
    """How the robots of an evaluation differ, each drawn evenly and once per robot."""

    foot_friction: Friction = (0.3, 1.6)
    """Friction coefficient of the soles; a contact's is the mean with the ground's 0.6."""
    added_mass: Annotated[Range, ADDED_MASS] = (-5.0, 5.0)
    """Mass added to the base link, kg."""
    gains: Share = 0.1
    """Stiffness and damping of each joint lie within this share of the robot's."""


NOMINAL = DomainRandomization(foot_friction=(1.0, 1.0), added_mass=(0.0, 0.0), gains=0.0)
"""All robots as the model has them."""


@dataclass(frozen=True)
class SimulatorChoice:
    """An engine, and how it steps."""

    name: str
    engine: str
    physics: PhysicsConfig


def choose_simulator(name: str) -> SimulatorChoice:
    """A simulator by name: an engine, stepped by 1 ms with explicit PD as in preset `v0`, or as another
    preset has it: `mujoco`, `mujoco_warp`, `isaacgym`, one of a plug-in, `mujoco:fast`, …

    Raises:
        ValueError: no such engine or preset.
    """
    engine, _, physics = name.partition(":")
    if engine not in ENGINES:
        raise UserError(
            f"Unknown simulator {name!r}; there are {', '.join(ENGINES)}, each also with the physics of a "
            "preset, as in 'mujoco:fast'."
        )
    return SimulatorChoice(name, engine, preset(physics or "v0").physics)


def device_of(engine: str) -> Optional[str]:
    """Where an engine with devices runs: on the CUDA device, or where there is none, slowly, on the CPU."""
    if "device" not in ENGINES[engine].options:
        return None
    return "cuda" if torch.cuda.is_available() else "cpu"


def available_simulators() -> List[str]:
    """Names of the simulators that can run on this machine, in this Python."""
    able = [(name, engine) for name, engine in ENGINES.items() if engine.problem() is None]
    return [
        choice
        for name, engine in able
        for choice in (name, *(f"{name}:{preset}" for preset in engine.gap_presets))
    ]


def evaluation_env(
    config: AnyConfig,
    num_envs: int,
    seconds: float,
    num_threads: int = 0,
    *,
    simulator: str = "mujoco",
    randomization: Given[DomainRandomization] = NOMINAL,
    robot: AnyRobot = XBOT_L,
    idle_pushes: bool = False,
) -> HumanoidVectorEnv:
    """The task with nothing random but the initial joint angles and what `randomization` says, by default in
    C MuJoCo at 1 ms with explicit PD; episodes last at least that long and end only when someone resets them.

    config: a task, a preset's name, or a mapping of a task's fields; randomization may be a mapping, too.
    idle_pushes: keep the task's pushes, but without strength, which `set_live` can give them.
    Engines with devices run on the CUDA device, or where there is none, slowly, on the CPU.

    Raises:
        ValueError: unknown simulator.
        ImportError: the simulator is not installed.
    """
    config, randomization = preset(config, robot), config_of(DomainRandomization, randomization)
    choice = choose_simulator(simulator)
    calm = config.without_randomization()
    length = max(seconds, calm.terminations.episode_length)
    differing = _differing(calm.randomization, config.randomization, randomization)
    if idle_pushes:
        differing = dataclasses.replace(differing, **_idle_pushes(config.randomization, Robot.of(robot)))
    config = dataclasses.replace(
        calm,
        physics=choice.physics,
        terminations=dataclasses.replace(calm.terminations, episode_length=length),
        randomization=differing,
    )
    return make(
        num_envs,
        config,
        engine=choice.engine,
        robot=robot,
        device=device_of(choice.engine),
        num_threads=num_threads,
        autoreset_mode=AutoresetMode.DISABLED,
        compiled=False,
    )


def _differing(calm: Randomization, trained: Randomization, robots: DomainRandomization) -> Randomization:
    """A task's events with nothing random but the joint angles at the start, and how the robots differ."""
    own = {"start_joint_pos": trained.terms.get("start_joint_pos")}
    ranges = {
        "foot_friction": FootFriction(range=robots.foot_friction),
        "added_mass": AddedMass(range=robots.added_mass),
        "gains": Gains(share=robots.gains),
    }
    changes = {name: term for name, term in {**own, **ranges}.items() if name in calm.terms}
    return dataclasses.replace(calm, **changes)


def _idle_pushes(trained: Randomization, robot: Robot) -> Dict[str, PushTerm]:
    """A task's pushes with their live numbers 0, by their names: those that then leave velocities alone. One
    that sets a velocity to 0 is none of them."""
    found: Dict[str, PushTerm] = {}
    for name, term in terms_of(trained, PushTerm).items():
        places = LiveTable(term).places
        nothing = {number: 0.0 if len(at) == 1 else (0.0, 0.0) for number, at in places.items()}
        with contextlib.suppress(UserError):  # a rule of the term forbids 0
            idle, velocity = term.replace(nothing), torch.ones(1, 6)
            drawn = idle.sample(torch.full((1, idle.uniforms(robot)), 0.9))
            if torch.equal(idle.change(drawn, velocity), velocity):
                found[name] = idle
    return found


def robot_for(policy: Any, robot: Optional[AnyRobot] = None) -> Robot:
    """The robot that is asked for, or else the policy's own; XBot-L of functions that name none."""
    return Robot.of(getattr(policy, "robot", XBOT_L) if robot is None else robot)


def fallen_height(robot: Robot) -> float:
    """A robot whose base is lower has fallen, m: 0.5 for XBot-L."""
    return _FALLEN * robot.standing_height


@dataclass(frozen=True)
class _NoRewards(Rewards):
    alive: Alive = Alive(1.0)


@dataclass(frozen=True)
class _Falls(Terminations):
    base_contact: BaseContact = BaseContact()
    low_base: LowBase = LowBase()


def measured_task(config: AnyConfig, robot: Robot = XBOT_L) -> TaskConfig:
    """The task with the same observation, action and gait, but with one meaning of a fall for all policies
    (a contact of the base, or a base below `fallen_height`) and no rewards, which cost time."""
    return TaskConfig.like(preset(config, robot)).replace(
        rewards=_NoRewards(), terminations=_Falls(low_base=LowBase(height=fallen_height(robot)))
    )
