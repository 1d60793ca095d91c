"""Two workers of which one goes wrong, or is signalled."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any, Dict

import pytest
import torch
from torch import Tensor

from tests.trainers.ppo.counting_env import CountingEnv
from tests.trainers.ppo.two_workers import (
    CPU,
    TOGETHER,
    UPDATE,
    run_job,
    run_on_two,
    torchrun,
)
from trainers.ppo import PPO
from trainers.ppo.distributed import Workers
from trainers.ppo.episode_statistics import EpisodeStatistics
from trainers.ppo.tensor_env import TensorStep
from trainers.signals import Interruption


class _BadEnv(CountingEnv):
    """Goes wrong in its 35th step: in the fourth update, which on a GPU is captured."""

    def __init__(self, error: str) -> None:
        super().__init__()
        self._error, self._count = error, 0

    def step(self, actions: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._count += 1
        obs, reward, terminated, truncated, info = super().step(actions)
        if self._count == 35 and self._error == "nan":
            reward[1] = torch.nan
        if self._count == 35 and self._error == "raise":
            raise ValueError("the simulator is gone")
        return obs, reward, terminated, truncated, info


def nan_in_the_second(workers: Workers, folder: Path) -> Dict[str, Any]:
    env = CountingEnv() if workers.is_first else _BadEnv("nan")
    PPO(env, TOGETHER, workers=workers).learn(6 * UPDATE)
    return {}


def error_in_the_second(workers: Workers, folder: Path) -> Dict[str, Any]:
    env = CountingEnv() if workers.is_first else _BadEnv("raise")
    PPO(env, TOGETHER, workers=workers).learn(6 * UPDATE)
    return {}


def weights_changed_in_the_first(workers: Workers, folder: Path) -> Dict[str, Any]:
    def callback(ppo: PPO) -> None:
        assert ppo.policy.std is not None
        ppo.policy.std.data[0] += 1e-3

    PPO(CountingEnv(), TOGETHER, workers=workers).learn(20 * UPDATE, callback)
    return {}


def statistics_with_terms_that_come_late(workers: Workers, folder: Path) -> Dict[str, Any]:
    """The episodes of both workers end with returns 1 and 3; later those of the second name a term."""
    statistics = EpisodeStatistics(1, CPU, workers)
    yes, taken = torch.ones(1, dtype=torch.bool), []
    for terms in ({}, {"reward_terms": {"alive": torch.tensor([5.0])}}, {}):
        reward = torch.tensor([1.0 if workers.is_first else 3.0])
        statistics.add(TensorStep(reward, yes, ~yes, None, None, {} if workers.is_first else terms))
        taken.append(statistics.take())
    return {"taken": taken}


def signals_to_the_second(workers: Workers, folder: Path) -> Dict[str, Any]:
    """In the first update, which alone would end the worker at once, and in another training after the
    second update."""

    class Signalled(CountingEnv):
        def step(self, actions: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
            send()
            return super().step(actions)

    def send() -> None:
        if not workers.is_first:
            os.kill(os.getpid(), signal.SIGTERM)

    class AfterTheSecondUpdate:
        on_all_workers = True

        def __call__(self, ppo: PPO) -> None:
            if ppo.num_updates == 2:
                send()

    ends = []
    for env, callback in ((Signalled(), lambda ppo: None), (CountingEnv(), AfterTheSecondUpdate())):
        ppo = PPO(env, TOGETHER, workers=workers)
        with pytest.raises(SystemExit) as end, Interruption() as interruption:  # noqa: PT012
            interruption.farewell = None
            with interruption.saving(together=True):
                ppo.learn(6 * UPDATE, [callback, interruption])
                interruption.agree(workers)
            assert interruption.came
        ends.append((ppo.num_updates, end.value.code))
    return {"ends": ends}


def test_a_signal_to_one_worker_stops_all_after_the_same_update(tmp_path: Path) -> None:
    for result in run_on_two(signals_to_the_second, tmp_path):
        assert result["ends"] == [(1, 143), (2, 143)]


def test_a_nan_stops_all_workers(tmp_path: Path) -> None:
    first, second = run_on_two(nan_in_the_second, tmp_path)
    assert first["error"].startswith("NonFiniteError: Training stopped: non-finite reward in another worker")
    assert "non-finite reward in 1 of 2 environments, first in environment 1 at step 4" in second["error"]


def test_an_error_leaves_no_worker_waiting(tmp_path: Path) -> None:
    first, second = run_on_two(error_in_the_second, tmp_path)
    assert second["error"] == "ValueError: the simulator is gone"
    assert first["error"].startswith("RuntimeError")


def test_weights_that_drift_apart_are_noticed(tmp_path: Path) -> None:
    for result in run_on_two(weights_changed_in_the_first, tmp_path):
        assert "drifted apart" in result["error"]


def test_a_worker_may_lack_what_another_reports(tmp_path: Path) -> None:
    for result in run_on_two(statistics_with_terms_that_come_late, tmp_path):
        plain = {"episode/count": 2.0, "episode/return": 2.0, "episode/length": 1.0}
        assert result["taken"][0] == plain
        assert result["taken"][1] == {**plain, "reward/alive": 2.5}
        assert result["taken"][2] == {**plain, "reward/alive": 0.0}


@pytest.mark.gpu
@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("job", "message"),
    [("nan_in_the_second", "non-finite reward in 1 of 2"), ("error_in_the_second", "the simulator is gone")],
)
def test_an_error_on_one_gpu_ends_all(job: str, message: str, tmp_path: Path) -> None:
    result = torchrun("-m", __name__, job, folder=tmp_path)  # raises TimeoutExpired where one hangs
    assert result.returncode != 0
    assert message in result.stderr


if __name__ == "__main__":
    run_job(globals()[sys.argv[1]])
