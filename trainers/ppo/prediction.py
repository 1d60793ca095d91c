"""Predictions in the user's own kind of array, for one observation or a batch."""

from __future__ import annotations

from typing import Any, Callable, Tuple, Union

import numpy as np
import torch
from torch import Tensor

from humanoid_envs.errors import UserError

Array = Union[np.ndarray, Tensor]


def predicted(
    obs: Array, shape: Tuple[int, ...], device: torch.device, act: Callable[[Tensor], Tensor]
) -> Any:
    """What `act` does with observations of a shape: one of them or a batch, (*shape) or (N, *shape), numpy
    or torch. The actions come back in the same kind, on the same device.

    act: actions, (N, …), of flat observations, (N, D), on `device`.

    Raises:
        UserError: another shape.
    """
    batch = torch.as_tensor(obs, dtype=torch.float32, device=device)
    single = tuple(batch.shape) == shape
    if not single and tuple(batch.shape[1:]) != shape:
        raise UserError(
            f"predict takes one observation {shape} or a batch (N, …) of them; got {tuple(batch.shape)}."
        )
    actions = act(batch.reshape(1 if single else len(batch), -1))
    actions = actions[0] if single else actions
    return actions.to(obs.device) if isinstance(obs, Tensor) else actions.cpu().numpy()
