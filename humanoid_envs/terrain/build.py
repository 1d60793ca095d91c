"""The terrain that a config describes."""

from __future__ import annotations

import numpy as np

from humanoid_envs.errors import UserError
from humanoid_envs.terrain.config import TerrainConfig
from humanoid_envs.terrain.kind import Patch, Start, TerrainKind
from humanoid_envs.terrain.terrain import Terrain, Tiles

INSIDE = 1.0
"""How far from its tile's edges a start is at least, m."""
FLAT_RADIUS = 0.4
"""The ground is flat up to this distance from a start along x and y, m: a robot's stance, and some."""
FLAT_RANGE = 0.02
"""By how much heights there differ at most, m."""


def build_terrain(config: TerrainConfig) -> Terrain:
    """The terrain; its middle is the world's origin. The heights of a tile depend on its kind, difficulty,
    row and column and on the seed alone.

    Raises:
        UserError: a kind makes heights of a wrong shape or that are not finite, or robots cannot start on
            what it makes.
    """
    patch = Patch(config.tile_size, config.resolution, config.rim)
    cells, border = patch.cells(config.tile_size), patch.cells(config.border)
    kinds, columns = config.kinds.active, config.column_kinds
    starts = {name: _start(kind, name, patch) for name, kind in kinds.items()}
    shape = (config.levels, config.columns)
    low = -0.5 * config.tile_size * np.array(shape)
    steps = np.linspace(*config.difficulty, config.levels) if config.levels > 1 else config.difficulty[1:]
    field = np.zeros(2 * border + cells * np.array(shape) + 1, np.float32)
    spawn = np.empty((*shape, 3), np.float32)
    for row, column in np.ndindex(*shape):
        name = columns[column]
        rng = np.random.default_rng([config.seed, row, column])
        heights = tile_heights(kinds[name], name, float(steps[row]), rng, patch)
        i, j = border + cells * row, border + cells * column
        field[i : i + cells + 1, j : j + cells + 1] = heights
        x, y = low + config.tile_size * (np.array([row, column]) + 0.5) + starts[name][:2]
        spawn[row, column] = x, y, _level_at(heights, starts[name], name, float(steps[row]), patch)
    tiles = Tiles(
        size=config.tile_size,
        low=(float(low[0]), float(low[1])),
        kinds=tuple(kinds),
        kind=np.tile([list(kinds).index(name) for name in columns], (config.levels, 1)),
        difficulty=np.tile(np.asarray(steps, np.float32)[:, None], (1, config.columns)),
        spawn=spawn,
        yaw=_by_tile([starts[name].yaw for name in columns], config.levels),
        yaw_spread=_by_tile([starts[name].yaw_spread for name in columns], config.levels),
        reach=_by_tile([starts[name].reach for name in columns], config.levels),
    )
    return Terrain(field, config.resolution, (low[0] - config.border, low[1] - config.border), tiles)


def tile_heights(
    kind: TerrainKind, name: str, difficulty: float, rng: np.random.Generator, patch: Patch
) -> np.ndarray:
    """(n, n) heights of one tile, level at 0 along its edges.

    Raises:
        UserError: the kind makes heights of a wrong shape or that are not finite.
    """
    heights = np.array(kind.heights(difficulty, rng, patch), dtype=float) + 0.0  # no −0
    where = f"Terrain kind {name!r} ({type(kind).__name__}) at difficulty {difficulty:.3g}"
    if heights.shape != patch.ring.shape:
        raise UserError(f"{where} makes heights {heights.shape}; it must be {patch.ring.shape}, one a point.")
    if not np.isfinite(heights).all():
        raise UserError(f"{where} makes heights that are not finite: give every point a height.")
    heights[patch.ring > patch.half - 1e-6] = 0.0
    return heights


def _start(kind: TerrainKind, name: str, patch: Patch) -> Start:
    start = kind.start(patch)
    most = 0.5 * patch.size - INSIDE
    if not max(abs(start.x), abs(start.y)) <= most + 1e-6:
        raise UserError(
            f"Terrain kind {name!r} ({type(kind).__name__}) starts robots at ({start.x:g}, {start.y:g}) m, "
            f"nearer than {INSIDE:g} m to the edge of its tile of {patch.size:g} m: take larger tiles, or a "
            "shorter platform."
        )
    return start if start.reach > 0 else start._replace(reach=patch.half)


def _level_at(heights: np.ndarray, start: Start, name: str, difficulty: float, patch: Patch) -> float:
    """The height at a start, m; UserError if no robot can stand there."""
    x, y = abs(patch.x - start.x), abs(patch.y - start.y)
    around = heights[np.maximum(x, y) <= FLAT_RADIUS + 1e-6]
    rise = around.max() - around.min()
    if rise > FLAT_RANGE:
        raise UserError(
            f"No robot can stand at the start of kind {name!r} at difficulty {difficulty:.3g}: within "
            f"{FLAT_RADIUS:g} m heights differ by {rise:.3g} m. Level a platform there."
        )
    return float(around.max())


def _by_tile(values: list, levels: int) -> np.ndarray:
    return np.tile(np.array(values, np.float32), (levels, 1))
