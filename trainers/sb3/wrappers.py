"""What wrappers of Stable-Baselines3 make of an observation before a model sees it."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

import numpy as np
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import (
    VecEnv,
    VecEnvWrapper,
    VecExtractDictObs,
    VecFrameStack,
    VecNormalize,
    VecTransposeImage,
)

from humanoid_envs.errors import UserError
from trainers.ppo.wrappers import action_wrapper, observation_wrapper
from trainers.sb3.vec_env import HumanoidVecEnv
from trainers.trust import require_trust

_CHANGING = (VecExtractDictObs, VecFrameStack, VecTransposeImage)

_ALONE = ""
"""Key of an observation that is no dict."""


@dataclass(frozen=True)
class Normalization:
    """`VecNormalize` of observations as it stands: `(x − mean) / √(var + epsilon)`, bounded to ±clip."""

    mean: Dict[str, np.ndarray]
    """(D,) per part of the observation that is normalized, under "" for one that is no dict."""
    var: Dict[str, np.ndarray]
    """(D,) as `mean`."""
    count: Dict[str, float]
    """How many observations the statistics are over."""
    epsilon: float
    clip: float
    num_timesteps: int
    """Of the model that the statistics were taken with."""

    @classmethod
    def of(cls, wrapper: VecNormalize, num_timesteps: int) -> Normalization:
        """What that wrapper does now."""
        known = wrapper.obs_rms
        statistics = {_ALONE: known} if isinstance(known, RunningMeanStd) else known
        return cls(
            mean={name: each.mean.copy() for name, each in statistics.items()},
            var={name: each.var.copy() for name, each in statistics.items()},
            count={name: float(each.count) for name, each in statistics.items()},
            epsilon=float(wrapper.epsilon),
            clip=float(wrapper.clip_obs),
            num_timesteps=int(num_timesteps),
        )

    def __call__(self, observation: Any) -> Any:
        """An observation (N, D), or a dict of them, as the model sees it."""
        if isinstance(observation, dict):
            return {name: self._normalized(name, part) for name, part in observation.items()}
        return self._normalized(_ALONE, observation)

    def to_plain(self) -> Dict[str, Any]:
        """As lists and numbers."""
        lists = {
            name: {part: values.tolist() for part, values in getattr(self, name).items()}
            for name in ("mean", "var")
        }
        return {**vars(self), **lists}

    @classmethod
    def from_plain(cls, values: Dict[str, Any]) -> Normalization:
        """What `to_plain` returned."""
        arrays = {
            name: {part: np.asarray(row, np.float64) for part, row in values[name].items()}
            for name in ("mean", "var")
        }
        return cls(**{**values, **arrays})

    def _normalized(self, name: str, values: np.ndarray) -> np.ndarray:
        if name not in self.mean:
            return values
        scaled = (values - self.mean[name]) / np.sqrt(self.var[name] + self.epsilon)
        return np.clip(scaled, -self.clip, self.clip).astype(np.float32)


def changes(env: Optional[VecEnv]) -> Tuple[Optional[VecNormalize], Optional[str]]:
    """What is between a model and the environment's own observations and actions: the wrapper that normalizes
    observations, and the name of the first other one that may change either. None: there is none."""
    normalizer = None
    while isinstance(env, VecEnvWrapper):
        if type(env) is VecNormalize and not env.norm_obs:
            pass
        elif type(env) is VecNormalize and normalizer is None:
            normalizer = env
        elif isinstance(env, (*_CHANGING, VecNormalize)) or not _is_known(type(env)):
            return normalizer, type(env).__name__
        env = env.venv
    if isinstance(env, HumanoidVecEnv):
        return normalizer, observation_wrapper(env.env) or action_wrapper(env.env)
    return normalizer, None


def load_normalization(path: Path, trust: bool = False) -> VecNormalize:
    """What `VecNormalize.save` wrote, without an environment. It is a pickle, which runs code when it is
    loaded: see `load_model`.

    Raises:
        FileNotFoundError: no such file.
        UserError: it is not trusted, or no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There are no statistics {path}.")
    require_trust(path, trust, "a pickle of VecNormalize")
    try:
        wrapper = pickle.loads(path.read_bytes())
    except Exception as error:  # whatever is wrong with a pickle
        raise UserError(f"{path} is no file of VecNormalize.save: {error}") from error
    if not isinstance(wrapper, VecNormalize) or not wrapper.norm_obs:
        raise UserError(f"{path} is no file of a VecNormalize that normalizes observations.")
    return wrapper


def require_no_changes(wrapper: Optional[str], what: str) -> None:
    """Raise UserError if there is such a wrapper; what: what cannot be, in words."""
    if wrapper is None:
        return
    remedy = (
        "let the task stack frames, with a config whose observations.policy.history is greater"
        if wrapper == VecFrameStack.__name__
        else "train without it"
    )
    raise UserError(
        f"{what}: the wrapper {wrapper} may change what it sees or does, and would be missing; {remedy}."
    )


def _is_known(wrapper: type) -> bool:
    methods = (getattr(wrapper, name) for name in ("reset", "step_async", "step_wait"))
    return all(method.__module__.split(".")[0] == "stable_baselines3" for method in methods)
