"""The highest ground around a place, by which simulators leave out what cannot touch it."""

from __future__ import annotations

import numpy as np

from humanoid_envs.terrain.terrain import Terrain

_CLEARANCE = 0.5
"""Around the base, m: as far as a standing robot's feet reach."""


def start_ground(terrain: Terrain) -> float:
    """Height above which a simulator puts the robots that nobody has placed yet, at x = y = 0: of the highest
    ground within 0.5 m of there, or of the nearest point of the field."""
    low, high = [], []
    for corner, points in zip(terrain.origin, terrain.heights.shape):
        first = int(np.floor((-_CLEARANCE - corner) / terrain.resolution))
        last = int(np.ceil((_CLEARANCE - corner) / terrain.resolution))
        low.append(min(max(first, 0), points - 1))
        high.append(min(max(last, 0), points - 1) + 1)
    return float(terrain.heights[low[0] : high[0], low[1] : high[1]].max())


def highest_around_cells(heights: np.ndarray, reach: int) -> np.ndarray:
    """(X − 1, Y − 1): the highest point of each cell and of the cells up to `reach` away from it."""
    highest = heights
    for axis in (0, 1):
        points = highest.shape[axis]
        padding = [(reach, reach) if each == axis else (0, 0) for each in (0, 1)]
        padded = np.pad(highest, padding, mode="edge")
        # of the corners i − reach … i + 1 + reach of cell i
        shifted = [padded.take(range(k, k + points - 1), axis=axis) for k in range(2 * reach + 2)]
        highest = np.maximum.reduce(shifted)
    return highest
