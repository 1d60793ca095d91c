"""Where around a robot heights are scanned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple, Union

import numpy as np
import torch
from torch import Tensor

from humanoid_envs.configs import Config, Positive, Range
from humanoid_envs.errors import UserError
from humanoid_envs.terrain.terrain import Terrain


@dataclass(frozen=True)
class ScanGrid(Config):
    """A grid of points around a robot, in a frame at its base that turns with its yaw alone."""

    x: Range = (-0.4, 1.2)
    """From, to, ahead, m."""
    y: Range = (-0.5, 0.5)
    """From, to, to the left, m."""
    spacing: Positive = 0.1
    """m"""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("x", "y"):
            low, high = getattr(self, name)
            cells = (high - low) / self.spacing
            whole = abs(cells - round(cells)) < 1e-6 * max(cells, 1.0)
            self.require(whole, name, f"a multiple of spacing {self.spacing:g} long")

    @property
    def shape(self) -> Tuple[int, int]:
        """Numbers of points along x and y."""
        lengths = (self.x[1] - self.x[0], self.y[1] - self.y[0])
        return round(lengths[0] / self.spacing) + 1, round(lengths[1] / self.spacing) + 1

    @property
    def points(self) -> np.ndarray:
        """(P, 2) float32 places, m; x grows from row to row, y within a row."""
        return self.points_on("cpu", torch.float64).float().numpy()

    def points_on(self, device: Union[str, torch.device], dtype: torch.dtype = torch.float32) -> Tensor:
        """The same on a device, made there: a CUDA graph can hold no copy from the host."""
        axes = [
            low + self.spacing * torch.arange(count, device=device, dtype=dtype)
            for (low, _), count in zip((self.x, self.y), self.shape)
        ]
        return torch.stack(torch.meshgrid(axes, indexing="ij"), dim=-1).flatten(0, 1)

    def require_within_tile(self, terrain: Terrain) -> None:
        """UserError if the grid is longer than a tile of the terrain, or than all of it."""
        side = terrain.tiles.size if terrain.tiles else min(terrain.size)
        longest = max(self.x[1] - self.x[0], self.y[1] - self.y[0])
        if longest > side:
            raise UserError(
                f"A scan grid {longest:g} m long is larger than the terrain's tiles of {side:g} m: "
                "take a smaller grid, or larger tiles."
            )
