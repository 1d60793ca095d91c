"""The velocity task's presets by name."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Callable, Mapping, Union

from humanoid_envs.configs import from_plain
from humanoid_envs.errors import UserError
from humanoid_envs.registry import Registry
from humanoid_envs.simulators.simulator import PhysicsConfig
from humanoid_envs.tasks.velocity.config import (
    ActionConfig,
    CommandConfig,
    ObservationConfig,
    RandomizationConfig,
    RewardConfig,
    RewardScales,
    TerminationConfig,
    VelocityConfig,
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


@register_preset("walk")
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


@register_preset("fast_wide")
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
