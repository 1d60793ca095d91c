"""Velocity commands: (N, 4) of vx, vy (m/s, body frame), yaw rate (rad/s), heading (rad, world frame).

A heading of infinity is none: in heading mode the robot is then not to turn.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from humanoid_envs.rotations import wrap_angle
from humanoid_envs.tasks.velocity.config import CommandConfig


def sample(uniform: Tensor, config: CommandConfig) -> Tensor:
    """(N, 4) commands from (N, 6) uniform numbers in [0, 1)."""
    ranges = (config.lin_vel_x, config.lin_vel_y, config.yaw_rate, config.heading)
    columns = [low + (high - low) * uniform[:, i : i + 1] for i, (low, high) in enumerate(ranges)]
    velocity = torch.cat(columns[:3], dim=1)
    kind, axis = uniform[:, 4:5], (3.0 * uniform[:, 5:6]).floor()
    one_axis = torch.cat([axis == 0, axis == 1, axis == 2], dim=1) * velocity
    standing, single = config.standing_share, config.single_axis_share
    velocity = torch.where(kind < standing + single, one_axis, velocity)
    velocity = torch.where(kind < standing, torch.zeros_like(velocity), velocity)
    heading = columns[3]
    if config.heading_mode:
        straight = (kind < standing) | ((kind < standing + single) & (axis < 2))
        heading = torch.where(straight, torch.full_like(heading, math.inf), heading)
    return torch.cat([velocity, heading], dim=1)


def resample(command: Tensor, mask: Tensor, drawn: Tensor, config: CommandConfig) -> Tensor:
    """Commands with the masked rows replaced by drawn ones; slow ones become standing still.

    With a heading, the yaw rate is not drawn but follows in `follow_heading`.
    """
    planar = drawn[:, :2]
    planar = torch.where((planar.norm(dim=1) > config.min_speed)[:, None], planar, torch.zeros_like(planar))
    yaw_rate = command[:, 2:3] if config.heading_mode else drawn[:, 2:3]
    return torch.where(mask[:, None], torch.cat([planar, yaw_rate, drawn[:, 3:]], dim=1), command)


def follow_heading(command: Tensor, heading: Tensor, config: CommandConfig) -> Tensor:
    """Commands with the yaw rate that turns the robot from its heading (N,) to the commanded one; 0 where
    there is none."""
    if not config.heading_mode:
        return command
    limit = config.max_heading_yaw_rate
    yaw_rate = (config.heading_gain * wrap_angle(command[:, 3] - heading)).clamp(-limit, limit)
    yaw_rate = torch.where(command[:, 3].isinf(), torch.zeros_like(yaw_rate), yaw_rate)
    return torch.cat([command[:, :2], yaw_rate[:, None], command[:, 3:]], dim=1)
