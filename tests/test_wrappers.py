"""Gymnasium's own vector wrappers around HumanoidVectorEnv."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.wrappers import vector as wrappers

from humanoid_envs.tasks import preset

pytest.importorskip("mujoco")


def make(num_envs: int = 3, **kwargs) -> gymnasium.vector.VectorEnv:
    v0 = preset("v0")
    config = dataclasses.replace(v0, terminations=dataclasses.replace(v0.terminations, episode_length=0.05))
    return gymnasium.make_vec("HumanoidXBotL-MuJoCo-v0", num_envs=num_envs, config=config, **kwargs)


def run(env: gymnasium.vector.VectorEnv, steps: int = 10) -> list:
    env.reset(seed=0)
    env.action_space.seed(0)
    return [env.step(0.05 * env.action_space.sample()) for _ in range(steps)]


def needs(wrapper: str) -> None:
    if not hasattr(wrappers, wrapper):
        pytest.skip(f"this Gymnasium has no vector wrapper {wrapper}")


def test_record_episode_statistics() -> None:
    env = wrappers.RecordEpisodeStatistics(make())
    results = run(env)
    rewards = np.array([result[1] for result in results])
    finished = results[5][4]  # five steps of 0.01 s, and the one that exceeds them
    assert results[5][3].all()
    np.testing.assert_allclose(finished["episode"]["r"], rewards[:6].sum(axis=0), rtol=1e-6)
    np.testing.assert_allclose(finished["final_info"]["episode_return"], rewards[:6].sum(axis=0), rtol=1e-6)
    assert finished["episode"]["l"].tolist() == [6, 6, 6]
    env.close()


def test_normalize_observation() -> None:
    env = wrappers.NormalizeObservation(make(autoreset_mode="NEXT_STEP"))
    results = run(env, 30)
    last = np.concatenate([result[0] for result in results[-10:]])
    assert np.isfinite(last).all()
    assert np.abs(last.mean(axis=0)).max() < 3.0
    env.close()


def test_clip_action() -> None:
    plain, clipped = make(), wrappers.ClipAction(make())
    plain.reset(seed=0)
    clipped.reset(seed=0)
    high = np.full((3, 12), 18.0, dtype=np.float32)
    np.testing.assert_array_equal(plain.step(high)[0], clipped.step(3.0 * high)[0])
    plain.close()
    clipped.close()


@pytest.mark.usefixtures("opengl")
def test_record_video(tmp_path: Path) -> None:
    pytest.importorskip("moviepy")
    needs("RecordVideo")
    plain = make(num_envs=2, render_mode="rgb_array")
    folder = str(tmp_path / "videos")
    env = wrappers.RecordVideo(plain, folder, step_trigger=lambda step: step == 0, video_length=3)
    run(env, 5)
    env.close()
    assert [path.suffix for path in (tmp_path / "videos").iterdir()] == [".mp4"]


def test_array_conversion_wrapper() -> None:
    """Our torch arrays pass through Gymnasium's conversion to numpy."""
    pytest.importorskip("array_api_compat")
    needs("ArrayConversion")
    env = wrappers.ArrayConversion(make(array="torch"), env_xp=torch, target_xp=np)
    observation, _ = env.reset(seed=0)
    assert isinstance(observation, np.ndarray)
    observation, reward, *_ = env.step(np.zeros((3, 12), dtype=np.float32))
    assert isinstance(observation, np.ndarray)
    assert isinstance(reward, np.ndarray)
    env.close()
