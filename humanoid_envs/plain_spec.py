"""An environment's `spec` in values that JSON holds, so that it can be written down and made again."""

from __future__ import annotations

import contextlib
import copy
from enum import Enum
from pathlib import Path
from typing import Any, Mapping, Optional

import numpy as np
import torch
from gymnasium.envs.registration import EnvSpec
from torch import Tensor

from humanoid_envs.configs import to_plain
from humanoid_envs.errors import UserError
from humanoid_envs.tasks import TaskConfig


class PlainSpec:
    """The attribute `spec` that `gymnasium.make` and `make_vec` set: what they were told, with configs,
    robots, enums, arrays and devices as dicts, names and lists. The functions that make environments take
    these too: `gymnasium.make(EnvSpec.from_json(env.spec.to_json()))` makes the same environment."""

    def __get__(self, env: Any, owner: Any = None) -> Optional[EnvSpec]:
        return None if env is None else vars(env).get("_spec")

    def __set__(self, env: Any, spec: Optional[EnvSpec]) -> None:
        if spec is not None:
            spec = copy.copy(spec)
            spec.kwargs = {name: plain(value) for name, value in spec.kwargs.items()}
        vars(env)["_spec"] = spec


def plain(value: Any) -> Any:
    """The value as dicts, lists, numbers, strings and None, as far as it is of a kind that we know."""
    with contextlib.suppress(UserError):  # a class that only this process knows: the value stays itself
        value = value.plain() if isinstance(value, TaskConfig) else to_plain(value)
    if isinstance(value, Mapping):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, (np.ndarray, np.generic, Tensor)):
        return value.tolist()
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, (torch.device, Path)) else value
