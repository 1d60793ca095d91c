"""How commands are drawn, redrawn and followed."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from humanoid_envs.tasks.velocity import commands
from humanoid_envs.tasks.velocity.config import CommandConfig
from humanoid_envs.tasks.velocity.presets import preset

RELEASE = CommandConfig()
MANY = 100_000


def draw(config: CommandConfig, count: int = MANY, seed: int = 0) -> Tensor:
    uniform = torch.rand(count, 6, generator=torch.Generator().manual_seed(seed))
    return commands.sample(uniform, config)


def everyone(count: int) -> Tensor:
    return torch.ones(count, dtype=torch.bool)


def test_ranges_from_end_to_end() -> None:
    ends = commands.sample(torch.tensor([[0.0] * 4 + [0.5] * 2, [1.0] * 4 + [0.5] * 2]), RELEASE)
    torch.testing.assert_close(ends, torch.tensor([[-0.3, -0.3, -0.3, -3.14], [0.6, 0.3, 0.3, 3.14]]))


def test_draws_are_uniform() -> None:
    drawn = draw(RELEASE)
    for column, (low, high) in enumerate(
        (RELEASE.lin_vel_x, RELEASE.lin_vel_y, RELEASE.yaw_rate, RELEASE.heading)
    ):
        values = drawn[:, column].sort().values
        expected = torch.linspace(low, high, MANY)
        assert (values - expected).abs().max() < 0.01 * (high - low)  # Kolmogorov-Smirnov, 6 sigma
    correlation = torch.corrcoef(drawn.T) - torch.eye(4)
    assert correlation.abs().max() < 0.02


def test_standing_and_single_axis_shares() -> None:
    config = CommandConfig(standing_share=0.1, single_axis_share=0.3)
    moving = draw(config)[:, :3] != 0.0
    axes = moving.sum(dim=1)
    tolerance = 5.0 * math.sqrt(0.25 / MANY)
    assert (axes == 0).float().mean().item() == pytest.approx(0.1, abs=tolerance)
    assert (axes == 1).float().mean().item() == pytest.approx(0.3, abs=tolerance)
    assert (axes == 3).float().mean().item() == pytest.approx(0.6, abs=tolerance)
    for axis in range(3):
        share = (moving[:, axis] & (axes == 1)).float().mean().item()
        assert share == pytest.approx(0.1, abs=tolerance)


@pytest.mark.parametrize("heading", [0.0, 0.7])
def test_shares_hold_where_the_yaw_rate_follows_a_heading(heading: float) -> None:
    """Standing robots and those that walk along one axis do not turn, whatever their heading; then, and at
    each later step, until a new command is drawn."""
    config = CommandConfig(standing_share=0.1, single_axis_share=0.3, min_speed=0.0)
    command = commands.resample(torch.full((MANY, 4), 0.5), everyone(MANY), draw(config), config)
    command = commands.follow_heading(command, torch.full((MANY,), heading), config)
    axes = (command[:, :3] != 0.0).sum(dim=1)
    tolerance = 5.0 * math.sqrt(0.25 / MANY)
    for count, share in ((0, 0.1), (1, 0.3), (2, 0.0), (3, 0.6)):
        assert (axes == count).float().mean().item() == pytest.approx(share, abs=tolerance)
    one = command[axes == 1, :3] != 0.0
    torch.testing.assert_close(one.float().mean(dim=0), torch.full((3,), 1.0 / 3.0), atol=0.02, rtol=0.0)
    later = commands.follow_heading(command, torch.full((MANY,), heading + 0.5), config)
    assert torch.equal((later[:, :3] != 0.0).sum(dim=1), axes)
    again = commands.resample(later, everyone(MANY), draw(CommandConfig()), config)
    assert (commands.follow_heading(again, torch.zeros(MANY), config)[:, 2] != 0.0).float().mean() > 0.9999


def test_the_release_draws_neither() -> None:
    assert (draw(RELEASE) != 0.0).float().mean() > 0.9999


def test_slow_planar_commands_become_standing_still() -> None:
    slow, fast = 0.2 * torch.tensor([0.6, -0.8]), 0.2001 * torch.tensor([0.6, -0.8])
    drawn = torch.tensor([[*slow, 0.1, 1.0], [*fast, 0.1, 2.0], [0.0, 0.0, 0.1, 3.0]])
    resampled = commands.resample(torch.zeros(3, 4), everyone(3), drawn, RELEASE)
    assert not resampled[[0, 2], :2].any()
    torch.testing.assert_close(resampled[1, :2], fast)
    assert resampled[:, 3].tolist() == [1.0, 2.0, 3.0]  # the heading stays: they turn on the spot


def test_every_release_command_stands_or_is_faster_than_the_limit() -> None:
    resampled = commands.resample(torch.zeros(MANY, 4), everyone(MANY), draw(RELEASE), RELEASE)
    speed = resampled[:, :2].norm(dim=1)
    assert ((speed == 0.0) | (speed > 0.2)).all()
    inside = math.pi * 0.2**2 / (0.9 * 0.6)  # area of the disc in the rectangle of commands
    assert (speed == 0.0).float().mean().item() == pytest.approx(inside, abs=5.0 * math.sqrt(0.25 / MANY))


def test_preset_fast_keeps_slow_commands() -> None:
    config = preset("fast").commands
    drawn = torch.tensor([[0.05, 0.0, 0.1, 0.0]])
    assert torch.equal(commands.resample(torch.zeros(1, 4), everyone(1), drawn, config), drawn)


def test_only_masked_rows_are_replaced() -> None:
    before, drawn = torch.full((3, 4), 0.5), torch.full((3, 4), 0.4)
    after = commands.resample(before, torch.tensor([True, False, True]), drawn, RELEASE)
    assert torch.equal(after[1], before[1])
    torch.testing.assert_close(after[0], torch.tensor([0.4, 0.4, 0.5, 0.4]))


def test_yaw_rate_is_drawn_unless_it_follows_a_heading() -> None:
    before, drawn = torch.full((1, 4), 0.5), torch.full((1, 4), 0.3)
    for heading_mode, yaw_rate in ((True, 0.5), (False, 0.3)):
        config = CommandConfig(heading_mode=heading_mode)
        after = commands.resample(before, everyone(1), drawn, config)
        assert after[0, 2].item() == pytest.approx(yaw_rate)


def test_heading_law() -> None:
    """Half the shorter way round, in rad/s, and at most 1."""
    target = torch.tensor([0.0, 1.0, -1.0, 3.0, 3.0, -3.0, 3.0])
    heading = torch.tensor([0.0, 0.0, 0.0, 0.0, -3.0, 3.0, 2.0])
    short_way = 2.0 * math.pi - 6.0
    expected = torch.tensor([0.0, 0.5, -0.5, 1.0, -0.5 * short_way, 0.5 * short_way, 0.5])
    command = torch.cat([torch.full((7, 3), 0.25), target[:, None]], dim=1)
    turning = commands.follow_heading(command, heading, RELEASE)
    torch.testing.assert_close(turning[:, 2], expected, atol=1e-6, rtol=0.0)
    assert torch.equal(turning[:, [0, 1, 3]], command[:, [0, 1, 3]])


def test_without_heading_mode_the_yaw_rate_stays() -> None:
    command = torch.tensor([[0.1, 0.2, 0.3, 2.0]])
    after = commands.follow_heading(command, torch.zeros(1), CommandConfig(heading_mode=False))
    assert torch.equal(after, command)
