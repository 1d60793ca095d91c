"""The triangles are those of MuJoCo's height fields: rays hit them and spheres stand on them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from humanoid_envs.terrain import Rough, Terrain, TerrainConfig, build_terrain
from humanoid_envs.terrain.surface import Surface

if sys.version_info < (3, 11):
    pytest.skip("needs MuJoCo 4", allow_module_level=True)

import mujoco

from tests.terrain.mujoco_field import cast, field_model

RNG = np.random.default_rng(0)
ROUGH = Terrain(RNG.uniform(-0.3, 0.3, (9, 14)), 0.25, (-1.5, 2.0))


@pytest.fixture(scope="module")
def wide() -> Terrain:
    """Two levels of all kinds, 160 m along y."""
    return build_terrain(TerrainConfig(levels=2, difficulty=(0.4, 1.0)))


def random_places(terrain: Terrain, number: int) -> np.ndarray:
    low = np.array(terrain.origin) + 0.02
    return RNG.uniform(low, low + np.array(terrain.size) - 0.04, (number, 2))


def mesh_heights(terrain: Terrain, xy: np.ndarray) -> np.ndarray:
    """Heights at points from the mesh's triangles."""
    vertices, triangles = terrain.mesh()
    corners = vertices[triangles].astype(float)
    edges = np.swapaxes(corners[:, 1:, :2] - corners[:, :1, :2], 1, 2)
    heights = np.full(len(xy), np.nan)
    for k, point in enumerate(xy):
        weights = np.linalg.solve(edges, (point - corners[:, 0, :2])[..., None])[..., 0]
        inside = np.flatnonzero((weights >= 0).all(1) & (weights.sum(1) <= 1))[0]
        a, b, c = corners[inside, :, 2]
        heights[k] = a + weights[inside] @ (b - a, c - a)
    return heights


def test_rays_hit_the_mesh() -> None:
    xy = random_places(ROUGH, 300)
    heights, _ = cast(field_model(ROUGH), xy)
    np.testing.assert_allclose(mesh_heights(ROUGH, xy), heights, rtol=0, atol=2e-6)


def test_spheres_touch_the_mesh() -> None:
    # Along the main diagonal there is a ridge; were cells split by the other, their middles would lie at 0.
    heights = np.array([[0.2, 0.0], [0.0, 0.2]])
    model = field_model(Terrain(heights, 1.0), '<body><freejoint/><geom name="ball" size=".01"/></body>')
    data = mujoco.MjData(model)
    data.qpos[:3] = 0.5, 0.5, 0.205
    mujoco.mj_forward(model, data)
    assert data.ncon > 0
    assert data.contact.dist.min() == pytest.approx(-0.005, abs=1e-5)


def test_rays_hit_the_surface_near_and_far(wide: Terrain) -> None:
    xy = random_places(wide, 4000).astype(np.float32)
    far = abs(xy[:, 1]) > 70
    assert far.sum() > 300
    heights, normals = cast(field_model(wide), xy)
    surface, points = Surface(wide), torch.from_numpy(xy)
    errors = abs(surface.height(points).numpy() - heights)
    assert errors.max() < 1e-4
    assert np.ptp(heights) > 3.0
    angles = np.degrees(np.arccos(np.clip((surface.normal(points).numpy() * normals).sum(1), -1.0, 1.0)))
    assert np.mean(angles > 0.1) < 0.002  # on an edge it is one face's or the other's


def test_scan_is_what_rays_hit_around_robots(wide: Terrain) -> None:
    xy = random_places(wide, 20)
    xy = (xy - 1.5 * np.sign(xy)).astype(np.float32)  # with all of the scan within the field
    yaw = RNG.uniform(-np.pi, np.pi, 20).astype(np.float32)
    points = RNG.uniform(-1.0, 1.0, (30, 2)).astype(np.float32)
    scanned = Surface(wide).scan(*map(torch.from_numpy, (points, xy, yaw)))
    cos, sin = np.cos(yaw.astype(float))[:, None], np.sin(yaw.astype(float))[:, None]
    x = xy[:, :1] + cos * points[:, 0] - sin * points[:, 1]
    y = xy[:, 1:] + sin * points[:, 0] + cos * points[:, 1]
    heights, _ = cast(field_model(wide), np.stack([x, y], -1).reshape(-1, 2))
    np.testing.assert_allclose(scanned.numpy().ravel(), heights, rtol=0, atol=1e-4)


def test_grid_of_finer_resolution() -> None:
    config = TerrainConfig(kinds=Rough().only("blocks", "gaps"), levels=1, columns=2, resolution=0.025)
    terrain = build_terrain(config)
    xy = random_places(terrain, 1000)
    heights, _ = cast(field_model(terrain), xy)
    np.testing.assert_allclose(Surface(terrain).height(torch.from_numpy(xy)), heights, rtol=0, atol=1e-4)
