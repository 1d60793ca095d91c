"""When episodes end."""

from __future__ import annotations

import math

import torch

from humanoid_envs.tasks.velocity import terminations
from humanoid_envs.tasks.velocity.config import TerminationConfig

RELEASE = TerminationConfig()


def gravity_at_tilt(*degrees: float) -> torch.Tensor:
    """Direction of gravity in a body that is tilted so far, about an axis of the ground plane."""
    angle = torch.tensor(degrees) * math.pi / 180.0
    return torch.stack([torch.sin(angle), torch.zeros_like(angle), -torch.cos(angle)], dim=1)


def test_base_contact_in_any_direction() -> None:
    force = torch.tensor(
        [[0.0, 0.0, 0.0], [0.6, 0.6, 0.5], [0.6, 0.6, 0.6], [0.0, -1.1, 0.0], [1.0, 0.0, 0.0]]
    )
    assert terminations.base_contact(force, RELEASE).tolist() == [False, False, True, True, False]


def test_the_release_asks_neither_height_nor_tilt() -> None:
    height, gravity = torch.tensor([0.01, 0.9]), gravity_at_tilt(0.0, 179.0)
    assert not terminations.fallen(height, gravity, RELEASE).any()


def test_height() -> None:
    config = TerminationConfig(min_base_height=0.6)
    height = torch.tensor([0.59, 0.61])
    assert terminations.fallen(height, gravity_at_tilt(0.0, 0.0), config).tolist() == [True, False]


def test_tilt() -> None:
    config = TerminationConfig(max_tilt=math.radians(50.0))
    gravity = gravity_at_tilt(0.0, 49.0, 51.0, -51.0, 120.0)
    fallen = terminations.fallen(torch.ones(5), gravity, config)
    assert fallen.tolist() == [False, False, True, True, True]


def test_time_out_comes_one_step_after_the_episodes_length() -> None:
    assert terminations.time_out(torch.tensor([2399, 2400, 2401]), 2400).tolist() == [False, False, True]
