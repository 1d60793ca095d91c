"""The project's own reward terms against closed forms. The release's are compared in test_golden."""

from __future__ import annotations

import math
from typing import Any, Dict

import pytest
import torch

from humanoid_envs.mdp import Rewards, RewardTerm, rewards
from humanoid_envs.mdp.terms import terms_of
from humanoid_envs.tasks import preset
from tests.mdp.steps import step

V0 = preset("v0").rewards
OWN = ("mean_tracking_lin_vel", "mean_tracking_ang_vel", "mean_tracking_error", "swing_height", "alive")


ERROR = torch.tensor([[0.0, 0.0, 0.0], [0.03, -0.04, 0.12], [-0.3, 0.4, -1.2]])


def test_mean_tracking_lin_vel() -> None:
    reward = rewards.MeanTrackingLinVel()(step(3, command_error=ERROR))
    torch.testing.assert_close(reward, torch.exp(-torch.tensor([0.0, 0.5, 5.0])))
    wide = rewards.MeanTrackingLinVel(width=0.5)(step(3, command_error=ERROR))
    torch.testing.assert_close(wide, torch.exp(-torch.tensor([0.0, 0.1, 1.0])))


def test_mean_tracking_ang_vel() -> None:
    reward = rewards.MeanTrackingAngVel()(step(3, command_error=ERROR))
    torch.testing.assert_close(reward, torch.exp(-torch.tensor([0.0, 1.2, 12.0])))


def test_mean_tracking_error() -> None:
    reward = rewards.MeanTrackingError()(step(3, command_error=ERROR))
    torch.testing.assert_close(reward, torch.tensor([0.0, 0.13, 1.3]))


def test_swing_height() -> None:
    """One foot swings at the height asked for, too low, too high; no foot swings; both do."""
    left = torch.tensor([False, True])
    reward = rewards.SwingHeight()(
        step(
            5,
            gait__stance=torch.stack([left, left, left, ~left | left, left & ~left]),
            gait__swing_profile=torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.5, 0.0], [1.0, 0.0], [0.5, 0.25]]),
            foot_height=torch.tensor([[0.08, 9.0], [0.05, 9.0], [0.1, 9.0], [0.08, 0.0], [0.04, 0.05]]),
        )
    )
    expected = [1.0, math.exp(-1.0), math.exp(-2.0), 0.0, 1.0 + math.exp(-1.0)]
    torch.testing.assert_close(reward, torch.tensor(expected))


def test_swing_height_parameters() -> None:
    x = step(gait__stance=torch.tensor([[False, True]]), gait__swing_profile=torch.tensor([[1.0, 0.0]]))
    low = rewards.SwingHeight(peak=0.1, width=0.05)(x)
    assert low.item() == pytest.approx(math.exp(-2.0))


def test_alive() -> None:
    assert rewards.Alive()(step(3)).tolist() == [1.0, 1.0, 1.0]


def test_the_releases_terms_are_active_in_v0_and_our_own_are_not() -> None:
    assert len(V0.active) == 22
    assert [*V0.active, *OWN] == [*terms_of(V0, RewardTerm)]


def test_active_terms_are_those_with_a_weight() -> None:
    active = V0.replace({"alive.weight": 0.5, "joint_pos.weight": 0.0}).active
    assert "alive" in active
    assert "joint_pos" not in active
    assert set(OWN) <= set(preset("fast").rewards.active)
    assert [*V0.only("alive", "torques").active] == ["torques", "alive"]
    assert not V0.only().active


def test_total_is_the_sum_clipped_at_zero_if_so_configured() -> None:
    scaled = torch.tensor([[1.0, -0.25], [0.5, -2.0]])
    assert Rewards(only_positive=True).total(scaled).tolist() == [0.75, 0.0]
    assert Rewards(only_positive=False).total(scaled).tolist() == [0.75, -1.5]


@pytest.mark.parametrize(
    ("term", "changes", "config", "expected"),
    [
        (rewards.TrackingLinVel, {"base_lin_vel": [0.3, 0.4, 9.0]}, {}, math.exp(-5 * 0.25)),
        (rewards.TrackingLinVel, {"base_lin_vel": [0.3, 0.4, 9.0]}, {"sharpness": 4.0}, math.exp(-1)),
        (rewards.TrackingAngVel, {"base_ang_vel": [9.0, 9.0, 0.5]}, {}, math.exp(-5 * 0.25)),
        (rewards.DefaultJointPos, {"joint_pos": [0.0, 0.11] + [0.0] * 10}, {}, math.exp(-1.0) - 0.0011),
        (
            rewards.DefaultJointPos,
            {"joint_pos": [0.0, 0.4] + [0.0] * 10},
            {"sharpness": 8.0, "dead_band": 0.15},
            math.exp(-2.0) - 0.004,
        ),
        (rewards.DefaultJointPos, {"joint_pos": [0.0] * 2 + [0.2] + [0.0] * 9}, {}, 1.0 - 0.002),
        # Base at the start height 0.95, foot links at 0: the soles are thought 0.05 below.
        (rewards.BaseHeight, {}, {}, math.exp(-100 * 0.11)),
        (rewards.BaseHeight, {}, {"sharpness": 30.0}, math.exp(-30 * 0.11)),
        (rewards.BaseHeight, {}, {"target": 1.0}, 1.0),
        (rewards.FeetClearance, {"gait__stance": [False, True], "lift": [0.051, 0.06]}, {}, 1.0),
        (rewards.FeetClearance, {"gait__stance": [False, True], "lift": [0.049, 0.06]}, {}, 0.0),
        (rewards.FeetClearance, {"gait__stance": [False, False], "lift": [0.1, 0.1]}, {"target": 0.1}, 2.0),
        (rewards.FeetAirTime, {"air_time": [0.3, 0.7], "landed": [True, True]}, {}, 0.8),
        (rewards.FeetAirTime, {"air_time": [0.3, 0.7], "landed": [True, False]}, {"longest": 0.2}, 0.2),
    ],
)
def test_parameters_of_the_releases_terms(term: Any, changes: dict, config: dict, expected: float) -> None:
    """Their defaults are the release's; other values act where they should."""
    given: Dict[str, Any] = {name: torch.tensor([value]) for name, value in changes.items()}
    reward = term(1.0, **config)(step(**given))
    assert reward.item() == pytest.approx(expected, rel=1e-4)
