"""The velocity task's parameters; its presets are in `presets`.

Every default is the Humanoid-Gym release's value (arXiv 2404.05695 and its public configuration), so that
`VelocityConfig()` is the release's task.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Mapping, Tuple

import annotated_types as limits
from typing_extensions import Annotated

from humanoid_envs.configs import ORDERED, Config, NonNegative, Positive, Range, Share
from humanoid_envs.errors import UserError
from humanoid_envs.mdp import rewards as terms
from humanoid_envs.mdp.gait import Gait
from humanoid_envs.mdp.rewards import Rewards
from humanoid_envs.simulators.simulator import PhysicsConfig
from humanoid_envs.tasks.velocity import earlier

MAX_SPEED = 10.0
"""Bound on commanded and pushed speeds, m/s: no legged robot is faster."""
MAX_YAW_RATE = 10.0
"""The same of yaw rates, rad/s."""

Angle = Annotated[float, limits.Interval(ge=0, le=math.pi)]
Speed = Annotated[float, limits.Interval(ge=0, le=MAX_SPEED)]
History = Annotated[int, limits.Interval(ge=1, le=1000)]
Coefficient = Annotated[float, limits.Interval(ge=0, le=10)]
Friction = Annotated[Tuple[Coefficient, Coefficient], ORDERED]


@dataclass(frozen=True)
class CommandConfig(Config):
    """Velocity commands and how they are drawn."""

    lin_vel_x: Range = (-0.3, 0.6)
    """Forward velocity, m/s."""
    lin_vel_y: Range = (-0.3, 0.3)
    """Velocity to the left, m/s."""
    yaw_rate: Range = (-0.3, 0.3)
    """Yaw rate where no heading is commanded, rad/s."""
    heading: Range = (-3.14, 3.14)
    """World heading to turn to, rad."""
    heading_mode: bool = True
    """Derive the yaw rate from a commanded heading instead of drawing it."""
    heading_gain: NonNegative = 0.5
    """Yaw rate per rad of heading error, 1/s."""
    max_heading_yaw_rate: NonNegative = 1.0
    """Bound on the yaw rate that a heading error asks for, rad/s."""
    min_speed: NonNegative = 0.2
    """Planar commands up to this norm become standing still, m/s."""
    standing_share: Share = 0.0
    """Share of drawn commands that are to stand still."""
    single_axis_share: Share = 0.0
    """Share of drawn commands with only one of vx, vy and yaw rate not zero."""
    resample_period: Positive = 8.0
    """Time after which a new command is drawn, s."""
    averaging_time: Positive = 0.25
    """Time constant of the low-pass filter that averages the velocity's distance from the command, s."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, bound in (("lin_vel_x", MAX_SPEED), ("lin_vel_y", MAX_SPEED), ("yaw_rate", MAX_YAW_RATE)):
            low, high = getattr(self, name)
            self.require(-bound <= low and high <= bound, name, f"within ±{bound:g}")
        rest = 1.0 - self.standing_share
        self.require(
            self.single_axis_share <= rest, "single_axis_share", f"at most 1 - standing_share, {rest:g}"
        )


@dataclass(frozen=True)
class ActionConfig(Config):
    """From the policy's output to joint targets."""

    scale: Positive = 0.25
    """Joint target in rad per unit of action, around the default pose."""
    clip: Positive = 18.0
    """Bound on an action's magnitude."""
    delay: Share = 0.5
    """Largest share of the previous executed action that is blended in, drawn anew at each step."""
    noise: NonNegative = 0.02
    """Standard deviation of the multiplicative action noise."""


@dataclass(frozen=True)
class ObservationConfig(Config):
    """Frames, their scales, noise and history."""

    history: History = 15
    """Frames in the actor's observation, oldest first."""
    privileged_history: History = 3
    """Frames in the critic's observation, oldest first."""
    clip: Positive = 18.0
    """Bound on every entry of the stacked observations."""
    privileged_tracking: bool = False
    """Show the critic also the averaged velocity error, the base's height and the feet's."""
    tracking_scale: Positive = 4.0
    """Factor of these in the privileged frame."""
    lin_vel_scale: Positive = 2.0
    joint_vel_scale: Positive = 0.05
    mass_scale: Positive = 1.0 / 30.0
    joint_pos_noise: NonNegative = 0.03
    """Standard deviation of Gaussian noise, in the observed unit (as are the next three)."""
    joint_vel_noise: NonNegative = 0.015
    ang_vel_noise: NonNegative = 0.06
    euler_noise: NonNegative = 0.018


@dataclass(frozen=True)
class VelocityRewards(Rewards):
    """The release's terms and weights; the last five are this project's and off in the release's task."""

    joint_pos: terms.JointPos = terms.JointPos(1.6)
    feet_clearance: terms.FeetClearance = terms.FeetClearance(1.0)
    feet_contact_number: terms.FeetContactNumber = terms.FeetContactNumber(1.2)
    feet_air_time: terms.FeetAirTime = terms.FeetAirTime(1.0)
    foot_slip: terms.FootSlip = terms.FootSlip(-0.05)
    feet_distance: terms.FeetDistance = terms.FeetDistance(0.2)
    knee_distance: terms.KneeDistance = terms.KneeDistance(0.2)
    feet_contact_forces: terms.FeetContactForces = terms.FeetContactForces(-0.01)
    tracking_lin_vel: terms.TrackingLinVel = terms.TrackingLinVel(1.2)
    tracking_ang_vel: terms.TrackingAngVel = terms.TrackingAngVel(1.1)
    vel_mismatch_exp: terms.VelMismatchExp = terms.VelMismatchExp(0.5)
    low_speed: terms.LowSpeed = terms.LowSpeed(0.2)
    track_vel_hard: terms.TrackVelHard = terms.TrackVelHard(0.5)
    default_joint_pos: terms.DefaultJointPos = terms.DefaultJointPos(0.5)
    orientation: terms.Orientation = terms.Orientation(1.0)
    base_height: terms.BaseHeight = terms.BaseHeight(0.2)
    base_acc: terms.BaseAcc = terms.BaseAcc(0.2)
    action_smoothness: terms.ActionSmoothness = terms.ActionSmoothness(-0.002)
    torques: terms.Torques = terms.Torques(-1e-05)
    dof_vel: terms.DofVel = terms.DofVel(-0.0005)
    dof_acc: terms.DofAcc = terms.DofAcc(-1e-07)
    collision: terms.Collision = terms.Collision(-1.0)
    mean_tracking_lin_vel: terms.MeanTrackingLinVel = terms.MeanTrackingLinVel()
    mean_tracking_ang_vel: terms.MeanTrackingAngVel = terms.MeanTrackingAngVel()
    mean_tracking_error: terms.MeanTrackingError = terms.MeanTrackingError()
    swing_height: terms.SwingHeight = terms.SwingHeight()
    alive: terms.Alive = terms.Alive()


@dataclass(frozen=True)
class FeetConfig(Config):
    """What the task takes for a foot on the ground."""

    contact_force: NonNegative = 5.0
    """Vertical force above which a foot counts as in contact, N."""
    sole_height: NonNegative = 0.05
    """Height of a foot link's origin above its sole, as the task assumes it, m."""


@dataclass(frozen=True)
class TerminationConfig(Config):
    """When an episode ends."""

    episode_length: Positive = 24.0
    """Time after which it is truncated, s."""
    base_contact_force: NonNegative = 1.0
    """Contact force on the base (torso, arms, hands, head) above which it terminates, N."""
    min_base_height: NonNegative = 0.0
    """Height of the base below which it terminates, m."""
    max_tilt: Annotated[float, limits.Interval(gt=0, le=math.pi)] = math.pi
    """Angle between the base's vertical axis and the world's beyond which it terminates, rad."""


@dataclass(frozen=True)
class RandomizationConfig(Config):
    """Domain randomization; a range of zero width switches its draw off."""

    foot_friction: Friction = (0.1, 2.0)
    """Friction coefficient of the soles, drawn once per env."""
    added_mass: Range = (-5.0, 5.0)
    """Mass added to the base link, drawn once per env, kg."""
    start_joint_pos: Angle = 0.1
    """Joint angles at the start of an episode lie within this of the default pose, rad."""
    start_yaw: Angle = 0.0
    """The heading at the start of an episode lies within this of the x axis, rad."""
    start_phase: bool = False
    """Start the gait clock of each episode at a random phase instead of 0."""
    gains: Annotated[float, limits.Interval(ge=0, lt=1)] = 0.0
    """Stiffness and damping of each joint lie within this share of the robot's, drawn once per env."""
    push_period: NonNegative = 4.0
    """Time between pushes, which hit all envs at once, s; 0 switches them off."""
    push_lin_vel: Speed = 0.2
    """A push sets the base's horizontal velocity to values within this, m/s."""
    push_ang_vel: Speed = 0.4
    """A push sets the base's angular velocity to values within this, rad/s."""
    push_adds: bool = False
    """Pushes add to the base's velocity, as an impulse does, instead of replacing it: replacing stops a robot
    that walks, and one that learns with that makes up for it by walking too fast in between."""


@dataclass(frozen=True)
class VelocityConfig(Config):
    """The whole task: walk at a commanded planar velocity and yaw rate."""

    physics: PhysicsConfig = field(default_factory=PhysicsConfig)
    gait: Gait = field(default_factory=Gait)
    feet: FeetConfig = field(default_factory=FeetConfig)
    commands: CommandConfig = field(default_factory=CommandConfig)
    actions: ActionConfig = field(default_factory=ActionConfig)
    observations: ObservationConfig = field(default_factory=ObservationConfig)
    rewards: VelocityRewards = field(default_factory=VelocityRewards)
    terminations: TerminationConfig = field(default_factory=TerminationConfig)
    randomization: RandomizationConfig = field(default_factory=RandomizationConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.policy_period <= 1.0, "physics", "of at most 1 s per action")
        for config, name in (
            (self.gait, "period"),
            (self.commands, "resample_period"),
            (self.terminations, "episode_length"),
            (self.randomization, "push_period"),
        ):
            time, never = getattr(config, name), name == "push_period"
            long_enough = (never and time == 0.0) or time >= self.policy_period * (1.0 - 1e-9)
            least = (
                f"at least the time between two actions, {self.policy_period:g} s{', or 0' if never else ''}"
            )
            config.require(long_enough, name, least)

    @classmethod
    def upgraded(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Rewards were weights in one place and parameters in another once."""
        return earlier.with_terms(values)

    @property
    def policy_period(self) -> float:
        """Time between two actions, s."""
        return self.physics.policy_period

    def steps(self, seconds: float) -> int:
        """The fewest policy steps that last so long, to a billionth. UserError if negative or not finite."""
        if not 0.0 <= seconds < math.inf:
            raise UserError(f"A duration must be finite and not negative, not {seconds!r} s.")
        return math.ceil(seconds / self.policy_period * (1.0 - 1e-9))  # 0.07 / 0.01 is above 7

    def without_randomization(self) -> VelocityConfig:
        """The same task with nothing random but the commands: for evaluation and play."""
        return dataclasses.replace(
            self,
            actions=dataclasses.replace(self.actions, delay=0.0, noise=0.0),
            observations=dataclasses.replace(
                self.observations,
                joint_pos_noise=0.0,
                joint_vel_noise=0.0,
                ang_vel_noise=0.0,
                euler_noise=0.0,
            ),
            randomization=RandomizationConfig(
                foot_friction=(1.0, 1.0), added_mass=(0.0, 0.0), start_joint_pos=0.0, push_period=0.0
            ),
        )
