"""Callbacks for Stable-Baselines3: what the episodes were like, and how the policy walks."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Union

from stable_baselines3.common.callbacks import BaseCallback

from humanoid_envs.errors import UserError
from trainers.evaluation import evaluate_commands, make_scorecard, summarize
from trainers.evaluation.training_scorecard import SMALL, headline
from trainers.policies import LoadedPolicy
from trainers.sb3.model_files import as_policy, save_model
from trainers.signals import Interruption


class EpisodeTermsCallback(BaseCallback):
    """Logs, as means over the episodes that ended, `reward/…` (sum of each weighted term over an episode) and
    `episode/fall_rate` and `episode/tracking_error_…`, and as `simulator/…` how often simulations of robots
    went wrong since the last record: the curves of `trainers.ppo`."""

    def _on_step(self) -> bool:
        self._count_trouble([info.get("simulator", {}) for info in self.locals["infos"]])
        for info in self.locals["infos"]:
            for name, value in info.get("reward_terms", {}).items():
                self.logger.record_mean(f"reward/{name}", float(value))
            for name, value in info.get("episode_metrics", {}).items():
                self.logger.record_mean(f"episode/{name}", float(value))
        return True

    def _count_trouble(self, simulators: List[Dict[str, bool]]) -> None:
        counts = dict.fromkeys(simulators[0], 0)
        for each in simulators:
            if True in each.values():
                for kind, yes in each.items():
                    counts[kind] += yes
        for kind, count in counts.items():
            name = f"simulator/{kind}"
            self.logger.record(name, self.logger.name_to_value.get(name, 0.0) + count)


class SaveCallback(BaseCallback):
    """Saves the model every so many minutes, as `save_model` does: what a kill can take is not more."""

    def __init__(self, path: Union[str, Path], minutes: float = 1.0) -> None:
        """Raises UserError if the minutes are not positive."""
        super().__init__()
        if not minutes > 0.0:
            raise UserError(f"SaveCallback's minutes must be positive; got {minutes}.")
        self._path, self._seconds = Path(path), 60.0 * minutes
        self._saved = math.inf

    def _on_training_start(self) -> None:
        self._saved = time.monotonic()

    def _on_step(self) -> bool:
        if time.monotonic() - self._saved >= self._seconds:
            save_model(self.model, self._path)
            self._saved = time.monotonic()
        return True


class InterruptionCallback(BaseCallback):
    """Stops training after the step in which a signal came; see `trainers.signals.Interruption`."""

    def __init__(self, interruption: Interruption) -> None:
        super().__init__()
        self._interruption = interruption

    def _on_step(self) -> bool:
        return self._interruption(self) is not False


def nine_commands(policy: LoadedPolicy) -> Dict[str, float]:
    """`evaluation/…`, see `trainers.evaluation.summarize`: nine commands in C MuJoCo, two of 10 s each."""
    return summarize(evaluate_commands(policy, config=policy.task, episodes=2, seconds=10.0))


def small_scorecard(policy: LoadedPolicy) -> Dict[str, float]:
    """`scorecard/…`: the headline of a scorecard of 107,000 env-steps, as `trainers.ppo`'s runs log it."""
    return headline(make_scorecard(policy, policy.task, config=SMALL))


class EvaluationCallback(BaseCallback):
    """Scores the policy from time to time, logs that, and keeps the best model; `scores` are the last."""

    def __init__(
        self,
        every: int,
        evaluate: Callable[[LoadedPolicy], Dict[str, float]] = nine_commands,
        best: Optional[Union[str, Path]] = None,
        score: str = "evaluation/return",
    ) -> None:
        """
        Args:
            every: env-steps between evaluations, the first after so many.
            evaluate: the policy's scores by name, such as `nine_commands` or `small_scorecard`.
            best: file for the model whose `score` was highest; None keeps none.

        Raises ValueError if `every` is not positive.
        """
        super().__init__()
        if every < 1:
            raise UserError(f"EvaluationCallback's every must be at least 1 env-step; got {every}.")
        self.scores: Dict[str, float] = {}
        self._every, self._next, self._evaluate = every, every, evaluate
        self._best, self._score = None if best is None else Path(best), score
        self._highest = -math.inf

    def _init_callback(self) -> None:
        as_policy(self.model)  # describes it, and says now what cannot be evaluated
        self._next = self.model.num_timesteps + self._every

    def _on_step(self) -> bool:
        if self.model.num_timesteps >= self._next:
            self._next = self.model.num_timesteps + self._every
            self.scores = self._evaluate(as_policy(self.model))
            for name, value in self.scores.items():
                self.logger.record(name, value)
            if self._best is not None:
                self._keep(self._best)
        return True

    def _keep(self, best: Path) -> None:
        if self._score not in self.scores:
            raise UserError(
                f"There is no score {self._score!r} to choose the best model by: {set(self.scores)}."
            )
        if self.scores[self._score] > self._highest:
            self._highest = self.scores[self._score]
            save_model(self.model, best)
