"""A training run's files, resuming, presets and bad input."""

from __future__ import annotations

import csv
import dataclasses
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, Iterator, List, Optional

import pytest
import torch

from humanoid_envs.tasks import TaskConfig
from trainers.evaluation import CommandScore
from trainers.evaluation.pushes import PushConfig
from trainers.evaluation.result_file import read_result
from trainers.evaluation.step_response import StepConfig
from trainers.evaluation.training_scorecard import SMALL, ScorecardCallback
from trainers.export import task_of
from trainers.ppo import PPO, Every
from trainers.ppo.checkpoint import read_checkpoint
from trainers.presets import TrainConfig, preset
from trainers.runs import Run, find_checkpoint
from trainers.training import choose_engine, evaluate, make_env, train

pytest.importorskip("mujoco")

CPU = preset("cpu")
TINY = dataclasses.replace(
    CPU,
    ppo=dataclasses.replace(CPU.ppo, num_steps=8, actor_hidden=(8,), critic_hidden=(8,), device="cpu"),
    num_envs=4,
    total_timesteps=2 * 32,
    engine="mujoco",
    compiled=False,
    save_every=1,
    keep_every=2,
)
"""Two updates of 4 robots × 8 steps."""


def tiny(**changes: Any) -> TrainConfig:
    return dataclasses.replace(TINY, **changes)


@pytest.fixture(autouse=True)
def _quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Threads do not pay for tiny networks. Exports take seconds a run: only one test waits for them."""
    if request.function is not test_a_run_leaves_its_files:
        monkeypatch.setattr("trainers.training.ExportCallback.export", lambda *arguments: None)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def run_in(tmp_path: Path, config: TrainConfig, name: str = "a", resume: Optional[Path] = None) -> PPO:
    return train(config, Run(tmp_path / name), resume, progress_bar=False)


# Files


def test_a_run_leaves_its_files(tmp_path: Path) -> None:
    started = []
    ppo = train(TINY, Run(tmp_path / "a"), on_start=lambda ppo: started.append(ppo.num_updates))
    assert started == [0]
    assert ppo.num_timesteps == 64
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    names = [str(path) for path in files if not path.name.startswith("events.out.tfevents.")]
    assert names == [
        "checkpoints/last.pt",
        "checkpoints/policy.jit.pt",
        "checkpoints/policy.onnx",
        "checkpoints/update_000002.jit.pt",
        "checkpoints/update_000002.onnx",
        "checkpoints/update_000002.pt",
        "config.yaml",
        "progress.csv",
    ]
    assert len(files) == len(names) + 1
    assert Run(tmp_path / "a").read_config() == TINY
    loaded = PPO.load(tmp_path / "a/checkpoints/last.pt")
    assert loaded.num_updates == 2
    assert loaded.metadata["num_envs"] == 4
    assert loaded.metadata["engine"] == "mujoco"
    assert task_of(loaded) == TINY.task


def test_the_time_limit_stops_a_run(tmp_path: Path) -> None:
    ppo = run_in(tmp_path, tiny(total_timesteps=10**9, max_minutes=1e-9))
    assert ppo.num_updates == 2  # the clock starts with the first
    assert find_checkpoint("a", tmp_path) == tmp_path / "a/checkpoints/last.pt"


def test_an_existing_run_is_not_overwritten(tmp_path: Path) -> None:
    run_in(tmp_path, TINY)
    before = (tmp_path / "a/checkpoints/last.pt").read_bytes()
    with pytest.raises(ValueError, match="already holds a run: resume it, or choose another name"):
        run_in(tmp_path, TINY)
    assert (tmp_path / "a/checkpoints/last.pt").read_bytes() == before


def test_a_run_that_cannot_start_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"TrainConfig\.engine must be one of auto, .*; got 'physx'"):
        run_in(tmp_path, tiny(engine="physx"))
    assert not (tmp_path / "a").exists()


# Resuming


def same_weights(one: PPO, other: PPO) -> bool:
    weights, others = one.policy.state_dict(), other.policy.state_dict()
    return all(torch.equal(value, others[name]) for name, value in weights.items())


def test_resuming_is_bit_exact(tmp_path: Path) -> None:
    whole = run_in(tmp_path, tiny(total_timesteps=4 * 32), "whole")
    run_in(tmp_path, TINY, "parts")
    half = PPO.load(tmp_path / "parts/checkpoints/last.pt")
    resumed = run_in(tmp_path, tiny(total_timesteps=4 * 32), "parts", tmp_path / "parts/checkpoints/last.pt")
    assert (whole.num_updates, half.num_updates, resumed.num_updates) == (4, 2, 4)
    assert same_weights(whole, resumed)
    assert not same_weights(whole, half)


def test_resuming_a_finished_run_trains_no_further(tmp_path: Path) -> None:
    first = run_in(tmp_path, TINY)
    again = run_in(tmp_path, TINY, resume=tmp_path / "a/checkpoints/last.pt")
    assert again.num_updates == 2
    assert same_weights(first, again)


def without_alive() -> TaskConfig:
    return TINY.task.replace({"rewards.alive.weight": 0.0})


@pytest.mark.parametrize(
    "changes", [{"num_envs": 6}, {"task": without_alive()}], ids=["robots", "reward terms"]
)
def test_resuming_with_another_task_or_number_of_robots(tmp_path: Path, changes: dict) -> None:
    """Goes on from the same weights, in new episodes where the old ones do not fit."""
    run_in(tmp_path, TINY)
    config = tiny(total_timesteps=4 * 32, **changes)
    resumed = run_in(tmp_path, config, "b", tmp_path / "a/checkpoints/last.pt")
    assert resumed.num_timesteps >= 4 * 32
    assert task_of(PPO.load(tmp_path / "b/checkpoints/last.pt")) == config.task
    assert Run(tmp_path / "b").read_config() == config


def test_resuming_from_a_kept_copy(tmp_path: Path) -> None:
    run_in(tmp_path, TINY)
    kept = tmp_path / "a/checkpoints/update_000002.pt"
    assert read_checkpoint(kept)["environment"] is None
    assert run_in(tmp_path, tiny(total_timesteps=3 * 32), resume=kept).num_updates == 3


def test_resuming_with_other_networks_is_refused(tmp_path: Path) -> None:
    run_in(tmp_path, TINY)
    wider = dataclasses.replace(TINY.ppo, actor_hidden=(16,))
    with pytest.raises(ValueError, match="actor_hidden"):
        run_in(tmp_path, tiny(ppo=wider), resume=tmp_path / "a/checkpoints/last.pt")
    assert Run(tmp_path / "a").read_config() == TINY


# While training


def evaluations(monkeypatch: pytest.MonkeyPatch, returns: List[float]) -> None:
    """Due after every second update, and with these results."""
    left = iter(returns)
    monkeypatch.setattr("trainers.training.evaluate", lambda ppo: {"evaluation/return": next(left)})
    monkeypatch.setattr("trainers.training.Every", lambda minutes: Every(updates=2))


def test_evaluations_keep_the_best_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluations(monkeypatch, [1.0, 3.0, 2.0])
    run_in(tmp_path, tiny(total_timesteps=6 * 32, evaluate_every=1.0))
    best = PPO.load(Run(tmp_path / "a").best_checkpoint)
    assert best.num_updates == 4
    assert best.metadata["evaluation"] == {"evaluation/return": 3.0}
    assert task_of(best) == TINY.task
    last = PPO.load(Run(tmp_path / "a").last_checkpoint)
    assert last.metadata["evaluation"] == {"evaluation/return": 2.0}


def test_evaluations_leave_training_and_resuming_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run_in(tmp_path, tiny(total_timesteps=4 * 32), "plain")
    evaluations(monkeypatch, [1.0, 2.0])
    run_in(tmp_path, tiny(evaluate_every=1.0))
    config = tiny(total_timesteps=4 * 32, evaluate_every=1.0)
    resumed = run_in(tmp_path, config, resume=Run(tmp_path / "a").last_checkpoint)
    assert same_weights(plain, resumed)
    assert PPO.load(Run(tmp_path / "a").best_checkpoint).num_updates == 4


def test_the_evaluation_walks_the_trained_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: Dict[str, Any] = {}

    def walk(policy: Any, **options: Any) -> List[CommandScore]:
        asked.update(options, action=policy(torch.zeros(3, 705)))
        return [CommandScore((0.0, 0.0, 0.0), 1, 0, (0.0, 0.0, 0.0), 1.0, 5.0)]

    ppo = run_in(tmp_path, TINY)
    monkeypatch.setattr("trainers.training.evaluate_commands", walk)
    assert evaluate(ppo)["evaluation/return"] == 5.0
    assert asked["config"] == TINY.task
    assert asked["action"].shape == (3, 12)


def test_scorecards_leave_files_curves_and_training_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run_in(tmp_path, tiny(total_timesteps=4 * 32), "plain")
    small = dataclasses.replace(
        SMALL,
        commands=((0.4, 0.0, 0.0),),
        rollouts=1,
        seconds=0.5,
        start_up=0.2,
        pushes=PushConfig(directions=1, commands=((0.0, 0.0, 0.0),), repeats=1, rounds=1),
        steps=StepConfig(steps=(((0.0, 0.0, 0.0), (0.4, 0.0, 0.0)),), robots=1, before=0.2, after=0.2),
    )

    def quick(task: TaskConfig, directory: Path, every: Every) -> ScorecardCallback:
        return ScorecardCallback(task, directory, Every(updates=2), small)

    monkeypatch.setattr("trainers.training.ScorecardCallback", quick)
    scored = run_in(tmp_path, tiny(total_timesteps=4 * 32, scorecard_every=1.0))
    assert same_weights(plain, scored)
    files = sorted((tmp_path / "a/scorecards").iterdir())
    assert [path.name for path in files] == ["update_000002.json", "update_000004.json"]
    assert read_result(files[0])["policy"]["contract"]["engine"] == "mujoco"
    rows = list(csv.DictReader((tmp_path / "a/progress.csv").open()))
    assert [row["scorecard/survived"] for row in rows] == ["", "1.0", "", "1.0"]


def test_weights_and_biases_gets_the_config_and_every_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: List[Any] = []
    run = SimpleNamespace(
        id="x1", log=lambda scalars, step: calls.append(step), finish=lambda: calls.append("end")
    )

    def init(**arguments: Any) -> SimpleNamespace:
        calls.append(arguments)
        return run

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init))
    run_in(tmp_path, tiny(wandb="walking"))
    started, *rest = calls
    assert (started["project"], started["name"]) == ("walking", "a")
    assert started["config"]["ppo"]["num_steps"] == 8
    assert rest == [32, 64, "end"]


def test_without_wandb_nothing_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ImportError, match="pip install wandb"):
        run_in(tmp_path, tiny(wandb="walking"))
    assert not (tmp_path / "a").exists()


def test_tables_are_printed_when_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    run_in(tmp_path, TINY)
    assert "train" not in capsys.readouterr().out
    run_in(tmp_path, tiny(table_every=1e-9), "b")
    assert capsys.readouterr().out.count("learning_rate") == 2


def test_the_viewer_wraps_what_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a window that counts; MuJoCo's own needs a display."""
    shown: List[str] = []

    def window(simulator: Any, **options: Any) -> SimpleNamespace:
        return SimpleNamespace(show=lambda: shown.append("frame"), close=lambda: shown.append("closed"))

    monkeypatch.setattr("humanoid_envs.viewer.Viewer", window)
    ppo = train(TINY, Run(tmp_path / "a"), progress_bar=False, viewer=True)
    assert shown == ["frame"] * 16 + ["closed"]  # 2 updates of 8 steps
    assert same_weights(ppo, run_in(tmp_path, TINY, "b"))


@pytest.mark.parametrize("name", ["evaluate_every", "scorecard_every", "video_every", "table_every"])
def test_intervals_must_be_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f"TrainConfig.{name} must be positive; got 0"):
        tiny(**{name: 0.0})


def test_a_policy_of_something_else_has_no_task(tmp_path: Path) -> None:
    ppo = run_in(tmp_path, TINY)
    ppo.metadata = {}
    with pytest.raises(ValueError, match="names no velocity task"):
        task_of(ppo)


# Presets


def test_the_physics_device_chooses_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_engine(tiny(engine="mujoco_warp"))[0] == "mujoco_warp"
    assert choose_engine(tiny(engine="auto", sim_device="cpu")) == ("mujoco", "the CPU was asked for")
    with pytest.raises(ValueError, match="sim_device 'gpu0' is no torch device"):
        make_env(tiny(sim_device="gpu0"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="sim_device 'cuda:0' needs CUDA"):
        make_env(tiny(sim_device="cuda:0"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(ValueError, match="Engine 'mujoco' runs on the CPU, not on 'cuda:0'"):
        make_env(tiny(sim_device="cuda:0"))


def test_make_env() -> None:
    env = make_env(tiny(stagger_episodes=True, num_envs=3))
    observation, _ = env.reset(seed=0)
    assert isinstance(observation, torch.Tensor)
    assert env.num_envs == 3
    assert env.config == TINY.task
    env.close()
