"""Arrays of any library become tensors with the same values."""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np
import pytest
import torch

from humanoid_envs.arrays import as_tensor
from humanoid_envs.errors import UserError
from tests.other_arrays import HasArray, HasDLPack

ROWS = [[0.5, -1.0, 2.0], [3.0, 0.25, -4.0]]
TENSOR = torch.tensor(ROWS)


class HasBoth(HasArray):
    """As JAX's arrays of a dtype that DLPack does not carry."""

    def __dlpack__(self, **kwargs: Any) -> Any:
        raise BufferError("no such dtype")

    def __dlpack_device__(self) -> Tuple[Any, int]:
        return self.tensor.__dlpack_device__()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "value",
    [
        ROWS,
        tuple(map(tuple, ROWS)),
        [np.array(row) for row in ROWS],
        list(TENSOR),
        np.array(ROWS),
        np.array(ROWS, dtype=">f4"),
        np.array(ROWS, dtype=np.longdouble),
        np.array(ROWS)[:, ::-1][:, ::-1],
        np.array(ROWS)[::-1, ::-1].copy()[::-1, ::-1],
        HasArray(TENSOR),
        HasDLPack(TENSOR),
        HasBoth(TENSOR),
    ],
)
def test_values_stay(value: Any) -> None:
    tensor = as_tensor(value, "x")
    assert torch.equal(tensor.float(), TENSOR)


def test_numbers_of_python_are_floats_and_others_keep_their_dtype() -> None:
    assert as_tensor([[1, 2]], "x").dtype == torch.float32
    assert as_tensor([True, False], "x").dtype == torch.bool
    assert as_tensor(np.array([1, 2]), "x").dtype == torch.int64
    assert as_tensor(TENSOR, "x") is TENSOR


@pytest.mark.parametrize("value", [None, "1.0", 1.0, {"a": 1}, [[1.0], [1.0, 2.0]], ["1"], np.array([None])])
def test_anything_else_is_refused_by_name(value: Any) -> None:
    with pytest.raises(UserError, match=r"^Actions "):
        as_tensor(value, "Actions")
