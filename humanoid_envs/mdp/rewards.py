"""Reward terms: those of the Humanoid-Gym release and a few of our own.

Where a formula surprises (square roots of speeds, averages of which one half is always 1), it is the
release's. Commands are those of a `VelocityCommand` named `velocity`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Dict, Optional, TypeVar

import torch
from torch import Tensor
from typing_extensions import Annotated

from humanoid_envs.configs import Config, NonNegative, Positive
from humanoid_envs.mdp import measures
from humanoid_envs.mdp.live import LiveNumber
from humanoid_envs.mdp.measures import PER, Measure
from humanoid_envs.mdp.step import Step
from humanoid_envs.mdp.terms import Term, terms_of
from humanoid_envs.robots.robot import SIDES

R = TypeVar("R", bound="Rewards")


@dataclass(frozen=True)
class RewardTerm(Term):
    """(N,) a part of the reward; `weight` times it is what counts, per second."""

    per: ClassVar[Optional[Measure]] = None
    """Of what the weight is for one unit, see `humanoid_envs.mdp.measures`."""
    weight: Annotated[LiveNumber, PER] = 0.0
    """Of the term, per second; one of weight 0 is not computed."""


@dataclass(frozen=True)
class Rewards(Config):
    """Base of groups of reward terms: fields that are a `RewardTerm`, in the order of the terms."""

    only_positive: bool = True
    """Clip the sum of all terms at 0 from below."""

    @property
    def active(self) -> Dict[str, RewardTerm]:
        """The terms with a weight, by their names."""
        return {name: term for name, term in terms_of(self, RewardTerm).items() if term.weight != 0.0}

    def only(self: R, *kept: str) -> R:
        """The same group with weight 1 of the terms named and 0 of all others."""
        weights = {name: float(name in kept) for name in terms_of(self, RewardTerm)}
        return self.replace({f"{name}.weight": weight for name, weight in weights.items()})

    def total(self, scaled: Tensor) -> Tensor:
        """(N,) reward: the sum of the weighted terms (N, T)."""
        reward = scaled.sum(dim=1)
        return reward.clamp(min=0.0) if self.only_positive else reward


# Walking


@dataclass(frozen=True)
class JointPos(RewardTerm):
    """exp(−2·‖e‖) − 0.2·clip(‖e‖, 0, 0.5), e: joint angles minus the gait's reference, rad. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        error = (step.joint_pos - step.shown_reference_joint_pos).norm(dim=1)
        return torch.exp(-2.0 * error) - 0.2 * error.clamp(0.0, 0.5)


@dataclass(frozen=True)
class FeetClearance(RewardTerm):
    """Number of swinging feet whose lift since the last contact is within a tolerance of the target.
    (Release)"""

    target: Annotated[NonNegative, measures.LENGTH] = 0.06
    """m"""
    tolerance: Annotated[Positive, measures.LENGTH] = 0.01
    """m"""

    def __call__(self, step: Step) -> Tensor:
        near = (step.lift - self.target).abs() < self.tolerance
        return (near & ~step.gait.stance).sum(dim=1).float()


@dataclass(frozen=True)
class FeetContactNumber(RewardTerm):
    """Mean over the feet of 1 where contact is as the clock says, −0.3 elsewhere. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return torch.where(step.contact == step.gait.stance, 1.0, -0.3).mean(dim=1)


@dataclass(frozen=True)
class FeetAirTime(RewardTerm):
    """Time in the air of the feet that land in this step, each up to a longest, s. (Release)"""

    per: ClassVar[Optional[Measure]] = measures.TIME

    longest: Annotated[NonNegative, measures.TIME] = 0.5
    """s"""

    def __call__(self, step: Step) -> Tensor:
        return (step.air_time.clamp(0.0, self.longest) * step.landed).sum(dim=1)


@dataclass(frozen=True)
class FootSlip(RewardTerm):
    """Σ √(horizontal speed) of the feet in contact, √(m/s). (Release)"""

    per: ClassVar[Optional[Measure]] = measures.SPEED**0.5

    def __call__(self, step: Step) -> Tensor:
        return (step.state.feet_vel[..., :2].norm(dim=-1).sqrt() * step.contact).sum(dim=1)


@dataclass(frozen=True)
class FeetDistance(RewardTerm):
    """½·(exp(−100·a) + exp(−100·b)), a and b: how far the feet are horizontally below the least distance and
    beyond the most, m. (Release)"""

    least: Annotated[Positive, measures.FEET_APART] = 0.2
    """m"""
    most: Annotated[Positive, measures.FEET_APART] = 0.5
    """m"""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.most >= self.least, "most", f"at least `least`, {self.least:g}")

    def __call__(self, step: Step) -> Tensor:
        apart = step.state.feet_pos[:, 0, :2] - step.state.feet_pos[:, 1, :2]
        return _within(apart.norm(dim=1), self.least, self.most)


@dataclass(frozen=True)
class KneeDistance(FeetDistance):
    """The same of the knees. (Release)"""

    least: Annotated[Positive, measures.KNEES_APART] = 0.2
    most: Annotated[Positive, measures.KNEES_APART] = 0.25

    def __call__(self, step: Step) -> Tensor:
        apart = step.state.knees_pos[:, 0, :2] - step.state.knees_pos[:, 1, :2]
        return _within(apart.norm(dim=1), self.least, self.most)


@dataclass(frozen=True)
class FeetContactForces(RewardTerm):
    """Σ clip(force − free, 0, most) over the feet, N. (Release)"""

    per: ClassVar[Optional[Measure]] = measures.FORCE

    free: Annotated[NonNegative, measures.FORCE] = 700.0
    """Force that costs nothing, N."""
    most: Annotated[NonNegative, measures.FORCE] = 400.0
    """Force beyond that which counts, N."""

    def __call__(self, step: Step) -> Tensor:
        force = step.state.feet_contact_force.norm(dim=-1)
        return (force - self.free).clamp(0.0, self.most).sum(dim=1)


@dataclass(frozen=True)
class SwingHeight(RewardTerm):
    """Σ exp(−|z − peak·profile| / width) over the feet that are to swing, z: height of the sole, m."""

    peak: Annotated[NonNegative, measures.LENGTH] = 0.08
    """Height of the sole at mid-swing, m."""
    width: Annotated[Positive, measures.LENGTH] = 0.03
    """Deviation at which the term has fallen to 1/e, m."""

    def __call__(self, step: Step) -> Tensor:
        error = (step.foot_height - self.peak * step.gait.swing_profile).abs()
        return (torch.exp(-error / self.width) * ~step.gait.stance).sum(dim=1)


# Following the command


@dataclass(frozen=True)
class TrackingLinVel(RewardTerm):
    """exp(−sharpness·‖e‖²), e: commanded minus horizontal velocity, m/s. (Release; the field's sigma is
    1/sharpness)"""

    sharpness: Annotated[Positive, measures.SPEED**-2.0] = 5.0
    """(s/m)²"""

    def __call__(self, step: Step) -> Tensor:
        error = (step.commands["velocity"][:, :2] - step.base_lin_vel[:, :2]).square().sum(dim=1)
        return torch.exp(-self.sharpness * error)


@dataclass(frozen=True)
class TrackingAngVel(RewardTerm):
    """exp(−sharpness·e²), e: commanded minus yaw rate, rad/s. (Release)"""

    sharpness: Annotated[Positive, measures.RATE**-2.0] = 5.0
    """(s/rad)²"""

    def __call__(self, step: Step) -> Tensor:
        error = (step.commands["velocity"][:, 2] - step.base_ang_vel[:, 2]).square()
        return torch.exp(-self.sharpness * error)


@dataclass(frozen=True)
class VelMismatchExp(RewardTerm):
    """½·(exp(−10·vz²) + exp(−5·‖ω_xy‖)): neither up and down nor tilting. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        vertical = torch.exp(-10.0 * step.base_lin_vel[:, 2].square())
        tilting = torch.exp(-5.0 * step.base_ang_vel[:, :2].norm(dim=1))
        return 0.5 * (vertical + tilting)


@dataclass(frozen=True)
class LowSpeed(RewardTerm):
    """Where more than 0.1 m/s forward or back is commanded: −2 for the wrong direction, −1 below half the
    command, 0 above 1.2 times it, 1.2 in between. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        speed, command = step.base_lin_vel[:, 0], step.commands["velocity"][:, 0]
        reward = torch.full_like(speed, 1.2)
        reward = torch.where(speed.abs() > 1.2 * command.abs(), 0.0, reward)
        reward = torch.where(speed.abs() < 0.5 * command.abs(), -1.0, reward)
        reward = torch.where(speed.sign() != command.sign(), -2.0, reward)
        return reward * (command.abs() > 0.1)


@dataclass(frozen=True)
class TrackVelHard(RewardTerm):
    """½·(exp(−10·‖e_xy‖) + exp(−10·|e_yaw|)) − 0.2·(‖e_xy‖ + |e_yaw|), e: commanded minus actual velocity,
    m/s and rad/s. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        command = step.commands["velocity"]
        planar = (command[:, :2] - step.base_lin_vel[:, :2]).norm(dim=1)
        yaw = (command[:, 2] - step.base_ang_vel[:, 2]).abs()
        return 0.5 * (torch.exp(-10.0 * planar) + torch.exp(-10.0 * yaw)) - 0.2 * (planar + yaw)


@dataclass(frozen=True)
class MeanTrackingLinVel(RewardTerm):
    """exp(−‖e‖ / width), e: averaged commanded minus horizontal velocity, m/s. A walking body sways by
    0.1 m/s even when its mean velocity is exact, so that the error of an instant punishes walking."""

    width: Annotated[Positive, measures.SPEED] = 0.1
    """m/s"""

    def __call__(self, step: Step) -> Tensor:
        return torch.exp(-step.command_error[:, :2].norm(dim=1) / self.width)


@dataclass(frozen=True)
class MeanTrackingAngVel(RewardTerm):
    """exp(−|e| / width), e: averaged commanded minus yaw rate, rad/s."""

    width: Annotated[Positive, measures.RATE] = 0.1
    """rad/s"""

    def __call__(self, step: Step) -> Tensor:
        return torch.exp(-step.command_error[:, 2].abs() / self.width)


@dataclass(frozen=True)
class MeanTrackingError(RewardTerm):
    """‖e‖, e: averaged command minus velocity: vx, vy (m/s), yaw rate (rad/s)."""

    per: ClassVar[Optional[Measure]] = measures.SPEED

    def __call__(self, step: Step) -> Tensor:
        return step.command_error[:, :3].norm(dim=1)


# Posture


@dataclass(frozen=True)
class DefaultJointPos(RewardTerm):
    """exp(−sharpness·clip(h − dead_band, 0, 50)) − 0.01·‖q‖, q: joint angles from the default pose, h: norm
    of the left hip's roll and yaw plus the right's, rad; of those that there are. (Release)"""

    sharpness: Positive = 100.0
    """1/rad"""
    dead_band: NonNegative = 0.1
    """rad"""

    def __call__(self, step: Step) -> Tensor:
        roles = [role for role in ("hip_roll", "hip_yaw") if step.robot.has(role)]
        left, right = (
            torch.stack([step.joint_pos[:, i] for i in step.robot.columns(*roles, side=side)], 1)
            for side in SIDES
        )
        away = (left.norm(dim=1) + right.norm(dim=1) - self.dead_band).clamp(0.0, 50.0)
        return torch.exp(-self.sharpness * away) - 0.01 * step.joint_pos.norm(dim=1)


@dataclass(frozen=True)
class Orientation(RewardTerm):
    """½·(exp(−10·(|roll| + |pitch|)) + exp(−20·‖g_xy‖)), g: direction of gravity in the body frame.
    (Release)"""

    def __call__(self, step: Step) -> Tensor:
        tilt = torch.exp(-10.0 * step.euler[:, :2].abs().sum(dim=1))
        return 0.5 * (tilt + torch.exp(-20.0 * step.gravity[:, :2].norm(dim=1)))


@dataclass(frozen=True)
class BaseHeight(RewardTerm):
    """exp(−sharpness·|h − target|), h: height of the base over the soles of the feet that are to stand, m.
    (Release)"""

    sharpness: Annotated[Positive, measures.LENGTH**-1.0] = 100.0
    """1/m"""
    target: Annotated[Positive, measures.BASE_HEIGHT] = 0.89
    """m"""

    def __call__(self, step: Step) -> Tensor:
        stance = step.gait.stance.float()
        standing_foot = (step.state.feet_pos[..., 2] * stance).sum(dim=1) / stance.sum(dim=1)
        height = step.state.base_pos[:, 2] - (standing_foot - step.sole_height)
        return torch.exp(-self.sharpness * (height - self.target).abs())


@dataclass(frozen=True)
class Alive(RewardTerm):
    """1 in every step."""

    def __call__(self, step: Step) -> Tensor:
        return torch.ones_like(step.state.base_pos[:, 0])


# Effort


@dataclass(frozen=True)
class BaseAcc(RewardTerm):
    """exp(−3·‖Δv‖), Δv: change of the base's linear (m/s) and angular (rad/s) velocity in a step, that of a
    push included. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return torch.exp(-3.0 * (step.last_base_velocity - step.base_velocity).norm(dim=1))


@dataclass(frozen=True)
class ActionSmoothness(RewardTerm):
    """‖a − a₁‖² + ‖a + a₂ − 2·a₁‖² + 0.05·Σ|a|, a: executed actions of this step and the two before.
    (Release)"""

    per: ClassVar[Optional[Measure]] = measures.JOINTS

    def __call__(self, step: Step) -> Tensor:
        change = (step.last_action - step.action).square().sum(dim=1)
        bend = (step.action + step.second_last_action - 2.0 * step.last_action).square().sum(dim=1)
        return change + bend + 0.05 * step.action.abs().sum(dim=1)


@dataclass(frozen=True)
class Torques(RewardTerm):
    """Σ torque², (N·m)². (Release)"""

    per: ClassVar[Optional[Measure]] = measures.JOINTS * measures.TORQUE**2

    def __call__(self, step: Step) -> Tensor:
        return step.state.joint_torque.square().sum(dim=1)


@dataclass(frozen=True)
class DofVel(RewardTerm):
    """Σ joint velocity², (rad/s)². (Release)"""

    per: ClassVar[Optional[Measure]] = measures.JOINTS * measures.RATE**2

    def __call__(self, step: Step) -> Tensor:
        return step.state.joint_vel.square().sum(dim=1)


@dataclass(frozen=True)
class DofAcc(RewardTerm):
    """Σ (change of joint velocity / period)², (rad/s²)². (Release)"""

    per: ClassVar[Optional[Measure]] = measures.JOINTS * measures.RATE**4

    def __call__(self, step: Step) -> Tensor:
        return ((step.last_joint_vel - step.state.joint_vel) / step.period).square().sum(dim=1)


@dataclass(frozen=True)
class Collision(RewardTerm):
    """1 where anything above the hips touches something with more than 0.1 N. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return (step.state.base_contact_force.norm(dim=1) > 0.1).float()


def _within(distance: Tensor, least: float, most: float) -> Tensor:
    too_near = (distance - least).clamp(-0.5, 0.0).abs()
    too_far = (distance - most).clamp(0.0, 0.5)
    return 0.5 * (torch.exp(-100.0 * too_near) + torch.exp(-100.0 * too_far))
