"""What a kind of ground is: a value with its parameters, which makes the heights of a tile."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Dict, NamedTuple, Tuple, TypeVar

import numpy as np
from numpy.random import Generator

from humanoid_envs.configs import Config, NonNegative, Number, nearest
from humanoid_envs.errors import UserError

G = TypeVar("G", bound="TerrainKinds")

Ramp = Tuple[Number, Number]
"""A parameter at difficulty 0 and at difficulty 1; in between it is linear."""
Lengths = Tuple[NonNegative, NonNegative]
"""A ramp of a length, m."""

_TINY = 1e-6  # m: what rounding may shift a grid point across an edge


def at(ramp: Tuple[float, float], difficulty: float) -> float:
    """The parameter at a difficulty in [0, 1]."""
    return ramp[0] + (ramp[1] - ramp[0]) * difficulty


class Start(NamedTuple):
    """Where on a tile episodes start, from its middle, and what it takes to have crossed it."""

    x: float = 0.0
    """m"""
    y: float = 0.0
    """m"""
    yaw: float = 0.0
    """Heading in which the tile is to be crossed, rad."""
    yaw_spread: float = math.pi
    """How far a start's heading may be from it, rad; π where all directions are alike."""
    reach: float = 0.0
    """max(|Δx|, |Δy|) from the start at which a robot has crossed the tile, m; 0: half the level tile."""


@dataclass(frozen=True)
class Patch:
    """The grid points of one tile, n × n, its edges included. Kinds see lengths from the tile's middle.

    The outermost `rim` of each tile is level at height 0, so that neighbours fit: what a kind gives there
    is not used, and `half` is how far it reaches.
    """

    size: float
    """Side of the tile, m."""
    resolution: float
    """Distance of grid points, m."""
    rim: float
    """Width of the level strip along the tile's edges, m."""

    @property
    def half(self) -> float:
        """Half the side within the rim, m."""
        return 0.5 * self.size - self.rim

    @property
    def index(self) -> np.ndarray:
        """(n,) numbers of the grid points along an axis, 0 in the middle."""
        cells = round(self.size / self.resolution)
        return np.arange(cells + 1) - cells // 2

    @property
    def x(self) -> np.ndarray:
        """(n, 1) m."""
        cells = round(self.size / self.resolution)
        return ((np.arange(cells + 1) - 0.5 * cells) * self.resolution)[:, None]

    @property
    def y(self) -> np.ndarray:
        """(1, n) m."""
        return self.x.T

    @property
    def ring(self) -> np.ndarray:
        """(n, n) max(|x|, |y|), m: the half side of the square around the middle on which a point lies."""
        return np.maximum(abs(self.x), abs(self.y))

    def flat(self) -> np.ndarray:
        """(n, n) zeros."""
        return np.zeros(self.ring.shape)

    def cells(self, length: float) -> int:
        """A length in cells, rounded."""
        return round(length / self.resolution)

    def snap(self, length: float) -> float:
        """The nearest multiple of the resolution, m."""
        return self.cells(length) * self.resolution

    def ease(self, platform: float, over: float) -> np.ndarray:
        """(n, n) in [0, 1]: 0 on a square platform of that side in the middle and on the rim, 1 from `over`
        metres away from both, linear in between."""
        inner = (self.ring - 0.5 * platform) / over
        return np.clip(np.minimum(inner, (self.half - self.ring) / over), 0.0, 1.0)


@dataclass(frozen=True)
class TerrainKind(Config):
    """A kind of ground: a frozen dataclass with its parameters as fields and `heights`."""

    share: NonNegative = 1.0
    """Of the tiles, relative to the shares of the other kinds; one of share 0 is left out."""

    def heights(self, difficulty: float, rng: Generator, patch: Patch) -> np.ndarray:
        """(n, n) heights of a tile's grid points, m, x along the first axis: a function of the difficulty in
        [0, 1] and of what `rng` draws, nothing else. Height 0 is that of the rim."""
        raise UserError(f"{type(self).__name__} needs heights(difficulty, rng, patch).")

    def start(self, patch: Patch) -> Start:
        """Where robots start: the ground must be flat there."""
        return Start()


@dataclass(frozen=True)
class TerrainKinds(Config):
    """Base of groups of kinds: fields that are a `TerrainKind`; their names are those of the ground."""

    @property
    def active(self) -> Dict[str, TerrainKind]:
        """The kinds with a share, by name, in the order of the fields."""
        return {name: kind for name, kind in self.all.items() if kind.share > 0}

    @property
    def all(self) -> Dict[str, TerrainKind]:
        """All kinds by name."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: kind for name, kind in values.items() if isinstance(kind, TerrainKind)}

    def only(self: G, *names: str) -> G:
        """The same group with these kinds alone, in equal shares.

        Raises:
            UserError: a name that is none of the group's kinds.
        """
        for name in names:
            if name not in self.all:
                raise UserError(f"Unknown kind of terrain {name!r}{nearest(name, self.all)}")
        return self.replace({f"{name}.share": float(name in names) for name in self.all})


def steps_out(distance: np.ndarray, tread: float, count: int, rising: bool) -> np.ndarray:
    """How many of `count` steps lie behind a point at a distance outward from where the first one begins.

    A step's edge belongs to what is higher, so that treads are whole where one stands: the riser leans over
    the one cell before or behind it.
    """
    steps = distance / tread
    passed = np.floor(steps + _TINY) + 1 if rising else np.ceil(steps - _TINY)
    return np.clip(passed, 0, count)


def strictly_between(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Where low < values < high, safely beside the edges."""
    return (values > low + _TINY) & (values < high - _TINY)


def within(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Where low ≤ values ≤ high, safely including the edges."""
    return (values >= low - _TINY) & (values <= high + _TINY)


def noise(
    patch: Patch, rng: Generator, height: float, spacing: float, step: float, ease: np.ndarray
) -> np.ndarray:
    """(n, n) m: heights drawn from multiples of `step` in ±height at nodes `spacing` apart, bilinear between
    them, times `ease`."""
    place = (patch.x[:, 0] + 0.5 * patch.size) / spacing
    node = np.floor(place + _TINY).astype(int)
    share = np.clip(place - node, 0.0, 1.0)
    most = int(height / step + _TINY)
    drawn = step * rng.integers(-most, most, (node[-1] + 2, node[-1] + 2), endpoint=True)
    along_x = drawn[node] + share[:, None] * (drawn[node + 1] - drawn[node])
    return ease * (along_x[:, node] + share * (along_x[:, node + 1] - along_x[:, node]))
