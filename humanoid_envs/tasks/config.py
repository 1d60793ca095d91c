"""A task as a value: the physics, and the terms by kind. Each kind is a group, whose fields are the terms."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, TypeVar

from typing_extensions import Annotated

from humanoid_envs.configs import CLASS, Config, NonNegative, Positive, from_plain, name_of, to_plain
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.commands import Commands
from humanoid_envs.mdp.curricula import Curricula
from humanoid_envs.mdp.events import PushTerm, Randomization
from humanoid_envs.mdp.gait import Gait
from humanoid_envs.mdp.live import LiveNonNegative, LiveShare
from humanoid_envs.mdp.measures import FORCE, SOLE_HEIGHT, for_robot
from humanoid_envs.mdp.observations import Observations
from humanoid_envs.mdp.rewards import Rewards
from humanoid_envs.mdp.terminations import Terminations
from humanoid_envs.mdp.terms import terms_of
from humanoid_envs.robots import XBOT_L, AnyRobot, Robot
from humanoid_envs.simulators.simulator import PhysicsConfig
from humanoid_envs.terrain.config import TerrainConfig

C = TypeVar("C", bound="TaskConfig")


def quick_physics() -> PhysicsConfig:
    """The physics that trains quickest: three steps of 3.3 ms with implicit damping, and stiffer contacts,
    without which a policy goes faster at the release's 1 ms than where it was trained, most of all
    backwards."""
    return PhysicsConfig(
        timestep=0.01 / 3,
        decimation=3,
        implicit_damping=True,
        solver_iterations=4,
        solver_line_search_iterations=8,
        contact_time_constant=0.013,
    )


@dataclass(frozen=True)
class ActionConfig(Config):
    """From the policy's output to joint targets."""

    scale: Positive = 0.25
    """Joint target in rad per unit of action, around the default pose."""
    clip: Positive = 18.0
    """Bound on an action's magnitude."""
    delay: LiveShare = 0.5
    """Largest share of the previous executed action that is blended in, drawn anew at each step."""
    noise: LiveNonNegative = 0.02
    """Standard deviation of the multiplicative action noise."""


@dataclass(frozen=True)
class FeetConfig(Config):
    """What the task takes for a foot on the ground."""

    contact_force: Annotated[NonNegative, FORCE] = 5.0
    """Vertical force above which a foot counts as in contact, N."""
    sole_height: Annotated[NonNegative, SOLE_HEIGHT] = 0.05
    """Height of a foot link's origin above its sole, as the task assumes it, m."""


@dataclass(frozen=True)
class TaskConfig(Config):
    """Base of tasks: what is observed, commanded, rewarded, randomized, and when episodes end."""

    physics: PhysicsConfig = field(default_factory=PhysicsConfig)
    gait: Gait = field(default_factory=Gait)
    feet: FeetConfig = field(default_factory=FeetConfig)
    commands: Commands = field(default_factory=Commands)
    actions: ActionConfig = field(default_factory=ActionConfig)
    observations: Observations = field(default_factory=Observations)
    rewards: Rewards = field(default_factory=Rewards)
    terminations: Terminations = field(default_factory=Terminations)
    randomization: Randomization = field(default_factory=Randomization)
    curricula: Curricula = field(default_factory=Curricula)
    terrain: Optional[TerrainConfig] = None
    """The ground; None: flat, z = 0."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.policy_period <= 1.0, "physics", "of at most 1 s per action")
        pushes = terms_of(self.randomization, PushTerm).values()
        for config, name in (
            (self.gait, "period"),
            (self.commands, "resample_period"),
            (self.terminations, "episode_length"),
            *((push, "period") for push in pushes),
        ):
            time, never = getattr(config, name), isinstance(config, PushTerm)
            long_enough = (never and time == 0.0) or time >= self.policy_period * (1.0 - 1e-9)
            least = (
                f"at least the time between two actions, {self.policy_period:g} s{', or 0' if never else ''}"
            )
            config.require(long_enough, name, least)

    @property
    def policy_period(self) -> float:
        """Time between two actions, s."""
        return self.physics.policy_period

    def steps(self, seconds: float) -> int:
        """The fewest policy steps that last so long, to a billionth. UserError if negative or not finite."""
        if not 0.0 <= seconds < math.inf:
            raise UserError(f"A duration must be finite and not negative, not {seconds!r} s.")
        return math.ceil(seconds / self.policy_period * (1.0 - 1e-9))  # 0.07 / 0.01 is above 7

    def for_robot(self: C, robot: AnyRobot, of: AnyRobot = XBOT_L) -> C:
        """The same task in a robot's own terms: lengths, times, speeds, forces and masses in proportion to
        its legs and its weight, see `humanoid_envs.mdp.measures`.

        of: the robot whose numbers the task has; those of presets are XBot-L's."""
        return for_robot(self, Robot.of(robot), Robot.of(of))

    def without_randomization(self: C) -> C:
        """The same task with nothing random but the commands: for evaluation and play."""
        groups = self.observations.groups
        calm = {
            f"{group}.{name}": term.without_noise()
            for group, frame in groups.items()
            for name, term in frame.terms.items()
        }
        return dataclasses.replace(
            self,
            actions=dataclasses.replace(self.actions, delay=0.0, noise=0.0),
            observations=self.observations.replace(calm),
            randomization=self.randomization.off(),
            curricula=self.curricula.off(),
        )

    def plain(self, to_save: bool = True) -> Any:
        """The task as plain values, of which `restored_task` makes it again. See `to_plain`. Tasks on flat
        ground have the values that they had before there was any other."""
        values = to_plain(self, TaskConfig, to_save)
        return {name: value for name, value in values.items() if name != "terrain" or value is not None}


def with_class(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A task's plain values with the name of its class. Earlier versions named none, as there was only the
    velocity task."""
    from humanoid_envs.tasks.velocity.config import VelocityConfig

    return values if CLASS in values else {CLASS: name_of(VelocityConfig), **values}


def restored_task(values: Any, where: str = "") -> TaskConfig:
    """The task that `TaskConfig.plain` turned into `values`. where: what they were read from, for messages.

    Raises:
        MissingPlugIn: the values name a class that does not exist here.
        UserError: wrong fields or values.
    """
    return from_plain(TaskConfig, with_class(values) if isinstance(values, Mapping) else values, where)
