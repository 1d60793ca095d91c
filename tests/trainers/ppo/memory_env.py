"""A task that takes a memory: a cue is shown at an episode's first step and asked for at its last.

Observation: [the cue, ±1, at the first step, else 0; 1 at the last step, else 0]. Action 0 or 1; at the last
step the one that names the cue earns 1, all else nothing. Without a memory half of the answers are right.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor


class MemoryEnv(VectorEnv):
    def __init__(self, num_envs: int = 32, length: int = 4) -> None:
        self.num_envs, self.length = num_envs, length
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.single_action_space = spaces.Discrete(2)
        self._generator = torch.Generator()
        self._steps = torch.zeros(num_envs, dtype=torch.int64)
        self._cues = torch.zeros(num_envs, dtype=torch.int64)

    def reset(
        self, *, seed: Optional[int] = None, options: Optional[Dict[str, Any]] = None
    ) -> Tuple[Tensor, Dict[str, Any]]:
        if seed is not None:
            self._generator.manual_seed(seed)
        # Episodes end at different steps, so that rollouts begin and end within them.
        self._steps = torch.arange(self.num_envs) % self.length
        self._cues = self._drawn()
        return self._obs(), {}

    def step(self, actions: Tensor) -> Tuple[Tensor, Tensor, Tensor, Tensor, Dict[str, Any]]:  # pyright: ignore[reportIncompatibleMethodOverride]
        last = self._steps == self.length - 1
        reward = (last & (actions == self._cues)).float()
        self._steps = torch.where(last, 0, self._steps + 1)
        self._cues = torch.where(last, self._drawn(), self._cues)
        obs = self._obs()
        info = {"final_obs": torch.zeros_like(obs)}
        return obs, reward, last, torch.zeros_like(last), info

    def _drawn(self) -> Tensor:
        return torch.randint(2, (self.num_envs,), generator=self._generator)

    def _obs(self) -> Tensor:
        shown = torch.where(self._steps == 0, 2 * self._cues - 1, 0)
        return torch.stack([shown, self._steps == self.length - 1], dim=1).float()
