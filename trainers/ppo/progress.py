"""The bar that shows how far a training is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Optional, Tuple

from tqdm import tqdm

if TYPE_CHECKING:
    from trainers.ppo.ppo import PPO

_BAR = "{percentage:3.0f}%|{bar:20}| "


class Progress:
    """A bar on standard error, of what ends the training first: its steps or a time limit.

    `train 31%|██████▏             | 1.12M of 3.60M steps, 1.6 of 20 min, 3.5 min left, return 12.3`
    """

    def __init__(self, steps: int, limit: float = math.inf, hidden: Optional[bool] = None) -> None:
        """steps: of this training. limit: of its time, s, from the end of the first update on. hidden: None
        hides the bar where standard error is no terminal."""
        self._steps, self._limit, self._taken = steps, limit, 0
        self._first: Optional[Tuple[float, int]] = None
        self._bar = tqdm(total=1.0, bar_format=f"first rollout {_BAR}", miniters=0, disable=hidden)

    def update(self, ppo: PPO, steps: int) -> None:
        """Call after each update. steps: that it was made of."""
        if self._bar.disable:
            return
        self._taken += steps
        # The first one may have waited for a compiler.
        self._first = self._first or (ppo.training_seconds, self._taken)
        seconds, counted = ppo.training_seconds - self._first[0], self._taken - self._first[1]
        needed = seconds / max(counted, 1) * max(0, self._steps - self._taken)
        is_late = seconds + needed > self._limit
        done = seconds / max(self._limit, 1e-9) if is_late else self._taken / self._steps
        self._bar.bar_format = f"train {_BAR}{self._text(ppo, seconds, needed if counted else None, is_late)}"
        self._bar.update(min(done, 1.0) - self._bar.n)

    def _text(self, ppo: PPO, seconds: float, needed: Optional[float], is_late: bool) -> str:
        limit = "" if math.isinf(self._limit) else f" of {self._limit / 60.0:.3g}"
        parts = [f"{_short(self._taken)} of {_short(self._steps)} steps", f"{seconds / 60.0:.1f}{limit} min"]
        if is_late:
            parts.append("time ends first")
        if needed is not None:
            parts.append(f"{max(0.0, min(needed, self._limit - seconds)) / 60.0:.1f} min left")
        if "episode/return" in ppo.metrics:
            parts.append(f"return {ppo.metrics['episode/return']:.3g}")
        return ", ".join(parts)

    def close(self) -> None:
        """Leave the last line."""
        self._bar.close()


def _short(count: int) -> str:
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= unit:
            return f"{count / unit:.2f}{name}"
    return str(count)
