"""The surface's array, and that its triangles are those of MuJoCo's height fields."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from humanoid_envs.errors import UserError
from humanoid_envs.terrain import Terrain
from tests.terrain.mujoco_field import field_model, ray_heights

RNG = np.random.default_rng(0)
ROUGH = Terrain(RNG.uniform(-0.3, 0.3, (9, 14)), 0.25, (-1.5, 2.0))


def triangle_heights(terrain: Terrain, xy: np.ndarray) -> np.ndarray:
    """Heights at points from the mesh's triangles."""
    vertices, triangles = terrain.mesh()
    corners = vertices[triangles].astype(float)
    heights = np.full(len(xy), np.nan)
    for k, point in enumerate(xy):
        edges = corners[:, 1:, :2] - corners[:, :1, :2]
        weights = np.linalg.solve(np.swapaxes(edges, 1, 2), (point - corners[:, 0, :2])[..., None])[..., 0]
        inside = np.flatnonzero((weights >= 0).all(1) & (weights.sum(1) <= 1))[0]
        a, b, c = corners[inside, :, 2]
        heights[k] = a + weights[inside] @ (b - a, c - a)
    return heights


def test_mesh_is_surface_that_rays_of_mujoco_hit() -> None:
    low = np.array(ROUGH.origin)
    xy = RNG.uniform(low + 0.01, low + ROUGH.size - np.full(2, 0.01), (300, 2))
    np.testing.assert_allclose(
        triangle_heights(ROUGH, xy), ray_heights(field_model(ROUGH), xy), rtol=0, atol=2e-6
    )


def test_mesh_is_surface_that_mujoco_collides_with() -> None:
    heights = np.zeros((2, 2))
    heights[1, 1] = heights[0, 0] = (
        0.2  # the main diagonal is a ridge; split by the other, the middle lies at 0
    )
    model = field_model(Terrain(heights, 1.0), '<body><freejoint/><geom name="ball" size=".01"/></body>')
    data = mujoco.MjData(model)
    data.qpos[:3] = 0.5, 0.5, 0.205
    mujoco.mj_forward(model, data)
    assert data.ncon > 0
    assert data.contact.dist.min() == pytest.approx(-0.005, abs=1e-5)


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
