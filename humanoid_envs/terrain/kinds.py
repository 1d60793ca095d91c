"""The kinds of ground that come with the package. `d` is the difficulty in [0, 1], `h(d)` a ramp at it.

Heights are those of a tile's grid points, so that a wall leans over one cell; what one stands on (treads,
stones, beams, platforms) has the size that is said, rounded to the resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from humanoid_envs.configs import Count, NonNegative, Positive
from humanoid_envs.terrain.kind import (
    Lengths,
    Patch,
    Ramp,
    Start,
    TerrainKind,
    at,
    noise,
    steps_out,
    strictly_between,
    within,
)


@dataclass(frozen=True)
class Flat(TerrainKind):
    """z = 0."""

    def heights(self, difficulty: float, rng: Generator, patch: Patch) -> np.ndarray:
        return patch.flat()


@dataclass(frozen=True)
class Slope(TerrainKind):
    """Four plane slopes around a square platform: z = ∓grade(d)·(half − max(|x|, |y|)) from the platform on,
    level on it. Robots start on the platform."""

    grade: Ramp = (0.0, 0.47)
    """Rise over run; 0.36 is 20°, 0.47 is 25°."""
    platform: Positive = 1.5
    """Side, m."""
    down: bool = False
    """The platform is above the rim, and robots walk down."""

    def heights(self, difficulty: float, rng: Generator, patch: Patch) -> np.ndarray:
        run = patch.half - np.maximum(patch.ring, 0.5 * self.platform)
        return (1 if self.down else -1) * at(self.grade, difficulty) * np.maximum(run, 0.0)


@dataclass(frozen=True)
class RoughSlope(Slope):
    """A `Slope` plus heights drawn from ±roughness(d) at nodes `spacing` apart, bilinear between them."""

    grade: Ramp = (0.0, 0.36)
    roughness: Lengths = (0.01, 0.05)
    spacing: Positive = 0.2
    """m"""

    def heights(self, difficulty: float, rng: Generator, patch: Patch) -> np.ndarray:
        ease = patch.ease(self.platform, 0.25)
        rough = noise(patch, rng, at(self.roughness, difficulty), self.spacing, 0.005, ease)
        return super().heights(difficulty, rng, patch) + rough


@dataclass(frozen=True)
class UniformRough(TerrainKind):
    """Heights drawn from the multiples of `step` in ±height(d) at nodes `spacing` apart, bilinear between."""

    height: Lengths = (0.01, 0.10)
    spacing: Positive = 0.1
    """m"""
    step: Positive = 0.005
    """m"""
    platform: NonNegative = 1.0
    """Side of the level square where robots start, m."""

    def heights(self, difficulty: float, rng: Generator, patch: Patch) -> np.ndarray:
        ease = patch.ease(self.platform, 0.25)
        return noise(patch, rng, at(self.height, difficulty), self.spacing, self.step, ease)


@dataclass(frozen=True)
class Waves(TerrainKind):
    """z = amplitude(d)·cos(2πx/λ)·cos(2πy/λ); its steepest slope is 2π·amplitude/λ."""

    amplitude: Lengths = (0.02, 0.15)
    wavelength: Positive = 2.0
    """λ, m"""
    platform: NonNegative = 1.0
    """Side of the level square where robots start, m."""

    def heights(self, difficulty: float, rng: Generator, patch: Patch) -> np.ndarray:
        turn = 2 * np.pi / self.wavelength
        wave = np.cos(turn * patch.x) * np.cos(turn * patch.y)
        return patch.ease(self.platform, 0.5) * at(self.amplitude, difficulty) * wave


@dataclass(frozen=True)
class Stairs(TerrainKind):
    """Square stairs around a square platform, as many steps as fit: step k of K begins where
    max(|x|, |y|) = platform/2 + k·tread, and z = ∓riser(d)·(K − steps behind). Robots start on the
    platform."""

    riser: Lengths = (0.05, 0.25)
    tread: Positive = 0.3
    """Depth of a step, m."""
    platform: Positive = 1.5
    """Side, m."""
    down: bool = False
    """The platform is above the rim, and robots walk down."""

    def heights(self, difficulty: float, rng: Generator, patch: Patch) -> np.ndarray:
        count = int((patch.half - 0.5 * self.platform) / self.tread + 1e-6)
        steps = steps_out(patch.ring - 0.5 * self.platform, self.tread, count, rising=not self.down)
        return (1 if self.down else -1) * at(self.riser, difficulty) * (count - steps)


@dataclass(frozen=True)
class Flights(TerrainKind):
    """Two straight flights as in buildings, along x: up from a platform to a landing in the middle, and down
    again (or down first, to a landing below). Robots start on the platform, facing the flight; z = 0 there
    and beside the stairs."""

    riser: Lengths = (0.05, 0.25)
    tread: Positive = 0.3
    """Depth of a step, m."""
    landing: Positive = 1.0
    """Length of the landing, m."""
    platform: Positive = 1.2
    """Length of the level ground before and behind the stairs, within the rim, m."""
    width: Positive = 6.0
    """Of the stairs, m."""
    down: bool = False
    """The first flight leads down."""

    def heights(self, difficulty: float, rng: Generator, patch: Patch) -> np.ndarray:
        run = patch.half - self.platform - 0.5 * self.landing
        count = max(int(run / self.tread + 1e-6), 0)
        steps = steps_out(abs(patch.x) - 0.5 * self.landing, self.tread, count, rising=self.down)
        z = (-1 if self.down else 1) * at(self.riser, difficulty) * (count - steps)
        return np.where(within(patch.y, -0.5 * self.width, 0.5 * self.width), z, 0.0)

    def start(self, patch: Patch) -> Start:
        return _start_behind(patch, self.platform)


@dataclass(frozen=True)
class Blocks(TerrainKind):
    """A grid of square blocks with heights drawn evenly from ±height(d)."""

    height: Lengths = (0.02, 0.20)
    side: Positive = 0.45
    """m"""
    platform: NonNegative = 1.0
    """Side of the level square where robots start, m."""

    def heights(self, difficulty: float, rng: Generator, patch: Patch) -> np.ndarray:
        side = max(patch.cells(self.side), 1)
        block = (patch.index - patch.index[0]) // side
        height = at(self.height, difficulty)
        drawn = rng.uniform(-height, height, (block[-1] + 1, block[-1] + 1))
        return np.where(patch.ring > 0.5 * self.platform, drawn[np.ix_(block, block)], 0.0)


@dataclass(frozen=True)
class Obstacles(TerrainKind):
    """Flat ground with `count` rectangles of sides drawn evenly from `side`, each at ±h or ±h/2, h the
    height(d); the later ones lie over the earlier ones."""

    height: Lengths = (0.0, 0.04)
    count: Count = 20
    side: Lengths = (1.0, 2.0)
    """From, to, m; at all difficulties."""
    platform: NonNegative = 3.0
    """Side of the level square where robots start, m."""

    def heights(self, difficulty: float, rng: Generator, patch: Patch) -> np.ndarray:
        z, end = patch.flat(), len(patch.index)
        low, high = patch.cells(min(self.side)), patch.cells(max(self.side))
        for _ in range(self.count):
            i_side, j_side = rng.integers(low, high, 2, endpoint=True)
            i, j = rng.integers(0, max(end - high, 1), 2, endpoint=True)
            height = at(self.height, difficulty) * rng.choice([-1.0, -0.5, 0.5, 1.0])
            z[i : i + i_side + 1, j : j + j_side + 1] = height
        return np.where(patch.ring > 0.5 * self.platform, z, 0.0)


@dataclass(frozen=True)
class Platforms(TerrainKind):
    """Square walls to step up to and down from, `width` deep on top and `apart` m apart, around the place
    where robots start: z = height(d) for platform/2 + k·(width + apart) ≤ max(|x|, |y|) ≤ … + width."""

    height: Lengths = (0.05, 0.30)
    width: Positive = 0.8
    """Of the top, m."""
    apart: Positive = 0.8
    """Level ground between them, m."""
    platform: Positive = 1.5
    """Side of the level square in the middle, m."""

    def heights(self, difficulty: float, rng: Generator, patch: Patch) -> np.ndarray:
        z, start = patch.flat(), 0.5 * self.platform
        while start + self.width <= patch.half:
            z[within(patch.ring, start, start + self.width)] = at(self.height, difficulty)
            start += self.width + self.apart
        return z


@dataclass(frozen=True)
class Gaps(TerrainKind):
    """Square ditches around the place where robots start: z = −depth where
    platform/2 + k·(width(d) + land) < max(|x|, |y|) < … + width(d), else 0. The width is measured from edge
    to edge; one below two cells is no ditch."""

    width: Lengths = (0.05, 0.45)
    land: Positive = 0.8
    """Ground between them, m."""
    platform: Positive = 1.5
    """Side of the square in the middle, m."""
    depth: Positive = 0.6
    """m"""

    def heights(self, difficulty: float, rng: Generator, patch: Patch) -> np.ndarray:
        z, start, width = (
            patch.flat(),
            patch.snap(0.5 * self.platform),
            patch.snap(at(self.width, difficulty)),
        )
        while start + width <= patch.half:
            z[strictly_between(patch.ring, start, start + width)] = -self.depth
            start += width + patch.snap(self.land)
        return z


@dataclass(frozen=True)
class SteppingStones(TerrainKind):
    """Square stones side(d) wide and gap(d) ± spread apart, along both axes, between a platform and the rim;
    z = −depth elsewhere, and their tops in ±height(d)."""

    side: Lengths = (0.5, 0.25)
    gap: Lengths = (0.10, 0.25)
    """From edge to edge, m."""
    spread: Lengths = (0.0, 0.05)
    """Gaps are drawn from gap ± spread, m."""
    height: Lengths = (0.0, 0.03)
    platform: Positive = 1.5
    """Side of the square in the middle, m."""
    depth: Positive = 0.6
    """m"""

    def heights(self, difficulty: float, rng: Generator, patch: Patch) -> np.ndarray:
        side = max(patch.cells(at(self.side, difficulty)), 1)
        gap = patch.cells(at(self.gap, difficulty))
        shift = min(patch.cells(0.5 * at(self.spread, difficulty)), gap // 2)  # of both neighbours of a gap
        stone, place = np.divmod(patch.index - patch.index[0], side + gap)
        count = stone[-1] + 1
        first = gap // 2 + rng.integers(-shift, shift, (2, count, count), endpoint=True)
        height = at(self.height, difficulty)
        tops = rng.uniform(-height, height, (count, count))
        i, j = np.ix_(stone, stone)
        x, y = place[:, None] - first[0, i, j], place - first[1, i, j]
        on_stone = (x >= 0) & (x <= side) & (y >= 0) & (y <= side)
        z = np.where(on_stone, tops[i, j], -self.depth)
        return np.where(strictly_between(patch.ring, 0.5 * self.platform, patch.half), z, 0.0)


@dataclass(frozen=True)
class Beams(TerrainKind):
    """Parallel beams along x over a ditch, width(d) wide, their middles `apart` m apart, from the platform on
    which robots start, facing along one, to another; z = −depth beside them."""

    width: Lengths = (0.6, 0.2)
    apart: Positive = 1.0
    """m"""
    platform: Positive = 1.2
    """Length of the level ground before and behind the beams, within the rim, m."""
    depth: Positive = 0.6
    """m"""

    def heights(self, difficulty: float, rng: Generator, patch: Patch) -> np.ndarray:
        width, apart = max(patch.cells(at(self.width, difficulty)), 1), patch.cells(self.apart)
        across = (patch.index + width // 2) % apart
        ditch = strictly_between(patch.x, self.platform - patch.half, patch.half - self.platform)
        return np.where(ditch & (across > width), -self.depth, 0.0)

    def start(self, patch: Patch) -> Start:
        return _start_behind(patch, self.platform, yaw_spread=0.1)


def _start_behind(patch: Patch, platform: float, yaw_spread: float = 0.3) -> Start:
    """In the middle of the level ground at low x; crossed is what is behind the ground at high x's middle."""
    x = patch.half - 0.5 * platform
    return Start(x=-x, yaw_spread=yaw_spread, reach=2 * x)
