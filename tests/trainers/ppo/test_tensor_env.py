from __future__ import annotations

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from tests.trainers.ppo.counting_env import LENGTHS, CountingEnv
from trainers.ppo.tensor_env import TensorEnv

CPU = torch.device("cpu")


def test_continuous_actions_are_clipped_for_the_environment() -> None:
    vector_env = CountingEnv()
    env = TensorEnv(vector_env, CPU)
    env.reset(seed=0)
    actions = torch.tensor([[-5.0, 0.5, 5.0], [0.0, -0.5, 1.5]])
    env.step(actions)
    assert vector_env.actions.tolist() == [[-1.0, 0.5, 1.0], [0.0, -0.5, 1.0]]
    assert actions[0, 0] == -5.0


class _LotteryEnv(gymnasium.Env):
    """Actions 3, 4, 5 are the reward; observations are a 2 × 2 picture."""

    observation_space = spaces.Box(0.0, 1.0, (2, 2), np.float64)
    action_space = spaces.Discrete(3, start=3)

    def reset(self, *, seed=None, options=None):
        return np.arange(4.0).reshape(2, 2), {}

    def step(self, action):
        assert self.action_space.contains(action)
        return np.arange(4.0).reshape(2, 2), float(action), False, False, {}


def test_discrete_actions_start_where_the_space_does_and_pictures_are_flattened() -> None:
    env = TensorEnv(gymnasium.vector.SyncVectorEnv([_LotteryEnv] * 3), CPU)
    env.reset(seed=0)
    assert env.obs.tolist() == [[0.0, 1.0, 2.0, 3.0]] * 3
    assert env.step(torch.tensor([0, 2, 1])).reward.tolist() == [3.0, 5.0, 4.0]


def test_rejects_what_is_no_vector_environment() -> None:
    with pytest.raises(TypeError, match="make_vec"):
        TensorEnv(gymnasium.make("CartPole-v1"), CPU)  # pyright: ignore[reportArgumentType]


def test_rejects_an_environment_that_does_not_say_how_it_resets() -> None:
    env = CountingEnv()
    env.metadata = {}
    with pytest.raises(ValueError, match="autoreset_mode"):
        TensorEnv(env, CPU)


@pytest.mark.parametrize(
    ("attribute", "space", "message"),
    [
        ("single_observation_space", spaces.Dict({"a": spaces.Discrete(2)}), "observation space.*flatten"),
        ("single_action_space", spaces.MultiDiscrete([2, 2]), "action space.*Discrete"),
        ("single_privileged_space", spaces.Discrete(3), "privileged observation space"),
    ],
)
def test_rejects_spaces_it_cannot_train_on(attribute: str, space: gymnasium.Space, message: str) -> None:
    env = CountingEnv()
    setattr(env, attribute, space)
    with pytest.raises(TypeError, match=message):
        TensorEnv(env, CPU)


def test_rejects_observations_that_contradict_their_space() -> None:
    env = CountingEnv()
    env.single_observation_space = spaces.Box(-1.0, 1.0, (5,), np.float32)
    with pytest.raises(ValueError, match=r"observation .* shape \(2, 2\).*\(2, 5\)"):
        TensorEnv(env, CPU).reset()


def test_rejects_a_missing_final_observation() -> None:
    class Forgetful(CountingEnv):
        def step(self, actions):
            obs, reward, terminated, truncated, info = super().step(actions)
            del info["final_info"]
            return obs, reward, terminated, truncated, info

    env = TensorEnv(Forgetful(), CPU)
    env.reset()
    for _ in range(LENGTHS[0] - 1):
        env.step(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="final_info"):
        env.step(torch.zeros(2, 3))
