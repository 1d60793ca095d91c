"""Arrays of a library that is neither numpy nor torch."""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np
from torch import Tensor


class HasArray:
    """As JAX's arrays on a CPU: what it gives shares memory that may not be written to."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        array = self.tensor.numpy().astype(dtype or self.tensor.numpy().dtype)
        array.flags.writeable = False
        return array


class HasDLPack:
    """Nothing but the standard's two methods."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.tensor.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Tuple[Any, int]:
        return self.tensor.__dlpack_device__()
