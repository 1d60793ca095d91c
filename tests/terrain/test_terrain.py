"""The surface's array and its triangles."""

from __future__ import annotations

import numpy as np
import pytest

from humanoid_envs.errors import UserError
from humanoid_envs.terrain import Terrain

RNG = np.random.default_rng(0)
ROUGH = Terrain(RNG.uniform(-0.3, 0.3, (9, 14)), 0.25, (-1.5, 2.0))


def test_mesh_faces_up() -> None:
    vertices, triangles = ROUGH.mesh()
    a, b, c = np.moveaxis(vertices[triangles], 1, 0)
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()
    assert len(triangles) == 2 * 8 * 13


def test_heights_are_kept_as_they_were_given() -> None:
    heights = np.zeros((3, 4))
    terrain = Terrain(heights, 0.5, (1.0, -1.0))
    heights[:] = 1.0
    assert terrain.heights.dtype == np.float32
    assert not terrain.heights.any()
    assert terrain.size == (1.0, 1.5)
    assert terrain.center == (1.5, -0.25)
    with pytest.raises(ValueError, match="read-only"):
        terrain.heights[0, 0] = 1.0


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_heights_that_are_not_finite_are_refused(wrong: float) -> None:
    heights = np.zeros((3, 4))
    heights[1, 2] = wrong
    with pytest.raises(UserError, match=r"must be finite; heights\[1, 2\] is"):
        Terrain(heights, 0.5)


@pytest.mark.parametrize(
    ("heights", "resolution", "origin", "message"),
    [
        (np.zeros(4), 0.1, (0.0, 0.0), "at least 2 points an axis"),
        (np.zeros((1, 4)), 0.1, (0.0, 0.0), "at least 2 points an axis"),
        (np.zeros((2, 2)), 0.0, (0.0, 0.0), "must be a length"),
        (np.zeros((2, 2)), np.nan, (0.0, 0.0), "must be a length"),
        (np.zeros((2, 2)), 0.1, (0.0, np.nan), "origin must be finite"),
    ],
)
def test_what_is_no_surface_is_refused(
    heights: np.ndarray, resolution: float, origin: tuple, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        Terrain(heights, resolution, origin)
