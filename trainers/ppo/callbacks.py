"""What may run after each update. A callback is any function of the trainer; returning False stops it.

What a callback adds to `ppo.metrics` is logged with the update's own scalars, and seen by the callbacks
behind it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, Optional, Union

from humanoid_envs.errors import UserError
from trainers.ppo.checkpoint import read_checkpoint

if TYPE_CHECKING:
    from trainers.ppo.ppo import PPO

Callback = Callable[["PPO"], Optional[bool]]


class Every:
    """Says, asked after each update, whether it is time again."""

    def __init__(self, *, updates: Optional[int] = None, minutes: Optional[float] = None) -> None:
        """Either updates, or minutes of training: of rollouts and updates, from the first on; what callbacks
        take does not count."""
        if (updates is None) == (minutes is None):
            raise UserError("Every takes either updates or minutes.")
        if updates is not None and updates < 1:
            raise UserError(f"Every's updates must be at least 1; got {updates}.")
        if minutes is not None and not minutes > 0.0:
            raise UserError(f"Every's minutes must be positive; got {minutes}.")
        self._updates, self._minutes = updates, minutes
        self._last: Optional[float] = None

    def __call__(self, ppo: PPO) -> bool:
        if self._updates is not None:
            return ppo.num_updates % self._updates == 0
        assert self._minutes is not None
        if self._last is None:
            self._last = ppo.training_seconds
        if ppo.training_seconds - self._last < 60.0 * self._minutes:
            return False
        self._last = ppo.training_seconds
        return True


class CheckpointCallback:
    """Saves `last.pt` regularly, and copies under their own name, `update_000200.pt`, that are kept."""

    def __init__(
        self,
        directory: Union[str, Path],
        save_every: int = 20,
        keep_every: int = 200,
        save_minutes: Optional[float] = 1.0,
    ) -> None:
        """save_every, keep_every: intervals in updates. save_minutes: of training, after which `last.pt` is
        saved in any case, counted as `Every` does; None: never."""
        for name, interval in (("save_every", save_every), ("keep_every", keep_every)):
            if interval < 1:
                raise UserError(f"CheckpointCallback's {name} must be at least 1 update; got {interval}.")
        if save_minutes is not None and not save_minutes > 0.0:
            raise UserError(
                f"CheckpointCallback's save_minutes must be positive or None; got {save_minutes}."
            )
        self.directory = Path(directory)
        self.save_every = save_every
        self.keep_every = keep_every
        self._save_seconds = math.inf if save_minutes is None else 60.0 * save_minutes
        self._saved_at = 0.0

    def __call__(self, ppo: PPO) -> None:
        overdue = ppo.training_seconds - self._saved_at >= self._save_seconds
        if overdue or ppo.num_updates % self.save_every == 0:
            ppo.save(self.directory / "last.pt")
            self._saved_at = ppo.training_seconds
        if ppo.num_updates % self.keep_every == 0:
            ppo.save(self._copy(ppo), environment=False)

    def catch_up(self, ppo: PPO) -> None:
        """After a resume: keep the copy that was due at this update, if the process died before."""
        if ppo.num_updates % self.keep_every == 0 and not self._copy(ppo).is_file():
            ppo.save(self._copy(ppo), environment=False)

    def _copy(self, ppo: PPO) -> Path:
        return self.directory / f"update_{ppo.num_updates:06d}.pt"


class EvaluationCallback:
    """Scores the policy from time to time, and keeps the best one.

    The scores are added to `ppo.metrics`, and as `metadata["evaluation"]` they travel in checkpoints.
    """

    def __init__(
        self,
        evaluate: Callable[[PPO], Dict[str, float]],
        every: Every,
        best: Optional[Union[str, Path]] = None,
        score: Optional[str] = None,
    ) -> None:
        """evaluate: the policy's scores by name; it must leave the trainer as it is. best: file for the
        policy whose `score`, one of these names, was highest; one that is there already is to be beaten.
        """
        if (best is None) != (score is None):
            raise UserError(
                "EvaluationCallback keeps the best policy with both: its file and its score's name."
            )
        self._evaluate, self._every = evaluate, every
        self._best, self._score = None if best is None else Path(best), score

    def __call__(self, ppo: PPO) -> None:
        """Raises ValueError if the evaluation has no such score."""
        if not self._every(ppo):
            return
        scores = {name: float(value) for name, value in self._evaluate(ppo).items()}
        ppo.metrics.update(scores)
        ppo.metadata["evaluation"] = scores
        if self._best is None:
            return
        if self._score not in scores:
            raise UserError(f"The evaluation has no score {self._score!r}; it has {', '.join(scores)}.")
        if scores[self._score] > self._highest():
            ppo.save(self._best, environment=False)

    def _highest(self) -> float:
        """Of the file, so that it outlives the process."""
        assert self._best is not None
        if not self._best.is_file():
            return -math.inf
        scores = read_checkpoint(self._best)["metadata"].get("evaluation", {})
        return scores.get(self._score, -math.inf)


class StopOnScore:
    """Stops training once a scalar of `ppo.metrics` is good enough.

    Stands behind the callback that adds it. Updates that do not have it, because no episode ended or nothing
    was evaluated, go by.
    """

    def __init__(
        self, name: str, *, at_least: Optional[float] = None, at_most: Optional[float] = None
    ) -> None:
        """name: e.g. "episode/return"."""
        if at_least is None and at_most is None:
            raise UserError("StopOnScore needs at_least, at_most or both.")
        self._name = name
        self._low = -math.inf if at_least is None else at_least
        self._high = math.inf if at_most is None else at_most

    def __call__(self, ppo: PPO) -> Optional[bool]:
        value = ppo.metrics.get(self._name, math.nan)
        return False if self._low <= value <= self._high else None


class TimeLimit:
    """Stops training after some minutes of it, counted as `Every` does."""

    def __init__(self, minutes: Optional[float]) -> None:
        """None: never."""
        self.seconds = math.inf if minutes is None else 60.0 * minutes
        self._start: Optional[float] = None

    def __call__(self, ppo: PPO) -> Optional[bool]:
        self._start = ppo.training_seconds if self._start is None else self._start
        return False if ppo.training_seconds - self._start > self.seconds else None
