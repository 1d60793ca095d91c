"""Predictions in the user's own kind of array, for one observation or a batch."""

from __future__ import annotations

from typing import Any, Callable, Optional, Tuple, Union

import numpy as np
import torch
from torch import Tensor

from humanoid_envs.errors import UserError
from trainers.ppo.recurrent import forgotten

Array = Union[np.ndarray, Tensor]
Act = Callable[[Tensor, Optional[Tensor]], Tuple[Tensor, Optional[Tensor]]]
"""Flat observations (N, D) and states (N, M), None without, on one device, to actions (N, …) and next
states."""


def predicted(
    act: Act,
    obs: Array,
    shape: Tuple[int, ...],
    device: torch.device,
    state: Optional[Array] = None,
    episode_start: Any = None,
    state_size: int = 0,
) -> Tuple[Any, Optional[Any]]:
    """What `act` does with observations of a shape: one of them or a batch, (*shape) or (N, *shape), numpy or
    torch. Actions and states come back in the same kind, on the same device.

    state: (M,) or (N, M), None for zeros. episode_start: bool or (N,), where states are zero. state_size: M;
    0: no states go in or come out.

    Raises:
        UserError: another shape.
    """
    if isinstance(state, bool):
        raise UserError(f"predict takes a state after the observation; for actions: deterministic={state}.")
    batch = torch.as_tensor(obs, dtype=torch.float32, device=device)
    single = tuple(batch.shape) == shape
    if not single and tuple(batch.shape[1:]) != shape:
        raise UserError(
            f"predict takes one observation {shape} or a batch (N, …) of them; got {tuple(batch.shape)}."
        )
    batch = batch.reshape(1 if single else len(batch), -1)
    memory = _memory(state, episode_start, len(batch), state_size, device) if state_size else None
    actions, memory = act(batch, memory)

    def returned(values: Tensor) -> Any:
        values = values[0] if single else values
        return values.to(obs.device) if isinstance(obs, Tensor) else values.cpu().numpy()

    return returned(actions), None if memory is None else returned(memory)


def _memory(state: Optional[Array], episode_start: Any, rows: int, size: int, device: torch.device) -> Tensor:
    if state is None:
        return torch.zeros(rows, size, device=device)
    memory = torch.as_tensor(state, dtype=torch.float32, device=device)
    if memory.numel() != rows * size or memory.shape[-1:] != (size,):
        raise UserError(
            f"predict takes the state that it returned last, {(rows, size)} for {rows} observations, or None "
            f"at the start; got {tuple(memory.shape)}."
        )
    memory = memory.reshape(rows, size)
    if episode_start is None:
        return memory
    starts = torch.as_tensor(episode_start, dtype=torch.bool, device=device).flatten()
    if len(starts) not in (1, rows):
        raise UserError(f"predict takes an episode_start for each of {rows} observations; got {len(starts)}.")
    return forgotten(memory, starts)
