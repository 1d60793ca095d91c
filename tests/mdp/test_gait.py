"""The gait clock against its table and closed forms."""

from __future__ import annotations

import math

import numpy as np
import torch

from humanoid_envs.mdp import gait
from humanoid_envs.mdp.gait import Gait
from humanoid_envs.robots import XBOT_L

CONFIG = Gait()
CYCLE = torch.arange(64)
"""Policy steps of one gait cycle: 0.64 s at 0.01 s."""
PHASE = CONFIG.cycles(CYCLE, 0.01)


def test_phase_counts_cycles() -> None:
    phase = CONFIG.cycles(torch.tensor([0, 16, 64, 2400]), 0.01)
    torch.testing.assert_close(phase, torch.tensor([0.0, 0.25, 1.0, 37.5]))
    slow = Gait(period=1.0).cycles(torch.tensor([100]), 0.02)
    torch.testing.assert_close(slow, torch.tensor([2.0]))


def test_clock() -> None:
    clock = gait.clock(torch.tensor([0.0, 0.125, 0.25, 0.5]))
    half = math.sqrt(0.5)
    expected = torch.tensor([[0.0, 1.0], [half, half], [1.0, 0.0], [0.0, -1.0]])
    torch.testing.assert_close(clock, expected, atol=1e-6, rtol=0.0)


def test_clock_has_the_same_bits_in_any_library() -> None:
    """float32 throughout but for sine and cosine, which are rounded from float64."""
    steps = np.arange(2400)
    phase = steps.astype(np.float32) * np.float32(0.01) / np.float32(CONFIG.period)
    angle = (np.float32(2.0 * math.pi) * phase).astype(np.float64)
    expected = np.stack([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32)
    clock = gait.clock(CONFIG.cycles(torch.from_numpy(steps), 0.01))
    np.testing.assert_array_equal(clock.numpy(), expected)


def test_stance_table() -> None:
    """Both feet at the beginning and in the middle of a cycle; in between first the left, then the right."""
    for first_step in (0, 64, 64 * 30):
        left, right = CONFIG.read(CONFIG.cycles(CYCLE + first_step, 0.01), XBOT_L).stance.unbind(1)
        assert CYCLE[left & right].tolist() == [0, 1, 31, 32, 33, 63]
        assert CYCLE[left & ~right].tolist() == list(range(2, 31))
        assert CYCLE[right & ~left].tolist() == list(range(34, 63))


def test_double_support_widens_with_its_parameter() -> None:
    stance = Gait(double_support=0.3).read(PHASE, XBOT_L).stance
    assert CYCLE[stance.all(dim=1)].tolist() == [*range(4), *range(29, 36), *range(61, 64)]


def test_reference_bends_the_swinging_leg_only() -> None:
    reference = CONFIG.read(PHASE, XBOT_L).reference_joint_pos
    assert reference.shape == (64, 12)
    stance = CONFIG.read(PHASE, XBOT_L).stance
    for side, sign in ((0, -1.0), (1, 1.0)):
        leg, swing = reference[:, 6 * side : 6 * side + 6], ~stance[:, side]
        assert not leg[~swing].any()
        bend = sign * 0.17 * torch.sin(2.0 * math.pi * CYCLE / 64).abs()
        for joint, factor in ((2, 1.0), (3, 2.0), (4, 1.0)):  # hip pitch, knee, ankle pitch
            torch.testing.assert_close(leg[swing, joint], factor * bend[swing])
        assert not leg[:, [0, 1, 5]].any()


def test_reference_scales_with_its_parameter() -> None:
    double = Gait(swing_pitch=0.34).read(PHASE, XBOT_L).reference_joint_pos
    torch.testing.assert_close(double, 2.0 * CONFIG.read(PHASE, XBOT_L).reference_joint_pos)


def test_swing_profile_rises_where_a_foot_may_leave_the_ground() -> None:
    profile, stance = CONFIG.read(PHASE, XBOT_L).swing_profile, CONFIG.read(PHASE, XBOT_L).stance
    sine = torch.sin(2.0 * math.pi * CYCLE / 64)
    torch.testing.assert_close(profile[:, 1] - profile[:, 0], sine, atol=1e-6, rtol=0.0)
    assert (profile[~stance] >= CONFIG.double_support).all()
    alone = stance & ~stance.flip(1)
    assert not profile[alone].any()
    assert (profile[stance.all(dim=1)] < CONFIG.double_support).all()
    assert profile.max() == 1.0


def test_reordered_joints_have_the_same_reference() -> None:
    order = [7, 2, 11, 0, 5, 9, 4, 1, 8, 3, 10, 6]
    other = XBOT_L.replace(name="reordered", joints=tuple(XBOT_L.joints[i] for i in order))
    reference = CONFIG.read(PHASE, XBOT_L).reference_joint_pos
    torch.testing.assert_close(
        CONFIG.read(PHASE, other).reference_joint_pos, reference[:, order], rtol=0, atol=0
    )
