"""Every wrong return is named: types, shapes, dtypes, values, buffers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from tests.checker.toy_env import DISABLED, NEXT_STEP, ToyEnv, findings


class WrongReturn(ToyEnv):
    """Returns what `change(name, value)` makes of the observation, reward, terminated, truncated or info."""

    name = ""

    def change(self, value: Any) -> Any:
        raise NotImplementedError

    def reset(self, **kwargs: Any) -> Any:
        obs, info = super().reset(**kwargs)
        return (self.change(obs) if self.name == "observation" else obs), info

    def step(self, actions: Any) -> Any:
        result = list(super().step(actions))
        index = ("observation", "reward", "terminated", "truncated", "info").index(self.name)
        result[index] = self.change(result[index])
        return tuple(result)


@pytest.mark.parametrize(
    ("name", "change", "expected", "words"),
    [
        ("observation", lambda obs: obs.astype(np.float64), "observation dtype", "float64"),
        ("observation", lambda obs: obs + 3.0, "observation bounds", "2.0]"),
        (
            "observation",
            lambda obs: obs * np.array([[np.nan], [1], [1], [1]], np.float32),
            "observation finite",
            "nan",
        ),
        ("observation", lambda obs: obs[:, :1], "observation shape", "(4, 1), the space (4, 2)"),
        ("observation", lambda obs: obs[:2], "observation shape", "(2, 2)"),
        ("observation", lambda obs: obs.tolist(), "observation type", "list"),
        ("reward", lambda reward: reward[:, None], "reward shape", "(4, 1)"),
        ("reward", lambda reward: reward.sum(), "reward shape", "()"),
        ("reward", lambda reward: reward.astype(int), "reward dtype", "int64"),
        ("reward", lambda reward: reward * np.nan, "reward finite", "nan"),
        ("reward", lambda reward: torch.as_tensor(reward), "reward type", "torch tensor on cpu"),
        ("reward", lambda reward: reward.tolist(), "reward type", "list"),
        ("terminated", lambda mask: mask.astype(np.float32), "terminated dtype", "float32"),
        ("truncated", lambda mask: mask[:3], "truncated shape", "(3,)"),
        ("info", lambda info: [info] * 4, "info type", "list"),
        ("info", lambda info: {**info, "_position": np.zeros(4)}, "info['_position'] is a mask", "0."),
    ],
)
def test_a_wrong_return_is_named(name: str, change: Any, expected: str, words: str) -> None:
    env = type("Wrong", (WrongReturn,), {"name": name, "change": staticmethod(change)})(DISABLED)
    found = findings(env)
    assert expected in found
    assert words in found[expected]
    assert all(finding.startswith(name) or name == "info" for finding in found)


def test_a_wrong_entry_of_a_dict_observation_is_named() -> None:
    class NoTime(ToyEnv):
        def obs(self) -> Any:
            return {"position": super().obs()["position"]}

    class WrongTime(ToyEnv):
        def obs(self) -> Any:
            return {**super().obs(), "time": np.zeros((4, 3), np.float32)}

    assert "['position']" in findings(NoTime(dict_obs=True))["observation structure"]
    assert "observation['time'] has shape (4, 3)" in findings(WrongTime(dict_obs=True))["observation shape"]


def test_reset_must_return_observation_and_info() -> None:
    class OnlyObs(ToyEnv):
        def reset(self, **kwargs: Any) -> Any:
            return super().reset(**kwargs)[0]

    assert set(findings(OnlyObs())) == {"reset() return"}


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [
        ("observation_space", spaces.Box(-2.0, 2.0, (4, 3), np.float32), "observation_space is batched"),
        ("action_space", spaces.Box(-1.0, 1.0, (1,), np.float32), "action_space is batched"),
        ("single_action_space", None, "attributes"),
        ("metadata", {}, "autoreset mode declared"),
        ("metadata", {"autoreset_mode": "SameStep"}, "autoreset mode declared"),
    ],
)
def test_a_wrong_declaration_is_named(attribute: str, value: Any, expected: str) -> None:
    env = ToyEnv()
    setattr(env, attribute, value)
    assert set(findings(env)) == {expected}


def test_a_wrong_declaration_is_named_once_for_all_modes() -> None:
    class WrongSpace(ToyEnv):
        def __init__(self, autoreset_mode: AutoresetMode) -> None:
            super().__init__(autoreset_mode)
            self.observation_space = spaces.Box(-2.0, 2.0, (4, 3), np.float32)

    found = findings(WrongSpace)
    assert set(found) == {"observation_space is batched"}
    assert "NEXT_STEP, SAME_STEP, DISABLED" in found["observation_space is batched"]


def test_returned_buffers_must_not_change() -> None:
    class Reuses(ToyEnv):
        buffer = np.zeros((4, 2), np.float32)

        def obs(self) -> Any:
            self.buffer[:] = super().obs()
            return self.buffer

    class ReusesInfo(ToyEnv):
        def step(self, actions: Any) -> Any:
            *rest, info = super().step(actions)
            return (*rest, {**info, "time": self.time_buffer()})

        def time_buffer(self, buffer: np.ndarray = np.zeros(4)) -> np.ndarray:  # noqa: B008
            buffer[:] = self.time
            return buffer

    assert "changed the observation that an earlier" in findings(Reuses(NEXT_STEP))["returned data stays"]
    assert "changed the info" in findings(ReusesInfo())["returned data stays"]
    declared = Reuses(NEXT_STEP)
    declared.copy = False  # type: ignore[attr-defined]
    assert findings(declared) == {}


def test_tensor_environments_take_numpy_actions() -> None:
    class OnlyTensors(ToyEnv):
        def step(self, actions: Any) -> Any:
            return super().step(actions.cpu())

    assert "ndarray" in findings(OnlyTensors(library="torch"))["step() works"]
