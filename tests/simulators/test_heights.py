"""The highest ground around a place."""

from __future__ import annotations

import numpy as np
import pytest

from humanoid_envs.simulators.heights import highest_around_cells, start_ground
from humanoid_envs.terrain.terrain import Terrain


@pytest.mark.parametrize("reach", [0, 1, 3])
def test_highest_around_cells(reach: int) -> None:
    heights = np.random.default_rng(0).normal(size=(9, 7)).astype(np.float32)
    highest = highest_around_cells(heights, reach)
    assert highest.shape == (8, 6)
    for i in range(8):
        for j in range(6):
            around = heights[max(i - reach, 0) : i + reach + 2, max(j - reach, 0) : j + reach + 2]
            assert highest[i, j] == around.max()


def test_start_ground_is_the_highest_within_half_a_metre() -> None:
    heights = np.zeros((41, 41))
    heights[10, 20] = 3.0  # x = -1
    heights[16, 20] = 2.0  # x = -0.4
    assert start_ground(Terrain(heights, 0.1, (-2.0, -2.0))) == 2.0
    heights[16, 20] = -1.0
    assert start_ground(Terrain(heights - 1.0, 0.1, (-2.0, -2.0))) == -1.0


def test_start_ground_off_the_field_is_that_of_its_nearest_corner() -> None:
    heights = np.zeros((11, 11))
    heights[0, 0] = 2.0
    assert start_ground(Terrain(heights, 0.1, (5.0, 5.0))) == 2.0
    assert start_ground(Terrain(heights, 0.1, (-9.0, -9.0))) == 0.0
