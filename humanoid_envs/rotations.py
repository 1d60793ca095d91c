"""Rotations of batched vectors. Quaternions are wxyz, angles in rad; leading axes broadcast.

Arguments of one call have the same number of axes. Rotated vectors and Euler angles are computed in float64
and returned in the arguments' type: the same bits from any library, and with or without fused multiply-add.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def rotate(quat: Tensor, vector: Tensor) -> Tensor:
    """Vector given in the body frame, expressed in the world frame. (..., 4), (..., 3) -> (..., 3)."""
    return _turned(quat[..., :1].double(), quat[..., 1:].double(), vector.double()).to(vector.dtype)


def rotate_inverse(quat: Tensor, vector: Tensor) -> Tensor:
    """Vector given in the world frame, expressed in the body frame. (..., 4), (..., 3) -> (..., 3)."""
    return _turned(-quat[..., :1].double(), quat[..., 1:].double(), vector.double()).to(vector.dtype)


def _turned(w: Tensor, xyz: Tensor, vector: Tensor) -> Tensor:
    cross = 2.0 * torch.linalg.cross(xyz, vector)
    return vector + w * cross + torch.linalg.cross(xyz, cross)


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton product a·b: first b, then a. (..., 4), (..., 4) -> (..., 4)."""
    aw, av, bw, bv = a[..., :1], a[..., 1:], b[..., :1], b[..., 1:]
    w = aw * bw - (av * bv).sum(-1, keepdim=True)
    return torch.cat([w, aw * bv + bw * av + torch.linalg.cross(av, bv)], dim=-1)


def from_yaw(yaw: Tensor) -> Tensor:
    """Rotation by yaw about the vertical. (...) -> (..., 4)."""
    zero = torch.zeros_like(yaw)
    return torch.stack([torch.cos(0.5 * yaw), zero, zero, torch.sin(0.5 * yaw)], dim=-1)


def roll_pitch_yaw(quat: Tensor) -> Tensor:
    """Euler angles of the intrinsic z-y-x convention, each in (−π, π]. (..., 4) -> (..., 3)."""
    w, x, y, z = quat.double().unbind(-1)
    roll = torch.atan2(2.0 * (w * x + y * z), w * w - x * x - y * y + z * z)
    pitch = torch.asin((2.0 * (w * y - z * x)).clamp(-1.0, 1.0))
    yaw = torch.atan2(2.0 * (w * z + x * y), w * w + x * x - y * y - z * z)
    angles = torch.stack([roll, pitch, yaw], dim=-1)
    return torch.where(angles == -math.pi, -angles, angles).to(quat.dtype)


def heading(quat: Tensor) -> Tensor:
    """Direction in which the body's x axis points over the ground, in [−π, π]. (..., 4) -> (...)."""
    w, x, y, z = quat.unbind(-1)
    return torch.atan2(2.0 * (x * y + w * z), 1.0 - 2.0 * (y * y + z * z))


def wrap_angle(angle: Tensor) -> Tensor:
    """The same angle in (−π, π]."""
    angle = torch.remainder(angle, 2.0 * math.pi)
    return torch.where(angle > math.pi, angle - 2.0 * math.pi, angle)
