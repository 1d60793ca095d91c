"""Actions that do not reach the env they are for are noticed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from tests.checker.toy_env import SAME_STEP, ToyEnv, findings


class Changes(ToyEnv):
    """Acts on other actions than it was given."""

    def step(self, actions: Any) -> Any:
        return super().step(self.change(np.array(actions)))

    def change(self, actions: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class IgnoresAll(Changes):
    def change(self, actions: np.ndarray) -> np.ndarray:
        return np.full_like(actions, 0.5)


class IgnoresTheLast(Changes):
    def change(self, actions: np.ndarray) -> np.ndarray:
        actions[-1] = 0.3
        return actions


class Neighbours(Changes):
    def change(self, actions: np.ndarray) -> np.ndarray:
        return np.roll(actions, 1, axis=0)


class Reversed(Changes):
    def change(self, actions: np.ndarray) -> np.ndarray:
        return actions[::-1]


class FirstForAll(Changes):
    def change(self, actions: np.ndarray) -> np.ndarray:
        return np.repeat(actions[:1], len(actions), axis=0)


class Mean(Changes):
    def change(self, actions: np.ndarray) -> np.ndarray:
        return actions - actions.mean(axis=0)


class Swapped(Changes):
    """Only two in the middle."""

    def change(self, actions: np.ndarray) -> np.ndarray:
        return actions[[0, 2, 1, 3]]


class RewardOfTheNeighbour(ToyEnv):
    def step(self, actions: Any) -> Any:
        obs, reward, *rest = super().step(actions)
        return (obs, reward * np.roll(abs(actions[:, 0]), 1), *rest)


OTHERS, NOTHING = "actions reach their own env", "actions matter"


@pytest.mark.filterwarnings("ignore:.*no episode was")
@pytest.mark.parametrize(
    ("env", "expected", "words"),
    [
        (IgnoresAll, NOTHING, "[0, 1, 2, 3]"),
        (IgnoresTheLast, NOTHING, "envs [3]"),
        (Neighbours, OTHERS, "env 0 changed the outcome of envs [1], and none of its own"),
        (Reversed, OTHERS, "env 0 changed the outcome of envs [3], and none of its own"),
        (FirstForAll, OTHERS, "env 0 changed the outcome of envs [1, 2, 3]."),
        (Mean, OTHERS, "env 0 changed the outcome of envs [1, 2, 3]."),
        (Swapped, OTHERS, "env 1 changed the outcome of envs [2], and none of its own"),
        (RewardOfTheNeighbour, OTHERS, "env 0 changed the outcome of envs [1]."),
    ],
)
@pytest.mark.parametrize("mode", ["SAME_STEP", "NEXT_STEP", "DISABLED"])
def test_actions_that_go_astray_are_named(env: Any, expected: str, words: str, mode: str) -> None:
    found = findings(env(autoreset_mode=type(SAME_STEP)[mode]), strict=False)
    assert words in found[expected]
    assert set(found) <= {expected, "action of a reset step"}


def test_a_delay_is_no_fault() -> None:
    class Delays(ToyEnv):
        """Blends in half of the last action, as a motor does."""

        def start(self, mask: np.ndarray) -> None:
            super().start(mask)
            self.last = np.where(mask[:, None], 0.0, getattr(self, "last", np.zeros((4, 1))))

        def step(self, actions: Any) -> Any:
            last, self.last = self.last, np.array(actions, dtype=np.float64)
            return super().step(0.5 * (last + self.last))

    assert findings(Delays()) == {}


def test_where_there_is_no_other_action_nothing_is_said() -> None:
    class OneAction(ToyEnv):
        def __init__(self) -> None:
            super().__init__()
            self.single_action_space = spaces.Discrete(1)
            self.action_space = batch_space(self.single_action_space, self.num_envs)

        def step(self, actions: Any) -> Any:
            return super().step(self.np_random.uniform(-1.0, 1.0, (self.num_envs, 1)))

    assert findings(OneAction()) == {}
