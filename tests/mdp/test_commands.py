"""How commands are drawn, redrawn and followed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Tuple

import pytest
import torch
from torch import Tensor

from humanoid_envs import rotations
from humanoid_envs.configs import Range
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.commands import CommandTerm, CommandTerms, VelocityCommand
from humanoid_envs.mdp.step import Step
from humanoid_envs.simulators.simulator import SimState
from humanoid_envs.tasks.velocity import VelocityCommands, fast
from tests.mdp.steps import step
from tests.scripted_simulator import standing

RELEASE = VelocityCommand()
MANY = 100_000


def draw(term: VelocityCommand, count: int = MANY, seed: int = 0) -> Tensor:
    uniform = torch.rand(count, term.uniforms, generator=torch.Generator().manual_seed(seed))
    return term.sample(uniform)


def turned(heading: Tensor) -> SimState:
    """Robots with these headings, rad."""
    return standing(len(heading), base_quat=rotations.from_yaw(heading))


def test_ranges_from_end_to_end() -> None:
    ends = RELEASE.sample(torch.tensor([[0.0] * 4 + [0.5] * 2, [1.0] * 4 + [0.5] * 2]))
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
    config = VelocityCommand(standing_share=0.1, single_axis_share=0.3)
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
    config = VelocityCommand(standing_share=0.1, single_axis_share=0.3, min_speed=0.0)
    command = config.take(draw(config), torch.full((MANY, 4), 0.5))
    command = config.follow(command, turned(torch.full((MANY,), heading)))
    axes = (command[:, :3] != 0.0).sum(dim=1)
    tolerance = 5.0 * math.sqrt(0.25 / MANY)
    for count, share in ((0, 0.1), (1, 0.3), (2, 0.0), (3, 0.6)):
        assert (axes == count).float().mean().item() == pytest.approx(share, abs=tolerance)
    one = command[axes == 1, :3] != 0.0
    torch.testing.assert_close(one.float().mean(dim=0), torch.full((3,), 1.0 / 3.0), atol=0.02, rtol=0.0)
    later = config.follow(command, turned(torch.full((MANY,), heading + 0.5)))
    assert torch.equal((later[:, :3] != 0.0).sum(dim=1), axes)
    again = config.take(draw(VelocityCommand()), later)
    assert (config.follow(again, turned(torch.zeros(MANY)))[:, 2] != 0.0).float().mean() > 0.9999


def test_the_release_draws_neither() -> None:
    assert (draw(RELEASE) != 0.0).float().mean() > 0.9999


def test_slow_planar_commands_become_standing_still() -> None:
    slow, fast = 0.2 * torch.tensor([0.6, -0.8]), 0.2001 * torch.tensor([0.6, -0.8])
    drawn = torch.tensor([[*slow, 0.1, 1.0], [*fast, 0.1, 2.0], [0.0, 0.0, 0.1, 3.0]])
    resampled = RELEASE.take(drawn, torch.zeros(3, 4))
    assert not resampled[[0, 2], :2].any()
    torch.testing.assert_close(resampled[1, :2], fast)
    assert resampled[:, 3].tolist() == [1.0, 2.0, 3.0]  # the heading stays: they turn on the spot


def test_every_release_command_stands_or_is_faster_than_the_limit() -> None:
    resampled = RELEASE.take(draw(RELEASE), torch.zeros(MANY, 4))
    speed = resampled[:, :2].norm(dim=1)
    assert ((speed == 0.0) | (speed > 0.2)).all()
    inside = math.pi * 0.2**2 / (0.9 * 0.6)  # area of the disc in the rectangle of commands
    assert (speed == 0.0).float().mean().item() == pytest.approx(inside, abs=5.0 * math.sqrt(0.25 / MANY))


def test_preset_fast_keeps_slow_commands() -> None:
    config = fast().commands.velocity
    drawn = torch.tensor([[0.05, 0.0, 0.1, 0.0]])
    assert torch.equal(config.take(drawn, torch.zeros(1, 4)), drawn)


def test_only_masked_rows_are_replaced() -> None:
    before, drawn = torch.full((3, 4), 0.5), torch.full((3, 4), 0.4)
    after = CommandTerms(VelocityCommands()).resample(before, torch.tensor([True, False, True]), drawn)
    assert torch.equal(after[1], before[1])
    torch.testing.assert_close(after[0], torch.tensor([0.4, 0.4, 0.5, 0.4]))


def test_yaw_rate_is_drawn_unless_it_follows_a_heading() -> None:
    before, drawn = torch.full((1, 4), 0.5), torch.full((1, 4), 0.3)
    for heading_mode, yaw_rate in ((True, 0.5), (False, 0.3)):
        config = VelocityCommand(heading_mode=heading_mode)
        after = config.take(drawn, before)
        assert after[0, 2].item() == pytest.approx(yaw_rate)


def test_heading_law() -> None:
    """Half the shorter way round, in rad/s, and at most 1."""
    target = torch.tensor([0.0, 1.0, -1.0, 3.0, 3.0, -3.0, 3.0])
    heading = torch.tensor([0.0, 0.0, 0.0, 0.0, -3.0, 3.0, 2.0])
    short_way = 2.0 * math.pi - 6.0
    expected = torch.tensor([0.0, 0.5, -0.5, 1.0, -0.5 * short_way, 0.5 * short_way, 0.5])
    command = torch.cat([torch.full((7, 3), 0.25), target[:, None]], dim=1)
    turning = RELEASE.follow(command, turned(heading))
    torch.testing.assert_close(turning[:, 2], expected, atol=1e-6, rtol=0.0)
    assert torch.equal(turning[:, [0, 1, 3]], command[:, [0, 1, 3]])


def test_without_heading_mode_the_yaw_rate_stays() -> None:
    command = torch.tensor([[0.1, 0.2, 0.3, 2.0]])
    after = VelocityCommand(heading_mode=False).follow(command, turned(torch.zeros(1)))
    assert torch.equal(after, command)


@dataclass(frozen=True)
class BodyHeight(CommandTerm):
    """A height of the base, m, of which half the one before is kept beside it."""

    labels: ClassVar[Tuple[str, ...]] = ("height",)
    units: ClassVar[Tuple[str, ...]] = ("m",)
    limits: ClassVar[Tuple[Tuple[float, float], ...]] = ((0.0, 2.0),)
    uniforms: ClassVar[int] = 1

    range: Range = (0.7, 0.9)

    @property
    def size(self) -> int:
        return 2

    def ranges(self) -> Tuple[Range, ...]:
        return (self.range,)

    def sample(self, uniform: Tensor) -> Tensor:
        low, high = self.range
        return torch.cat([low + (high - low) * uniform, torch.zeros_like(uniform)], dim=1)

    def take(self, drawn: Tensor, command: Tensor) -> Tensor:
        return torch.cat([drawn[:, :1], 0.5 * command[:, :1]], dim=1)

    def actual(self, step: Step) -> Tensor:
        return step.state.base_pos[:, 2:]


@dataclass(frozen=True)
class LowAndFast(VelocityCommands):
    velocity: VelocityCommand = VelocityCommand(heading_mode=False, min_speed=0.0)
    height: BodyHeight = BodyHeight()
    other_height: BodyHeight = BodyHeight(range=(1.0, 1.0))


def test_commands_of_several_terms_lie_side_by_side() -> None:
    group = LowAndFast()
    assert group.labels == ("vx", "vy", "yaw_rate", "height", "height")
    assert group.units == ("m/s", "m/s", "rad/s", "m", "m")
    assert group.limits[3:] == ((0.0, 2.0), (0.0, 2.0))
    assert group.ranges() == ((-0.3, 0.6), (-0.3, 0.3), (-0.3, 0.3), (0.7, 0.9), (1.0, 1.0))
    terms = CommandTerms(group)
    assert (terms.size, sum(terms.uniforms), terms.told_columns) == (8, 8, [0, 1, 2, 4, 6])
    drawn = terms.sample(torch.full((2, 8), 0.5))
    torch.testing.assert_close(drawn[:, 4:], torch.tensor([[0.8, 0.0, 1.0, 0.0]]).expand(2, 4))
    before = torch.full((2, 8), 0.6)
    table = terms.resample(before, torch.tensor([True, False]), drawn)
    torch.testing.assert_close(table[0, 4:], torch.tensor([0.8, 0.3, 1.0, 0.3]))
    assert torch.equal(table[1], before[1])
    told = terms.told(table)
    torch.testing.assert_close(told[0], torch.tensor([0.15, 0.0, 0.0, 0.8, 1.0]))
    parts = terms.split(table)
    assert {name: part.shape[1] for name, part in parts.items()} == {
        "velocity": 4,
        "height": 2,
        "other_height": 2,
    }
    assert torch.equal(parts["other_height"], table[:, 6:])
    assert torch.equal(terms.follow(table, standing(2)), table)
    speed = torch.tensor([[0.1, 0.2, 0.3]]).expand(2, 3)
    actual = terms.actual(step(2, base_lin_vel=speed, base_ang_vel=speed))
    torch.testing.assert_close(actual, torch.tensor([[0.1, 0.2, 0.3, 0.95, 0.95]]).expand(2, 5))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lin_vel_x": (-0.3, 10.5)}, r"lin_vel_x must be within ±10"),
        ({"yaw_rate": (0.3, -0.3)}, r"yaw_rate must be \(low, high\) with low at most high"),
        ({"standing_share": 0.5, "single_axis_share": 0.6}, "single_axis_share must be at most 1 - standing"),
    ],
)
def test_impossible_commands_are_refused(values: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        VelocityCommand(**values)
