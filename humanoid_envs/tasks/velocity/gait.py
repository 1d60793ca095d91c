"""The gait clock: a phase that runs with the episode, and what the legs are to do at each phase.

The sine of a float32 angle is computed in float64 and rounded: the same bits from any library.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from humanoid_envs.tasks.velocity.config import GaitConfig


def gait_phase(steps_played: Tensor, policy_period: float, config: GaitConfig) -> Tensor:
    """Gait cycles since the episode's start. (N,) int -> (N,) float."""
    return steps_played * policy_period / config.period


def swing_profile(phase: Tensor) -> Tensor:
    """(N, 2) how high each foot is to be in its swing, from 0 to 1: the half waves of the clock's sine."""
    sine = _sine(phase)
    return torch.stack([-sine, sine], dim=-1).clamp(min=0.0)


def clock(phase: Tensor) -> Tensor:
    """(N, 2): sine and cosine of the phase angle."""
    angle = (2.0 * math.pi * phase).double()
    return torch.stack([torch.sin(angle), torch.cos(angle)], dim=-1).float()


def stance_mask(phase: Tensor, config: GaitConfig) -> Tensor:
    """(N, 2) bool: which feet are to stand: left in the first half cycle, then right, both in between."""
    sine = _sine(phase)
    both = sine.abs() < config.double_support
    return torch.stack([(sine >= 0) | both, (sine < 0) | both], dim=-1)


def reference_joint_pos(phase: Tensor, config: GaitConfig) -> Tensor:
    """(N, 12) reference joint angles, rad: the swing leg bends, everything else stays at 0.

    The right leg's joint axes mirror the left's, so the same formula with the opposite sign serves both.
    """
    sine = _sine(phase)
    bend = config.swing_pitch * torch.where(sine.abs() < config.double_support, torch.zeros_like(sine), sine)

    def leg(bend: Tensor) -> Tensor:  # roll, yaw, pitch, knee, ankle pitch, ankle roll
        zero = torch.zeros_like(bend)
        return torch.stack([zero, zero, bend, 2.0 * bend, bend, zero], dim=-1)

    return torch.cat([leg(bend.clamp(max=0.0)), leg(bend.clamp(min=0.0))], dim=-1)


def _sine(phase: Tensor) -> Tensor:
    return torch.sin((2.0 * math.pi * phase).double()).float()
