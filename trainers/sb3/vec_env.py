"""A humanoid vector environment as Stable-Baselines3's `VecEnv`."""

from __future__ import annotations

import inspect
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from humanoid_envs.errors import UserError, WrongType
from humanoid_envs.vector_env import HumanoidVectorEnv


class HumanoidVecEnv(VecEnv):
    """All robots of a `HumanoidVectorEnv` in one process, with their physics in one batch.

    Observations are what the environment gives, in numpy: an array, or with its `dict_obs=True` a dict of
    `"policy"` and `"critic"` for `AsymmetricPolicy`. `reset_infos` has each env's info of the last reset. A
    step's info has `"simulator"`, a dict of bools: whether the robot's simulation went wrong in this step, by
    kind, see `HumanoidVectorEnv`. At the end of an episode it holds besides

    - `"terminal_observation"`, `"TimeLimit.truncated"` and `"episode"` (return `r`, length `l` in steps,
      seconds since the start `t`), as Stable-Baselines3 wants them,
    - `"reward_terms"` and `"episode_metrics"`, as in the environment's `final_info`.

    `env` is the vector environment. Its random numbers have one seed, so `seed` seeds all envs together.
    """

    def __init__(self, env: VectorEnv) -> None:
        """env: on any simulator, with numpy or torch, also in wrappers.

        Raises:
            TypeError: it is something else.
            ValueError: it does not reset by itself in the step in which an episode ends.
        """
        base = env.unwrapped
        if not isinstance(base, HumanoidVectorEnv):
            raise WrongType(
                f"HumanoidVecEnv takes one of this project's vector environments, not {type(env).__name__}: "
                "make it with gymnasium.make_vec(id, num_envs=…)."
            )
        if base.autoreset_mode is not AutoresetMode.SAME_STEP:
            raise UserError(
                "Stable-Baselines3 wants environments that reset in the step in which an episode ends: make "
                f"this one with autoreset_mode='SAME_STEP', not {base.autoreset_mode.name!r}."
            )
        self.env = env
        self.humanoids = base
        """The environment without wrappers."""
        self._actions: Optional[np.ndarray] = None
        self._start = time.time()
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self.metadata = dict(env.metadata)

    def reset(self) -> Any:
        """Start new episodes, with what `seed` and `set_options` were told since the last reset."""
        observation, info = self.env.reset(seed=self._seeds[0], options=self._options[0] or None)
        self.reset_infos = [_row(info, index) for index in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        return _numpy(observation)

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions (N, J) for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> Tuple[Any, np.ndarray, np.ndarray, List[Dict[str, Any]]]:
        """Advance all robots by one policy step."""
        observation, reward, terminated, truncated, info = self.env.step(self._actions)
        terminated, truncated = _numpy(terminated), _numpy(truncated)
        done = terminated | truncated
        infos = _infos_of_trouble(_numpy(info["simulator"]), self.num_envs)
        if done.any():
            final, last_observation = _numpy(info["final_info"]), _numpy(info["final_obs"])
            seconds = round(time.time() - self._start, 6)
            for index in np.flatnonzero(done).tolist():
                infos[index].update(_of_the_end(_row(final, index), seconds))
                infos[index]["terminal_observation"] = _row(last_observation, index)
                infos[index]["TimeLimit.truncated"] = bool(truncated[index] and not terminated[index])
        return _numpy(observation), _numpy(reward), done, infos

    def close(self) -> None:
        """Free the simulator."""
        self.env.close()

    def get_images(self) -> Sequence[np.ndarray]:
        """A picture of each robot."""
        return self.humanoids.render()

    def get_attr(self, attr_name: str, indices: Any = None) -> List[Any]:
        """An attribute of the vector environment, once for each env that was asked for."""
        return [self._attribute(attr_name)] * len(self._rows(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of the vector environment.

        Raises ValueError for some envs only: they share their attributes.
        """
        if len(set(self._rows(indices))) < self.num_envs:
            raise UserError(
                f"{attr_name!r} belongs to all robots together: set it without indices, or use "
                "env_method('set_command', …, indices=…) for commands."
            )
        setattr(self.humanoids, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list:
        """Call a method of the vector environment once, for all robots or with a `mask` of some of them; its
        result as often as there are such robots.

        Raises ValueError for some robots and a method without a mask.
        """
        method, rows = self._attribute(method_name), self._rows(indices)
        if len(set(rows)) < self.num_envs:
            if "mask" not in inspect.signature(method).parameters:
                raise UserError(f"{method_name!r} acts on all robots together: call it without indices.")
            method_kwargs["mask"] = np.isin(np.arange(self.num_envs), rows)
        return [method(*method_args, **method_kwargs)] * len(rows)

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> List[bool]:
        """True for `Monitor`, whose part of the info every env reports by itself."""
        return [wrapper_class is Monitor] * len(self._rows(indices))

    def _attribute(self, name: str) -> Any:
        """Of the environment, through its wrappers."""
        return getattr(self.env if hasattr(self.env, name) else self.humanoids, name)

    def _rows(self, indices: Any) -> List[int]:
        """Numbers of envs from 0; negative indices count from the end. Raises IndexError beyond the last."""
        envs = range(self.num_envs)
        return [envs[index] for index in self._get_indices(indices)]


def _infos_of_trouble(masks: Dict[str, np.ndarray], num_envs: int) -> List[Dict[str, Any]]:
    """Infos with `"simulator"`; masks: (N,) bool by kind. Mostly all is well."""
    well = dict.fromkeys(masks, False)
    infos: List[Dict[str, Any]] = [{"simulator": well.copy()} for _ in range(num_envs)]
    for kind, mask in masks.items():
        for index in np.flatnonzero(mask).tolist():
            infos[index]["simulator"][kind] = True
    return infos


def _of_the_end(final: Dict[str, Any], seconds: float) -> Dict[str, Any]:
    """What an info says of an episode; final: one env's `final_info`."""
    return {
        "episode": {"r": float(final["episode_return"]), "l": int(final["episode_length"]), "t": seconds},
        "reward_terms": final["reward_terms"],
        "episode_metrics": final["episode_metrics"],
    }


def actor_space(space: spaces.Space) -> spaces.Space:
    """The part of an observation space that the actor sees."""
    return space["policy"] if isinstance(space, spaces.Dict) else space


def _numpy(value: Any) -> Any:
    """The same with arrays for tensors."""
    if isinstance(value, dict):
        return {name: _numpy(entry) for name, entry in value.items()}
    return value.cpu().numpy() if isinstance(value, Tensor) else value


def _row(value: Any, index: int) -> Any:
    """What an array, or a dict of arrays, says about one env."""
    if isinstance(value, dict):
        return {name: _row(entry, index) for name, entry in value.items()}
    return _numpy(value[index])
