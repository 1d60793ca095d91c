"""The velocity task's presets by name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Union

from humanoid_envs.configs import from_plain
from humanoid_envs.errors import UserError
from humanoid_envs.mdp import rewards as terms
from humanoid_envs.registry import Registry
from humanoid_envs.simulators.simulator import PhysicsConfig
from humanoid_envs.tasks.velocity.config import (
    ActionConfig,
    CommandConfig,
    ObservationConfig,
    RandomizationConfig,
    TerminationConfig,
    VelocityConfig,
    VelocityRewards,
)

PRESETS: Registry[Callable[[], VelocityConfig]] = Registry("preset")
register_preset = PRESETS.register
"""Decorates a function that makes a task's config: `@register_preset("my_walk")`."""


@register_preset("v0")
def v0() -> VelocityConfig:
    """The Humanoid-Gym release's task, faithful but for four documented corrections."""
    return VelocityConfig()


@register_preset("fast")
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
        rewards=VelocityRewards.like(FastRewards()),
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


@dataclass(frozen=True)
class FastRewards(VelocityRewards):
    """The reward of preset fast, for groups that inherit it and add terms."""

    only_positive: bool = False
    joint_pos: terms.JointPos = terms.JointPos(0.4)
    feet_clearance: terms.FeetClearance = terms.FeetClearance()
    feet_contact_number: terms.FeetContactNumber = terms.FeetContactNumber(1.0)
    feet_air_time: terms.FeetAirTime = terms.FeetAirTime()
    foot_slip: terms.FootSlip = terms.FootSlip(-0.2)
    tracking_lin_vel: terms.TrackingLinVel = terms.TrackingLinVel(1.5, sharpness=4.0)
    tracking_ang_vel: terms.TrackingAngVel = terms.TrackingAngVel(0.8, sharpness=4.0)
    low_speed: terms.LowSpeed = terms.LowSpeed()
    track_vel_hard: terms.TrackVelHard = terms.TrackVelHard()
    default_joint_pos: terms.DefaultJointPos = terms.DefaultJointPos(0.4, sharpness=8.0, dead_band=0.15)
    orientation: terms.Orientation = terms.Orientation(0.6)
    base_height: terms.BaseHeight = terms.BaseHeight(0.2, sharpness=30.0)
    action_smoothness: terms.ActionSmoothness = terms.ActionSmoothness(-0.02)
    collision: terms.Collision = terms.Collision()
    mean_tracking_lin_vel: terms.MeanTrackingLinVel = terms.MeanTrackingLinVel(3.0)
    mean_tracking_ang_vel: terms.MeanTrackingAngVel = terms.MeanTrackingAngVel(0.8)
    mean_tracking_error: terms.MeanTrackingError = terms.MeanTrackingError(-0.6)
    swing_height: terms.SwingHeight = terms.SwingHeight(1.0)
    alive: terms.Alive = terms.Alive(0.3)


@register_preset("walk")
def walk() -> VelocityConfig:
    """Preset fast for quality instead of speed: tracking counts for more, pushes are harder, torques cost
    twice as much, and actions are delayed a little."""
    return fast().replace(
        {
            # Its end is trained at 1 ms, with the contacts that the robot's model has.
            "physics.contact_time_constant": None,
            "actions.delay": 0.1,
            "rewards.torques.weight": -2e-5,
            "randomization.push_lin_vel": 0.7,
            **_PRECISE,
        }
    )


_PRECISE = {
    "rewards.mean_tracking_lin_vel.weight": 4.5,
    "rewards.mean_tracking_ang_vel.weight": 1.6,
    "rewards.mean_tracking_error.weight": -1.0,
}


@register_preset("fast_wide")
def fast_wide() -> VelocityConfig:
    """Preset fast for commands up to 1.5 m/s forwards, 0.8 m/s backwards, 0.6 m/s sideways and 1.5 rad/s, and
    a little beyond, so that those are well within. Tracking counts for as much as in preset walk."""
    wide = {"lin_vel_x": (-1.0, 1.7), "lin_vel_y": (-0.75, 0.75), "yaw_rate": (-1.7, 1.7)}
    return fast().replace({**{f"commands.{name}": bounds for name, bounds in wide.items()}, **_PRECISE})


AnyConfig = Union[str, VelocityConfig, Mapping[str, Any]]
"""A preset's name, a config, or its fields as plain values; `preset` makes a config of it."""


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
    return PRESETS.find(config)()
