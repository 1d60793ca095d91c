"""Levels rise by success and fall by early falls; what peers' curricula are known to get wrong."""

from __future__ import annotations

import math
from typing import Tuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from humanoid_envs.compilation import can_compile, compiled_step
from humanoid_envs.terrain import Rough, TerrainConfig, build_terrain
from humanoid_envs.terrain.curriculum import TerrainCurriculum, Walk, advance, begin, count, no_outcomes

CURRICULUM = TerrainCurriculum()
DT, LONGEST = 0.01, 10.0
REACH = torch.tensor([3.5])
NO, YES = torch.tensor([False]), torch.tensor([True])


def walk(
    command: Tuple[float, float, float],
    velocity: Tuple[float, float, float],
    seconds: float = LONGEST,
    yaw: float = 0.3,
) -> Walk:
    """That of one robot which was told the one and did the other: forward, left, m/s, yaw rate, rad/s."""
    spawn = torch.tensor([[4.0, -20.0]])
    heading, place = yaw, spawn.double()
    state = begin(place.float(), torch.tensor([yaw]))
    for _ in range(round(seconds / DT)):
        middle = heading + 0.5 * DT * velocity[2]
        cos, sin = math.cos(middle), math.sin(middle)
        forward, left = velocity[:2]
        place = place + DT * torch.tensor([[cos * forward - sin * left, sin * forward + cos * left]])
        heading += DT * velocity[2]
        state = advance(state, place.float(), spawn, torch.tensor([command]), DT)
    return state


def succeeds(state: Walk, fell: Tensor = NO) -> bool:
    return bool(CURRICULUM.succeeded(state, REACH, fell))


def fails(state: Walk, seconds: float, fell: Tensor = YES) -> bool:
    return bool(CURRICULUM.failed(state, fell, torch.tensor([seconds]), LONGEST))


def test_path_as_told_is_success() -> None:
    told = (0.3, 0.0, 0.0)
    state = walk(told, told)
    assert state.commanded.item() == pytest.approx(3.0, abs=1e-4)
    assert state.walked.item() == pytest.approx(3.0, abs=1e-4)
    assert succeeds(state)
    assert succeeds(walk(told, (0.25, 0.0, 0.0)))
    assert not succeeds(walk(told, (0.23, 0.0, 0.0)))
    assert succeeds(walk((0.2, -0.2, 0.1), (0.2, -0.2, 0.1)))
    assert not succeeds(state, YES)


def test_crossed_tile_is_success_however_far_one_was_told_to_go() -> None:
    state = walk((0.8, 0.0, 0.0), (0.45, 0.0, 0.0))
    assert state.out.item() > 3.5
    assert succeeds(state)
    assert not succeeds(walk((0.8, 0.0, 0.0), (0.3, 0.0, 0.0)))


def test_reset_without_episode_promotes_and_demotes_nobody() -> None:
    state = begin(torch.zeros(1, 2), torch.zeros(1))
    assert not succeeds(state)
    assert not fails(state, 0.0)


@pytest.mark.parametrize("command", [(0.0, 0.0, 0.0), (0.0, 0.0, 0.7), (0.05, 0.0, 0.0)])
def test_standing_and_turning_neither_promote_nor_demote(command: Tuple[float, float, float]) -> None:
    as_told = walk(command, command)
    assert not succeeds(as_told)
    assert not fails(as_told, LONGEST, fell=NO)
    assert not fails(walk(command, (0.1, 0.0, 0.2), 3.0), 3.0)


def test_small_circles_as_told_do_not_promote() -> None:
    told = (0.5, 0.0, 0.7)  # of radius 0.71 m, on the flat ground of the start
    state = walk(told, told)
    assert state.commanded.item() == pytest.approx(2 * 0.5 / 0.7, abs=0.01)
    assert not succeeds(state)


def test_circling_instead_of_going_straight_is_no_distance() -> None:
    state = walk((0.5, 0.0, 0.0), (0.5, 0.0, 0.7))
    assert state.commanded.item() == pytest.approx(5.0, abs=1e-3)
    assert not succeeds(state)


def test_walking_without_being_told_is_no_path() -> None:
    assert not succeeds(walk((0.0, 0.0, 0.0), (0.3, 0.0, 0.0)))


def test_path_is_told_from_the_heading_at_the_start() -> None:
    told = walk((0.3, 0.1, 0.0), (0.0, 0.0, 0.0), 1.0, yaw=math.pi / 2).told
    torch.testing.assert_close(told, torch.tensor([[-0.1, 0.3, math.pi / 2]]), atol=1e-4, rtol=0)


def test_early_falls_demote_and_late_ones_do_not() -> None:
    told = (0.5, 0.0, 0.0)
    assert fails(walk(told, told, 2.0), 2.0)
    assert fails(walk(told, (0.0, 0.0, 0.0), 2.0), 2.0)
    assert not fails(walk(told, told, 6.0), 6.0)
    assert not fails(walk(told, told, 2.0), 2.0, fell=NO)


def test_levels_move_by_one_within_those_there_are() -> None:
    own = torch.tensor([0, 0, 3, 3, 3, 9, 9])
    success = torch.tensor([True, False, True, False, False, True, False])
    failure = torch.tensor([False, True, False, True, False, False, True])
    new, played = CURRICULUM.next_level(own, own, success, failure, torch.full((7, 2), 0.5), 10)
    assert new.tolist() == [1, 0, 4, 2, 3, 9, 8]
    assert played.tolist() == new.tolist()


def test_quarter_of_episodes_is_on_easier_levels_and_does_not_count() -> None:
    generator = torch.Generator().manual_seed(0)
    own = torch.full((40_000,), 4)
    none = torch.zeros_like(own, dtype=torch.bool)
    draws = torch.rand(len(own), 2, generator=generator)
    new, played = CURRICULUM.next_level(own, own, none, none, draws, 10)
    assert (new == 4).all()
    shares = torch.bincount(played, minlength=10) / len(own)
    torch.testing.assert_close(shares[:4], torch.full((4,), 0.05), atol=0.005, rtol=0)
    assert shares[4] == pytest.approx(0.8, abs=0.01)
    assert not shares[5:].any()
    for success in (none, ~none):
        after, _ = CURRICULUM.next_level(own, played, success, ~success, draws, 10)
        assert (after[played < 4] == 4).all()


def test_robots_end_at_the_level_of_their_skill() -> None:
    generator = torch.Generator().manual_seed(0)
    skill = torch.arange(1000) % 10
    own = played = torch.zeros(1000, dtype=torch.int64)
    for _ in range(60):
        draws = torch.rand(1000, 2, generator=generator)
        own, played = CURRICULUM.next_level(own, played, played <= skill, played > skill, draws, 10)
    assert ((own - skill).abs() <= 1).all()


def test_outcomes_are_counted_by_kind_and_level() -> None:
    outcomes = no_outcomes(2, 3, torch.device("cpu"))
    kind, level = torch.tensor([0, 0, 1, 1, 1]), torch.tensor([2, 2, 0, 0, 1])
    success = torch.tensor([True, False, True, True, True])
    ended = torch.tensor([True, True, True, False, True])
    for _ in range(2):
        outcomes = count(outcomes, kind, level, success, ended)
    assert outcomes.episodes.tolist() == [[0, 0, 4], [2, 2, 0]]
    assert outcomes.successes.tolist() == [[0, 0, 2], [2, 2, 0]]
    assert outcomes.rates[0, 2] == 0.5
    assert outcomes.rates[0, 0].isnan()


def test_nothing_waits_for_the_device() -> None:
    with FakeTensorMode():  # refuses whatever asks for a value
        n = 6
        state = advance(begin(torch.zeros(n, 2), torch.zeros(n)), torch.zeros(n, 2), torch.zeros(n, 2),
                        torch.zeros(n, 3), DT)  # fmt: skip
        level = torch.zeros(n, dtype=torch.int64)
        fell = torch.zeros(n, dtype=torch.bool)
        success = CURRICULUM.succeeded(state, torch.ones(n), fell)
        failure = CURRICULUM.failed(state, fell, torch.ones(n), LONGEST)
        own, _ = CURRICULUM.next_level(level, level, success, failure, torch.zeros(n, 2), 10)
        outcomes = count(no_outcomes(2, 10, torch.device("cpu")), level, level, success, fell)
        with pytest.raises(RuntimeError):
            own[0].item()
    assert own.dtype == torch.int64
    assert outcomes.episodes.shape == (2, 10)


@pytest.mark.skipif(not can_compile(), reason="needs a C++ compiler")
def test_compiled_as_a_step_it_is_the_same() -> None:
    n = 64
    generator = torch.Generator().manual_seed(0)
    xy, command = (torch.randn(n, width, generator=generator) * 4 for width in (2, 3))
    yaw, draws = torch.randn(n, generator=generator), torch.rand(n, 2, generator=generator)
    level = torch.randint(0, 10, (n,), generator=generator)
    none = no_outcomes(3, 10, torch.device("cpu"))

    def step(walk: Walk, xy: Tensor, spawn: Tensor, command: Tensor, level: Tensor, draws: Tensor) -> tuple:
        walk = advance(walk, xy, spawn, command, 1.0)
        fell = xy[:, 0] > 0
        success = CURRICULUM.succeeded(walk, REACH.expand(n), fell)
        failure = CURRICULUM.failed(walk, fell, xy[:, 1].abs(), LONGEST)
        levels = CURRICULUM.next_level(level, level, success, failure, draws, 10)
        return walk, success, failure, levels, count(none, level % 3, level, success, fell | success)

    inputs = (begin(0.9 * xy, yaw), xy, torch.zeros(n, 2), command, level, draws)
    plain, fused = step(*inputs), compiled_step(step, torch.device("cpu"))(*inputs)
    assert 0 < plain[1].sum() < n
    assert plain[2].any()
    for a, b in zip(plain[0:1] + plain[4:], fused[0:1] + fused[4:]):
        for name, value in vars(a).items():
            torch.testing.assert_close(getattr(b, name), value)
    for a, b in zip((*plain[1:3], *plain[3]), (*fused[1:3], *fused[3])):
        assert torch.equal(a, b)


def test_robots_that_walk_to_the_edge_meet_no_wall_to_the_next_tile() -> None:
    terrain = build_terrain(TerrainConfig(kinds=Rough().only("stairs_up", "slope_down"), levels=3, columns=2))
    tiles = terrain.tiles
    assert tiles is not None
    cells = round(tiles.size / terrain.resolution)
    border, rim = round(5.0 / terrain.resolution), round(0.5 / terrain.resolution)
    for edge in range(4):
        strip = slice(border + edge * cells - rim, border + edge * cells + rim + 1)
        assert not terrain.heights[strip].any()
    assert np.ptp(terrain.heights) > 1.0
