"""Reward terms of denoising world model learning (Gu et al., arXiv 2408.14472).

φ(e, w) = exp(−w·‖e‖²). Commands are those of a `VelocityCommand` named `velocity`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Optional

import torch
from torch import Tensor
from typing_extensions import Annotated

from humanoid_envs.configs import NonNegative, Positive
from humanoid_envs.mdp import measures
from humanoid_envs.mdp.measures import LENGTH, RATE, SPEED, TIME, Measure
from humanoid_envs.mdp.rewards import RewardTerm
from humanoid_envs.mdp.step import Step

SWING_TIME = 0.5
"""Duration of the swing that `swing_height` is about, s."""
SWING_PEAK = 0.1
"""Its height at mid-swing, m."""
_COEFFICIENTS = (9.6, 12.0, -18.8, 5.0, 0.1, 0.0)
"""Of t⁵ to t⁰."""


def swing_height(t: Tensor) -> Tensor:
    """f(t) = 0.1·t + 5·t² − 18.8·t³ + 12·t⁴ + 9.6·t⁵, m, the height of a foot t seconds into a swing of
    0.5 s: 0.1 m at 0.25 s, close to its top; at the end on the ground, and at rest."""
    height = torch.zeros_like(t)
    for coefficient in _COEFFICIENTS:
        height = height * t + coefficient
    return height


def swing_speed(t: Tensor) -> Tensor:
    """f′(t), m/s."""
    speed = torch.zeros_like(t)
    for power, coefficient in zip((5, 4, 3, 2, 1), _COEFFICIENTS):
        speed = speed * t + power * coefficient
    return speed


def swing_progress(phase: Tensor) -> Tensor:
    """(N, 2) from 0 to 1 how much of its swing each foot has behind it, by the phase (N,) of the gait, in
    cycles; 0 before a swing and 1 after it, where `swing_height` is 0. The right one swings first."""
    doubled = 2.0 * (phase - phase.floor())
    return torch.stack([(doubled - 1.0).clamp(min=0.0), doubled.clamp(max=1.0)], dim=1)


@dataclass(frozen=True)
class _Near(RewardTerm):
    sharpness: Positive = 5.0
    """w"""

    def near(self, error: Tensor) -> Tensor:
        """φ(e, w) of (N, K)."""
        return torch.exp(-self.sharpness * error.square().sum(dim=1))


@dataclass(frozen=True)
class LinVel(_Near):
    """φ, e: velocity of the base minus the commanded one, whose vertical part is 0, body frame, m/s."""

    sharpness: Annotated[Positive, SPEED**-2.0] = 5.0

    def __call__(self, step: Step) -> Tensor:
        return self.near(step.base_lin_vel - _padded(step.commands["velocity"][:, :2], behind=1))


@dataclass(frozen=True)
class AngVel(_Near):
    """φ, e: angular velocity of the base minus the commanded one, which is about the vertical, body frame,
    rad/s."""

    sharpness: Annotated[Positive, RATE**-2.0] = 7.0

    def __call__(self, step: Step) -> Tensor:
        return self.near(step.base_ang_vel - _padded(step.commands["velocity"][:, 2:3], before=2))


@dataclass(frozen=True)
class Upright(_Near):
    """φ, e: roll and pitch, rad."""

    def __call__(self, step: Step) -> Tensor:
        return self.near(step.euler[:, :2])


@dataclass(frozen=True)
class BaseHeight(_Near):
    """φ, e: height of the base over the ground below it minus the target, m."""

    sharpness: Annotated[Positive, LENGTH**-2.0] = 10.0
    target: Annotated[Positive, measures.BASE_HEIGHT] = 0.89
    """m"""

    def __call__(self, step: Step) -> Tensor:
        return self.near(step.base_height[:, None] - self.target)


@dataclass(frozen=True)
class StanceForce(RewardTerm):
    """Σ clip(F / full, 0, 1) over the feet that are to stand, F: force on the foot, N."""

    weights: Positive = 1.07
    """The force that is full, in weights of the robot. (The paper's 400 N are 1.07 of XBot-S's 373 N)"""

    def __call__(self, step: Step) -> Tensor:
        full = self.weights * step.robot.weight
        force = step.state.feet_contact_force.norm(dim=-1)
        return ((force / full).clamp(0.0, 1.0) * step.gait.stance).sum(dim=1)


@dataclass(frozen=True)
class SwingSpeed(RewardTerm):
    """Σ clip(|v|, 0, most) over the feet that are to swing, v: velocity of the foot, m/s."""

    per: ClassVar[Optional[Measure]] = SPEED

    most: Annotated[Positive, SPEED] = 1.5
    """m/s. (The paper has no bound, which pays for feet that shake.)"""

    def __call__(self, step: Step) -> Tensor:
        speed = step.state.feet_vel.norm(dim=-1).clamp(max=self.most)
        return (speed * ~step.gait.stance).sum(dim=1)


@dataclass(frozen=True)
class SwingHeight(_Near):
    """φ, e: height of each sole over the ground minus `swing_height`, stretched over the swing; 0 in stance,
    m."""

    sharpness: Annotated[Positive, LENGTH**-2.0] = 5.0
    peak: Annotated[Positive, LENGTH] = SWING_PEAK
    """Height of the curve at mid-swing, m."""

    def __call__(self, step: Step) -> Tensor:
        wanted = swing_height(SWING_TIME * swing_progress(step.gait.phase)) * (self.peak / SWING_PEAK)
        return self.near(step.foot_height - torch.where(step.gait.stance, 0.0, wanted))


@dataclass(frozen=True)
class SwingVerticalSpeed(_Near):
    """φ, e: vertical velocity of each foot minus that of `swing_height`, stretched over the swing; 0 in
    stance, m/s."""

    sharpness: Annotated[Positive, SPEED**-2.0] = 3.0
    peak: Annotated[Positive, LENGTH] = SWING_PEAK
    """See `SwingHeight`."""
    swing: Annotated[Positive, TIME] = SWING_TIME
    """Duration of a swing, half of the gait's period, s."""

    def __call__(self, step: Step) -> Tensor:
        t = SWING_TIME * swing_progress(step.gait.phase)
        wanted = swing_speed(t) * (self.peak / SWING_PEAK * SWING_TIME / self.swing)
        return self.near(step.state.feet_vel[..., 2] - torch.where(step.gait.stance, 0.0, wanted))


@dataclass(frozen=True)
class DefaultPose(_Near):
    """φ, e: joint angles from the default pose, rad."""

    sharpness: Annotated[Positive, measures.JOINTS**-1.0] = 2.0

    def __call__(self, step: Step) -> Tensor:
        return self.near(step.joint_pos)


@dataclass(frozen=True)
class Power(RewardTerm):
    """Σ |torque|·|joint velocity|, W."""

    per: ClassVar[Optional[Measure]] = measures.JOINTS * measures.TORQUE * RATE

    def __call__(self, step: Step) -> Tensor:
        return (step.state.joint_torque * step.state.joint_vel).abs().sum(dim=1)


@dataclass(frozen=True)
class ActionBend(RewardTerm):
    """‖a − 2·a₁ + a₂‖, a: executed actions of this step and the two before."""

    per: ClassVar[Optional[Measure]] = measures.JOINTS**0.5

    def __call__(self, step: Step) -> Tensor:
        return (step.action - 2.0 * step.last_action + step.second_last_action).norm(dim=1)


@dataclass(frozen=True)
class LargeForce(RewardTerm):
    """Σ clip(F − free, 0, most) over the feet, F: force on the foot, N."""

    per: ClassVar[Optional[Measure]] = measures.FORCE

    weights: Positive = 1.07
    """The force that is free, in weights of the robot, see `StanceForce`."""
    most: Annotated[NonNegative, measures.FORCE] = 100.0
    """N"""

    def __call__(self, step: Step) -> Tensor:
        free = self.weights * step.robot.weight
        force = step.state.feet_contact_force.norm(dim=-1)
        return (force - free).clamp(0.0, self.most).sum(dim=1)


def _padded(values: Tensor, before: int = 0, behind: int = 0) -> Tensor:
    """(N, K) with columns of zeros."""
    return torch.nn.functional.pad(values, (before, behind))
