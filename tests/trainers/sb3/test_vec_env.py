"""The vector environment as Stable-Baselines3 sees it."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest

pytest.importorskip("mujoco")
pytest.importorskip("stable_baselines3")

from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecCheckNan, VecEnv, VecMonitor, VecNormalize

import humanoid_envs  # noqa: F401
from tests.trainers.sb3.robots import actions, make, make_vec, short_task
from trainers.sb3 import HumanoidVecEnv


class Standing:
    """A model, as far as evaluate_policy asks for one."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> Any:
        return np.zeros((len(observation), 12), np.float32), state


@pytest.mark.parametrize("dict_obs", [False, True])
@pytest.mark.parametrize("array", ["numpy", "torch"])
def test_steps_as_the_environment_does(array: str, dict_obs: bool) -> None:
    plain = make(3, array="numpy")
    env = make_vec(3, array=array, dict_obs=dict_obs)
    env.seed(7)
    first, (expected, _) = env.reset(), plain.reset(seed=7)

    def actor(observation: Any) -> np.ndarray:
        assert env.observation_space.contains(_row(observation, 0))
        return observation["policy"] if dict_obs else observation

    np.testing.assert_array_equal(actor(first), expected)
    for step in range(1, 11):
        observation, reward, done, infos = env.step(actions(3, step))
        expected, reward_, terminated, truncated, info = plain.step(actions(3, step))
        np.testing.assert_array_equal(actor(observation), expected)
        np.testing.assert_array_equal(reward, reward_)
        assert isinstance(reward, np.ndarray)
        np.testing.assert_array_equal(done, terminated | truncated)
        assert done.all() == (step in (5, 10))
        if not done.all():
            well = {"diverged": False, "contacts_dropped": False, "constraints_dropped": False}
            assert infos == [{"simulator": well}] * 3
            continue
        for index, ended in enumerate(infos):
            final = info["final_info"]
            np.testing.assert_array_equal(actor_of(ended, dict_obs), info["final_obs"][index])
            if dict_obs:
                critic = ended["terminal_observation"]["critic"]
                np.testing.assert_array_equal(critic, final["privileged"][index])
            assert ended["TimeLimit.truncated"]
            assert ended["episode"]["l"] == 5
            assert ended["episode"]["r"] == final["episode_return"][index]
            assert ended["episode"]["t"] > 0.0
            assert ended["reward_terms"]["alive"] == final["reward_terms"]["alive"][index]
            assert ended["episode_metrics"]["fall_rate"] == 0.0
    env.close()


def actor_of(info: Any, dict_obs: bool) -> np.ndarray:
    return info["terminal_observation"]["policy"] if dict_obs else info["terminal_observation"]


def test_a_fall_is_no_time_out() -> None:
    """At the base height that ends an episode, it ends in the first step."""
    env = make_vec(config=short_task(100, falls=True))
    env.reset()
    _, _, done, infos = env.step(actions(2))
    assert done.all()
    for info in infos:
        assert not info["TimeLimit.truncated"]
        assert info["episode_metrics"]["fall_rate"] == 1.0

    # In the step in which time runs out as well, the fall counts.
    env = make_vec(config=short_task(2, falls=True))
    env.reset()
    env.env.unwrapped._memory.episode_step.fill_(1)  # pyright: ignore[reportAttributeAccessIssue]
    assert not env.step(actions(2))[3][0]["TimeLimit.truncated"]


def test_seed_and_options_act_on_the_next_reset_alone() -> None:
    env = make_vec()
    assert env.seed(3) == [3, 4]
    first = env.reset()
    other = env.reset()
    env.seed(3)
    np.testing.assert_array_equal(env.reset(), first)
    np.testing.assert_array_equal(env.reset(), other)
    assert not np.array_equal(first, other)

    env.set_options({"reset_mask": np.array([True, False])})
    mixed = env.reset()
    np.testing.assert_array_equal(mixed[1], other[1])
    assert not np.array_equal(mixed[0], other[0])
    assert not np.array_equal(env.reset()[1], other[1])


def test_reset_infos_are_those_of_each_env() -> None:
    env = make_vec(command=(0.4, 0.0, 0.1))
    env.reset()
    assert [set(info) for info in env.reset_infos] == [{"privileged", "command", "simulator"}] * 2
    np.testing.assert_allclose(env.reset_infos[1]["command"], (0.4, 0.0, 0.1))


def test_attributes_and_methods() -> None:
    env = make_vec(3)
    assert env.get_attr("array") == ["numpy"] * 3
    assert env.get_attr("array", indices=[0, 2]) == ["numpy"] * 2
    assert env.has_attr("config")
    assert not env.has_attr("gravity")
    env.set_attr("array", "torch")
    assert env.humanoids.array == "torch"
    env.set_attr("array", "numpy", indices=range(3))
    with pytest.raises(ValueError, match="'array' belongs to all robots together"):
        env.set_attr("array", "torch", indices=0)

    env.env_method("set_command", (0.3, 0.0, 0.0))
    env.env_method("set_command", (0.0, 0.2, 0.0), indices=[0, 2])
    env.reset()
    commands = [info["command"].tolist() for info in env.reset_infos]
    np.testing.assert_allclose(commands, [[0.0, 0.2, 0.0], [0.3, 0.0, 0.0], [0.0, 0.2, 0.0]])
    assert len(env.env_method("state_dict")) == 3
    with pytest.raises(ValueError, match="'state_dict' acts on all robots together"):
        env.env_method("state_dict", indices=1)
    env.env_method("set_command", (0.1, 0.0, 0.0), indices=[-1])  # the last, as in their own
    env.reset()
    np.testing.assert_allclose(env.reset_infos[2]["command"], (0.1, 0.0, 0.0))
    np.testing.assert_allclose(env.reset_infos[1]["command"], (0.3, 0.0, 0.0))
    for index in (3, -4):
        for call in (env.get_attr, env.env_method):
            with pytest.raises(IndexError):
                call("state_dict", indices=[index])
        with pytest.raises(IndexError):
            env.set_attr("array", "torch", indices=[index, 0, 1])
        with pytest.raises(IndexError):
            env.env_is_wrapped(Monitor, indices=index)
    with pytest.raises(ValueError, match="'state_dict' acts on all robots together"):
        env.env_method("state_dict", indices=[0, 0, 1])  # as many as there are, but not all
    assert len(env.env_method("set_command", None, indices=[0, 0, 1])) == 3
    assert env.env_is_wrapped(Monitor, indices=[1]) == [True]
    assert env.env_is_wrapped(VecMonitor) == [False] * 3


def test_says_how_many_pictures_make_a_second() -> None:
    env = make_vec()
    assert env.metadata["render_fps"] == 100
    assert env.metadata["render_modes"] == ["rgb_array"]


def test_pictures_are_tiled(opengl: None) -> None:
    env = make_vec(2, render_mode="rgb_array")
    env.reset()
    one = env.get_images()[0]
    picture = env.render("rgb_array")
    assert picture is not None
    assert picture.shape == (2 * one.shape[0], one.shape[1], 3)


@pytest.mark.filterwarnings("ignore:The environment is already wrapped with a `Monitor`")
def test_serves_the_wrappers_of_stable_baselines3() -> None:
    env: VecEnv = VecCheckNan(VecNormalize(VecMonitor(make_vec()), norm_reward=False), raise_exception=True)
    env.seed(0)
    observation = env.reset()
    infos: Any = []
    for step in range(5):
        observation, _, _, infos = env.step(actions(2, step))
    assert np.abs(np.asarray(observation)).max() <= 10.0  # normalized
    assert [info["episode"]["l"] for info in infos] == [5, 5]


def test_evaluate_policy_believes_the_reported_returns() -> None:
    env = make_vec()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        returns, lengths = evaluate_policy(
            Standing(),
            env,
            n_eval_episodes=4,
            return_episode_rewards=True,  # pyright: ignore[reportArgumentType]
        )
    assert lengths == [5] * 4
    assert all(value > 0.0 for value in returns)  # pyright: ignore[reportGeneralTypeIssues]


@pytest.mark.filterwarnings("ignore:We recommend you to use a symmetric and normalized Box action space")
def test_the_single_environment_passes_their_checker() -> None:
    check_env(gymnasium.make("HumanoidXBotL-MuJoCo-v0", config="fast").unwrapped, skip_render_check=True)


def test_bad_environments_are_refused() -> None:
    with pytest.raises(TypeError, match="not SyncVectorEnv: make it with"):
        HumanoidVecEnv(gymnasium.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync"))
    with pytest.raises(ValueError, match="autoreset_mode='SAME_STEP', not 'NEXT_STEP'"):
        make_vec(autoreset_mode="NEXT_STEP")


def test_wrapped_environments_serve_as_well() -> None:
    scaled = gymnasium.wrappers.vector.TransformReward(make(), lambda reward: 0.0 * reward)
    env = HumanoidVecEnv(scaled)
    env.reset()
    assert env.step(actions(2))[1].tolist() == [0.0, 0.0]
    assert env.get_attr("config")[0] == short_task()


def _row(observation: Any, index: int) -> Any:
    if isinstance(observation, dict):
        return {name: value[index] for name, value in observation.items()}
    return observation[index]
