"""The velocity task's groups of terms; its presets are in `presets`.

Every default is the Humanoid-Gym release's value (arXiv 2404.05695 and its public configuration), so that
`VelocityConfig()` is the release's task.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from humanoid_envs.mdp import commands, events, terminations
from humanoid_envs.mdp import observations as obs
from humanoid_envs.mdp import rewards as terms
from humanoid_envs.mdp.commands import Commands
from humanoid_envs.mdp.events import Randomization
from humanoid_envs.mdp.observations import Frame, History, Observations
from humanoid_envs.mdp.rewards import Rewards
from humanoid_envs.mdp.terminations import Terminations
from humanoid_envs.tasks.config import TaskConfig
from humanoid_envs.tasks.velocity import earlier


@dataclass(frozen=True)
class VelocityCommands(Commands):
    """Planar velocity and yaw rate."""

    velocity: commands.VelocityCommand = commands.VelocityCommand()


@dataclass(frozen=True)
class PolicyFrame(Frame):
    """What the actor sees."""

    history: History = 15
    clock: obs.Clock = obs.Clock()
    command_lin_vel: obs.CommandLinVel = obs.CommandLinVel(scale=2.0)
    command_yaw_rate: obs.CommandYawRate = obs.CommandYawRate()
    joint_pos: obs.JointPos = obs.JointPos(noise=0.03)
    joint_vel: obs.JointVel = obs.JointVel(scale=0.05, noise=0.015)
    action: obs.Action = obs.Action()
    base_ang_vel: obs.BaseAngVel = obs.BaseAngVel(noise=0.06)
    euler: obs.Euler = obs.Euler(noise=0.018)


@dataclass(frozen=True)
class CriticFrame(Frame):
    """What the critic sees: also what only a simulator knows, without noise."""

    history: History = 3
    clock: obs.Clock = obs.Clock()
    command_lin_vel: obs.CommandLinVel = obs.CommandLinVel(scale=2.0)
    command_yaw_rate: obs.CommandYawRate = obs.CommandYawRate()
    joint_pos: obs.JointPos = obs.JointPos()
    joint_vel: obs.JointVel = obs.JointVel(scale=0.05)
    action: obs.Action = obs.Action()
    joint_pos_error: obs.JointPosError = obs.JointPosError()
    base_lin_vel: obs.BaseLinVel = obs.BaseLinVel(scale=2.0)
    base_ang_vel: obs.BaseAngVel = obs.BaseAngVel()
    euler: obs.Euler = obs.Euler()
    push: obs.PushVelocity = obs.PushVelocity()
    foot_friction: obs.FootFriction = obs.FootFriction()
    base_mass: obs.BaseMass = obs.BaseMass(scale=1.0 / 30.0)
    stance: obs.Stance = obs.Stance()
    contact: obs.Contact = obs.Contact()


@dataclass(frozen=True)
class TrackingCriticFrame(CriticFrame):
    """Also what the rewards on averaged velocity and foot heights are about: without it a critic can only
    guess them."""

    mean_velocity_error: obs.MeanVelocityError = obs.MeanVelocityError(scale=4.0)
    base_height: obs.BaseHeight = obs.BaseHeight(scale=4.0)
    foot_height: obs.FootHeight = obs.FootHeight(scale=4.0)


@dataclass(frozen=True)
class VelocityObservations(Observations):
    """What actor and critic see."""

    policy: PolicyFrame = PolicyFrame()
    critic: CriticFrame = CriticFrame()


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
class VelocityTerminations(Terminations):
    """Falls."""

    base_contact: terminations.BaseContact = terminations.BaseContact()
    low_base: terminations.LowBase = terminations.LowBase()
    tilt: terminations.Tilt = terminations.Tilt()


@dataclass(frozen=True)
class VelocityRandomization(Randomization):
    """Domain randomization, starts and pushes; a range of zero width switches its draw off."""

    foot_friction: events.FootFriction = events.FootFriction(range=(0.1, 2.0))
    added_mass: events.AddedMass = events.AddedMass(range=(-5.0, 5.0))
    gains: events.Gains = events.Gains()
    push: events.Push = events.Push(period=4.0, lin_vel=0.2, ang_vel=0.4)
    start_yaw: events.StartYaw = events.StartYaw()
    start_phase: events.StartPhase = events.StartPhase()
    start_joint_pos: events.StartJointPos = events.StartJointPos(angle=0.1)


@dataclass(frozen=True)
class VelocityConfig(TaskConfig):
    """The whole task: walk at a commanded planar velocity and yaw rate."""

    commands: VelocityCommands = field(default_factory=VelocityCommands)
    observations: VelocityObservations = field(default_factory=VelocityObservations)
    rewards: VelocityRewards = field(default_factory=VelocityRewards)
    terminations: VelocityTerminations = field(default_factory=VelocityTerminations)
    randomization: VelocityRandomization = field(default_factory=VelocityRandomization)

    @classmethod
    def upgraded(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Terms had their values in other places once."""
        return earlier.with_terms(values)
