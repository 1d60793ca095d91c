"""The standing task's groups of terms, and its preset."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from humanoid_envs.configs import Positive
from humanoid_envs.mdp import events, terminations
from humanoid_envs.mdp import observations as obs
from humanoid_envs.mdp import rewards as terms
from humanoid_envs.mdp.commands import Commands
from humanoid_envs.mdp.events import Randomization
from humanoid_envs.mdp.observations import Frame, History, Observations
from humanoid_envs.mdp.rewards import Rewards
from humanoid_envs.mdp.terminations import Terminations
from humanoid_envs.simulators.simulator import PhysicsConfig
from humanoid_envs.tasks.config import ActionConfig, TaskConfig, quick_physics
from humanoid_envs.tasks.presets import register_preset
from humanoid_envs.tasks.standing import terms as own


@dataclass(frozen=True)
class StandingCommands(Commands):
    """How to stand."""

    resample_period: Positive = 5.0
    posture: own.PostureCommand = own.PostureCommand()


@dataclass(frozen=True)
class StandingFrame(Frame):
    """What the actor sees."""

    history: History = 10
    command_posture: own.CommandPosture = own.CommandPosture()
    joint_pos: obs.JointPos = obs.JointPos(noise=0.03)
    joint_vel: obs.JointVel = obs.JointVel(scale=0.05, noise=0.015)
    action: obs.Action = obs.Action()
    base_ang_vel: obs.BaseAngVel = obs.BaseAngVel(noise=0.06)
    gravity: obs.ProjectedGravity = obs.ProjectedGravity(noise=0.018)


@dataclass(frozen=True)
class StandingCriticFrame(StandingFrame):
    """What the critic sees."""

    history: History = 3
    joint_pos: obs.JointPos = obs.JointPos()
    joint_vel: obs.JointVel = obs.JointVel(scale=0.05)
    base_ang_vel: obs.BaseAngVel = obs.BaseAngVel()
    gravity: obs.ProjectedGravity = obs.ProjectedGravity()
    base_lin_vel: obs.BaseLinVel = obs.BaseLinVel(scale=2.0)
    base_height: obs.BaseHeight = obs.BaseHeight(scale=4.0)
    foot_height: obs.FootHeight = obs.FootHeight(scale=4.0)
    contact: obs.Contact = obs.Contact()
    posture_error: own.PostureError = own.PostureError(scale=4.0)
    push: obs.PushVelocity = obs.PushVelocity()
    foot_friction: obs.FootFriction = obs.FootFriction()
    base_mass: obs.BaseMass = obs.BaseMass(scale=1.0 / 30.0)


@dataclass(frozen=True)
class StandingObservations(Observations):
    """What actor and critic see."""

    policy: StandingFrame = StandingFrame()
    critic: StandingCriticFrame = StandingCriticFrame()


@dataclass(frozen=True)
class StandingRewards(Rewards):
    """Posture, support and rest."""

    only_positive: bool = False
    height: own.TrackHeight = own.TrackHeight(1.5)
    pitch: own.TrackPitch = own.TrackPitch(1.0)
    support: own.Support = own.Support(1.0)
    lift_height: own.LiftHeight = own.LiftHeight(1.5)
    still: own.Still = own.Still(1.0)
    default_joint_pos: terms.DefaultJointPos = terms.DefaultJointPos(0.3, sharpness=4.0, dead_band=0.2)
    feet_distance: terms.FeetDistance = terms.FeetDistance(0.2)
    foot_slip: terms.FootSlip = terms.FootSlip(-0.2)
    steps: own.Steps = own.Steps(-1.0)
    action_smoothness: terms.ActionSmoothness = terms.ActionSmoothness(-0.02)
    torques: terms.Torques = terms.Torques(-1e-05)
    dof_vel: terms.DofVel = terms.DofVel(-0.0005)
    dof_acc: terms.DofAcc = terms.DofAcc(-1e-07)
    alive: terms.Alive = terms.Alive(0.5)


@dataclass(frozen=True)
class StandingTerminations(Terminations):
    """Falls."""

    episode_length: Positive = 10.0
    base_contact: terminations.BaseContact = terminations.BaseContact()
    low_base: terminations.LowBase = terminations.LowBase(height=0.5)
    tilt: terminations.Tilt = terminations.Tilt(angle=0.925)


@dataclass(frozen=True)
class StandingRandomization(Randomization):
    """Domain randomization, starts and pushes."""

    foot_friction: events.FootFriction = events.FootFriction(range=(0.3, 1.6))
    added_mass: events.AddedMass = events.AddedMass(range=(-5.0, 5.0))
    gains: events.Gains = events.Gains(share=0.1)
    push: events.Push = events.Push(period=3.0, lin_vel=0.4, ang_vel=0.4, adds=True)
    start_yaw: events.StartYaw = events.StartYaw(angle=math.pi)
    start_joint_pos: events.StartJointPos = events.StartJointPos(angle=0.1)


@dataclass(frozen=True)
class StandingConfig(TaskConfig):
    """The whole task: stand still as told."""

    physics: PhysicsConfig = field(default_factory=quick_physics)
    actions: ActionConfig = field(default_factory=lambda: ActionConfig(delay=0.0))
    commands: StandingCommands = field(default_factory=StandingCommands)
    observations: StandingObservations = field(default_factory=StandingObservations)
    rewards: StandingRewards = field(default_factory=StandingRewards)
    terminations: StandingTerminations = field(default_factory=StandingTerminations)
    randomization: StandingRandomization = field(default_factory=StandingRandomization)


@register_preset("stand")
def stand() -> StandingConfig:
    """Hold still on one or two feet, at a commanded height and pitch, against pushes."""
    return StandingConfig()
