"""What callbacks log and keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import pytest

pytest.importorskip("mujoco")
pytest.importorskip("stable_baselines3")

from stable_baselines3 import PPO
from stable_baselines3.common.logger import KVWriter, Logger

from humanoid_envs.trouble import TroubleWarning
from tests.trainers.sb3.robots import make_vec, short_task
from trainers.evaluation import CommandScore
from trainers.evaluation.pushes import PushConfig
from trainers.evaluation.scorecard import ScorecardConfig
from trainers.evaluation.step_response import StepConfig
from trainers.policies import LoadedPolicy
from trainers.ppo import PPOConfig
from trainers.sb3 import (
    AsymmetricPolicy,
    EpisodeTermsCallback,
    EvaluationCallback,
    load_model,
    policy_kwargs,
    small_scorecard,
)


class Rows(KVWriter):
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.rows: List[Dict[str, Any]] = []

    def write(self, key_values: Dict[str, Any], key_excluded: Any, step: int = 0) -> None:
        self.rows.append(dict(key_values))

    def close(self) -> None:
        pass


def make(config: Any = None) -> PPO:
    env = make_vec(config=config, dict_obs=True)
    networks = policy_kwargs(env, PPOConfig(actor_hidden=(8,), critic_hidden=(8,)))
    return PPO(AsymmetricPolicy, env, n_steps=8, batch_size=8, policy_kwargs=networks, device="cpu")


def logged(model: PPO, callback: Any, steps: int) -> List[Dict[str, Any]]:
    rows = Rows()
    model.set_logger(Logger(None, [rows]))
    model.learn(steps, callback=callback)
    return rows.rows


def test_terms_are_means_over_the_episodes_that_ended() -> None:
    (row,) = logged(make(short_task(5)), EpisodeTermsCallback(), 16)
    assert row["episode/fall_rate"] == 0.0
    assert row["reward/alive"] == pytest.approx(5 * 0.3 * 0.01)
    terms = [value for name, value in row.items() if name.startswith("reward/")]
    assert sum(terms) == pytest.approx(row["rollout/ep_rew_mean"], rel=1e-4)
    assert {"episode/tracking_error_vx", "episode/tracking_error_yaw_rate"} <= set(row)
    (row,) = logged(make(short_task(100)), EpisodeTermsCallback(), 16)  # none has ended
    assert not any(name.startswith(("reward/", "episode/")) for name in row)
    (row,) = logged(make(short_task(100, falls=True)), EpisodeTermsCallback(), 16)
    assert row["episode/fall_rate"] == 1.0


def test_trouble_in_the_simulator_is_counted() -> None:
    model = make(short_task(100))
    env: Any = model.get_env()
    step, seen = env.humanoids.simulator.step, []

    def sinking(targets: Any) -> None:
        step(targets)
        env.humanoids.simulator.contacts_dropped[1] = True

    env.humanoids.simulator.step = sinking
    callback = EpisodeTermsCallback()
    infos = callback._on_step

    def noting() -> bool:
        seen.append([info["simulator"]["contacts_dropped"] for info in callback.locals["infos"]])
        return infos()

    callback._on_step = noting
    with pytest.warns(TroubleWarning, match="no room for all contacts"):
        first, second = logged(model, callback, 2 * 16)
    assert seen == [[False, True]] * 16
    for row in (first, second):  # 8 steps each
        assert (row["simulator/contacts_dropped"], row["simulator/diverged"]) == (8.0, 0.0)


def test_the_policy_is_scored_regularly_and_the_best_model_is_kept(tmp_path: Path) -> None:
    returns, policies = iter([3.0, 5.0, 4.0]), []

    def evaluate(policy: LoadedPolicy) -> Dict[str, float]:
        policies.append(policy)
        return {"my/return": next(returns)}

    best = tmp_path / "runs/best.zip"
    callback = EvaluationCallback(30, evaluate, best=best, score="my/return")
    rows = logged(make(), callback, 96)
    # At steps 30, 60 and 90 of 96, two at a time; logged with the rollouts of 16 in which that was.
    assert [row.get("my/return") for row in rows] == [None, 3.0, None, 5.0, None, 4.0]
    assert callback.scores == {"my/return": 4.0}
    assert policies[0].task == short_task()
    assert load_model(best).num_timesteps == 60
    assert [path.name for path in best.parent.iterdir()] == ["best.zip"]


def test_scores_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="every must be at least 1 env-step; got 0"):
        EvaluationCallback(0)
    callback = EvaluationCallback(16, lambda policy: {"mine": 1.0}, best=tmp_path / "best.zip")
    with pytest.raises(ValueError, match=r"no score 'evaluation/return' to choose .*: {'mine'}"):
        make().learn(16, callback=callback)


def test_nine_commands_are_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def walk(policy: Any, **options: Any) -> List[CommandScore]:
        asked.append(options)
        return [CommandScore((0.4, 0.0, 0.0), 2, 1, (0.3, 0.0, 0.0), 14.0, 5.0)]

    monkeypatch.setattr("trainers.sb3.callbacks.evaluate_commands", walk)
    (row,) = logged(make(), EvaluationCallback(16), 16)
    assert asked == [{"config": short_task(), "episodes": 2, "seconds": 10.0}]
    assert (row["evaluation/return"], row["evaluation/falls"]) == (5.0, 1)
    assert row["evaluation/worst_tracking_error"] == pytest.approx(0.1)


def test_a_scorecard_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    stand, forward = (0.0, 0.0, 0.0), (0.4, 0.0, 0.0)
    tiny = ScorecardConfig(
        commands=(stand,),
        beyond=(),
        rollouts=2,
        seconds=0.3,
        start_up=0.1,
        pushes=PushConfig(directions=1, commands=(stand,), repeats=1, rounds=1),
        steps=StepConfig(steps=((stand, forward),), robots=1, before=0.2, after=0.2),
    )
    monkeypatch.setattr("trainers.sb3.callbacks.SMALL", tiny)
    (row,) = logged(make(), EvaluationCallback(16, small_scorecard), 16)
    assert row["scorecard/survived"] == 1.0  # none falls within 0.3 s
    assert row["scorecard/torque"] > 0.0
