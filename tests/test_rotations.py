"""Quaternion algebra against rotation matrices and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from humanoid_envs import rotations

N = 200


def random_quat(seed: int = 0) -> Tensor:
    quat = torch.randn(N, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return quat / quat.norm(dim=1, keepdim=True)


def random_vector(seed: int = 0) -> Tensor:
    return torch.randn(N, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed + 100))


def axis_angle(axis: int, angle: Tensor) -> Tensor:
    """Quaternion of a turn about one coordinate axis."""
    quat = torch.zeros(*angle.shape, 4, dtype=angle.dtype)
    quat[..., 0], quat[..., 1 + axis] = torch.cos(0.5 * angle), torch.sin(0.5 * angle)
    return quat


def matrix(quat: Tensor) -> Tensor:
    """Rotation matrix by the exponential of the rotation vector's cross product matrix."""
    angle = 2.0 * torch.atan2(quat[:, 1:].norm(dim=1), quat[:, 0])
    x, y, z = (quat[:, 1:] / quat[:, 1:].norm(dim=1, keepdim=True) * angle[:, None]).unbind(1)
    zero = torch.zeros_like(x)
    return torch.linalg.matrix_exp(torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).view(-1, 3, 3))


def test_rotate_is_the_matrix_product() -> None:
    quat, vector = random_quat(), random_vector()
    expected = (matrix(quat) @ vector[..., None]).squeeze(-1)
    torch.testing.assert_close(rotations.rotate(quat, vector), expected)
    torch.testing.assert_close(rotations.rotate(-quat, vector), expected)


def test_rotate_turns_forward_to_the_left() -> None:
    left = rotations.rotate(rotations.from_yaw(torch.tensor(math.pi / 2)), torch.tensor([1.0, 0.0, 0.0]))
    torch.testing.assert_close(left, torch.tensor([0.0, 1.0, 0.0]))


def test_rotate_inverse_undoes_rotate() -> None:
    quat, vector = random_quat(), random_vector()
    torch.testing.assert_close(rotations.rotate_inverse(quat, rotations.rotate(quat, vector)), vector)
    transposed = matrix(quat).mT @ vector[..., None]
    torch.testing.assert_close(rotations.rotate_inverse(quat, vector), transposed.squeeze(-1))


def test_float32_results_are_float64_ones_rounded() -> None:
    """So that they are the same bits wherever they are computed."""
    quat, vector = random_quat().float(), random_vector().float()
    for function in (rotations.rotate, rotations.rotate_inverse):
        assert torch.equal(function(quat, vector), function(quat.double(), vector.double()).float())
    euler = rotations.roll_pitch_yaw(quat)
    assert torch.equal(euler, rotations.roll_pitch_yaw(quat.double()).float())


def test_multiply_composes() -> None:
    a, b, vector = random_quat(1), random_quat(2), random_vector()
    one_by_one = rotations.rotate(a, rotations.rotate(b, vector))
    torch.testing.assert_close(rotations.rotate(rotations.multiply(a, b), vector), one_by_one)


def test_leading_axes_broadcast() -> None:
    quat, feet = random_quat()[:, None], random_vector().view(-1, 1, 3).expand(-1, 2, -1)
    turned = rotations.rotate(quat, feet)
    torch.testing.assert_close(turned[:, 1], rotations.rotate(quat[:, 0], feet[:, 1]))


def test_roll_pitch_yaw_round_trip() -> None:
    uniform = torch.rand(N, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    euler = (2.0 * uniform - 1.0) * torch.tensor([math.pi, math.pi / 2, math.pi], dtype=torch.float64)
    roll, pitch, yaw = (axis_angle(axis, euler[:, axis]) for axis in range(3))
    quat = rotations.multiply(yaw, rotations.multiply(pitch, roll))
    torch.testing.assert_close(rotations.roll_pitch_yaw(quat), euler)
    torch.testing.assert_close(rotations.roll_pitch_yaw(-quat), euler)


def test_half_turns_are_positive() -> None:
    about_x, about_z = torch.tensor([-0.0, -1.0, 0.0, 0.0]), torch.tensor([-0.0, 0.0, 0.0, -1.0])
    euler = rotations.roll_pitch_yaw(torch.stack([about_x, -about_x, about_z, -about_z]))
    torch.testing.assert_close(euler[:2, 0], torch.full((2,), math.pi))
    torch.testing.assert_close(euler[2:, 2], torch.full((2,), math.pi))


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_pitch_stays_finite_when_looking_straight_up(sign: float) -> None:
    quat = 1.001 * axis_angle(1, torch.tensor([sign * math.pi / 2]))  # a little longer than a unit quaternion
    assert rotations.roll_pitch_yaw(quat)[0, 1].item() == pytest.approx(sign * math.pi / 2)


def test_heading_is_where_the_x_axis_points() -> None:
    quat = random_quat()
    forward = rotations.rotate(quat, torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64))
    torch.testing.assert_close(rotations.heading(quat), torch.atan2(forward[:, 1], forward[:, 0]))
    yaw = torch.linspace(-3.1, 3.1, 50)
    torch.testing.assert_close(rotations.heading(rotations.from_yaw(yaw)), yaw)


def test_wrap_angle() -> None:
    angle = torch.linspace(-20.0, 20.0, 999, dtype=torch.float64)
    wrapped = rotations.wrap_angle(angle)
    torch.testing.assert_close(torch.sin(wrapped), torch.sin(angle))
    torch.testing.assert_close(torch.cos(wrapped), torch.cos(angle))
    assert wrapped.abs().max() <= math.pi
    ends = torch.tensor([math.pi, -math.pi, 3 * math.pi, 0.0], dtype=torch.float64)
    torch.testing.assert_close(rotations.wrap_angle(ends), ends.new_tensor([math.pi, math.pi, math.pi, 0.0]))
