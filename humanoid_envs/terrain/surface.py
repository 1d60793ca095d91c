"""Heights of a terrain's surface for many points at once, on CPU and GPU."""

from __future__ import annotations

from typing import Optional, Tuple, Union

import torch
from torch import Tensor

from humanoid_envs.terrain.terrain import Terrain


class Surface:
    """The surface of a terrain as tensors.

    Points are looked up on the triangles that simulators collide with. Where a point lies within its cell is
    computed in float64: float32 is exact to 8 µm only, 80 m from the origin, and a wall climbs 20 cm over
    5 cm. Beyond the field its border's heights go on. Nothing waits for the device.

    Args:
        terrain: the surface.
        device: where look-ups run.
    """

    def __init__(self, terrain: Terrain, device: Union[str, torch.device] = "cpu") -> None:
        self.points = terrain.heights.shape
        self.resolution = terrain.resolution
        self.origin = terrain.origin
        self.size = terrain.size
        self.heights = torch.tensor(terrain.heights, device=device).flatten()
        """(X·Y,) float32, m"""

    def height(self, xy: Tensor) -> Tensor:
        """(…,) heights at world points (…, 2), m, in float32."""
        u, v, corners = self._cell(xy)
        low, middle, far = corners
        return low + torch.maximum(u, v) * (middle - low) + torch.minimum(u, v) * (far - middle)

    def normal(self, xy: Tensor) -> Tensor:
        """(…, 3) unit normals, upward, of the triangles below world points (…, 2); on an edge that of one of
        its triangles."""
        u, v, (low, middle, far) = self._cell(xy)
        first, second = (middle - low) / self.resolution, (far - middle) / self.resolution
        x_first = u >= v
        slope_x, slope_y = torch.where(x_first, first, second), torch.where(x_first, second, first)
        beyond = self._beyond(xy, 0.0)
        slope_x = slope_x.masked_fill(beyond[..., 0], 0.0)
        slope_y = slope_y.masked_fill(beyond[..., 1], 0.0)
        up = torch.stack([-slope_x, -slope_y, torch.ones_like(slope_x)], dim=-1)
        return up / up.norm(dim=-1, keepdim=True)

    def over(self, points: Tensor) -> Tensor:
        """(…,) height of world points (…, 3) over the ground below them, m."""
        return points[..., 2] - self.height(points[..., :2])

    def scan(self, points: Tensor, xy: Tensor, yaw: Tensor) -> Tensor:
        """(N, P) heights, m, in the world, at points (P, 2) of a frame at xy (N, 2) turned by yaw (N,)."""
        cos, sin = yaw.double().cos()[:, None], yaw.double().sin()[:, None]
        ahead, aside = points[:, 0].double(), points[:, 1].double()
        x = xy[:, :1].double() + cos * ahead - sin * aside
        y = xy[:, 1:].double() + sin * ahead + cos * aside
        return self.height(torch.stack([x, y], dim=-1))

    def outside(self, xy: Tensor, margin: float = 0.0) -> Tensor:
        """(…,) whether world points (…, 2) are beyond the field or nearer than `margin` to its end, m, or not
        finite."""
        return self._beyond(xy, margin).any(dim=-1)

    def _beyond(self, xy: Tensor, margin: float) -> Tensor:
        """(…, 2) by axis."""
        x = _between(xy[..., 0] - self.origin[0], margin, self.size[0] - margin)
        y = _between(xy[..., 1] - self.origin[1], margin, self.size[1] - margin)
        return ~torch.stack([x, y], dim=-1)

    def _cell(self, xy: Tensor) -> Tuple[Tensor, Tensor, Tuple[Tensor, Tensor, Tensor]]:
        """u and v in [0, 1] in the points' cells, along x and y, and the heights of the triangle's corners:
        at the cell's origin, beside it along the greater of u and v, and across."""
        i, u = _split(xy[..., 0], self.origin[0], self.resolution, self.points[0])
        j, v = _split(xy[..., 1], self.origin[1], self.resolution, self.points[1])
        row = self.points[1]
        low = i * row + j
        middle = low + torch.where(u >= v, row, 1)
        far = low + row + 1
        return u, v, (self.heights[low], self.heights[middle], self.heights[far])


class FlatSurface:
    """The same of flat ground without end, z = 0."""

    def height(self, xy: Tensor) -> Tensor:
        return torch.zeros_like(xy[..., 0], dtype=torch.float32)

    def normal(self, xy: Tensor) -> Tensor:
        up = torch.tensor([0.0, 0.0, 1.0], device=xy.device)
        return up.expand(*xy.shape[:-1], 3)

    def over(self, points: Tensor) -> Tensor:
        return points[..., 2]

    def scan(self, points: Tensor, xy: Tensor, yaw: Tensor) -> Tensor:
        return torch.zeros(len(xy), len(points), device=xy.device)

    def outside(self, xy: Tensor, margin: float = 0.0) -> Tensor:
        return ~xy.isfinite().all(dim=-1)


Ground = Union[Surface, FlatSurface]


def ground_of(terrain: Optional[Terrain], device: Union[str, torch.device]) -> Ground:
    """The surface of a terrain; None: flat ground."""
    return FlatSurface() if terrain is None else Surface(terrain, device)


def _split(place: Tensor, origin: float, resolution: float, points: int) -> Tuple[Tensor, Tensor]:
    """The cell's number and the place in it, in [0, 1], along an axis; beyond the grid its end's. What is
    not finite is at the beginning or the end."""
    cells = (place.double() - origin) / resolution
    cells = torch.where(cells > 0.0, cells, 0.0).clamp(max=points - 1)  # NaN is not > 0
    cell = cells.floor().clamp(max=points - 2)
    return cell.long(), (cells - cell).float()


def _between(value: Tensor, low: float, high: float) -> Tensor:
    return (value >= low) & (value <= high)
