"""One environment under check: its calls, what they returned, and whether that is what the API promises."""

from __future__ import annotations

import warnings
from collections import deque
from dataclasses import dataclass, replace
from typing import Any, Callable, Deque, Dict, List, Optional, Sequence, Set, Tuple

import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import iterate

from humanoid_envs.checker.report import Report
from humanoid_envs.checker.values import (
    SPACE_REMEDIES,
    array_kind,
    equal,
    leaves,
    map_leaves,
    space_problems,
    to_numpy,
)


class Stop(Exception):
    """The environment cannot be used any further; the finding that says why is in the report."""


def raises(misuse: Callable[[], Any]) -> bool:
    """Whether a call that an environment may refuse raises; its warnings are silenced."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            misuse()
        except Exception:
            return True
    return False


@dataclass(frozen=True)
class Moment:
    """What one reset or step returned, copied to numpy. Observations are listed by env."""

    obs: List[Any]
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    info: Dict[str, Any]
    reset_obs: Optional[List[Any]] = None
    """In DISABLED mode: the observations of all envs after the reset of those that ended here."""

    @property
    def done(self) -> np.ndarray:
        return self.terminated | self.truncated

    @property
    def ended(self) -> List[int]:
        """The envs whose episode ended here."""
        return np.flatnonzero(self.done).tolist()

    @property
    def current_obs(self) -> List[Any]:
        return self.obs if self.reset_obs is None else self.reset_obs


class Session:
    """Calls one environment, checks everything that it returns and keeps numpy copies."""

    def __init__(self, env: VectorEnv, report: Report) -> None:
        self.env = env
        self.report = report
        self.mode: AutoresetMode = env.metadata["autoreset_mode"]
        self.device: Optional[torch.device] = None
        """Where the observations are, if they are torch tensors."""
        self._returned: Deque[Tuple[str, Dict[str, Any], Dict[str, Any]]] = deque(maxlen=3)

    def reset(self, **kwargs: Any) -> Moment:
        result = self._call("reset", ("observation", "info"), **kwargs)
        devices = [leaf.device for _, leaf in leaves(result["observation"]) if torch.is_tensor(leaf)]
        self.device = devices[0] if devices else None
        never = np.zeros(self.env.num_envs, dtype=bool)
        info = self._info("reset", result["info"])
        return Moment(self._obs("reset", result["observation"]), never.astype(float), never, never, info)

    def step(self, actions: Any, as_numpy: bool = False) -> Moment:
        """`actions` as the action space samples them; they reach the env as the library it returns itself."""
        if self.device is not None and not as_numpy:
            actions = map_leaves(actions, lambda leaf: torch.as_tensor(leaf, device=self.device))
        result = self._call("step", ("observation", "reward", "terminated", "truncated", "info"), actions)
        kinds = {array_kind(leaf) for _, leaf in leaves(result["observation"]) if hasattr(leaf, "__array__")}
        return Moment(
            self._obs("step", result["observation"]),
            self._vector("reward", result, np.floating, kinds),
            self._vector("terminated", result, np.bool_, kinds).astype(bool),
            self._vector("truncated", result, np.bool_, kinds).astype(bool),
            self._info("step", result["info"]),
        )

    def reset_masked(self, mask: np.ndarray, as_numpy: bool = False) -> List[Any]:
        on_device = self.device is not None and not as_numpy
        given = torch.as_tensor(mask, device=self.device) if on_device else mask.copy()
        return self.reset(options={"reset_mask": given}).obs

    def play(
        self, seed: int, actions: Sequence[Any], enough_ends: Optional[Callable[[int, int], bool]] = None
    ) -> List[Moment]:
        """Reset and take the actions, in DISABLED mode resetting what ended. Stops one step after so many
        episodes were terminated and truncated that `enough_ends` says so. Entry 0 is the reset, entry t the
        step with actions[t - 1]."""
        moments, terminated, truncated = [self.reset(seed=seed)], 0, 0
        for action in actions:
            enough = enough_ends is not None and enough_ends(terminated, truncated)
            moment = self.step(action)
            if self.mode == AutoresetMode.DISABLED and moment.done.any():
                moment = replace(moment, reset_obs=self.reset_masked(moment.done))
            moments.append(moment)
            terminated += int(moment.terminated.sum())
            truncated += int(moment.truncated.sum())
            if enough:
                break
        return moments

    def _call(self, method: str, names: Tuple[str, ...], *args: Any, **kwargs: Any) -> Dict[str, Any]:
        try:
            result = getattr(self.env, method)(*args, **kwargs)
        except Exception as problem:
            given = f", called with {kwargs}" if kwargs else ""
            self.report.add(f"{method}() works", f"it raised {problem!r}{given}", "make this call work")
            raise Stop from problem
        if not isinstance(result, tuple) or len(result) != len(names):
            size = f" of {len(result)}" if isinstance(result, tuple) else ""
            self.report.add(
                f"{method}() return", f"a {type(result).__name__}{size}", f"return ({', '.join(names)})"
            )
            raise Stop
        self._check_earlier_returns(method)
        named = dict(zip(names, result))
        declares_reuse = getattr(self.env.unwrapped, "copy", True) is False
        kept = {name: value for name, value in named.items() if name != "observation" or not declares_reuse}
        self._returned.append((method, kept, to_numpy(kept)))
        return named

    def _check_earlier_returns(self, method: str) -> None:
        for earlier, raw, then in self._returned:
            changed = [name for name, now in to_numpy(raw).items() if not equal(now, then[name])]
            if changed:
                self.report.add(
                    "returned data stays",
                    f"{method}() changed the {' and '.join(changed)} that an earlier {earlier}() returned",
                    "return copies (an env with the attribute `copy = False` may reuse its observations)",
                )

    def _obs(self, method: str, obs: Any) -> List[Any]:
        value, space = to_numpy(obs), self.env.observation_space
        for kind, text in space_problems(space, value, "observation"):
            self.report.add(f"observation {kind}", f"after {method}(), {text}", SPACE_REMEDIES[kind])
        try:
            rows = list(iterate(space, value))
        except (TypeError, ValueError, KeyError, IndexError) as problem:
            raise Stop from problem  # space_problems has said why
        if len(rows) != self.env.num_envs:
            raise Stop
        return rows

    def _vector(self, name: str, result: Dict[str, Any], dtype: Any, obs_kinds: Set[str]) -> np.ndarray:
        num_envs, kind, value = self.env.num_envs, array_kind(result[name]), to_numpy(result[name])
        if not isinstance(value, np.ndarray):
            self.report.add(f"{name} type", f"a {kind}", f"return one array of shape ({num_envs},)")
            raise Stop
        if obs_kinds and kind not in obs_kinds:
            self.report.add(
                f"{name} type",
                f"a {kind}, while the observation is a {' and a '.join(sorted(obs_kinds))}",
                "return all arrays from the same library, on the same device",
            )
        if value.shape != (num_envs,):
            self.report.add(
                f"{name} shape", f"{value.shape}", f"return shape ({num_envs},), one entry per env"
            )
            if value.size != num_envs:
                raise Stop
        if not np.issubdtype(value.dtype, dtype):
            wanted = "bool" if dtype is np.bool_ else "floating-point"
            self.report.add(f"{name} dtype", f"{value.dtype}", f"return a {wanted} array")
        elif not np.isfinite(value).all():
            self.report.add(f"{name} finite", f"{value}", SPACE_REMEDIES["finite"])
        return value.reshape(num_envs)

    def _info(self, method: str, info: Any) -> Dict[str, Any]:
        if not isinstance(info, dict):
            self.report.add(
                "info type", f"{method}() returned a {type(info).__name__}", "return one dict for all envs"
            )
            return {}
        value, num_envs = to_numpy(info), self.env.num_envs
        for key, mask in value.items():
            if str(key).startswith("_") and str(key)[1:] in value:
                is_mask = isinstance(mask, np.ndarray) and mask.dtype == bool and mask.shape == (num_envs,)
                if not is_mask:
                    self.report.add(
                        f"info[{key!r}] is a mask",
                        f"{mask!r}",
                        f"make it a bool array of shape ({num_envs},)",
                    )
        return value
