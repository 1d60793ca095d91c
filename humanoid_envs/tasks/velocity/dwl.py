"""The task of denoising world model learning (Gu et al., arXiv 2408.14472): what actor and critic see, and
what is rewarded. Of what the paper does not tell, it has what re-implementations or preset fast have.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from humanoid_envs.mdp import Observations, Rewards, dwl, events, privileged
from humanoid_envs.mdp import observations as obs
from humanoid_envs.mdp.gait import Gait
from humanoid_envs.mdp.observations import Frame, History
from humanoid_envs.tasks.config import TaskConfig
from humanoid_envs.tasks.presets import register_preset
from humanoid_envs.tasks.velocity.config import (
    PolicyFrame,
    TrackingCriticFrame,
    VelocityCommands,
    VelocityRandomization,
    VelocityTerminations,
)
from humanoid_envs.tasks.velocity.presets import fast


@dataclass(frozen=True)
class PrivilegedFrame(TrackingCriticFrame, PolicyFrame):
    """All that is known: for the critic, as what a decoder is to find, and for teachers that see it as their
    own observation. Noise, here and there, is 0."""

    history: History = 1
    base_lin_vel: obs.BaseLinVel = obs.BaseLinVel(scale=2.0)
    feet_pos: privileged.FeetPos = privileged.FeetPos(scale=2.0)
    feet_vel: privileged.FeetVel = privileged.FeetVel(scale=0.5)
    joint_torque: privileged.JointTorque = privileged.JointTorque(scale=0.02)
    gain_errors: privileged.GainErrors = privileged.GainErrors(scale=4.0)
    height_map: privileged.HeightMap = privileged.HeightMap(scale=4.0)


@dataclass(frozen=True)
class DWLObservations(Observations):
    """One noisy frame for the actor, which is to remember; all that is known for the critic."""

    policy: PolicyFrame = PolicyFrame(history=1)
    critic: Frame = PrivilegedFrame()


@dataclass(frozen=True)
class DWLRewards(Rewards):
    """The paper's terms and weights."""

    only_positive: bool = False
    lin_vel: dwl.LinVel = dwl.LinVel(1.0)
    ang_vel: dwl.AngVel = dwl.AngVel(1.0)
    upright: dwl.Upright = dwl.Upright(1.0)
    base_height: dwl.BaseHeight = dwl.BaseHeight(0.5)
    stance_force: dwl.StanceForce = dwl.StanceForce(1.0)
    swing_speed: dwl.SwingSpeed = dwl.SwingSpeed(1.0)
    swing_height: dwl.SwingHeight = dwl.SwingHeight(1.0)
    swing_vertical_speed: dwl.SwingVerticalSpeed = dwl.SwingVerticalSpeed(0.5)
    default_pose: dwl.DefaultPose = dwl.DefaultPose(0.2)
    power: dwl.Power = dwl.Power(-1e-4)
    action_bend: dwl.ActionBend = dwl.ActionBend(-0.01)
    large_force: dwl.LargeForce = dwl.LargeForce(-0.01)


@dataclass(frozen=True)
class DWLConfig(TaskConfig):
    """The whole task: walk at a commanded planar velocity and yaw rate."""

    gait: Gait = Gait(period=2.0 * dwl.SWING_TIME)
    commands: VelocityCommands = field(default_factory=VelocityCommands)
    observations: DWLObservations = field(default_factory=DWLObservations)
    rewards: DWLRewards = field(default_factory=DWLRewards)
    terminations: VelocityTerminations = field(default_factory=VelocityTerminations)
    randomization: VelocityRandomization = field(default_factory=VelocityRandomization)


@register_preset("dwl_flat")
def dwl_flat() -> DWLConfig:
    """The rewards, privileged state and randomization of denoising world model learning on flat ground, with
    the physics, commands, ends of episodes, starts and pushes of preset fast."""
    like = fast()
    return DWLConfig(
        physics=like.physics,
        commands=like.commands,
        terminations=like.terminations,
        randomization=like.randomization.replace(
            foot_friction=events.FootFriction(range=(0.2, 2.0)),
            added_mass=events.AddedMass(range=(-5.0, 20.0)),
            gains=events.Gains(share=0.2),
        ),
    )
