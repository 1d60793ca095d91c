from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional, Union

import pytest

from humanoid_envs.errors import UserError
from tests.trainers.ppo.counting_env import CountingEnv
from trainers.ppo import PPO, CheckpointCallback, EvaluationCallback, Every, PPOConfig, StopOnScore, TimeLimit
from trainers.ppo.checkpoint import read_checkpoint

CONFIG = PPOConfig(num_steps=10, num_minibatches=2, actor_hidden=(8,), critic_hidden=(8,), device="cpu")
UPDATE = 10 * 2


def at_time(seconds: float) -> PPO:
    """A trainer that only knows how long it has trained."""
    ppo = PPO.__new__(PPO)
    ppo.training_seconds = seconds
    return ppo


# Every


def test_every_some_updates() -> None:
    every, due = Every(updates=3), []
    PPO(CountingEnv(), CONFIG).learn(7 * UPDATE, lambda ppo: due.append(every(ppo)))
    assert due == [False, False, True, False, False, True, False]


def test_every_some_minutes_of_training() -> None:
    """The clock starts with the first update; an interval that was overrun is not caught up on."""
    every = Every(minutes=0.5)
    moments = {100.0: False, 129.9: False, 130.0: True, 131.0: False, 200.0: True, 229.0: False, 230.0: True}
    assert {moment: every(at_time(moment)) for moment in moments} == moments


@pytest.mark.parametrize("arguments", [{}, {"updates": 1, "minutes": 1.0}, {"updates": 0}, {"minutes": 0.0}])
def test_every_needs_one_positive_interval(arguments: dict) -> None:
    with pytest.raises(ValueError, match="Every"):
        Every(**arguments)


def test_training_time_excludes_callbacks(monkeypatch: pytest.MonkeyPatch) -> None:
    now, times = [0.0], []
    monkeypatch.setattr("trainers.ppo.ppo.time.perf_counter", lambda: now[0])

    class SlowEnv(CountingEnv):
        def step(self, actions):
            now[0] += 1.0
            return super().step(actions)

    def slow_callback(ppo: PPO) -> None:
        times.append(ppo.training_seconds)
        now[0] += 1000.0

    PPO(SlowEnv(), CONFIG).learn(3 * UPDATE, slow_callback)
    assert times == [10.0, 20.0, 30.0]


# Checkpoints


def test_checkpoints_come_by_time_too(tmp_path: Path) -> None:
    """The clock starts with the training, and anew with each checkpoint."""

    def saved(save_minutes: Optional[float]) -> List[int]:
        callback, updates = CheckpointCallback(tmp_path, 4, 100, save_minutes), []

        class Slow(PPO):
            def save(self, path: Union[str, Path], environment: bool = True) -> None:
                updates.append(self.num_updates)

        ppo = Slow.__new__(Slow)
        for ppo.num_updates, ppo.training_seconds in enumerate(
            (20.0, 59.0, 60.0, 80.0, 139.0, 141.0), start=1
        ):
            callback(ppo)
        return updates

    assert saved(1.0) == [3, 4, 6]
    assert saved(None) == [4]
    with pytest.raises(UserError, match="save_minutes must be positive or None; got nan"):
        CheckpointCallback(tmp_path, save_minutes=float("nan"))


# Evaluation


def scores_of(returns: List[float]):
    """An evaluation that gives these returns one after the other."""
    left = iter(returns)
    return lambda ppo: {"evaluation/return": next(left), "evaluation/falls": 2.0}


def test_evaluation_writes_its_scores_and_keeps_the_best(tmp_path: Path) -> None:
    best = tmp_path / "checkpoints" / "best.pt"
    callback = EvaluationCallback(
        scores_of([1.0, 5.0, 3.0]), Every(updates=2), best, score="evaluation/return"
    )
    metrics: List[Dict[str, float]] = []
    ppo = PPO(CountingEnv(), CONFIG, log_dir=tmp_path)
    ppo.learn(7 * UPDATE, [callback, lambda ppo: metrics.append(dict(ppo.metrics))])
    seen = [each.get("evaluation/return") for each in metrics]
    assert seen == [None, 1.0, None, 5.0, None, 3.0, None]
    assert metrics[1]["evaluation/falls"] == 2.0
    kept = read_checkpoint(best)
    assert kept["num_updates"] == 4
    assert kept["metadata"]["evaluation"] == {"evaluation/return": 5.0, "evaluation/falls": 2.0}
    assert kept["environment"] is None
    assert ppo.metadata["evaluation"]["evaluation/return"] == 3.0
    rows = [line.split(",") for line in (tmp_path / "progress.csv").read_text().splitlines()]
    column = rows[0].index("evaluation/return")
    assert [row[column] for row in rows[1:]] == ["", "1.0", "", "5.0", "", "3.0", ""]


def test_the_best_of_an_earlier_process_is_to_be_beaten(tmp_path: Path) -> None:
    for returns, best_update in (([4.0], 1), ([3.0, 4.0], 1), ([2.0, 4.1], 2)):
        callback = EvaluationCallback(
            scores_of(returns), Every(updates=1), tmp_path / "best.pt", "evaluation/return"
        )
        PPO(CountingEnv(), CONFIG).learn(len(returns) * UPDATE, callback)
        assert read_checkpoint(tmp_path / "best.pt")["num_updates"] == best_update


def test_evaluation_without_keeping(tmp_path: Path) -> None:
    ppo = PPO(CountingEnv(), CONFIG)
    ppo.learn(UPDATE, EvaluationCallback(scores_of([1.0]), Every(updates=1)))
    assert ppo.metrics["evaluation/return"] == 1.0


def test_evaluation_names_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="both: its file and its score's name"):
        EvaluationCallback(scores_of([]), Every(updates=1), tmp_path / "best.pt")
    wrong = EvaluationCallback(scores_of([1.0]), Every(updates=1), tmp_path / "best.pt", "evaluation/retrun")
    with pytest.raises(ValueError, match=r"no score 'evaluation/retrun'; it has evaluation/return, "):
        PPO(CountingEnv(), CONFIG).learn(UPDATE, wrong)


# Stopping


@pytest.mark.parametrize(
    ("bounds", "updates"), [({"at_least": 3.0}, 3), ({"at_most": 0.5}, 4), ({"at_least": 9.0}, 5)]
)
def test_stops_on_a_score(bounds: dict, updates: int) -> None:
    scores = {1: 1.0, 3: 3.0, 4: 0.5}  # not every update has one

    def score(ppo: PPO) -> None:
        if ppo.num_updates in scores:
            ppo.metrics["score"] = scores[ppo.num_updates]

    ppo = PPO(CountingEnv(), CONFIG).learn(5 * UPDATE, [score, StopOnScore("score", **bounds)])
    assert ppo.num_updates == updates


def test_stop_on_score_needs_a_bound() -> None:
    with pytest.raises(ValueError, match="at_least, at_most or both"):
        StopOnScore("episode/return")


def test_time_limit() -> None:
    limit, endless = TimeLimit(0.5), TimeLimit(None)
    for seconds, stop in ((1000.0, None), (1029.0, None), (1030.0, None), (1030.1, False)):
        assert limit(at_time(seconds)) is stop
        assert endless(at_time(seconds)) is None


def test_a_time_limit_stops_training() -> None:
    ppo = PPO(CountingEnv(), replace(CONFIG)).learn(10 * UPDATE, TimeLimit(0.0))
    assert ppo.num_updates == 2  # the clock starts with the first
