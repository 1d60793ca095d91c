"""Which ground there is: groups of kinds, tiles and grid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Tuple

import numpy as np
from typing_extensions import Annotated

from humanoid_envs.configs import ORDERED, Config, Count, Index, NonNegative, Positive, Share
from humanoid_envs.errors import UserError
from humanoid_envs.registry import Registry
from humanoid_envs.terrain import kinds as ground
from humanoid_envs.terrain.kind import TerrainKinds

_MOST_POINTS = 4e8  # 1.6 GB
_COARSEST = 0.2  # m

TERRAINS: Registry[Callable[[], TerrainConfig]] = Registry("terrain")
register_terrain = TERRAINS.register
"""Decorates a function that makes a terrain's config: `@register_terrain("my_hills")`."""


@dataclass(frozen=True)
class Rough(TerrainKinds):
    """The ground of buildings and outdoors, which can be walked blind up to some difficulty."""

    flat: ground.Flat = ground.Flat()
    stairs_up: ground.Stairs = ground.Stairs(share=3.0)
    stairs_down: ground.Stairs = ground.Stairs(share=3.0, down=True)
    flight_up: ground.Flights = ground.Flights()
    flight_down: ground.Flights = ground.Flights(down=True)
    slope_up: ground.Slope = ground.Slope()
    slope_down: ground.Slope = ground.Slope(down=True)
    rough_slope: ground.RoughSlope = ground.RoughSlope()
    uniform: ground.UniformRough = ground.UniformRough(share=2.0)
    waves: ground.Waves = ground.Waves()
    blocks: ground.Blocks = ground.Blocks(share=2.0)
    platforms: ground.Platforms = ground.Platforms(share=2.0)
    gaps: ground.Gaps = ground.Gaps()


@dataclass(frozen=True)
class RoughV0(TerrainKinds):
    """The Humanoid-Gym release's kinds, shares and sizes (which its own environment does not switch on)."""

    flat: ground.Flat = ground.Flat(share=0.2)
    obstacles: ground.Obstacles = ground.Obstacles(share=0.2)
    uniform: ground.UniformRough = ground.UniformRough(share=0.4, height=(0.0, 0.07), spacing=0.2)
    slope_up: ground.Slope = ground.Slope(share=0.1, grade=(0.0, 0.15), platform=1.0)
    slope_down: ground.Slope = ground.Slope(share=0.1, grade=(0.0, 0.15), platform=1.0, down=True)
    stairs_up: ground.Stairs = ground.Stairs(share=0.0, riser=(0.0, 0.04), tread=0.4, platform=1.0)
    stairs_down: ground.Stairs = ground.Stairs(
        share=0.0, riser=(0.0, 0.04), tread=0.4, platform=1.0, down=True
    )


@dataclass(frozen=True)
class Sparse(TerrainKinds):
    """Ground with few places to step on, for policies that see it."""

    flat: ground.Flat = ground.Flat()
    stones: ground.SteppingStones = ground.SteppingStones(share=5.0)
    beams: ground.Beams = ground.Beams(share=2.0)
    gaps: ground.Gaps = ground.Gaps(share=2.0, width=(0.2, 0.6))


@dataclass(frozen=True)
class TerrainConfig(Config):
    """A field of levels × columns square tiles. All tiles of a column are of one kind; difficulty grows from
    level to level, along x."""

    kinds: TerrainKinds = Rough()
    levels: Count = 10
    columns: Count = 20
    difficulty: Annotated[Tuple[Share, Share], ORDERED] = (0.0, 1.0)
    """Of the first level and of the last; evenly in between. A single level has the last's."""
    tile_size: Positive = 8.0
    """Side of a tile, m."""
    rim: NonNegative = 0.5
    """Width of the level strip at height 0 along the edges of every tile, m."""
    border: NonNegative = 5.0
    """Width of the level ground around all tiles, m."""
    resolution: Positive = 0.05
    """Distance of grid points, m; 0.05 and 0.025 are good ones."""
    seed: Index = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.resolution <= _COARSEST, "resolution", f"at most {_COARSEST:g}, a foot's length")
        for name in ("tile_size", "rim", "border"):
            cells = getattr(self, name) / self.resolution
            whole = abs(cells - round(cells)) < 1e-6 * max(cells, 1.0)
            self.require(whole, name, f"a multiple of resolution {self.resolution:g}")
        self.require(self.rim < 0.5 * self.tile_size, "rim", f"below half of tile_size {self.tile_size:g}")
        points = math.prod(
            (count * self.tile_size + 2 * self.border) / self.resolution
            for count in (self.levels, self.columns)
        )
        if points > _MOST_POINTS:
            raise UserError(
                f"TerrainConfig: {self.levels} × {self.columns} tiles of {self.tile_size:g} m at resolution "
                f"{self.resolution:g} m are {points:.1e} points, more than {_MOST_POINTS:.0e}: "
                "take fewer or smaller tiles, or a coarser resolution."
            )
        assert self.column_kinds

    @property
    def column_kinds(self) -> Tuple[str, ...]:
        """The kind of each column by name, in the order of the group, in proportion to the shares.

        Raises:
            UserError: there is no kind, or one gets no column.
        """
        shares = {name: kind.share for name, kind in self.kinds.active.items()}
        if not shares:
            raise UserError(
                f"TerrainConfig.kinds: {type(self.kinds).__name__} has no kind with a share above 0."
            )
        whole = sum(shares.values())
        ends = np.round(self.columns * np.cumsum(list(shares.values())) / whole).astype(int)
        counts = dict(zip(shares, np.diff(ends, prepend=0)))
        for name, count in counts.items():
            if count == 0:
                raise UserError(
                    f"TerrainConfig.columns {self.columns} leaves none for {name!r} with its share of "
                    f"{shares[name] / whole:.3g}: take more columns, or set its share to 0."
                )
        return tuple(name for name, count in counts.items() for _ in range(count))


@register_terrain("rough")
def rough() -> TerrainConfig:
    """`Rough` on 10 levels."""
    return TerrainConfig()


@register_terrain("rough_v0")
def rough_v0() -> TerrainConfig:
    """`RoughV0` on 20 × 20 tiles, as the Humanoid-Gym release has them: the last level is of 19/20."""
    return TerrainConfig(kinds=RoughV0(), levels=20, columns=20, difficulty=(0.0, 0.95))


@register_terrain("sparse")
def sparse() -> TerrainConfig:
    """`Sparse` on a grid of 2.5 cm, in which walls lean over less."""
    return TerrainConfig(kinds=Sparse(), columns=10, resolution=0.025)
