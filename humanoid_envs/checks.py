"""What callers hand to an environment, checked where it enters."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple, Union

import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from humanoid_envs.arrays import AnyArray, as_tensor
from humanoid_envs.errors import UserError
from humanoid_envs.tasks.velocity import commands


def checked_command(command: AnyArray, num_envs: int) -> Tensor:
    """The command as a float32 tensor, (3,) or (N, 3).

    Raises:
        UserError: wrong shape or type, not finite, or faster than `commands.MAX_SPEED` or `MAX_YAW_RATE`.
    """
    value = as_tensor(command, "A command (vx, vy, yaw rate)")
    if value.shape in ((3,), (num_envs, 3)) and _is_real(value):
        value = value.to(torch.float32)
        limit = value.new_tensor([commands.MAX_SPEED, commands.MAX_SPEED, commands.MAX_YAW_RATE])
        if bool((value.abs() <= limit).all()):  # which NaN is not
            return value
    raise UserError(
        f"A command is finite (vx, vy, yaw rate), within {commands.MAX_SPEED:g} m/s and "
        f"{commands.MAX_YAW_RATE:g} rad/s, of shape (3,) or ({num_envs}, 3); got {_shown(value)}."
    )


def checked_mask(mask: AnyArray, num_envs: int, name: str) -> Tensor:
    """The mask as a bool tensor, (N,).

    Raises:
        UserError: wrong shape or type.
    """
    value = as_tensor(mask, name)
    if value.shape != (num_envs,) or value.dtype != torch.bool:
        raise UserError(f"{name} must be bool of shape ({num_envs},); got {_shown(value)}.")
    return value


def checked_reset_mask(options: Optional[Dict[str, Any]], num_envs: int) -> Optional[Tensor]:
    """The mask in the options of a reset; None where there is none.

    Raises:
        UserError: other options, or a mask of wrong shape or type.
    """
    if options is None:
        return None
    if not isinstance(options, dict):
        raise UserError(
            f"The options of a reset are a dict such as {{'reset_mask': mask}}, not {options!r:.80}."
        )
    unknown = [name for name in options if name != "reset_mask"]
    if unknown:
        raise UserError(f"Unknown reset option {unknown[0]!r}; there is 'reset_mask'.")
    if not options:
        return None
    return checked_mask(options["reset_mask"], num_envs, "reset_mask")


def checked_seed(seed: Any) -> int:
    """The seed.

    Raises:
        UserError: no integer, or out of range.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= int(seed) < 2**64:
        raise UserError(
            "seed must be one integer for the whole vector environment, from 0 to 2**64 - 1, not "
            f"{seed!r:.80}."
        )
    return int(seed)


def checked_autoreset_mode(mode: Union[AutoresetMode, str]) -> AutoresetMode:
    """The mode, also by its name.

    Raises:
        UserError: there is no such mode.
    """
    for known in AutoresetMode:
        if mode is known or (isinstance(mode, str) and mode in (known.name, known.value)):
            return known
    names = ", ".join(known.name for known in AutoresetMode)
    raise UserError(f"autoreset_mode must be one of {names}, not {mode!r}.")


def checked_action(actions: AnyArray, shape: Tuple[int, ...]) -> Tensor:
    """The actions as a tensor of floats; whether they are finite is asked later.

    Raises:
        UserError: wrong shape or type.
    """
    action = as_tensor(actions, "Actions")
    if tuple(action.shape) != shape or not action.is_floating_point():
        raise UserError(
            f"Actions must be floats of shape {shape}; got {action.dtype} of shape {tuple(action.shape)}."
        )
    return action


def require_finite(finite: bool) -> None:
    """UserError unless the actions are finite."""
    if not finite:
        raise UserError(
            "The actions contain NaN or infinite values. A policy gives them when its training has "
            "diverged: look at its weights and at the observations it was fed. Then reset()."
        )


def sanitized(action: Tensor) -> Tuple[Tensor, Tensor]:
    """Actions with zeros in place of NaN and infinity, and () bool whether there were none."""
    finite = torch.isfinite(action)
    return torch.where(finite, action, torch.zeros_like(action)), finite.all()


def _is_real(value: Tensor) -> bool:
    return value.dtype != torch.bool and not value.is_complex()


def _shown(value: Tensor) -> str:
    return f"{value.dtype} of shape {tuple(value.shape)}: {value.tolist()!s:.80}"
