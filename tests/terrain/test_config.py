"""The terrain of a config: its tiles, starts and levels, and what is refused."""

from __future__ import annotations

from typing import Any, Dict

import numpy as np
import pytest

from humanoid_envs.configs import from_plain, to_plain
from humanoid_envs.errors import MissingPlugIn, UserError
from humanoid_envs.terrain import TERRAINS, Rough, TerrainConfig, build_terrain, kinds
from tests.terrain.my_ground import HoleGround, MyGround, Wedge

FEW = TerrainConfig(
    kinds=Rough().only("stairs_up", "flight_down"), levels=3, columns=4, border=2.0, resolution=0.1
)


def one(**kinds_: Any) -> TerrainConfig:
    """A config of one tile of a user's kind."""
    ground = MyGround().replace(kinds_).only("wedge")
    return TerrainConfig(kinds=ground, levels=1, columns=1, border=0.0, resolution=0.1)


@pytest.mark.parametrize("name", TERRAINS)
def test_presets_build_with_robots_inside_of_their_tiles(name: str) -> None:
    config = TERRAINS[name]()
    config = config.replace(levels=2, resolution=max(config.resolution, 0.05))
    terrain = build_terrain(config)
    tiles = terrain.tiles
    assert tiles is not None
    assert tiles.kinds == tuple(config.kinds.active)
    assert set(tiles.kind.ravel()) == set(range(len(tiles.kinds)))
    row, column = np.indices(tiles.kind.shape)
    low = np.array(tiles.low) + tiles.size * np.stack([row, column], -1)
    within = tiles.spawn[..., :2] - low
    assert (within >= 1.0 - 1e-4).all()
    assert (within <= tiles.size - 1.0 + 1e-4).all()
    points = np.round((tiles.spawn[..., :2] - terrain.origin) / terrain.resolution).astype(int)
    np.testing.assert_allclose(
        terrain.heights[points[..., 0], points[..., 1]], tiles.spawn[..., 2], atol=1e-6
    )
    assert from_plain(TerrainConfig, to_plain(config)) == config


def test_grid_of_tiles_is_centered_within_its_border() -> None:
    terrain = build_terrain(FEW)
    assert terrain.heights.shape == (3 * 80 + 41, 4 * 80 + 41)
    assert terrain.center == pytest.approx((0.0, 0.0))
    tiles = terrain.tiles
    assert tiles is not None
    assert (tiles.levels, tiles.low, tiles.size) == (3, (-12.0, -16.0), 8.0)
    np.testing.assert_allclose(tiles.difficulty, np.repeat([[0.0], [0.5], [1.0]], 4, axis=1))
    np.testing.assert_array_equal(tiles.kind[0], [0, 0, 1, 1])
    np.testing.assert_allclose(tiles.reach[0], [3.5, 3.5, 5.8, 5.8])
    np.testing.assert_allclose(tiles.yaw_spread[0], [np.pi, np.pi, 0.3, 0.3], rtol=1e-6)
    edges = terrain.heights[20::80], terrain.heights[:, 20::80]
    assert not any(edge.any() for edge in edges)
    assert not terrain.heights[:20].any()
    assert not terrain.heights[:, -20:].any()


def test_levels_grow_harder() -> None:
    spawn = build_terrain(FEW).tiles.spawn[:, 0, 2]  # pyright: ignore[reportOptionalMemberAccess]
    np.testing.assert_allclose(spawn, -9 * np.array([0.05, 0.15, 0.25]), rtol=1e-6)


def test_seed_and_place_decide_what_is_drawn() -> None:
    config = FEW.replace(kinds=Rough().only("uniform"), columns=2)
    same, other = build_terrain(config), build_terrain(config.replace(seed=1))
    np.testing.assert_array_equal(build_terrain(config).heights, same.heights)
    assert (other.heights != same.heights).any()
    wider = build_terrain(config.replace(columns=3, levels=4, difficulty=(0.0, 1.0)))
    first = same.heights[20:101, 20:101]
    np.testing.assert_array_equal(wider.heights[20:101, 20:101], first)
    assert (same.heights[20:101, 100:181] != first).any()


def test_kind_alone_at_one_difficulty() -> None:
    terrain = build_terrain(FEW.replace(kinds=Rough().only("stairs_up"), levels=1, difficulty=(0.7, 0.7)))
    assert terrain.tiles is not None
    np.testing.assert_allclose(terrain.tiles.difficulty, 0.7)
    assert terrain.tiles.spawn[0, 0, 2] == pytest.approx(-9 * (0.05 + 0.7 * 0.2))


def test_shares_are_columns() -> None:
    counts: Dict[str, int] = {}
    for name in TerrainConfig().column_kinds:
        counts[name] = counts.get(name, 0) + 1
    assert counts == {name: kind.share for name, kind in Rough().active.items()}


def test_users_own_kind_is_built_and_travels() -> None:
    config = one(**{"wedge.steepness": 0.2})
    plain = to_plain(config)
    assert plain["kinds"]["class"] == "tests.terrain.my_ground.MyGround"
    assert from_plain(TerrainConfig, plain) == config
    terrain = build_terrain(config)
    np.testing.assert_allclose(terrain.heights[40:75, 40], 0.2 * 0.1 * np.arange(35), atol=1e-6)
    assert terrain.tiles is not None
    np.testing.assert_allclose(terrain.tiles.spawn[0, 0], [-1.0, 0.0, 0.0])
    assert terrain.tiles.reach[0, 0] == 2.0


def test_grid_that_does_not_fit_tiles_is_refused() -> None:
    with pytest.raises(UserError, match=r"TerrainConfig.tile_size must be a multiple of resolution 0.03"):
        TerrainConfig(resolution=0.03)
    with pytest.raises(UserError, match=r"TerrainConfig.rim must be a multiple of resolution"):
        TerrainConfig(rim=0.52)
    with pytest.raises(UserError, match=r"TerrainConfig.border must be a multiple"):
        TerrainConfig(border=0.01)
    with pytest.raises(UserError, match=r"TerrainConfig.rim must be below half of tile_size 8"):
        TerrainConfig(rim=4.0)
    with pytest.raises(UserError, match=r"TerrainConfig.resolution must be at most 0.2, a foot's length"):
        TerrainConfig(resolution=0.5)
    with pytest.raises(UserError, match=r"points, more than 4e\+08: take fewer"):
        TerrainConfig(levels=1000, columns=1000)


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(UserError, match=r"Unknown kind of terrain 'stair_up'; did you mean 'stairs_up'"):
        Rough().only("stair_up")
    with pytest.raises(UserError, match=r"Unknown terrain 'ruogh'; did you mean 'rough'"):
        TERRAINS.find("ruogh")
    with pytest.raises(UserError, match=r"Rough has no field 'stair_up'"):
        from_plain(TerrainConfig, {"kinds": {"class": "humanoid_envs.terrain.config.Rough", "stair_up": {}}})
    with pytest.raises(MissingPlugIn, match=r"no TerrainKinds of class 'their_ground.Kinds'"):
        from_plain(TerrainConfig, {"kinds": {"class": "their_ground.Kinds"}})


def test_kinds_without_column_are_refused() -> None:
    with pytest.raises(
        UserError, match=r"columns 3 leaves none for 'flat' with its share of 0.05: take more"
    ):
        TerrainConfig(columns=3)
    with pytest.raises(UserError, match=r"kinds: Rough has no kind with a share above 0"):
        TerrainConfig(kinds=Rough().only())


def test_ground_that_no_robot_can_stand_on_is_refused() -> None:
    with pytest.raises(UserError, match=r"No robot can stand at the start of kind 'wedge' at difficulty 1: "):
        build_terrain(one(wedge=Wedge(steepness=0.2, start_x=1.0)))
    rough = Rough().replace(uniform=kinds.UniformRough(platform=0.0)).only("uniform")
    with pytest.raises(UserError, match=r"kind 'uniform' .* Level a platform there"):
        build_terrain(TerrainConfig(kinds=rough, levels=1, columns=1))


@pytest.mark.parametrize(("start_x", "size"), [(-3.1, 8.0), (0.0, 1.8)])
def test_starts_too_near_to_an_edge_are_refused(start_x: float, size: float) -> None:
    config = one(wedge=Wedge(start_x=start_x)).replace(tile_size=size)
    with pytest.raises(UserError, match=r"nearer than 1 m to the edge of its tile"):
        build_terrain(config)


def test_kind_of_wrong_heights_is_refused() -> None:
    config = TerrainConfig(kinds=HoleGround().only("hole"), levels=1, columns=1)
    with pytest.raises(UserError, match=r"'hole' \(Hole\) at difficulty 1 makes heights that are not finite"):
        build_terrain(config)
    with pytest.raises(UserError, match=r"makes heights \(9, 9\); it must be \(161, 161\)"):
        build_terrain(config.replace({"kinds.hole.side": 9}))
