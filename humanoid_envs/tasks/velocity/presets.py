"""The velocity task's presets by name."""

from __future__ import annotations

import math
from dataclasses import dataclass

from humanoid_envs.mdp import events
from humanoid_envs.mdp import rewards as terms
from humanoid_envs.mdp.commands import VelocityCommand
from humanoid_envs.mdp.terminations import LowBase, Tilt
from humanoid_envs.tasks.config import ActionConfig, quick_physics
from humanoid_envs.tasks.presets import register_preset
from humanoid_envs.tasks.velocity.config import (
    TrackingCriticFrame,
    VelocityCommands,
    VelocityConfig,
    VelocityObservations,
    VelocityRandomization,
    VelocityRewards,
    VelocityTerminations,
)


@register_preset("v0")
def v0() -> VelocityConfig:
    """The Humanoid-Gym release's task, faithful but for four documented corrections."""
    return VelocityConfig()


@register_preset("fast")
def fast() -> VelocityConfig:
    """Our own: the same observation and action, with rewards, commands and physics that train quickest."""
    return VelocityConfig(
        physics=quick_physics(),
        commands=VelocityCommands(
            resample_period=4.0,
            velocity=VelocityCommand(
                lin_vel_x=(-0.6, 0.8),
                lin_vel_y=(-0.5, 0.5),
                yaw_rate=(-0.7, 0.7),
                heading_mode=False,
                min_speed=0.0,
                standing_share=0.1,
                single_axis_share=0.3,
            ),
        ),
        # A policy that was trained with the release's delay overshoots without it.
        actions=ActionConfig(delay=0.0),
        observations=VelocityObservations(critic=TrackingCriticFrame()),
        rewards=VelocityRewards.like(FastRewards()),
        terminations=VelocityTerminations(
            episode_length=10.0, low_base=LowBase(height=0.6), tilt=Tilt(angle=0.925)
        ),
        randomization=VelocityRandomization(
            foot_friction=events.FootFriction(range=(0.3, 1.6)),
            gains=events.Gains(share=0.1),
            push=events.Push(period=4.0, lin_vel=0.3, ang_vel=0.4, adds=True),
            start_yaw=events.StartYaw(angle=math.pi),
            start_phase=events.StartPhase(on=True),
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
            "randomization.push.lin_vel": 0.7,
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
    return fast().replace(
        {**{f"commands.velocity.{name}": bounds for name, bounds in wide.items()}, **_PRECISE}
    )
