"""Observations of what only a simulator knows."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from humanoid_envs import rotations
from humanoid_envs.errors import UserError
from humanoid_envs.mdp import ObservationTerm, Step, privileged
from humanoid_envs.robots import XBOT_L
from humanoid_envs.terrain.scan_grid import ScanGrid
from humanoid_envs.terrain.surface import Surface
from humanoid_envs.terrain.terrain import Terrain
from tests.mdp.steps import step

HEIGHTS = privileged.HeightMap()


def turned(yaw: float, pitch: float = 0.0) -> Tensor:
    half = torch.tensor([pitch / 2.0])
    pitched = torch.stack([half.cos(), 0.0 * half, half.sin(), 0.0 * half], dim=1)
    return rotations.multiply(rotations.from_yaw(torch.tensor([yaw])), pitched)


def test_feet_in_the_body_frame() -> None:
    seen = step(
        state__base_pos=torch.tensor([[1.0, 2.0, 0.9]]),
        state__base_quat=turned(math.pi / 2.0),
        state__feet_pos=torch.tensor([[[1.0, 2.5, 0.1], [0.9, 2.0, 0.0]]]),
        state__feet_vel=torch.tensor([[[0.0, 1.0, 0.2], [-1.0, 0.0, 0.0]]]),
    )
    positions, velocities = privileged.FeetPos()(seen), privileged.FeetVel()(seen)
    torch.testing.assert_close(positions, torch.tensor([[0.5, 0.0, -0.8, 0.0, 0.1, -0.9]]))
    torch.testing.assert_close(velocities, torch.tensor([[1.0, 0.0, 0.2, 0.0, 1.0, 0.0]]))


def test_gains_are_relative_to_the_robots_own() -> None:
    x = step()
    parameters = dataclasses.replace(
        x.parameters, stiffness=1.2 * x.parameters.stiffness, damping=0.9 * x.parameters.damping
    )
    errors = privileged.GainErrors()(dataclasses.replace(x, parameters=parameters))
    torch.testing.assert_close(errors, torch.tensor([[0.2] * 12 + [-0.1] * 12]))
    free = XBOT_L.replace(joints=tuple(joint.replace(damping=0.0) for joint in XBOT_L.joints))
    assert bool((privileged.GainErrors()(dataclasses.replace(x, robot=free))[:, 12:] == 0.0).all())


def slope(along_x: float, along_y: float) -> Surface:
    """A plane that rises along the axes of the world."""
    x, y = np.meshgrid(np.arange(-4.0, 4.05, 0.1), np.arange(-4.0, 4.05, 0.1), indexing="ij")
    heights = (along_x * x + along_y * y).astype(np.float32)
    return Surface(Terrain(heights, 0.1, (-4.0, -4.0)))


def on(ground: Surface, yaw: float = 0.0, pitch: float = 0.0) -> Step:
    place = torch.tensor([[0.53, -0.21, 1.0]])
    return step(ground=ground, state__base_pos=place, state__base_quat=turned(yaw, pitch))


def test_the_height_map_is_zero_on_flat_ground() -> None:
    heights = HEIGHTS(step(3))
    assert heights.shape == (3, 96) == (3, HEIGHTS.size(XBOT_L))
    assert bool((heights == 0.0).all())


def test_the_height_map_turns_with_the_yaw_alone() -> None:
    ahead = torch.arange(-0.4, 0.71, 0.1)
    aside = torch.arange(-0.35, 0.36, 0.1)
    rows = HEIGHTS(on(slope(0.2, 0.1))).view(12, 8)
    torch.testing.assert_close(rows, 0.2 * ahead[:, None] + 0.1 * aside, rtol=0.0, atol=1e-6)
    rows = HEIGHTS(on(slope(0.2, 0.1), yaw=math.pi / 2.0, pitch=0.4)).view(12, 8)
    torch.testing.assert_close(rows, 0.1 * ahead[:, None] - 0.2 * aside, rtol=0.0, atol=1e-6)


def test_mirror_images() -> None:
    """Of what is seen where left and right are swapped: on a slope to the other side, by swapped feet."""
    places, signs = HEIGHTS.mirror(XBOT_L)
    mirrored = torch.tensor(signs) * HEIGHTS(on(slope(0.2, -0.1)))[:, list(places)]
    torch.testing.assert_close(mirrored, HEIGHTS(on(slope(0.2, 0.1))), rtol=0.0, atol=1e-6)
    feet = torch.tensor([[[0.1, 0.2, -0.8], [0.3, -0.1, -0.9]]])
    flipped = feet.flip(1) * torch.tensor([1.0, -1.0, 1.0])
    seen, expected = (privileged.FeetVel()(step(state__feet_vel=each)) for each in (feet, flipped))
    places, signs = privileged.FeetVel().mirror(XBOT_L)
    torch.testing.assert_close(torch.tensor(signs) * seen[:, list(places)], expected)
    gains: ObservationTerm = privileged.GainErrors()
    places, signs = gains.mirror(XBOT_L)
    assert list(places) == [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, *range(18, 24), *range(12, 18)]
    assert set(signs) == {1.0}


def test_a_lopsided_height_map_has_no_mirror_image() -> None:
    lopsided = privileged.HeightMap(grid=ScanGrid(x=(0.0, 0.5), y=(0.0, 0.5)))
    with pytest.raises(UserError, match=r"HeightMap\.grid must be as wide to the left as to the right"):
        lopsided.mirror(XBOT_L)
