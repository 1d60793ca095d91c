"""Terrains for simulators: one of all kinds of ground, in tiles, and a level one."""

from __future__ import annotations

from typing import Callable, Dict, Tuple

import numpy as np

from humanoid_envs.terrain.terrain import Terrain

RESOLUTION = 0.05
TILE = 4.0
"""Side of a tile, m."""
RAISED = 1.0
"""Of all kinds, the lowest point above z = 0, m: nobody mistakes them for flat ground."""

Heights = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def _rings(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance from a square platform in the tile's middle."""
    return np.clip(np.maximum(np.abs(x), np.abs(y)) - 0.6, 0.0, None)


def _blocks(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    number = ((x + TILE) / 0.45).astype(int), ((y + TILE) / 0.45).astype(int)
    return rng.uniform(0.0, 0.2, (32, 32))[number]


KINDS: Dict[str, Heights] = {
    "stairs_up": lambda x, y, rng: 0.2 * np.ceil(_rings(x, y) / 0.3),
    "stairs_down": lambda x, y, rng: -0.2 * np.ceil(_rings(x, y) / 0.3),
    "slope": lambda x, y, rng: -0.4 * _rings(x, y),
    "rough": lambda x, y, rng: rng.uniform(-0.1, 0.1, x.shape),
    "waves": lambda x, y, rng: 0.1 * np.sin(2.0 * x) * np.cos(2.0 * y),
    "blocks": _blocks,
    "stones": lambda x, y, rng: np.where((x % 0.5 < 0.3) & (y % 0.5 < 0.3), 0.0, -0.5),
    "gap": lambda x, y, rng: np.where((_rings(x, y) > 0.4) & (_rings(x, y) < 0.7), -0.5, 0.0),
    "flat": lambda x, y, rng: np.zeros_like(x),
}


def all_kinds(middle: Tuple[float, float] = (0.0, 0.0)) -> Terrain:
    """3 × 3 tiles with an edge of one more metre around."""
    rng, cells = np.random.default_rng(0), round(TILE / RESOLUTION)
    x, y = np.meshgrid(*[RESOLUTION * (np.arange(cells) + 0.5) - TILE / 2] * 2, indexing="ij")
    tiles = [heights(x, y, rng) for heights in KINDS.values()]
    field = np.block([tiles[0:3], tiles[3:6], tiles[6:9]])
    field = np.pad(field, round(1.0 / RESOLUTION), mode="edge")
    half = 0.5 * RESOLUTION * (len(field) - 1)
    return Terrain(field - field.min() + RAISED, RESOLUTION, (middle[0] - half, middle[1] - half))


def tile_centers(terrain: Terrain) -> np.ndarray:
    """(kinds, 2) world x, y."""
    offsets = [(TILE * (i - 1), TILE * (j - 1)) for i in range(3) for j in range(3)]
    return np.array(terrain.center) + np.array(offsets)


def height_at(terrain: Terrain, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of the surface, by the formula that `Terrain` gives, in float64."""
    h, last = terrain.heights.astype(float), np.array(terrain.heights.shape) - 2
    u, v = ((c - origin) / terrain.resolution for c, origin in zip((x, y), terrain.origin))
    i, j = (np.clip(np.floor(c).astype(int), 0, top) for c, top in zip((u, v), last))
    u, v = u - i, v - j
    a, b, c, d = h[i, j], h[i + 1, j], h[i, j + 1], h[i + 1, j + 1]
    return np.where(u >= v, a + u * (b - a) + v * (d - b), a + v * (c - a) + u * (d - c))


def level(height: float = 0.0) -> Terrain:
    """12 × 12 m around the origin, of cells so large that feet rest within one: at edges between cells C
    MuJoCo has further contacts, which oppose sliding a little."""
    return Terrain(np.full((7, 7), height), 2.0, (-6.0, -6.0))
