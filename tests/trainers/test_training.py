"""A training run's files, resuming, presets and bad input."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path
from typing import Any, Optional

import pytest
import torch
import yaml

from humanoid_envs.tasks.velocity import VelocityConfig
from trainers.ppo import PPO
from trainers.ppo.checkpoint import read_checkpoint
from trainers.training import (
    PRESETS,
    Run,
    TimeLimit,
    TrainConfig,
    find_checkpoint,
    make_env,
    preset,
    task_of,
    train,
)

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
    assert names == ["checkpoints/last.pt", "checkpoints/update_000002.pt", "config.yaml"]
    assert len(files) == len(names) + 1
    assert Run(tmp_path / "a").read_config() == TINY
    loaded = PPO.load(tmp_path / "a/checkpoints/last.pt")
    assert loaded.num_updates == 2
    assert loaded.metadata["num_envs"] == 4
    assert loaded.metadata["engine"] == "mujoco"
    assert task_of(loaded) == TINY.task


def test_the_time_limit_stops_a_run(tmp_path: Path) -> None:
    ppo = run_in(tmp_path, tiny(total_timesteps=10**9, max_minutes=0.0))
    assert ppo.num_updates == 2  # the clock starts with the first
    assert find_checkpoint("a", tmp_path) == tmp_path / "a/checkpoints/last.pt"


def test_an_existing_run_is_not_overwritten(tmp_path: Path) -> None:
    run_in(tmp_path, TINY)
    before = (tmp_path / "a/checkpoints/last.pt").read_bytes()
    with pytest.raises(ValueError, match="already holds a run: resume it, or choose another name"):
        run_in(tmp_path, TINY)
    assert (tmp_path / "a/checkpoints/last.pt").read_bytes() == before


def test_a_run_that_cannot_start_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Unknown engine 'physx'"):
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


def without_alive() -> VelocityConfig:
    rewards = TINY.task.rewards
    scales = dataclasses.replace(rewards.scales, alive=0.0)
    return dataclasses.replace(TINY.task, rewards=dataclasses.replace(rewards, scales=scales))


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


# Finding checkpoints


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs; `old` was trained before `new`."""
    for age, name in ((100.0, "old"), (0.0, "new")):
        checkpoint = Run(tmp_path / name).last_checkpoint
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        os.utime(checkpoint, (time.time() - age, time.time() - age))
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_find_checkpoint(runs: Path) -> None:
    old, new = (runs / name / "checkpoints/last.pt" for name in ("old", "new"))
    assert find_checkpoint("last", runs) == new
    assert find_checkpoint("old", runs) == old
    assert find_checkpoint(str(old), runs) == old
    assert Run.of_checkpoint(old).directory == runs / "old"


@pytest.mark.parametrize("name", ["empty", "nowhere", "nowhere/last.pt", "*"])
def test_no_checkpoint_of_that_name(runs: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"neither a checkpoint file nor a run.*train_ppo\.py"):
        find_checkpoint(name, runs)


def test_no_run_at_all(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="'last' is neither"):
        find_checkpoint("last", tmp_path / "runs")


# Config files


def test_read_config_names_what_is_wrong(tmp_path: Path) -> None:
    run = Run(tmp_path / "a")
    with pytest.raises(FileNotFoundError, match=r"no training run: it has no config\.yaml"):
        run.read_config()
    run.write_config(TINY)
    text = (run.directory / "config.yaml").read_text()
    assert yaml.safe_load(text)["ppo"]["actor_hidden"] == [8]
    (run.directory / "config.yaml").write_text(text.replace("gamma:", "gama:"))
    with pytest.raises(ValueError, match=r"a/config\.yaml: PPOConfig has no field 'gama'"):
        run.read_config()
    (run.directory / "config.yaml").write_text("")
    with pytest.raises(ValueError, match=r"a/config\.yaml: TrainConfig needs a mapping"):
        run.read_config()


def test_a_policy_of_something_else_has_no_task(tmp_path: Path) -> None:
    ppo = run_in(tmp_path, TINY)
    ppo.metadata = {}
    with pytest.raises(ValueError, match="names no velocity task"):
        task_of(ppo)


# Presets


@pytest.mark.parametrize("name", PRESETS)
def test_presets(name: str) -> None:
    config = preset(name)
    assert isinstance(config, TrainConfig)
    assert config.total_timesteps > config.ppo.num_steps * config.num_envs
    if config.ppo.decay_updates is not None:
        updates = config.total_timesteps / (config.ppo.num_steps * config.num_envs)
        assert config.ppo.decay_updates[1] <= updates + 1  # it gets to its end


def test_v0_is_the_releases_recipe() -> None:
    config = preset("v0")
    assert config == TrainConfig()
    assert (config.num_envs, config.ppo.num_steps) == (4096, 60)
    assert (config.task.physics.timestep, config.task.physics.decimation) == (0.001, 10)


@pytest.mark.parametrize(("engine", "name"), [("mujoco", "cpu"), ("mujoco_warp", "fast"), ("isaacgym", "v0")])
def test_auto_suits_the_machine(monkeypatch: pytest.MonkeyPatch, engine: str, name: str) -> None:
    monkeypatch.setattr("trainers.training.best_engine", lambda: (engine, "the test says so"))
    assert preset("auto") == preset(name)


def test_unknown_preset() -> None:
    with pytest.raises(ValueError, match="Unknown preset 'v9'; there are 'auto', 'v0', 'fast', 'cpu'"):
        preset("v9")


def test_make_env() -> None:
    env = make_env(tiny(stagger_episodes=True, num_envs=3))
    observation, _ = env.reset(seed=0)
    assert isinstance(observation, torch.Tensor)
    assert env.num_envs == 3
    assert env.config == TINY.task
    env.close()


# Time limit


def test_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    ppo = PPO.__new__(PPO)
    limit, endless = TimeLimit(0.5), TimeLimit(None)
    for seconds, stop in ((0.0, None), (29.0, None), (30.0, None), (30.1, False)):
        now[0] = 1000.0 + seconds
        assert limit(ppo) is stop
        assert endless(ppo) is None
