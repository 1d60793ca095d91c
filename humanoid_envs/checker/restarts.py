"""Telling the first observation of an episode from a later one, by their distances.

An observation looks like a start if it is nearer to one that reset() returned than to the one before it. No
single case proves anything: starts may lie anywhere, and ordinary steps may lead back to them. So each answer
weighs all cases against how often the same environment looks like that where the truth is known.
"""

from __future__ import annotations

from typing import List, Sequence

import numpy as np
from gymnasium.vector import AutoresetMode

from humanoid_envs.checker.session import Moment, Session
from humanoid_envs.checker.values import flat

_CHANCE = 0.01
"""Probability below which what was seen is no coincidence."""


class Starts:
    """Observations after a reset, to compare others with."""

    def __init__(self, session: Session, seed: int) -> None:
        moments = [session.reset(seed=seed), *(session.reset() for _ in range(3))]
        self._rows = np.stack([flat(obs) for moment in moments for obs in moment.obs])
        self._spread = max(np.linalg.norm(self._rows - row, axis=1).max() for row in self._rows)

    def ends_look_like_starts(self, moments: Sequence[Moment]) -> bool:
        """Whether the steps that ended episodes led back to a start, more than ordinary steps do, and as near
        as starts are to each other: what ends early in its episode has not gone far from one either."""
        of_ends, of_others = [], []
        for before, moment in zip(moments, moments[1:]):
            for i, ended in enumerate(moment.done):
                obs = flat(moment.obs[i])
                looks = self._looks_like(obs, flat(before.current_obs[i]), self._rows)
                near = np.linalg.norm(self._rows - obs, axis=1).min() <= self._spread
                (of_ends if ended else of_others).append(looks and bool(near))
        return all(of_ends) and _frequency(of_others) ** len(of_ends) < _CHANCE

    def restarts_look_wrong(self, moments: Sequence[Moment], mode: AutoresetMode) -> bool:
        """Whether no env that was reset after its end looks like it, while true starts would."""
        seen, expected = [], []
        for before, moment in zip(moments, moments[1:]):
            for i in before.ended if mode == AutoresetMode.NEXT_STEP else moment.ended:
                last = moment.obs[i] if mode == AutoresetMode.DISABLED else before.current_obs[i]
                seen.append(self._looks_like(flat(moment.current_obs[i]), flat(last), self._rows))
                expected += [
                    self._looks_like(row, flat(last), np.delete(self._rows, index, axis=0))
                    for index, row in enumerate(self._rows)
                ]
        return not any(seen) and (1.0 - _frequency(expected)) ** len(seen) < _CHANCE

    @staticmethod
    def _looks_like(obs: np.ndarray, before: np.ndarray, starts: np.ndarray) -> bool:
        return bool(np.linalg.norm(starts - obs, axis=1).min() < np.linalg.norm(obs - before))


def _frequency(cases: List[bool]) -> float:
    """How often, as estimated from a few cases (Laplace's rule)."""
    return (sum(cases) + 1) / (len(cases) + 2)
