"""A correct little environment, to be made wrong in one way at a time, and what the checker finds in it."""

from __future__ import annotations

import warnings
from typing import Any, Dict, Optional

import numpy as np
import torch
from gymnasium import error, spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from humanoid_envs.checker import VectorEnvError, VectorEnvWarning, check_vector_env

SAME_STEP, NEXT_STEP, DISABLED = AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED


class ToyEnv(VectorEnv):
    """A correct environment to be made wrong: walkers on a line that end beyond ±1 or after 12 steps.

    The observation is (position, time); with `dict_obs` these are two entries.
    """

    def __init__(
        self, autoreset_mode: AutoresetMode = SAME_STEP, library: str = "numpy", dict_obs: bool = False
    ) -> None:
        self.num_envs = 4
        self.metadata = {"autoreset_mode": autoreset_mode}
        self.mode, self.library, self.dict_obs = autoreset_mode, library, dict_obs
        part = spaces.Box(-2.0, 2.0, (1,), np.float32)
        self.single_observation_space: spaces.Space = (
            spaces.Dict({"position": part, "time": part})
            if dict_obs
            else spaces.Box(-2.0, 2.0, (2,), np.float32)
        )
        self.single_action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.position = np.zeros(self.num_envs)
        self.time = np.zeros(self.num_envs)
        self.ended = np.zeros(self.num_envs, dtype=bool)

    def reset(self, *, seed: Optional[int] = None, options: Optional[Dict[str, Any]] = None) -> Any:
        self.seed(seed)
        mask = (options or {}).get("reset_mask", np.ones(self.num_envs, dtype=bool))
        self.start(np.asarray(mask))
        return self.obs(), {}

    def seed(self, seed: Optional[int]) -> None:
        super().reset(seed=seed)

    def start(self, mask: np.ndarray) -> None:
        self.position[mask] = self.np_random.uniform(-0.1, 0.1, self.num_envs)[mask]
        self.time[mask] = 0.0
        self.ended[mask] = False

    def step(self, actions: Any) -> Any:
        if self.closed:
            raise error.ClosedEnvironmentError("closed")
        resets = self.ended & (self.mode == NEXT_STEP)
        moved = self.position + 0.4 * np.asarray(actions, dtype=np.float64)[:, 0]
        self.position, self.time = np.where(resets, self.position, moved), self.time + 1.0
        if resets.any():
            self.start(resets)
        terminated = (abs(self.position) > 1.0) & ~resets
        truncated = (self.time >= 12) & ~resets
        self.ended = terminated | truncated
        reward = np.where(resets, 0.0, 1.0).astype(np.float32)
        info: Dict[str, Any] = {"position": self.array(self.position.copy())}
        if self.mode == SAME_STEP and self.ended.any():
            info.update(self.final(self.ended.copy()))
            self.start(self.ended.copy())
        return self.obs(), self.array(reward), self.array(terminated), self.array(truncated), info

    def final(self, ended: np.ndarray) -> Dict[str, Any]:
        mask = self.array(ended)
        return {"final_obs": self.obs(), "_final_obs": mask, "final_info": {}, "_final_info": mask}

    def obs(self) -> Any:
        parts = [self.position.astype(np.float32)[:, None], self.time.astype(np.float32)[:, None] / 12.0]
        if self.dict_obs:
            return {"position": self.array(parts[0]), "time": self.array(parts[1])}
        return self.array(np.concatenate(parts, axis=1))

    def array(self, value: np.ndarray) -> Any:
        return torch.as_tensor(value) if self.library == "torch" else value


def findings(env: Any, strict: bool = True, **kwargs: Any) -> Dict[str, str]:
    """What the checker finds: remarks by property. strict: its warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error" if strict else "ignore", VectorEnvWarning)
        try:
            check_vector_env(env, **kwargs)
        except VectorEnvError as problem:
            return {finding.property: str(finding) for finding in problem.findings}
    return {}
