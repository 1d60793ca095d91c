"""What a kind makes has the dimensions that its parameters say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import numpy as np
import pytest

from humanoid_envs.configs import Config
from humanoid_envs.errors import UserError
from humanoid_envs.terrain import Patch, Rough, RoughV0, Sparse, TerrainKind, kinds
from humanoid_envs.terrain.build import tile_heights

RESOLUTIONS = pytest.mark.parametrize("resolution", [0.05, 0.025])
ALL = {f"{type(group).__name__}.{name}": kind for group in (Rough(), RoughV0(), Sparse())
       for name, kind in group.all.items()}  # fmt: skip


def patch(resolution: float = 0.05, size: float = 8.0) -> Patch:
    return Patch(size, resolution, rim=0.5)


def made(kind: TerrainKind, difficulty: float = 1.0, resolution: float = 0.05, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return tile_heights(kind, "it", difficulty, rng, patch(resolution))


def middle_line(heights: np.ndarray) -> np.ndarray:
    """Heights along +x from the tile's middle."""
    return heights[len(heights) // 2 :, len(heights) // 2]


def runs(flags: np.ndarray) -> np.ndarray:
    """Numbers of cells between the first and last point of each run of true ones."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return edges[1::2] - edges[::2] - 1


@pytest.mark.parametrize("name", ALL)
def test_heights_are_function_of_difficulty_and_seed(name: str) -> None:
    kind = ALL[name]
    np.testing.assert_array_equal(made(kind, 0.7), made(kind, 0.7))
    if isinstance(kind, (kinds.UniformRough, kinds.RoughSlope, kinds.Blocks, kinds.Obstacles)):
        assert (made(kind, 0.7) != made(kind, 0.7, seed=1)).any()
    if not isinstance(kind, kinds.Flat):
        assert (made(kind, 0.7) != made(kind, 1.0)).any()


@pytest.mark.parametrize("name", ALL)
def test_edges_of_tiles_are_level(name: str) -> None:
    p = patch()
    for difficulty in (0.0, 1.0):
        heights = made(ALL[name], difficulty)
        assert not heights[p.ring >= p.half - 1e-6].any()


@RESOLUTIONS
@pytest.mark.parametrize("down", [False, True])
def test_stairs_have_treads_and_risers(resolution: float, down: bool) -> None:
    line = middle_line(made(kinds.Stairs(riser=(0.0, 0.2), tread=0.3, down=down), 1.0, resolution))
    sign = -1 if down else 1
    assert line[0] == pytest.approx(-sign * 9 * 0.2)  # (3.5 − 0.75) / 0.3 = 9.2 steps
    walls = np.flatnonzero(np.diff(line))
    np.testing.assert_allclose(np.diff(line)[walls], sign * 0.2)
    np.testing.assert_allclose(np.diff(walls) * resolution, 0.3)  # one from wall to wall
    upper_edges = (walls + (1 if sign > 0 else 0)) * resolution
    np.testing.assert_allclose(upper_edges, 0.75 + 0.3 * np.arange(9))


def test_stairs_go_out_to_all_sides() -> None:
    heights = made(kinds.Stairs())
    np.testing.assert_array_equal(heights, heights.T)
    np.testing.assert_array_equal(heights, heights[::-1])


@RESOLUTIONS
@pytest.mark.parametrize("down", [False, True])
def test_flights_lead_to_landing_and_back(resolution: float, down: bool) -> None:
    kind = kinds.Flights(riser=(0.0, 0.2), down=down)
    heights = made(kind, 1.0, resolution)
    line = heights[:, len(heights) // 2]
    np.testing.assert_allclose(line, line[::-1])
    sign = -1 if down else 1
    assert line[len(line) // 2] == pytest.approx(sign * 6 * 0.2)  # (3.5 − 1.2 − 0.5) / 0.3 = 6 steps
    walls = np.flatnonzero(np.diff(line[: len(line) // 2]))
    np.testing.assert_allclose(np.diff(line)[walls], sign * 0.2)
    np.testing.assert_allclose(np.diff(walls) * resolution, 0.3)
    start = kind.start(patch())
    assert (start.x, start.y, start.yaw, start.yaw_spread, start.reach) == pytest.approx(
        (-2.9, 0.0, 0.0, 0.3, 5.8)
    )
    across = heights[len(line) // 2]
    assert runs(across != 0)[0] * resolution == pytest.approx(6.0)


@RESOLUTIONS
@pytest.mark.parametrize("down", [False, True])
def test_slopes_have_the_grade(resolution: float, down: bool) -> None:
    line = middle_line(made(kinds.Slope(grade=(0.0, 0.4), platform=1.5, down=down), 0.5, resolution))
    x = np.arange(len(line)) * resolution
    expected = (1 if down else -1) * 0.2 * np.clip(3.5 - np.maximum(x, 0.75), 0, None)
    np.testing.assert_allclose(line, expected, atol=1e-12)


def test_uniform_rough_is_within_height_in_steps_at_nodes() -> None:
    heights = made(kinds.UniformRough(height=(0.0, 0.08), spacing=0.1, step=0.005, platform=1.0))
    p = patch()
    free = (p.ring > 0.8) & (p.ring < 3.2)
    nodes = heights[::2, ::2][free[::2, ::2]]
    np.testing.assert_allclose(nodes / 0.005, np.round(nodes / 0.005), atol=1e-9)
    assert nodes.max() == pytest.approx(0.08)
    assert nodes.min() == pytest.approx(-0.08)
    middles = heights[1::2, ::2]
    np.testing.assert_allclose(
        middles[free[1::2, ::2]],
        (0.5 * (heights[:-1:2, ::2] + heights[2::2, ::2]))[free[1::2, ::2]],
        atol=1e-12,
    )


def test_rough_slope_is_slope_within_roughness() -> None:
    kind = kinds.RoughSlope(roughness=(0.0, 0.05))
    off = made(kind) - made(kinds.Slope(grade=kind.grade))
    assert 0.045 < abs(off).max() <= 0.05 + 1e-9
    assert not off[patch().ring <= 0.75].any()


def test_waves_have_amplitude_and_length() -> None:
    heights = made(kinds.Waves(amplitude=(0.0, 0.1), wavelength=2.0))
    p = patch()
    free = (p.ring > 1.0) & (p.ring < 3.0)
    expected = 0.1 * np.cos(np.pi * p.x) * np.cos(np.pi * p.y)
    np.testing.assert_allclose(heights[free], expected[free], atol=1e-12)
    assert heights.max() == pytest.approx(0.1)


@RESOLUTIONS
def test_blocks_have_side_and_height(resolution: float) -> None:
    heights = made(kinds.Blocks(height=(0.0, 0.2), side=0.45, platform=1.0), 1.0, resolution)
    line = heights[:, round(1.0 / resolution)]  # all of it beside the platform
    inside = line[(line != 0) & (abs(patch(resolution).x[:, 0]) < 3.4)]
    walls = np.flatnonzero(np.diff(inside))
    np.testing.assert_allclose(np.diff(walls) * resolution, 0.45)
    assert 0.19 < abs(heights).max() <= 0.2


def test_obstacles_have_heights_of_the_release() -> None:
    heights = made(kinds.Obstacles(height=(0.0, 0.04)))
    np.testing.assert_allclose(np.unique(heights), [-0.04, -0.02, 0.0, 0.02, 0.04])


@RESOLUTIONS
def test_platforms_have_width_and_height(resolution: float) -> None:
    kind = kinds.Platforms(height=(0.0, 0.3), width=0.8, apart=0.8)
    line = middle_line(made(kind, 1.0, resolution))
    np.testing.assert_allclose(runs(line > 0) * resolution, [0.8, 0.8])
    assert line.max() == pytest.approx(0.3)


@RESOLUTIONS
@pytest.mark.parametrize("width", [0.15, 0.4])
def test_gaps_have_width_from_edge_to_edge(resolution: float, width: float) -> None:
    line = middle_line(made(kinds.Gaps(width=(0.0, width), land=0.8, depth=0.5), 1.0, resolution))
    np.testing.assert_allclose((runs(line < 0) + 2) * resolution, width)
    lands = runs(line == 0)
    np.testing.assert_allclose(lands[0] * resolution, 0.75)
    np.testing.assert_allclose(lands[1:-1] * resolution, 0.8)
    assert line.min() == -0.5


def test_stones_have_side_and_gaps() -> None:
    kind = kinds.SteppingStones(side=(0.5, 0.25), gap=(0.1, 0.25), spread=(0.0, 0.05), height=(0.0, 0.03))
    p = patch(0.025)
    heights = made(kind, 1.0, 0.025)
    on = heights > -0.5
    inner = slice(round(0.5 / 0.025) + 1, -round(0.5 / 0.025) - 1)
    sides, gaps = set(), set()
    for line in on[inner, inner][: round(2.7 / 0.025)]:  # below the platform
        sides.update(runs(line)[1:-1])
        gaps.update(runs(~line)[1:-1] + 2)
    assert {round(side * 0.025, 3) for side in sides} == {0.25}
    apart = {round(gap * 0.025, 3) for gap in gaps if gap * 0.025 < 0.5}  # wider: between stones that jut out
    assert apart <= {0.2, 0.225, 0.25, 0.275, 0.3}
    assert len(apart) >= 4
    assert abs(heights[on & (p.ring > 0.8)]).max() <= 0.03
    assert not heights[p.ring <= 0.75].any()


@RESOLUTIONS
@pytest.mark.parametrize("width", [0.2, 0.15])
def test_beams_have_width_and_one_is_ahead(resolution: float, width: float) -> None:
    kind = kinds.Beams(width=(0.6, width), apart=1.0)
    heights = made(kind, 1.0, resolution)
    across = heights[len(heights) // 2]
    half = round(3.4 / resolution)
    middle = len(across) // 2
    on_beam = across[middle - half : middle + half + 1] == 0
    np.testing.assert_allclose(runs(on_beam)[1:-1] * resolution, width)
    np.testing.assert_allclose(np.diff(np.flatnonzero(np.diff(on_beam.astype(int)) > 0)) * resolution, 1.0)
    start = kind.start(patch())
    row = heights[round((start.x + 4.0) / resolution) :, middle]
    assert not row.any()  # straight ahead to the tile's end


def test_ramps_are_linear_in_difficulty() -> None:
    for difficulty in (0.0, 0.3, 1.0):
        peak = made(kinds.Platforms(height=(0.1, 0.3)), difficulty).max()
        assert peak == pytest.approx(0.1 + 0.2 * difficulty)


def test_ground_to_train_on_reaches_what_is_promised() -> None:
    rough, sparse = Rough(), Sparse()
    assert rough.stairs_up.riser[1] == rough.flight_down.riser[1] == 0.25
    assert np.degrees(np.arctan(rough.slope_up.grade[1])) == pytest.approx(25.2, abs=0.1)
    assert rough.uniform.height[1] == 0.1
    assert rough.blocks.height[1] == 0.2
    assert rough.platforms.height[1] == 0.3
    assert rough.gaps.width[1] >= 0.4
    assert sparse.stones.side[1] == 0.25
    assert sparse.beams.width[1] == 0.2


def test_preset_of_release_has_its_numbers() -> None:
    kinds_ = RoughV0()
    shares = [kind.share for kind in kinds_.all.values()]
    assert shares == [0.2, 0.2, 0.4, 0.1, 0.1, 0.0, 0.0]
    assert kinds_.obstacles.height == (0.0, 0.04)
    assert (kinds_.obstacles.count, kinds_.obstacles.side) == (20, (1.0, 2.0))
    assert (kinds_.uniform.height, kinds_.uniform.spacing, kinds_.uniform.step) == ((0.0, 0.07), 0.2, 0.005)
    assert kinds_.slope_up.grade == (0.0, 0.15)
    assert (kinds_.stairs_up.riser, kinds_.stairs_up.tread) == ((0.0, 0.04), 0.4)
    assert "stairs_up" not in kinds_.active


def test_kind_without_heights_is_refused() -> None:
    @dataclass(frozen=True)
    class Nothing(TerrainKind):
        pass

    with pytest.raises(UserError, match="Nothing needs heights"):
        made(Nothing())


@pytest.mark.parametrize(
    ("kind", "values", "field"),
    [
        (kinds.Stairs, {"riser": (-0.1, 0.1)}, "riser"),
        (kinds.Stairs, {"tread": 0.0}, "tread"),
        (kinds.Gaps, {"depth": float("nan")}, "depth"),
        (kinds.Flat, {"share": -1.0}, "share"),
    ],
)
def test_wrong_parameters_are_refused(kind: type, values: dict, field: str) -> None:
    assert issubclass(kind, Config)
    with pytest.raises(UserError, match=rf"{kind.__name__}.{field}"):
        kind(**values)


def test_shape_of_patch() -> None:
    shape: Tuple[int, ...] = patch(0.1, 2.0).flat().shape
    assert shape == (21, 21)
    np.testing.assert_allclose(patch(0.1, 2.0).x[[0, 10, 20], 0], [-1.0, 0.0, 1.0])
