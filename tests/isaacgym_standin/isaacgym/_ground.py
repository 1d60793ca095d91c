"""What the robots of the stand-in stand on: a plane, or a triangle mesh that is a height field."""

from __future__ import annotations

from typing import Any, Optional

import mujoco
import numpy as np

from ._records import ContractError, TriangleMeshParams


class Ground:
    """heights: (X, Y) at the vertices of a regular grid; None for a plane."""

    def __init__(
        self, friction: float, heights: Optional[np.ndarray] = None, low: Any = None, spacing: float = 0.0
    ) -> None:
        self.static_friction = self.dynamic_friction = friction
        self.heights, self.low, self.spacing = heights, low, spacing

    def add_to(self, spec: mujoco.MjSpec) -> None:
        """As a geom of the world."""
        geom = spec.worldbody.add_geom()
        if self.heights is None:
            geom.type, geom.size = mujoco.mjtGeom.mjGEOM_PLANE, [0, 0, 1]
            return
        lowest = self.heights.min()
        extent = max(float(self.heights.max() - lowest), 1e-3)
        half = 0.5 * self.spacing * (np.array(self.heights.shape) - 1)
        field = spec.add_hfield()
        field.name, (field.ncol, field.nrow) = "ground", self.heights.shape
        field.size = [*half, extent, 1.0]
        field.userdata = ((self.heights.T - lowest) / extent).astype(np.float32).ravel().tolist()
        geom.type, geom.hfieldname = mujoco.mjtGeom.mjGEOM_HFIELD, "ground"
        geom.pos = [*(self.low + half), lowest]


def mesh_ground(vertices: np.ndarray, triangles: np.ndarray, params: TriangleMeshParams) -> Ground:
    """The mesh, if it is one that MuJoCo's height field equals: all of a regular grid, with cells that are
    split from their corner of least x and y, and with all triangles facing up."""
    if vertices.dtype != np.float32 or triangles.dtype != np.uint32:
        raise ContractError("vertices are float32, triangles uint32")
    if vertices.shape != (3 * params.nb_vertices,) or triangles.shape != (3 * params.nb_triangles,):
        raise ContractError("vertices and triangles are flat, of nb_vertices and nb_triangles times three")
    points = vertices.reshape(-1, 3).astype(float) + params.transform.p.array()
    low, spacing = points[:, :2].min(0), float(np.abs(points[1, :2] - points[0, :2]).max())
    place = np.rint((points[:, :2] - low) / spacing).astype(int)
    if not np.allclose(low + spacing * place, points[:, :2], atol=1e-3 * spacing):
        raise NotImplementedError("the stand-in's mesh is a regular grid")
    heights = np.full(place.max(0) + 1, np.nan)
    heights[tuple(place.T)] = points[:, 2]
    corners = place[triangles.reshape(-1, 3).astype(int)]
    first = corners.min(1)
    right, up = np.array([1, 0]), np.array([0, 1])
    kinds = [
        np.stack([first, first + right, first + right + up]),
        np.stack([first, first + right + up, first + up]),
    ]
    matches = [_is(corners, kind.swapaxes(0, 1)) for kind in kinds]
    cells = [len(np.unique(first[match], axis=0)) for match in matches]
    wanted = int(np.prod(place.max(0)))
    if cells != [wanted, wanted] or len(corners) != 2 * wanted or np.isnan(heights).any():
        raise NotImplementedError("the stand-in's mesh covers each cell by two triangles along one diagonal")
    return Ground(params.static_friction, heights, low, spacing)


def _is(corners: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which triangles have these corners, from whichever on."""
    turned = [(np.roll(corners, shift, axis=1) == wanted).all((1, 2)) for shift in range(3)]
    return np.any(turned, axis=0)
