"""A kind of terrain as a user writes one in a plug-in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humanoid_envs.terrain import Patch, Rough, Start, TerrainKind


@dataclass(frozen=True)
class Wedge(TerrainKind):
    """z = steepness·d·max(x, 0)."""

    steepness: float = 0.1
    start_x: float = -1.0

    def heights(self, difficulty: float, rng: np.random.Generator, patch: Patch) -> np.ndarray:
        return np.broadcast_to(self.steepness * difficulty * np.maximum(patch.x, 0.0), patch.ring.shape)

    def start(self, patch: Patch) -> Start:
        return Start(x=self.start_x, reach=2.0)


@dataclass(frozen=True)
class MyGround(Rough):
    wedge: Wedge = Wedge()


@dataclass(frozen=True)
class Hole(TerrainKind):
    """Heights of some other shape, or none."""

    side: int = 0

    def heights(self, difficulty: float, rng: np.random.Generator, patch: Patch) -> np.ndarray:
        heights = np.zeros((self.side, self.side)) if self.side else patch.flat()
        heights[3, 4] = np.nan
        return heights


@dataclass(frozen=True)
class HoleGround(Rough):
    hole: Hole = Hole()
