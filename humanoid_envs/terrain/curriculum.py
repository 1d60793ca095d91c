"""Which level of difficulty a robot's next episode is on: functions of tensors for N robots at once.

Levels rise by success, not by distance alone: distance promotes those that stand where nobody was told to
go, and that circle on the spot. They fall by early falls alone: who was told to stand or to turn has not
failed by staying.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import torch
from torch import Tensor

from humanoid_envs.configs import Config, NonNegative, Share


@dataclass(frozen=True)
class Walk:
    """How far robots came in their episodes, and how far they were told to go."""

    start: Tensor
    """(N, 2) where the episode started, in the world, m"""
    told: Tensor
    """(N, 3) where a robot would be that did as told: x, y from the start, and yaw, along the world's axes;
    m, rad"""
    commanded: Tensor
    """(N,) greatest distance of `told` from the start so far, m"""
    walked: Tensor
    """(N,) greatest distance of the robot from its start so far, m"""
    out: Tensor
    """(N,) greatest max(|Δx|, |Δy|) of the robot from its tile's spawn point so far, m"""


def begin(xy: Tensor, yaw: Tensor) -> Walk:
    """Where episodes start: at xy (N, 2), heading yaw (N,)."""
    zero = torch.zeros_like(yaw)
    return Walk(xy, torch.stack([zero, zero, yaw], dim=1), zero, zero, zero)


def advance(walk: Walk, xy: Tensor, spawn: Tensor, command: Tensor, dt: float) -> Walk:
    """A step of `dt` s later: robots at xy (N, 2), commanded (N, 3) forward, left, m/s, and yaw rate, rad/s,
    on tiles with spawn points (N, 2)."""
    yaw = walk.told[:, 2] + 0.5 * dt * command[:, 2]  # midway: circles close
    cos, sin = yaw.cos(), yaw.sin()
    x = walk.told[:, 0] + dt * (cos * command[:, 0] - sin * command[:, 1])
    y = walk.told[:, 1] + dt * (sin * command[:, 0] + cos * command[:, 1])
    told = torch.stack([x, y, walk.told[:, 2] + dt * command[:, 2]], dim=1)
    return Walk(
        walk.start,
        told,
        torch.maximum(walk.commanded, told[:, :2].norm(dim=1)),
        torch.maximum(walk.walked, (xy - walk.start).norm(dim=1)),
        torch.maximum(walk.out, (xy - spawn).abs().amax(dim=1)),
    )


@dataclass(frozen=True)
class TerrainCurriculum(Config):
    """How levels follow from episodes."""

    path_share: Share = 0.8
    """Of the commanded distance: who comes as far succeeds without having crossed the tile."""
    least_path: Share = 0.5
    """Of the distance at which a tile is crossed: less is no path on which to succeed. Around the start the
    ground is flat."""
    early: Share = 0.5
    """Of an episode: a fall before lowers the level."""
    least_speed: NonNegative = 0.1
    """Commanded distance over time, m/s, below which a fall does not lower the level."""
    review_share: Share = 0.25
    """Of the episodes, which are on a level drawn evenly from the robot's own and all easier ones."""

    def succeeded(self, walk: Walk, reach: Tensor, fell: Tensor) -> Tensor:
        """(N,) whether episodes that end now were a success: no fall, and either the tile was crossed or the
        robot came `path_share` of the commanded distance.

        reach: (N,) max(|Δx|, |Δy|) from the spawn point at which a tile is crossed, m. fell: (N,) bool.
        """
        path = (walk.commanded >= self.least_path * reach) & (walk.walked >= self.path_share * walk.commanded)
        return ~fell & ((walk.out >= reach) | path)

    def failed(self, walk: Walk, fell: Tensor, time: Tensor, longest: float) -> Tensor:
        """(N,) whether episodes that end now lower the level: a fall before the share `early` of the longest
        episode's time, of a robot that was told to go somewhere.

        time: (N,) since the start, s. longest: s.
        """
        told_to_go = walk.commanded >= self.least_speed * time
        return fell & (time < self.early * longest) & told_to_go & (walk.commanded > 0)

    def next_level(
        self, own: Tensor, played: Tensor, success: Tensor, failure: Tensor, draws: Tensor, levels: int
    ) -> Tuple[Tensor, Tensor]:
        """The levels of robots whose episode ended: their own, and that of their next episode, int64 in
        [0, levels).

        An episode on the robot's own level raises it by one or lowers it by one; one on an easier level does
        not change it.

        Args:
            own: (N,) int64.
            played: (N,) int64, the level of the episode that ended.
            success, failure: (N,) bool.
            draws: (N, 2) uniform in [0, 1).
            levels: how many there are.
        """
        counts = played == own
        own = own + (success & counts).long() - (failure & counts).long()
        own = own.clamp(0, levels - 1)
        easier = (draws[:, 1] * (own + 1)).long().clamp(max=levels - 1)
        return own, torch.where(draws[:, 0] < self.review_share, torch.minimum(easier, own), own)


@dataclass(frozen=True)
class Outcomes:
    """Episodes by kind of ground and level."""

    episodes: Tensor
    """(K, L) int64"""
    successes: Tensor
    """(K, L) int64"""

    @property
    def rates(self) -> Tensor:
        """(K, L) share of successes; NaN where no episode ended."""
        return self.successes / self.episodes


def no_outcomes(kinds: int, levels: int, device: torch.device) -> Outcomes:
    """Before any episode."""
    zeros = torch.zeros(kinds, levels, dtype=torch.int64, device=device)
    return Outcomes(zeros, zeros.clone())


def count(outcomes: Outcomes, kind: Tensor, level: Tensor, success: Tensor, ended: Tensor) -> Outcomes:
    """The outcomes and those of the episodes that ended now, on tiles of kind and level (N,) int64. success,
    ended: (N,) bool."""
    shape = outcomes.episodes.shape
    place = kind * shape[1] + level

    def add(table: Tensor, which: Tensor) -> Tensor:
        return table.flatten().scatter_add(0, place, which.long()).view(shape)

    return Outcomes(add(outcomes.episodes, ended), add(outcomes.successes, ended & success))
