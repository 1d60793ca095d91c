"""The velocity task's parameters, and its presets by name.

Every default is the Humanoid-Gym release's value (arXiv 2404.05695 and its public configuration), so that
`VelocityConfig()` is the release's task.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping, Tuple, Union

from humanoid_envs.configs import from_plain
from humanoid_envs.errors import UserError
from humanoid_envs.simulators.simulator import PhysicsConfig

Range = Tuple[float, float]


@dataclass(frozen=True)
class GaitConfig:
    """The clock that tells the feet when to swing."""

    period: float = 0.64
    """Duration of one gait cycle (a left and a right step), s."""
    double_support: float = 0.1
    """Both feet are to stand while |sin(2π·phase)| is below this."""
    swing_pitch: float = 0.17
    """Amplitude of the reference motion at hip and ankle pitch, rad; the knee moves twice as far."""


@dataclass(frozen=True)
class CommandConfig:
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
    heading_gain: float = 0.5
    """Yaw rate per rad of heading error, 1/s."""
    max_heading_yaw_rate: float = 1.0
    """Bound on the yaw rate that a heading error asks for, rad/s."""
    min_speed: float = 0.2
    """Planar commands up to this norm become standing still, m/s."""
    standing_share: float = 0.0
    """Share of drawn commands that are to stand still."""
    single_axis_share: float = 0.0
    """Share of drawn commands with only one of vx, vy and yaw rate not zero."""
    resample_period: float = 8.0
    """Time after which a new command is drawn, s."""


@dataclass(frozen=True)
class ActionConfig:
    """From the policy's output to joint targets."""

    scale: float = 0.25
    """Joint target in rad per unit of action, around the default pose."""
    clip: float = 18.0
    """Bound on an action's magnitude."""
    delay: float = 0.5
    """Largest share of the previous executed action that is blended in, drawn anew at each step."""
    noise: float = 0.02
    """Standard deviation of the multiplicative action noise."""


@dataclass(frozen=True)
class ObservationConfig:
    """Frames, their scales, noise and history."""

    history: int = 15
    """Frames in the actor's observation, oldest first."""
    privileged_history: int = 3
    """Frames in the critic's observation, oldest first."""
    clip: float = 18.0
    """Bound on every entry of the stacked observations."""
    privileged_tracking: bool = False
    """Show the critic also the averaged velocity error, the base's height and the feet's."""
    tracking_scale: float = 4.0
    """Factor of these in the privileged frame."""
    lin_vel_scale: float = 2.0
    joint_vel_scale: float = 0.05
    mass_scale: float = 1.0 / 30.0
    joint_pos_noise: float = 0.03
    """Standard deviation of Gaussian noise, in the observed unit (as are the next three)."""
    joint_vel_noise: float = 0.015
    ang_vel_noise: float = 0.06
    euler_noise: float = 0.018


@dataclass(frozen=True)
class RewardScales:
    """Weight of each reward term per second; a term of weight 0 is not computed.

    The last five are this project's and off in the release's task.
    """

    joint_pos: float = 1.6
    feet_clearance: float = 1.0
    feet_contact_number: float = 1.2
    feet_air_time: float = 1.0
    foot_slip: float = -0.05
    feet_distance: float = 0.2
    knee_distance: float = 0.2
    feet_contact_forces: float = -0.01
    tracking_lin_vel: float = 1.2
    tracking_ang_vel: float = 1.1
    vel_mismatch_exp: float = 0.5
    low_speed: float = 0.2
    track_vel_hard: float = 0.5
    default_joint_pos: float = 0.5
    orientation: float = 1.0
    base_height: float = 0.2
    base_acc: float = 0.2
    action_smoothness: float = -0.002
    torques: float = -1e-5
    dof_vel: float = -5e-4
    dof_acc: float = -1e-7
    collision: float = -1.0
    mean_tracking_lin_vel: float = 0.0
    """exp(−‖e‖ / width) of the averaged planar velocity error."""
    mean_tracking_ang_vel: float = 0.0
    """The same of the averaged yaw rate error."""
    mean_tracking_error: float = 0.0
    """Norm of the averaged error of vx, vy and yaw rate."""
    swing_height: float = 0.0
    """exp(−|z − target| / width), summed over swinging feet; the target follows the clock's sine."""
    alive: float = 0.0
    """1 in every step."""


@dataclass(frozen=True)
class RewardConfig:
    """Reward terms' weights and parameters."""

    scales: RewardScales = field(default_factory=RewardScales)
    only_positive: bool = True
    """Clip the sum of all terms at 0 from below."""
    tracking_sharpness: float = 5.0
    """Factor of the squared velocity error in the tracking terms' exponent."""
    mean_tracking_width: float = 0.1
    """Averaged velocity error at which the terms on it have fallen to 1/e, m/s or rad/s."""
    mean_tracking_time: float = 0.25
    """Time constant of the low-pass filter that averages the velocity error, s. A walking body sways by
    0.1 m/s even when its mean velocity is exact, so the instantaneous error punishes walking."""
    default_joint_sharpness: float = 100.0
    default_joint_dead_band: float = 0.1
    """Deviation of the hips' roll and yaw that costs nothing, rad."""
    base_height_sharpness: float = 100.0
    base_height: float = 0.89
    """Height of the base above the standing feet's soles, m."""
    sole_height: float = 0.05
    """Height of a foot link's origin above its sole, as the reward terms assume it, m."""
    clearance: float = 0.06
    """Height to which a swinging foot is to be lifted, m."""
    clearance_tolerance: float = 0.01
    swing_peak: float = 0.08
    """Height of the sole at mid-swing that the swing_height term asks for, m."""
    swing_width: float = 0.03
    """Deviation from it at which that term has fallen to 1/e, m."""
    min_distance: float = 0.2
    """Smallest horizontal distance of the feet, and of the knees, m."""
    max_feet_distance: float = 0.5
    max_knee_distance: float = 0.25
    contact_force: float = 5.0
    """Vertical force above which a foot counts as in contact, N."""
    max_contact_force: float = 700.0
    """Foot force that costs nothing, N."""
    max_air_time: float = 0.5
    """Air time that is rewarded at most, s."""


@dataclass(frozen=True)
class TerminationConfig:
    """When an episode ends."""

    episode_length: float = 24.0
    """Time after which it is truncated, s."""
    base_contact_force: float = 1.0
    """Contact force on the base (torso, arms, hands, head) above which it terminates, N."""
    min_base_height: float = 0.0
    """Height of the base below which it terminates, m."""
    max_tilt: float = math.pi
    """Angle between the base's vertical axis and the world's beyond which it terminates, rad."""


@dataclass(frozen=True)
class RandomizationConfig:
    """Domain randomization; a range of zero width switches its draw off."""

    foot_friction: Range = (0.1, 2.0)
    """Friction coefficient of the soles, drawn once per env."""
    added_mass: Range = (-5.0, 5.0)
    """Mass added to the base link, drawn once per env, kg."""
    start_joint_pos: float = 0.1
    """Joint angles at the start of an episode lie within this of the default pose, rad."""
    start_yaw: float = 0.0
    """The heading at the start of an episode lies within this of the x axis, rad."""
    start_phase: bool = False
    """Start the gait clock of each episode at a random phase instead of 0."""
    gains: float = 0.0
    """Stiffness and damping of each joint lie within this share of the robot's, drawn once per env."""
    push_period: float = 4.0
    """Time between pushes, which hit all envs at once, s; 0 switches them off."""
    push_lin_vel: float = 0.2
    """A push sets the base's horizontal velocity to values within this, m/s."""
    push_ang_vel: float = 0.4
    """A push sets the base's angular velocity to values within this, rad/s."""
    push_adds: bool = False
    """Pushes add to the base's velocity, as an impulse does, instead of replacing it: replacing stops a robot
    that walks, and one that learns with that makes up for it by walking too fast in between."""


@dataclass(frozen=True)
class VelocityConfig:
    """The whole task: walk at a commanded planar velocity and yaw rate."""

    physics: PhysicsConfig = field(default_factory=PhysicsConfig)
    gait: GaitConfig = field(default_factory=GaitConfig)
    commands: CommandConfig = field(default_factory=CommandConfig)
    actions: ActionConfig = field(default_factory=ActionConfig)
    observations: ObservationConfig = field(default_factory=ObservationConfig)
    rewards: RewardConfig = field(default_factory=RewardConfig)
    terminations: TerminationConfig = field(default_factory=TerminationConfig)
    randomization: RandomizationConfig = field(default_factory=RandomizationConfig)

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


def v0() -> VelocityConfig:
    """The Humanoid-Gym release's task, faithful but for four documented corrections."""
    return VelocityConfig()


def fast() -> VelocityConfig:
    """Our own: the same observation and action, with rewards, commands and physics that train quickest.

    The physics takes three steps of 3.3 ms with implicit damping, and stiffer contacts, without which a
    policy goes faster at the release's 1 ms than where it was trained, most of all backwards.
    """
    return VelocityConfig(
        physics=PhysicsConfig(
            timestep=0.01 / 3,
            decimation=3,
            implicit_damping=True,
            solver_iterations=4,
            solver_line_search_iterations=8,
            contact_time_constant=0.013,
        ),
        commands=CommandConfig(
            lin_vel_x=(-0.6, 0.8),
            lin_vel_y=(-0.5, 0.5),
            yaw_rate=(-0.7, 0.7),
            heading_mode=False,
            min_speed=0.0,
            standing_share=0.1,
            single_axis_share=0.3,
            resample_period=4.0,
        ),
        # A policy that was trained with the release's delay overshoots without it.
        actions=ActionConfig(delay=0.0),
        observations=ObservationConfig(privileged_tracking=True),
        rewards=RewardConfig(
            scales=_FAST_SCALES,
            only_positive=False,
            tracking_sharpness=4.0,
            default_joint_sharpness=8.0,
            default_joint_dead_band=0.15,
            base_height_sharpness=30.0,
        ),
        terminations=TerminationConfig(episode_length=10.0, min_base_height=0.6, max_tilt=0.925),
        randomization=RandomizationConfig(
            foot_friction=(0.3, 1.6),
            start_yaw=math.pi,
            start_phase=True,
            gains=0.1,
            push_lin_vel=0.3,
            push_adds=True,
        ),
    )


_FAST_SCALES = RewardScales(
    joint_pos=0.4,
    feet_clearance=0.0,
    feet_contact_number=1.0,
    feet_air_time=0.0,
    foot_slip=-0.2,
    tracking_lin_vel=1.5,
    tracking_ang_vel=0.8,
    low_speed=0.0,
    track_vel_hard=0.0,
    default_joint_pos=0.4,
    orientation=0.6,
    action_smoothness=-0.02,
    collision=0.0,
    mean_tracking_lin_vel=3.0,
    mean_tracking_ang_vel=0.8,
    mean_tracking_error=-0.6,
    swing_height=1.0,
    alive=0.3,
)


def walk() -> VelocityConfig:
    """Preset fast for quality instead of speed: tracking counts for more, pushes are harder, torques cost
    twice as much, and actions are delayed a little."""
    quick = fast()
    scales = dataclasses.replace(
        quick.rewards.scales,
        torques=-2e-5,
        mean_tracking_lin_vel=4.5,
        mean_tracking_ang_vel=1.6,
        mean_tracking_error=-1.0,
    )
    return dataclasses.replace(
        quick,
        # Its end is trained at 1 ms, with the contacts that the robot's model has.
        physics=dataclasses.replace(quick.physics, contact_time_constant=None),
        actions=dataclasses.replace(quick.actions, delay=0.1),
        rewards=dataclasses.replace(quick.rewards, scales=scales),
        randomization=dataclasses.replace(quick.randomization, push_lin_vel=0.7),
    )


def fast_wide() -> VelocityConfig:
    """Preset fast for commands up to 1.5 m/s forwards, 0.8 m/s backwards, 0.6 m/s sideways and 1.5 rad/s, and
    a little beyond, so that those are well within. Tracking counts for as much as in preset walk."""
    quick, tracking = fast(), walk().rewards.scales
    scales = dataclasses.replace(
        quick.rewards.scales,
        mean_tracking_lin_vel=tracking.mean_tracking_lin_vel,
        mean_tracking_ang_vel=tracking.mean_tracking_ang_vel,
        mean_tracking_error=tracking.mean_tracking_error,
    )
    commands = dataclasses.replace(
        quick.commands, lin_vel_x=(-1.0, 1.7), lin_vel_y=(-0.75, 0.75), yaw_rate=(-1.7, 1.7)
    )
    return dataclasses.replace(
        quick, commands=commands, rewards=dataclasses.replace(quick.rewards, scales=scales)
    )


AnyConfig = Union[str, VelocityConfig, Mapping[str, Any]]
"""A preset's name, a config, or its fields as plain values; `preset` makes a config of it."""

PRESETS: Dict[str, Callable[[], VelocityConfig]] = {
    "v0": v0,
    "fast": fast,
    "walk": walk,
    "fast_wide": fast_wide,
}


def preset(config: AnyConfig) -> VelocityConfig:
    """The preset of that name, or the config of these plain values (as JSON gives `to_plain`'s back; what is
    left out takes its default); a config passes through.

    Raises:
        UserError: no preset of that name, wrong fields or values, or something else.
    """
    if isinstance(config, VelocityConfig):
        return config
    if isinstance(config, Mapping):
        return from_plain(VelocityConfig, dict(config), "config")
    if not isinstance(config, str):
        raise UserError(
            "config must be a preset's name, a VelocityConfig, or a mapping of its fields, not "
            f"{type(config).__name__}."
        )
    if config not in PRESETS:
        raise UserError(f"Unknown preset {config!r}; there are {', '.join(map(repr, PRESETS))}.")
    return PRESETS[config]()
