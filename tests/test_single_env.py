"""HumanoidEnv: one robot through `gymnasium.make`."""

from __future__ import annotations

import copy
import pickle
from typing import Any, Callable

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from humanoid_envs.single_env import HumanoidEnv

pytest.importorskip("mujoco")


@pytest.mark.filterwarnings("ignore:.*")
def test_passes_gymnasiums_own_checker() -> None:
    env = gymnasium.make("HumanoidXBotL-MuJoCo-v0")
    check_env(env.unwrapped, skip_render_check=True)
    env.close()


def test_equals_a_vector_env_of_one() -> None:
    single = gymnasium.make("HumanoidXBotL-MuJoCo-v0")
    vector = gymnasium.make_vec("HumanoidXBotL-MuJoCo-v0", num_envs=1)
    observation, info = single.reset(seed=1)
    observations, infos = vector.reset(seed=1)
    np.testing.assert_array_equal(observation, observations[0])
    assert info["privileged"].shape == (219,)
    single.action_space.seed(0)
    for _ in range(5):
        action = 0.05 * single.action_space.sample()
        observation, reward, terminated, truncated, info = single.step(action)
        observations, rewards, _, _, infos = vector.step(action[None])
        np.testing.assert_array_equal(observation, observations[0])
        np.testing.assert_array_equal(info["command"], infos["command"][0])
        assert isinstance(reward, float)
        assert reward == rewards[0]
        assert (terminated, truncated) == (False, False)
    single.close()
    vector.close()


@pytest.mark.usefixtures("opengl")
def test_rgb_array() -> None:
    env = gymnasium.make("HumanoidXBotL-MuJoCo-v0", render_mode="rgb_array")
    env.reset(seed=0)
    picture = env.render()
    assert isinstance(picture, np.ndarray)
    assert picture.dtype == np.uint8
    assert picture.shape == (480, 640, 3)
    assert picture.std() > 10  # something is in it
    env.close()


def test_a_fallen_robot_can_be_reset() -> None:
    env = gymnasium.make("HumanoidXBotL-MuJoCo-v0")
    env.reset(seed=0)
    terminated, info = False, {}
    for _ in range(300):
        _, _, terminated, _, info = env.step(np.full(12, 4.0, dtype=np.float32))
        if terminated:
            break
    assert terminated
    assert info["episode_so_far"]["episode_length"] > 5
    observation, info = env.reset()
    assert info["episode_so_far"]["episode_length"] == 0
    assert not observation[: 14 * 47].any()
    env.close()


def entries(info: dict) -> dict:
    return {name: entries(value) if isinstance(value, dict) else () for name, value in info.items()}


def test_every_info_has_the_same_entries_and_the_episode_so_far() -> None:
    env = gymnasium.make("HumanoidXBotL-MuJoCo-v0", config="fast").unwrapped
    _, first = env.reset(seed=0)
    assert not any(first["simulator"].values())
    assert not any(first["episode_so_far"]["reward_terms"].values())
    total, terminated, steps = 0.0, False, 0
    while not terminated:
        _, reward, terminated, _, info = env.step(np.full(12, 4.0, dtype=np.float32))
        total, steps = total + float(reward), steps + 1
        assert entries(info) == entries(first)
        assert info["episode_so_far"]["episode_length"] == steps
        assert info["episode_so_far"]["episode_return"] == pytest.approx(total, rel=1e-4)
    env.close()


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="render_mode"):
        gymnasium.make("HumanoidXBotL-MuJoCo-v0", render_mode="ascii").reset()
    env = gymnasium.make("HumanoidXBotL-MuJoCo-v0")
    env.reset()
    with pytest.raises(ValueError, match=r"shape \(12,\)"):
        env.step(np.zeros(11, dtype=np.float32))
    with pytest.raises(ValueError, match="got a str"):
        env.step("left")  # type: ignore[arg-type]
    env.close()


@pytest.mark.parametrize("again", [lambda env: pickle.loads(pickle.dumps(env)), copy.deepcopy])
def test_a_copy_is_made_from_the_same_arguments(again: Callable[[Any], Any]) -> None:
    env = gymnasium.make("HumanoidXBotL-MuJoCo-v0", config="fast", command=(0.4, 0.0, 0.0), action_bound=2.0)
    env.reset(seed=0)
    other = again(env)
    assert other.spec == env.spec
    assert other.unwrapped.vector_env is not env.unwrapped.vector_env  # type: ignore[attr-defined]
    first, _ = env.reset(seed=1)
    second, info = other.reset(seed=1)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(info["command"], [0.4, 0.0, 0.0])
    action = np.full(12, 0.3, dtype=np.float32)
    np.testing.assert_array_equal(env.step(action)[0], other.step(action)[0])
    env.close()
    other.reset()  # it has a simulator of its own
    other.close()


def test_an_environment_made_by_hand_says_why_it_has_no_copy() -> None:
    vector = gymnasium.make_vec("HumanoidXBotL-MuJoCo-v0", num_envs=1, autoreset_mode="DISABLED")
    env = HumanoidEnv(vector)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="can't be pickled or copied"):
        pickle.dumps(env)
    with pytest.raises(ValueError, match=r"gymnasium\.make"):
        copy.deepcopy(env)
    env.close()


@pytest.mark.parametrize("kind", [list, tuple, torch.as_tensor])
def test_actions_of_any_kind(kind: Callable[[Any], Any]) -> None:
    env = gymnasium.make("HumanoidXBotL-MuJoCo-v0").unwrapped
    action = np.linspace(-1.0, 1.0, 12).astype(np.float32)
    env.reset(seed=0)
    expected = env.step(action)[0]
    env.reset(seed=0)
    np.testing.assert_array_equal(env.step(kind(action))[0], expected)
    env.close()
