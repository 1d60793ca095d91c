"""Look-ups of heights and normals, near and far, beyond the field, compiled and on a GPU."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from humanoid_envs.compilation import can_compile, compiled, compiled_step
from humanoid_envs.errors import UserError
from humanoid_envs.terrain import Rough, ScanGrid, Terrain, TerrainConfig, build_terrain
from humanoid_envs.terrain.surface import Surface, ground_of

RNG = np.random.default_rng(0)
ROUGH = Terrain(RNG.uniform(-0.3, 0.3, (9, 14)), 0.25, (-1.5, 2.0))
SURFACE = Surface(ROUGH)
GPU = (pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"))


def exact(terrain: Terrain, xy: np.ndarray) -> np.ndarray:
    """Heights in float64, by the formula of `Terrain`."""
    place = (xy.astype(np.float64) - terrain.origin) / terrain.resolution
    i, j = np.minimum(place.astype(int), np.array(terrain.heights.shape) - 2).T
    u, v = place[:, 0] - i, place[:, 1] - j
    h = terrain.heights.astype(np.float64)
    a, x, y, d = h[i, j], h[i + 1, j], h[i, j + 1], h[i + 1, j + 1]
    return np.where(u >= v, a + u * (x - a) + v * (d - x), a + v * (y - a) + u * (d - y))


def places(terrain: Terrain, number: int = 2000) -> np.ndarray:
    """Float32 points within the field."""
    low = np.array(terrain.origin)
    return RNG.uniform(low + 1e-4, low + terrain.size - np.full(2, 1e-4), (number, 2)).astype(np.float32)


def test_heights_at_grid_points_are_those_of_the_array() -> None:
    i, j = np.indices(ROUGH.heights.shape)
    xy = np.stack([ROUGH.origin[0] + 0.25 * i, ROUGH.origin[1] + 0.25 * j], axis=-1)
    np.testing.assert_allclose(SURFACE.height(torch.from_numpy(xy)), ROUGH.heights, atol=1e-7)


def test_heights_are_linear_on_triangles() -> None:
    terrain = Terrain(np.array([[0.0, 1.0], [2.0, 8.0]]), 0.5)
    xy = torch.tensor([[0.25, 0.25], [0.375, 0.125], [0.125, 0.375], [0.5, 0.25]])
    expected = torch.tensor([4.0, 0.75 * 2 + 0.25 * 6, 0.75 * 1 + 0.25 * 7, 5.0])
    torch.testing.assert_close(Surface(terrain).height(xy), expected)


@pytest.mark.parametrize("shift", [0.0, 80.0])
def test_heights_are_exact_far_from_the_origin(shift: float) -> None:
    config = TerrainConfig(kinds=Rough().only("stairs_up", "blocks"), levels=1, columns=2, border=0.0)
    near = build_terrain(config)
    terrain = Terrain(near.heights, near.resolution, (near.origin[0] + shift, near.origin[1] - shift))
    xy = places(terrain)
    error = abs(Surface(terrain).height(torch.from_numpy(xy)).numpy() - exact(terrain, xy))
    assert error.max() < 1e-6


def test_normals_are_perpendicular_to_the_triangles() -> None:
    xy = torch.from_numpy(places(ROUGH).astype(np.float64))
    normal = SURFACE.normal(xy)
    torch.testing.assert_close(normal.norm(dim=-1), torch.ones(len(xy)))
    step = 1e-3
    for axis in range(2):
        ahead = xy.clone()
        ahead[:, axis] += step
        rise = SURFACE.height(ahead) - SURFACE.height(xy)
        away = step * normal[:, axis] + rise * normal[:, 2]
        assert (away.abs() < 2e-6).float().mean() > 0.98  # but for steps across an edge


def test_beyond_the_field_its_border_goes_on() -> None:
    heights = torch.from_numpy(ROUGH.heights.copy())
    x_end, y_end = ROUGH.origin[0] + 2.0, ROUGH.origin[1] + 3.25
    xy = torch.tensor([[-9.0, 2.0], [x_end + 1, y_end + 1e9], [-1.5, y_end + 1], [x_end + 0.1, 2.5]])
    expected = torch.stack([heights[0, 0], heights[-1, -1], heights[0, -1], heights[-1, 2]])
    torch.testing.assert_close(SURFACE.height(xy), expected)
    normal = SURFACE.normal(xy)
    torch.testing.assert_close(normal[1], torch.tensor([0.0, 0.0, 1.0]))
    assert normal[3, 0] == 0.0
    assert normal[3, 1] != 0.0


def test_who_is_outside() -> None:
    xy = torch.tensor([[-1.5, 2.0], [0.0, 3.0], [-1.6, 3.0], [0.0, 5.3], [np.nan, 3.0], [0.0, np.inf]])
    assert SURFACE.outside(xy).tolist() == [False, False, True, True, True, True]
    assert SURFACE.outside(xy, margin=0.5).tolist() == [True, False, True, True, True, True]
    assert SURFACE.outside(xy, margin=1.001).all()


def test_points_that_are_not_finite_have_heights_of_the_grid() -> None:
    xy = torch.tensor([[np.nan, 3.0], [np.inf, np.nan], [-np.inf, 3.0]])
    heights = SURFACE.height(xy)
    assert heights.isfinite().all()
    assert SURFACE.normal(xy).isfinite().all()


def test_scan_turns_with_yaw() -> None:
    terrain = Terrain(np.add.outer(np.arange(21.0), np.zeros(21)), 1.0, (-10.0, -10.0))  # z = x + 10
    points = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    xy, yaw = torch.tensor([[1.0, 2.0]]).expand(3, 2), torch.tensor([0.0, np.pi / 2, np.pi])
    expected = torch.tensor([[13.0, 11.0], [11.0, 10.0], [9.0, 11.0]])
    torch.testing.assert_close(Surface(terrain).scan(points, xy, yaw), expected)


@pytest.mark.skipif(not can_compile(), reason="needs a C++ compiler")
def test_compiled_look_ups_are_the_same() -> None:
    xy, yaw = torch.from_numpy(places(ROUGH, 64)), torch.from_numpy(RNG.uniform(-3, 3, 64).astype(np.float32))
    points = torch.from_numpy(ScanGrid().points)

    def look_up(xy: Tensor, yaw: Tensor) -> tuple:
        return SURFACE.height(xy), SURFACE.normal(xy), SURFACE.scan(points, xy, yaw), SURFACE.outside(xy)

    for plain, fused in zip(look_up(xy, yaw), compiled_step(look_up, xy.device)(xy, yaw)):
        torch.testing.assert_close(fused, plain, rtol=0, atol=1e-6)


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=GPU)])
def test_look_ups_on_a_gpu_are_the_same(device: str) -> None:
    terrain = build_terrain(TerrainConfig(levels=2))
    xy, yaw = torch.from_numpy(places(terrain)), torch.from_numpy(RNG.uniform(-3, 3, 2000).astype(np.float32))
    points = torch.from_numpy(ScanGrid().points)
    here, there = Surface(terrain), Surface(terrain, device)
    scan = compiled(there.scan)
    torch.testing.assert_close(there.height(xy.to(device)).cpu(), here.height(xy), rtol=0, atol=1e-6)
    torch.testing.assert_close(there.normal(xy.to(device)).cpu(), here.normal(xy), rtol=0, atol=1e-5)
    torch.testing.assert_close(
        scan(*(tensor.to(device) for tensor in (points, xy, yaw))).cpu(),
        here.scan(points, xy, yaw),
        rtol=0,
        atol=1e-6,
    )


def test_scan_grid_has_its_points_in_order() -> None:
    grid = ScanGrid()
    assert grid.shape == (17, 11)
    points = grid.points.reshape(17, 11, 2)
    np.testing.assert_allclose(points[0, 0], [-0.4, -0.5])
    np.testing.assert_allclose(points[1, 0], [-0.3, -0.5], rtol=1e-6)
    np.testing.assert_allclose(points[-1, -1], [1.2, 0.5])


def test_scan_grid_that_does_not_fit_is_refused() -> None:
    terrain = build_terrain(TerrainConfig(kinds=Rough().only("flat"), levels=1, columns=2, resolution=0.1))
    ScanGrid(x=(-4.0, 4.0)).require_within_tile(terrain)
    with pytest.raises(UserError, match=r"scan grid 9 m long is larger than the terrain's tiles of 8 m"):
        ScanGrid(y=(-4.5, 4.5)).require_within_tile(terrain)
    with pytest.raises(UserError, match=r"larger than the terrain's tiles of 2 m"):
        ScanGrid(x=(-1.0, 1.5)).require_within_tile(ROUGH)
    with pytest.raises(UserError, match=r"ScanGrid.x must be a multiple of spacing 0.3 long"):
        ScanGrid(spacing=0.3)


def test_over_is_the_height_over_the_ground_below() -> None:
    xy = places(ROUGH, 50)
    points = torch.from_numpy(np.concatenate([xy, np.full((50, 1), 1.5, np.float32)], axis=1))
    expected = 1.5 - exact(ROUGH, xy)
    np.testing.assert_allclose(ground_of(ROUGH, "cpu").over(points), expected, atol=1e-6)


def test_flat_ground_is_what_a_level_terrain_is() -> None:
    flat, level = ground_of(None, "cpu"), ground_of(Terrain(np.zeros((9, 9)), 1.0, (-4.0, -4.0)), "cpu")
    points = torch.randn(3, 7, 3)
    grid, yaw = torch.tensor(ScanGrid().points), torch.randn(3)
    assert torch.equal(flat.height(points[..., :2]), level.height(points[..., :2]))
    assert torch.equal(flat.normal(points[..., :2]), level.normal(points[..., :2]))
    assert torch.equal(flat.over(points), level.over(points))
    assert torch.equal(flat.scan(grid, points[:, 0, :2], yaw), level.scan(grid, points[:, 0, :2], yaw))
    assert flat.outside(torch.tensor([[1e6, 0.0], [math.nan, 0.0]])).tolist() == [False, True]
