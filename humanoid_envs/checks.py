"""What callers hand to an environment, checked where it enters."""

from __future__ import annotations

import os
from typing import Any, Dict, Optional, Tuple, Union

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from humanoid_envs.arrays import AnyArray, as_tensor
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.commands import Commands

_MAX_RENDERED = 16


def checked_command(command: AnyArray, commands: Commands, num_envs: int) -> Tensor:
    """The command as a float32 tensor, (C,) or (N, C).

    Raises:
        UserError: wrong shape or type, not finite, or beyond the limits of the task's commands.
    """
    size, names = len(commands.labels), ", ".join(commands.labels)
    if not size:
        raise UserError("This task has no commands.")
    value = as_tensor(command, f"A command ({names})")
    if value.shape in ((size,), (num_envs, size)) and _is_real(value):
        value = value.to(torch.float32)
        low, high = value.new_tensor(commands.limits).unbind(1)
        if bool(((value >= low) & (value <= high)).all()):  # which NaN is not
            return value
    bounds = [f"{low:g} to {high:g} {unit}" for (low, high), unit in zip(commands.limits, commands.units)]
    raise UserError(
        f"A command is finite ({names}), within ({', '.join(bounds)}), of shape ({size},) or "
        f"({num_envs}, {size}); got {_shown(value)}."
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


def checked_seed(seed: Any, mask: Optional[Tensor] = None) -> int:
    """The seed of a reset. mask: the reset's.

    Raises:
        UserError: no integer, or out of range; or there is a mask.
    """
    if mask is not None:
        raise UserError("A seed applies to all envs: pass either seed or options['reset_mask'].")
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


def checked_render_mode(mode: Optional[str]) -> Optional[str]:
    """The render mode of a vector environment.

    Raises:
        UserError: there is no such mode.
    """
    if mode not in (None, "rgb_array"):
        raise UserError(f"A vector environment's render_mode is 'rgb_array' or None, not {mode!r}.")
    return mode


def require_renderable(mode: Optional[str], num_envs: int) -> None:
    """UserError if no render mode was chosen, or there are more envs than one would want pictures of."""
    if mode is None:
        raise UserError("Choose render_mode='rgb_array' when making the environment to render it.")
    if num_envs > _MAX_RENDERED:
        raise UserError(
            f"Rendering {num_envs} envs at once is too much; at most {_MAX_RENDERED}. "
            "env.unwrapped.simulator.render(index) pictures one of them."
        )


def require_usable(closed: bool, process: int) -> None:
    """Raise ClosedEnvironmentError for an environment that is closed, UserError for one made in another
    process, whose id is given."""
    if closed:
        raise gymnasium.error.ClosedEnvironmentError("This environment has been closed; make a new one.")
    if process != os.getpid():
        raise UserError(
            f"This environment was made in process {process}, whose threads process {os.getpid()} "
            "did not get when it was forked: make it in the process that uses it."
        )


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
            "diverged: look at its weights and at the observations it was fed. Then reset(); before, "
            "env.unwrapped.write_dump(path) writes the last second to a file."
        )


def sanitized(action: Tensor) -> Tuple[Tensor, Tensor]:
    """Actions with zeros in place of NaN and infinity, and () bool whether there were none."""
    finite = torch.isfinite(action)
    return torch.where(finite, action, torch.zeros_like(action)), finite.all()


def _is_real(value: Tensor) -> bool:
    return value.dtype != torch.bool and not value.is_complex()


def _shown(value: Tensor) -> str:
    return f"{value.dtype} of shape {tuple(value.shape)}: {value.tolist()!s:.80}"
