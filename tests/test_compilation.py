"""Compiled for a CPU, a function gives what it gives otherwise, whatever its arguments are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import pytest
import torch
from torch import Tensor

from humanoid_envs.compilation import can_compile, compiled_step

pytestmark = pytest.mark.skipif(not can_compile(), reason="needs a C++ compiler")


@dataclass(frozen=True)
class Pair:
    left: Tensor
    right: Tensor


@dataclass(frozen=True)
class Nested:
    pair: Pair
    total: Tensor


@dataclass(frozen=True)
class Settings:
    gain: float = 3.0


OFFSET = torch.tensor([10.0, 20.0])
IGNORED = Pair(torch.zeros(1), torch.zeros(4))


def mix(pair: Pair, settings: Settings, ignored: Pair, weight: Tensor) -> Tuple[Nested, Tensor]:
    left, right = settings.gain * pair.left + OFFSET, torch.sin(pair.right) * weight
    return Nested(Pair(right, left), left + right), pair.left


def assert_equal(result: Tuple[Nested, Tensor], expected: Tuple[Nested, Tensor]) -> None:
    assert isinstance(result[0], Nested)
    assert isinstance(result[0].pair, Pair)
    torch.testing.assert_close(vars(result[0].pair), vars(expected[0].pair))
    torch.testing.assert_close(result[0].total, expected[0].total)
    torch.testing.assert_close(result[1], expected[1])


def test_equals_plain_in_each_call_and_layout() -> None:
    fast = compiled_step(mix, torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    table = torch.rand(3, 7, generator=generator)
    for pair in (
        Pair(torch.rand(3, 2, generator=generator), torch.rand(3, 2, generator=generator)),
        Pair(torch.rand(3, 2, generator=generator), torch.rand(3, 2, generator=generator)),
        Pair(table[:, :2], table[:, 4:6]),
        Pair(torch.rand(2, 3, generator=generator).T, torch.rand(1, 2, generator=generator).expand(3, 2)),
    ):
        weight = torch.rand(3, 1, generator=generator)
        assert_equal(fast(pair, Settings(), IGNORED, weight), mix(pair, Settings(), IGNORED, weight))
        table.add_(1.0)
        assert_equal(fast(pair, Settings(), IGNORED, weight), mix(pair, Settings(), IGNORED, weight))


def test_results_of_earlier_calls_stay() -> None:
    fast = compiled_step(mix, torch.device("cpu"))
    first = fast(Pair(torch.zeros(3, 2), torch.zeros(3, 2)), Settings(), IGNORED, torch.ones(3, 1))
    kept = first[0].total.clone()
    fast(Pair(torch.ones(3, 2), torch.ones(3, 2)), Settings(), IGNORED, torch.ones(3, 1))
    assert torch.equal(first[0].total, kept)
