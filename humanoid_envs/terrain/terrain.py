"""Ground as one array of heights: what simulators collide with and what tasks look heights up in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

import numpy as np

from humanoid_envs.errors import UserError


@dataclass(frozen=True, eq=False)
class Tiles:
    """What was built where on a field: R × C square tiles, rows along x, columns along y."""

    size: float
    """Side of a tile, m."""
    low: Tuple[float, float]
    """World (x, y) of the corner of tile (0, 0) with the least x and y, m."""
    kinds: Tuple[str, ...]
    """Names of the kinds of ground."""
    kind: np.ndarray
    """(R, C) int64: which of `kinds` a tile is."""
    difficulty: np.ndarray
    """(R, C) float32 in [0, 1]. A row is a level of the curriculum: it does not fall from row to row."""
    spawn: np.ndarray
    """(R, C, 3) float32: the point of the ground, in the world, m, over which robots start."""
    yaw: np.ndarray
    """(R, C) float32: the heading in which a tile is to be crossed, rad."""
    yaw_spread: np.ndarray
    """(R, C) float32: how far a start's heading may be from `yaw`, rad; π where all directions are alike."""
    reach: np.ndarray
    """(R, C) float32: max(|Δx|, |Δy|) from the spawn point at which a robot has crossed the tile, m."""

    @property
    def levels(self) -> int:
        """R, the number of rows."""
        return self.kind.shape[0]


@dataclass(frozen=True, eq=False)
class Terrain:
    """A surface z(x, y) over a rectangle of the world, the same on every simulator.

    It is linear on triangles. The cell between the grid points (i, j) and (i + 1, j + 1) is split by its
    diagonal from (i, j) to (i + 1, j + 1), as MuJoCo splits the cells of its height fields: with u and v in
    [0, 1] along x and y within the cell,

        z = h[i, j] + u·(h[i+1, j] − h[i, j]) + v·(h[i+1, j+1] − h[i+1, j])    for u ≥ v
        z = h[i, j] + v·(h[i, j+1] − h[i, j]) + u·(h[i+1, j+1] − h[i, j+1])    for u ≤ v

    Raises:
        UserError: heights that are not finite or no array of two axes, or a resolution that is no length.
    """

    heights: np.ndarray
    """(X, Y) float32, m: heights[i, j] is the height at x = origin[0] + i·resolution,
    y = origin[1] + j·resolution. MuJoCo's height fields have rows along y: theirs is the transpose."""
    resolution: float
    """Distance of neighbours in the grid, m."""
    origin: Tuple[float, float] = (0.0, 0.0)
    """World (x, y) of heights[0, 0], m."""
    tiles: Optional[Tiles] = None
    """What was built where; None for heights from elsewhere."""

    def __post_init__(self) -> None:
        heights = np.array(self.heights, dtype=np.float32)
        if heights.ndim != 2 or min(heights.shape) < 2:
            raise UserError(
                f"Terrain.heights must be (X, Y) with at least 2 points an axis; got {heights.shape}."
            )
        if not np.isfinite(heights).all():
            i, j = np.argwhere(~np.isfinite(heights))[0]
            raise UserError(
                f"Terrain.heights must be finite; heights[{i}, {j}] is {heights[i, j]}. "
                "Give a height to every point of the grid."
            )
        if not (np.isfinite(self.resolution) and self.resolution > 0):
            raise UserError(f"Terrain.resolution must be a length > 0 in m; got {self.resolution!r}.")
        if not np.isfinite(self.origin).all():
            raise UserError(f"Terrain.origin must be finite; got {self.origin!r}.")
        heights.setflags(write=False)
        object.__setattr__(self, "heights", heights)
        object.__setattr__(self, "resolution", float(self.resolution))
        object.__setattr__(self, "origin", (float(self.origin[0]), float(self.origin[1])))

    @property
    def size(self) -> Tuple[float, float]:
        """Lengths along x and y, m."""
        points = self.heights.shape
        return (points[0] - 1) * self.resolution, (points[1] - 1) * self.resolution

    @property
    def center(self) -> Tuple[float, float]:
        """World (x, y) of the middle, m."""
        return self.origin[0] + 0.5 * self.size[0], self.origin[1] + 0.5 * self.size[1]

    def mesh(self) -> Tuple[np.ndarray, np.ndarray]:
        """The surface as triangles.

        Returns:
            (X·Y, 3) float32 vertices in the world, m, and (2·(X−1)·(Y−1), 3) uint32 triangles, each counter-
            clockwise from above.
        """
        x_points, y_points = self.heights.shape
        vertices = np.empty((x_points, y_points, 3), np.float32)
        vertices[..., 0] = self.origin[0] + self.resolution * np.arange(x_points)[:, None]
        vertices[..., 1] = self.origin[1] + self.resolution * np.arange(y_points)
        vertices[..., 2] = self.heights
        number = np.arange(x_points * y_points, dtype=np.uint32).reshape(x_points, y_points)
        a, b, c, d = number[:-1, :-1], number[1:, :-1], number[:-1, 1:], number[1:, 1:]
        triangles = np.stack([np.stack([a, b, d], -1), np.stack([a, d, c], -1)], axis=2)
        return vertices.reshape(-1, 3), triangles.reshape(-1, 3)
