"""Reward terms of the Humanoid-Gym release and a few of our own, as pure functions (N envs -> (N,)).

Each takes what the robot did (`RewardInputs`) and the parameters; weights are applied in `evaluate`. Where a
formula surprises (square roots of speeds, averages of which one half is always 1), it is the release's.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Callable, Dict, List, Tuple

import torch
from torch import Tensor

from humanoid_envs.simulators.simulator import SimState
from humanoid_envs.tasks.velocity.config import RewardConfig, RewardScales


@dataclass(frozen=True)
class RewardInputs:
    """One policy step of N envs, as the terms see it: before pushes and resets unless said otherwise."""

    state: SimState
    base_lin_vel: Tensor
    """(N, 3) body frame, m/s."""
    base_ang_vel: Tensor
    """(N, 3) body frame, rad/s."""
    euler: Tensor
    """(N, 3) roll, pitch, yaw."""
    gravity: Tensor
    """(N, 3) direction of gravity in the body frame, unit vector."""
    command: Tensor
    """(N, 4) vx, vy, yaw rate, heading."""
    stance: Tensor
    """(N, 2) bool: which feet are to stand by the clock."""
    contact: Tensor
    """(N, 2) bool: which feet are in contact."""
    lift: Tensor
    """(N, 2) height gained by each foot since it last touched the ground, m."""
    air_time: Tensor
    """(N, 2) time each foot has been in the air, this step included, s."""
    landed: Tensor
    """(N, 2) bool: the air phase ends with this step."""
    joint_pos: Tensor
    """(N, J) from the default pose, rad."""
    reference_joint_pos: Tensor
    """(N, J) the reference that the last observation showed, rad."""
    action: Tensor
    last_action: Tensor
    second_last_action: Tensor
    """(N, J) executed actions of this step and the two before."""
    last_joint_vel: Tensor
    """(N, J) at the end of the step before, rad/s."""
    base_velocity: Tensor
    last_base_velocity: Tensor
    """(N, 6) linear and angular, world frame, after this step's push; and that of the step before."""
    policy_period: float
    mean_velocity_error: Tensor
    """(N, 3) command minus velocity (vx, vy, yaw rate; body frame), low-pass filtered."""
    swing_profile: Tensor
    """(N, 2) from 0 to 1: how high each foot is to be by the clock."""
    foot_height: Tensor
    """(N, 2) height of the soles, m."""


def joint_pos(x: RewardInputs, c: RewardConfig) -> Tensor:
    error = (x.joint_pos - x.reference_joint_pos).norm(dim=1)
    return torch.exp(-2.0 * error) - 0.2 * error.clamp(0.0, 0.5)


def feet_clearance(x: RewardInputs, c: RewardConfig) -> Tensor:
    near = (x.lift - c.clearance).abs() < c.clearance_tolerance
    return (near & ~x.stance).sum(dim=1).float()


def feet_contact_number(x: RewardInputs, c: RewardConfig) -> Tensor:
    return torch.where(x.contact == x.stance, 1.0, -0.3).mean(dim=1)


def feet_air_time(x: RewardInputs, c: RewardConfig) -> Tensor:
    return (x.air_time.clamp(0.0, c.max_air_time) * x.landed).sum(dim=1)


def foot_slip(x: RewardInputs, c: RewardConfig) -> Tensor:
    return (x.state.feet_vel[..., :2].norm(dim=-1).sqrt() * x.contact).sum(dim=1)


def _within(distance: Tensor, lower: float, upper: float) -> Tensor:
    too_near = (distance - lower).clamp(-0.5, 0.0).abs()
    too_far = (distance - upper).clamp(0.0, 0.5)
    return 0.5 * (torch.exp(-100.0 * too_near) + torch.exp(-100.0 * too_far))


def feet_distance(x: RewardInputs, c: RewardConfig) -> Tensor:
    apart = x.state.feet_pos[:, 0, :2] - x.state.feet_pos[:, 1, :2]
    return _within(apart.norm(dim=1), c.min_distance, c.max_feet_distance)


def knee_distance(x: RewardInputs, c: RewardConfig) -> Tensor:
    apart = x.state.knees_pos[:, 0, :2] - x.state.knees_pos[:, 1, :2]
    return _within(apart.norm(dim=1), c.min_distance, c.max_knee_distance)


def feet_contact_forces(x: RewardInputs, c: RewardConfig) -> Tensor:
    force = x.state.feet_contact_force.norm(dim=-1)
    return (force - c.max_contact_force).clamp(0.0, 400.0).sum(dim=1)


def tracking_lin_vel(x: RewardInputs, c: RewardConfig) -> Tensor:
    error = (x.command[:, :2] - x.base_lin_vel[:, :2]).square().sum(dim=1)
    return torch.exp(-c.tracking_sharpness * error)


def tracking_ang_vel(x: RewardInputs, c: RewardConfig) -> Tensor:
    error = (x.command[:, 2] - x.base_ang_vel[:, 2]).square()
    return torch.exp(-c.tracking_sharpness * error)


def vel_mismatch_exp(x: RewardInputs, c: RewardConfig) -> Tensor:
    vertical = torch.exp(-10.0 * x.base_lin_vel[:, 2].square())
    tilting = torch.exp(-5.0 * x.base_ang_vel[:, :2].norm(dim=1))
    return 0.5 * (vertical + tilting)


def low_speed(x: RewardInputs, c: RewardConfig) -> Tensor:
    speed, command = x.base_lin_vel[:, 0], x.command[:, 0]
    reward = torch.full_like(speed, 1.2)
    reward = torch.where(speed.abs() > 1.2 * command.abs(), 0.0, reward)
    reward = torch.where(speed.abs() < 0.5 * command.abs(), -1.0, reward)
    reward = torch.where(speed.sign() != command.sign(), -2.0, reward)
    return reward * (command.abs() > 0.1)


def track_vel_hard(x: RewardInputs, c: RewardConfig) -> Tensor:
    planar = (x.command[:, :2] - x.base_lin_vel[:, :2]).norm(dim=1)
    yaw = (x.command[:, 2] - x.base_ang_vel[:, 2]).abs()
    return 0.5 * (torch.exp(-10.0 * planar) + torch.exp(-10.0 * yaw)) - 0.2 * (planar + yaw)


def default_joint_pos(x: RewardInputs, c: RewardConfig) -> Tensor:
    half = x.joint_pos.shape[1] // 2
    roll_yaw = x.joint_pos[:, :2].norm(dim=1) + x.joint_pos[:, half : half + 2].norm(dim=1)
    away = (roll_yaw - c.default_joint_dead_band).clamp(0.0, 50.0)
    return torch.exp(-c.default_joint_sharpness * away) - 0.01 * x.joint_pos.norm(dim=1)


def orientation(x: RewardInputs, c: RewardConfig) -> Tensor:
    tilt = torch.exp(-10.0 * x.euler[:, :2].abs().sum(dim=1))
    return 0.5 * (tilt + torch.exp(-20.0 * x.gravity[:, :2].norm(dim=1)))


def base_height(x: RewardInputs, c: RewardConfig) -> Tensor:
    stance = x.stance.float()
    standing_foot = (x.state.feet_pos[..., 2] * stance).sum(dim=1) / stance.sum(dim=1)
    height = x.state.base_pos[:, 2] - (standing_foot - c.sole_height)
    return torch.exp(-c.base_height_sharpness * (height - c.base_height).abs())


def base_acc(x: RewardInputs, c: RewardConfig) -> Tensor:
    return torch.exp(-3.0 * (x.last_base_velocity - x.base_velocity).norm(dim=1))


def action_smoothness(x: RewardInputs, c: RewardConfig) -> Tensor:
    change = (x.last_action - x.action).square().sum(dim=1)
    bend = (x.action + x.second_last_action - 2.0 * x.last_action).square().sum(dim=1)
    return change + bend + 0.05 * x.action.abs().sum(dim=1)


def torques(x: RewardInputs, c: RewardConfig) -> Tensor:
    return x.state.joint_torque.square().sum(dim=1)


def dof_vel(x: RewardInputs, c: RewardConfig) -> Tensor:
    return x.state.joint_vel.square().sum(dim=1)


def dof_acc(x: RewardInputs, c: RewardConfig) -> Tensor:
    return ((x.last_joint_vel - x.state.joint_vel) / x.policy_period).square().sum(dim=1)


def collision(x: RewardInputs, c: RewardConfig) -> Tensor:
    return (x.state.base_contact_force.norm(dim=1) > 0.1).float()


def mean_tracking_lin_vel(x: RewardInputs, c: RewardConfig) -> Tensor:
    return torch.exp(-x.mean_velocity_error[:, :2].norm(dim=1) / c.mean_tracking_width)


def mean_tracking_ang_vel(x: RewardInputs, c: RewardConfig) -> Tensor:
    return torch.exp(-x.mean_velocity_error[:, 2].abs() / c.mean_tracking_width)


def mean_tracking_error(x: RewardInputs, c: RewardConfig) -> Tensor:
    return x.mean_velocity_error.norm(dim=1)


def swing_height(x: RewardInputs, c: RewardConfig) -> Tensor:
    error = (x.foot_height - c.swing_peak * x.swing_profile).abs()
    return (torch.exp(-error / c.swing_width) * ~x.stance).sum(dim=1)


def alive(x: RewardInputs, c: RewardConfig) -> Tensor:
    return torch.ones_like(x.command[:, 0])


Term = Callable[[RewardInputs, RewardConfig], Tensor]
_TERMS: Dict[str, Term] = {
    term.__name__: term
    for term in (
        joint_pos,
        feet_clearance,
        feet_contact_number,
        feet_air_time,
        foot_slip,
        feet_distance,
        knee_distance,
        feet_contact_forces,
        tracking_lin_vel,
        tracking_ang_vel,
        vel_mismatch_exp,
        low_speed,
        track_vel_hard,
        default_joint_pos,
        orientation,
        base_height,
        base_acc,
        action_smoothness,
        torques,
        dof_vel,
        dof_acc,
        collision,
        mean_tracking_lin_vel,
        mean_tracking_ang_vel,
        mean_tracking_error,
        swing_height,
        alive,
    )
}


def active_terms(scales: RewardScales) -> Tuple[str, ...]:
    """Names of the terms with a weight, in the order of `RewardScales`."""
    return tuple(f.name for f in dataclasses.fields(scales) if getattr(scales, f.name) != 0.0)


def raw_terms(inputs: RewardInputs, config: RewardConfig) -> Tensor:
    """(N, T) the active terms, unweighted."""
    values: List[Tensor] = [_TERMS[name](inputs, config) for name in active_terms(config.scales)]
    return torch.stack(values, dim=1) if values else inputs.command[:, :0]


def total(scaled: Tensor, config: RewardConfig) -> Tensor:
    """(N,) reward: the sum of the weighted terms (N, T)."""
    reward = scaled.sum(dim=1)
    return reward.clamp(min=0.0) if config.only_positive else reward
