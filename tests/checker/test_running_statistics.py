"""Normalizing wrappers are named for what they are, and all else about them is checked."""

from __future__ import annotations

from typing import Any, Callable

import gymnasium as gym
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers import NormalizeReward as NormalizeSingleReward
from gymnasium.wrappers.vector import NormalizeObservation, NormalizeReward

from humanoid_envs.checker import VectorEnvError, VectorEnvWarning, check_vector_env
from tests.checker.toy_env import NEXT_STEP, SAME_STEP, ToyEnv


def single(mode: AutoresetMode) -> VectorEnv:
    return SyncVectorEnv([lambda: NormalizeSingleReward(gym.make("CartPole-v1"))] * 2, autoreset_mode=mode)


@pytest.mark.filterwarnings("ignore:.*no episode was truncated")
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: NormalizeObservation(ToyEnv(NEXT_STEP)), "NormalizeObservation"),
        (lambda: NormalizeReward(ToyEnv(NEXT_STEP)), "NormalizeReward"),
        (
            lambda: NormalizeReward(NormalizeObservation(ToyEnv(NEXT_STEP))),
            "NormalizeObservation and NormalizeReward",
        ),
        (lambda: single(NEXT_STEP), "NormalizeReward"),
    ],
)
def test_they_are_no_fault_of_seeding(make: Callable[[], Any], name: str) -> None:
    env = make()
    with pytest.warns(
        VectorEnvWarning, match=rf"{name} normalizes by running statistics.* no fault of seeding"
    ):
        check_vector_env(env, close=False)
    layer: Any = env.envs[0] if isinstance(env, SyncVectorEnv) else env
    assert layer.update_running_mean


@pytest.mark.filterwarnings("ignore:.*(no episode was truncated|step after close)")
def test_in_every_mode() -> None:
    with pytest.warns(VectorEnvWarning, match="running statistics"):
        check_vector_env(lambda autoreset_mode: single(autoreset_mode))


def test_a_fault_of_the_environment_within_is_found() -> None:
    class FromEntropy(ToyEnv):
        def seed(self, seed: Any) -> None:
            super().seed(None)

    with pytest.warns(VectorEnvWarning), pytest.raises(VectorEnvError, match="same seed, same trajectory"):
        check_vector_env(NormalizeReward(FromEntropy(NEXT_STEP)))


def test_unknown_ones_get_a_hint() -> None:
    class Normalizes(ToyEnv):
        seen = 0.0

        def step(self, actions: Any) -> Any:
            obs, reward, *rest = super().step(actions)
            self.seen += float(reward.sum())
            return (obs, reward / self.seen, *rest)

    with pytest.raises(
        VectorEnvError, match=r"normalizes by running statistics.* check the environment without"
    ):
        check_vector_env(Normalizes(SAME_STEP))
