"""HumanoidEnv: one robot through `gymnasium.make`."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

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
    assert info["final_info"]["episode_length"] > 5
    observation, _ = env.reset()
    assert not observation[: 14 * 47].any()
    env.close()


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="render_mode"):
        gymnasium.make("HumanoidXBotL-MuJoCo-v0", render_mode="ascii").reset()
    env = gymnasium.make("HumanoidXBotL-MuJoCo-v0")
    env.reset()
    with pytest.raises(ValueError, match=r"shape \(12,\)"):
        env.step(np.zeros(11, dtype=np.float32))
    env.close()
