"""Environments whose every number is known beforehand: they count steps.

Sub-environment n ends its episodes after LENGTHS[n] steps: the first is cut off (truncated), the second
terminates. Observation: [steps in this episode, n]; privileged observation: [10 · steps]; reward: the number
of the step, from 1.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from torch import Tensor

LENGTHS = (3, 4)
_OBSERVATION = spaces.Box(-np.inf, np.inf, (2,), np.float32)
_ACTION = spaces.Box(-1.0, 1.0, (3,), np.float32)


class CountingEnv(VectorEnv):
    """The batched one, in torch, with a privileged observation, dense `final_obs` and a state to save.

    `noise` adds random numbers to the rewards; `actions` keeps the last actions it was given."""

    def __init__(
        self,
        mode: AutoresetMode = AutoresetMode.SAME_STEP,
        lengths: Tuple[int, ...] = LENGTHS,
        noise: float = 0.0,
    ) -> None:
        self.num_envs = len(lengths)
        self.metadata = {"autoreset_mode": mode}
        self.single_observation_space = _OBSERVATION
        self.single_action_space = _ACTION
        self.single_privileged_space = spaces.Box(-np.inf, np.inf, (1,), np.float32)
        self.signature: Dict[str, Any] = {"robot": "counter", "joints": ["a", "b", "c"]}
        self.mode = mode
        self.noise = noise
        self.actions = torch.zeros(self.num_envs, 3)
        self._lengths = torch.tensor(lengths)
        self._steps = torch.zeros(self.num_envs)
        self._done = torch.zeros(self.num_envs, dtype=torch.bool)
        self._generator = torch.Generator()

    def reset(
        self, *, seed: Optional[int] = None, options: Optional[Dict[str, Any]] = None
    ) -> Tuple[Tensor, Dict[str, Any]]:
        if seed is not None:
            self._generator.manual_seed(seed)
        mask = (options or {}).get("reset_mask", torch.ones(self.num_envs, dtype=torch.bool))
        self._steps[mask] = 0.0
        self._done[mask] = False
        return self._obs(), {"privileged": 10.0 * self._steps[:, None]}

    def step(self, actions: Tensor) -> Tuple[Tensor, Tensor, Tensor, Tensor, Dict[str, Any]]:  # pyright: ignore[reportIncompatibleMethodOverride]
        assert isinstance(actions, Tensor)
        assert actions.shape == (self.num_envs, 3)
        self.actions = actions
        if self.mode is AutoresetMode.DISABLED:
            assert not self._done.any(), "nobody has reset what was done"
        resetting = self._done if self.mode is AutoresetMode.NEXT_STEP else torch.zeros_like(self._done)
        noise = self.noise * torch.randn(self.num_envs, generator=self._generator)
        reward = torch.where(resetting, 0.0, self._steps + 1.0 + noise)
        self._steps = torch.where(resetting, 0.0, self._steps + 1.0)
        self._done = self._steps >= self._lengths
        truncated = self._done & (torch.arange(self.num_envs) % 2 == 0)
        terminated = self._done & ~truncated
        info: Dict[str, Any] = {
            "final_info": {
                "episode_return": 100.0 * self._steps,
                "reward_terms": {"alive": 7.0 * self._steps},
                "episode_metrics": {"fall_rate": terminated.float()},
            },
            "_final_info": self._done,
        }
        if self.mode is AutoresetMode.SAME_STEP:
            info["final_obs"] = self._obs()
            info["final_info"]["privileged"] = 10.0 * self._steps[:, None]
            self._steps = torch.where(self._done, 0.0, self._steps)
        info["privileged"] = 10.0 * self._steps[:, None]
        return self._obs(), reward, terminated, truncated, info

    def state_dict(self) -> Dict[str, Any]:
        return {
            "steps": self._steps.clone(),
            "done": self._done.clone(),
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        self._steps = state["steps"].clone()
        self._done = state["done"].clone()
        self._generator.set_state(state["generator"])

    def _obs(self) -> Tensor:
        return torch.stack([self._steps, torch.arange(float(self.num_envs))], dim=1)


class _SingleCountingEnv(gymnasium.Env):
    observation_space = _OBSERVATION
    action_space = _ACTION

    def __init__(self, number: int) -> None:
        self._number = number
        self._steps = 0

    def reset(
        self, *, seed: Optional[int] = None, options: Optional[Dict[str, Any]] = None
    ) -> Tuple[np.ndarray, Dict[str, Any]]:
        self._steps = 0
        return self._obs(), {}

    def step(self, action: np.ndarray) -> Tuple[np.ndarray, float, bool, bool, Dict[str, Any]]:
        self._steps += 1
        done = self._steps >= LENGTHS[self._number]
        truncated = self._number % 2 == 0
        return self._obs(), float(self._steps), done and not truncated, done and truncated, {}

    def _obs(self) -> np.ndarray:
        return np.array([self._steps, self._number], dtype=np.float32)


def gymnasium_counting_env(mode: AutoresetMode) -> SyncVectorEnv:
    """The same counting through Gymnasium's own vector environment, in numpy; nothing privileged."""
    return SyncVectorEnv(
        [lambda number=number: _SingleCountingEnv(number) for number in range(len(LENGTHS))],
        autoreset_mode=mode,
    )
