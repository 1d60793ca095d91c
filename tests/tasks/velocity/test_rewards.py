"""The project's own reward terms against closed forms. The release's are compared in test_golden."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from humanoid_envs.tasks.velocity import rewards
from humanoid_envs.tasks.velocity.config import RewardConfig, RewardScales
from humanoid_envs.tasks.velocity.presets import preset
from humanoid_envs.tasks.velocity.rewards import RewardInputs
from tests.scripted_simulator import standing

CONFIG = RewardConfig()
OWN = ("mean_tracking_lin_vel", "mean_tracking_ang_vel", "mean_tracking_error", "swing_height", "alive")


def inputs(num_envs: int = 1, **changes: Any) -> RewardInputs:
    """A robot that stands still on both feet, as told."""

    def zeros(*shape: int) -> Tensor:
        return torch.zeros(num_envs, *shape)

    down = torch.ones(num_envs, 2, dtype=torch.bool)
    still = RewardInputs(
        state=standing(num_envs),
        base_lin_vel=zeros(3),
        base_ang_vel=zeros(3),
        euler=zeros(3),
        gravity=torch.tensor([[0.0, 0.0, -1.0]]).expand(num_envs, 3),
        command=zeros(4),
        stance=down,
        contact=down,
        lift=zeros(2),
        air_time=zeros(2),
        landed=~down,
        joint_pos=zeros(12),
        reference_joint_pos=zeros(12),
        action=zeros(12),
        last_action=zeros(12),
        second_last_action=zeros(12),
        last_joint_vel=zeros(12),
        base_velocity=zeros(6),
        last_base_velocity=zeros(6),
        policy_period=0.01,
        mean_velocity_error=zeros(3),
        swing_profile=zeros(2),
        foot_height=zeros(2),
    )
    return dataclasses.replace(still, **changes)


ERROR = torch.tensor([[0.0, 0.0, 0.0], [0.03, -0.04, 0.12], [-0.3, 0.4, -1.2]])


def test_mean_tracking_lin_vel() -> None:
    reward = rewards.mean_tracking_lin_vel(inputs(3, mean_velocity_error=ERROR), CONFIG)
    torch.testing.assert_close(reward, torch.exp(-torch.tensor([0.0, 0.5, 5.0])))
    wide = rewards.mean_tracking_lin_vel(
        inputs(3, mean_velocity_error=ERROR), RewardConfig(mean_tracking_width=0.5)
    )
    torch.testing.assert_close(wide, torch.exp(-torch.tensor([0.0, 0.1, 1.0])))


def test_mean_tracking_ang_vel() -> None:
    reward = rewards.mean_tracking_ang_vel(inputs(3, mean_velocity_error=ERROR), CONFIG)
    torch.testing.assert_close(reward, torch.exp(-torch.tensor([0.0, 1.2, 12.0])))


def test_mean_tracking_error() -> None:
    reward = rewards.mean_tracking_error(inputs(3, mean_velocity_error=ERROR), CONFIG)
    torch.testing.assert_close(reward, torch.tensor([0.0, 0.13, 1.3]))


def test_swing_height() -> None:
    """One foot swings at the height asked for, too low, too high; no foot swings; both do."""
    left = torch.tensor([False, True])
    reward = rewards.swing_height(
        inputs(
            5,
            stance=torch.stack([left, left, left, ~left | left, left & ~left]),
            swing_profile=torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.5, 0.0], [1.0, 0.0], [0.5, 0.25]]),
            foot_height=torch.tensor([[0.08, 9.0], [0.05, 9.0], [0.1, 9.0], [0.08, 0.0], [0.04, 0.05]]),
        ),
        CONFIG,
    )
    expected = [1.0, math.exp(-1.0), math.exp(-2.0), 0.0, 1.0 + math.exp(-1.0)]
    torch.testing.assert_close(reward, torch.tensor(expected))


def test_swing_height_parameters() -> None:
    x = inputs(stance=torch.tensor([[False, True]]), swing_profile=torch.tensor([[1.0, 0.0]]))
    low = rewards.swing_height(x, RewardConfig(swing_peak=0.1, swing_width=0.05))
    assert low.item() == pytest.approx(math.exp(-2.0))


def test_alive() -> None:
    assert rewards.alive(inputs(3), CONFIG).tolist() == [1.0, 1.0, 1.0]


def test_the_releases_terms_are_active_in_v0_and_our_own_are_not() -> None:
    names = [field.name for field in dataclasses.fields(RewardScales)]
    active = rewards.active_terms(preset("v0").rewards.scales)
    assert len(active) == 22
    assert [*active, *OWN] == names


def test_active_terms_are_those_with_a_weight() -> None:
    scales = RewardScales(alive=0.5, joint_pos=0.0)
    active = rewards.active_terms(scales)
    assert "alive" in active
    assert "joint_pos" not in active
    assert set(OWN) <= set(rewards.active_terms(preset("fast").rewards.scales))


def test_raw_terms_are_the_active_terms_columns() -> None:
    x = inputs(3, mean_velocity_error=ERROR, command=torch.tensor([[0.5, 0.1, 0.2, 0.0]]).expand(3, 4))
    config = preset("fast").rewards
    columns = rewards.raw_terms(x, config)
    for column, name in zip(columns.T, rewards.active_terms(config.scales)):
        torch.testing.assert_close(column, getattr(rewards, name)(x, config), msg=name)


def test_total_is_the_sum_clipped_at_zero_if_so_configured() -> None:
    scaled = torch.tensor([[1.0, -0.25], [0.5, -2.0]])
    assert rewards.total(scaled, RewardConfig(only_positive=True)).tolist() == [0.75, 0.0]
    assert rewards.total(scaled, RewardConfig(only_positive=False)).tolist() == [0.75, -1.5]


@pytest.mark.parametrize(
    ("term", "changes", "config", "expected"),
    [
        ("tracking_lin_vel", {"base_lin_vel": [0.3, 0.4, 9.0]}, {}, math.exp(-5 * 0.25)),
        ("tracking_lin_vel", {"base_lin_vel": [0.3, 0.4, 9.0]}, {"tracking_sharpness": 4.0}, math.exp(-1)),
        ("tracking_ang_vel", {"base_ang_vel": [9.0, 9.0, 0.5]}, {}, math.exp(-5 * 0.25)),
        ("default_joint_pos", {"joint_pos": [0.0, 0.11] + [0.0] * 10}, {}, math.exp(-1.0) - 0.0011),
        (
            "default_joint_pos",
            {"joint_pos": [0.0, 0.4] + [0.0] * 10},
            {"default_joint_sharpness": 8.0, "default_joint_dead_band": 0.15},
            math.exp(-2.0) - 0.004,
        ),
        ("default_joint_pos", {"joint_pos": [0.0] * 2 + [0.2] + [0.0] * 9}, {}, 1.0 - 0.002),
        # Base at the start height 0.95, foot links at 0: the soles are thought 0.05 below.
        ("base_height", {}, {}, math.exp(-100 * 0.11)),
        ("base_height", {}, {"base_height_sharpness": 30.0}, math.exp(-30 * 0.11)),
        ("base_height", {}, {"base_height": 1.0}, 1.0),
        ("feet_clearance", {"stance": [False, True], "lift": [0.051, 0.06]}, {}, 1.0),
        ("feet_clearance", {"stance": [False, True], "lift": [0.049, 0.06]}, {}, 0.0),
        ("feet_clearance", {"stance": [False, False], "lift": [0.1, 0.1]}, {"clearance": 0.1}, 2.0),
        ("feet_air_time", {"air_time": [0.3, 0.7], "landed": [True, True]}, {}, 0.8),
        ("feet_air_time", {"air_time": [0.3, 0.7], "landed": [True, False]}, {"max_air_time": 0.2}, 0.2),
    ],
)
def test_parameters_of_the_releases_terms(term: str, changes: dict, config: dict, expected: float) -> None:
    """Their defaults are the release's; other values act where they should."""
    x = dataclasses.replace(inputs(), **{name: torch.tensor([value]) for name, value in changes.items()})
    reward = getattr(rewards, term)(x, RewardConfig(**config))
    assert reward.item() == pytest.approx(expected, rel=1e-4)
