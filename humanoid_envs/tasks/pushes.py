"""Pushes, which hit all envs at once by the clock that they share."""

from __future__ import annotations

from typing import List, Tuple

import torch
from torch import Tensor

from humanoid_envs.mdp.events import Events, PushTerm
from humanoid_envs.mdp.terms import join_columns
from humanoid_envs.tasks.config import TaskConfig


class Pushes:
    """When the pushes of a task are due, and what they do."""

    def __init__(self, config: TaskConfig) -> None:
        terms = config.randomization.terms.values()
        self._steps = [config.steps(term.period) for term in terms if isinstance(term, PushTerm)]
        self.ever = any(self._steps)
        """Whether there are any."""

    def due(self, clock: Tensor) -> Tensor:
        """() bool: a push hits at this step. clock: () int64."""
        due = torch.zeros_like(clock, dtype=torch.bool)
        for steps in self._steps:
            due = due | _due(clock, steps)
        return due

    def push(
        self, events: Events, clock: Tensor, drawn: Tensor, before: Tensor, velocity: Tensor
    ) -> Tuple[Tensor, Tensor]:
        """(N, K) what each push did last, and (N, 6) the base's velocity after those that are due. events:
        the pushes; drawn, before: (N, K) what they would do now, and did last."""
        latest: List[Tensor] = []
        parts = zip(events.split(drawn), events.split(before), events.terms, self._steps)
        for new, old, term, steps in parts:
            due = _due(clock, steps)
            last = torch.where(due, new, old)
            velocity = torch.where(due, term.change(last, velocity), velocity)  # pyright: ignore
            latest.append(last)
        return join_columns(latest, before), velocity


def _due(clock: Tensor, steps: int) -> Tensor:
    """() bool: something is due that comes every so many steps, 0 for never."""
    return (clock % max(steps, 1) == 0) & (steps > 0)
