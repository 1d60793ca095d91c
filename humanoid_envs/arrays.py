"""Arrays of any library as torch tensors."""

from __future__ import annotations

from typing import Any, Protocol, Sequence, Union

import numpy as np
import torch
from torch import Tensor

from humanoid_envs.errors import UserError


class HasArray(Protocol):
    """Can become a numpy array."""

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray: ...


class HasDLPack(Protocol):
    """Can be read by any library, where it lies."""

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...


AnyArray = Union[Tensor, np.ndarray, Sequence[Any], HasArray, HasDLPack]
"""What `as_tensor` takes."""
Array = Union[Tensor, np.ndarray]
"""What an environment gives."""


def as_tensor(value: AnyArray, name: str) -> Tensor:
    """What a caller passes for an array, as a tensor: torch, numpy, nested lists and tuples of numbers, and
    whatever has `__dlpack__` (which leaves it on its device) or `__array__`, as JAX's arrays have.

    It may share memory with `value`. Floats of numpy become float32, Python's numbers as well.

    name: what it is, for messages.

    Raises:
        UserError: it holds no numbers, or rows of different lengths.
    """
    if isinstance(value, Tensor):
        return value
    if not isinstance(value, np.ndarray):
        if hasattr(value, "__dlpack__"):
            try:
                return torch.from_dlpack(value)
            except (BufferError, RuntimeError, TypeError, AttributeError):
                pass  # a dtype or a device that torch does not know; as a numpy array it may do
        elif not (hasattr(value, "__array__") or isinstance(value, (list, tuple))):
            raise _no_array(value, name)
        value = _numpy(value, name)
    if value.dtype.kind == "f":
        with np.errstate(over="ignore"):  # torch knows no byte order and no negative stride
            value = np.ascontiguousarray(value, dtype=np.float32)
    try:
        return torch.from_numpy(value if value.flags.writeable else value.copy())
    except (TypeError, ValueError) as error:
        raise _no_array(value, name) from error


def _numpy(value: AnyArray, name: str) -> np.ndarray:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged lists, tensors that lie on a GPU
        raise UserError(f"{name} cannot be read as one array: {error}") from error
    is_literal = isinstance(value, (list, tuple)) and array.dtype.kind in "iu"
    return array.astype(np.float32) if is_literal else array


def _no_array(value: Any, name: str) -> UserError:
    kind = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
    return UserError(
        f"{name} must be numbers in a torch tensor, a numpy array, a list, or anything with __dlpack__ or "
        f"__array__; got {kind}."
    )
