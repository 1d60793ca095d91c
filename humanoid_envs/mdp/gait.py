"""The gait clock: a phase that runs with the episode, and what the legs are to do at each phase.

The sine of a float32 angle is computed in float64 and rounded: the same bits from any library.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional

import annotated_types as limits
import torch
from torch import Tensor
from typing_extensions import Annotated

from humanoid_envs.configs import Config, NonNegative, Positive, Share
from humanoid_envs.mdp.measures import LENGTH, TIME
from humanoid_envs.robots import LIFT_STEP, Robot


@dataclass(frozen=True)
class GaitReading:
    """Where the clock stands."""

    phase: Tensor
    """(N,) gait cycles since the clock's start."""
    clock: Tensor
    """(N, 2) sine and cosine of the phase angle."""
    stance: Tensor
    """(N, 2) bool: which feet are to stand: left in the first half cycle, then right, both in between."""
    swing_profile: Tensor
    """(N, 2) how high each foot is to be in its swing, from 0 to 1: the half waves of the clock's sine."""
    reference_joint_pos: Tensor
    """(N, J) the reference motion from the default pose, rad."""


@dataclass(frozen=True)
class Gait(Config):
    """The clock that tells the feet when to swing."""

    period: Annotated[Positive, TIME] = 0.64
    """Duration of one gait cycle (a left and a right step), s."""
    double_support: Share = 0.1
    """Both feet are to stand while |sin(2π·phase)| is below this."""
    swing_pitch: Annotated[float, limits.Interval(ge=0, le=math.pi)] = 0.17
    """Amplitude of the reference motion at hip and ankle pitch, rad, of robots without `Joint.lift`; the knee
    moves twice as far."""
    swing_lift: Annotated[NonNegative, LENGTH] = 0.062
    """Height to which the reference motion lifts a foot, m, of robots with `Joint.lift`: as high as the
    release's angles lift XBot-L's."""

    def read(self, phase: Tensor, robot: Robot, lifts: Optional[Tensor] = None) -> GaitReading:
        """phase: (N,) in cycles. lifts: of `lift_table`, made anew where it is not given."""
        sine = _sine(phase)
        return GaitReading(
            phase=phase,
            clock=clock(phase),
            stance=self.stance(sine),
            swing_profile=torch.stack([-sine, sine], dim=-1).clamp(min=0.0),
            reference_joint_pos=self.reference_joint_pos(sine, robot, lifts),
        )

    def cycles(self, steps: Tensor, policy_period: float) -> Tensor:
        """(N,) gait cycles in so many steps (N,) int."""
        return steps * policy_period / self.period

    def stance(self, sine: Tensor) -> Tensor:
        """(N, 2) bool from the clock's sine (N,)."""
        both = sine.abs() < self.double_support
        return torch.stack([(sine >= 0) | both, (sine < 0) | both], dim=-1)

    def reference_joint_pos(self, sine: Tensor, robot: Robot, lifts: Optional[Tensor] = None) -> Tensor:
        """(N, J) reference joint angles, rad: the swing leg lifts its foot straight up as `Joint.lift` says,
        by `swing_lift` times the clock's sine, or bends as `Joint.bend` says; all else stays at 0. Source:
        the Humanoid-Gym release."""
        lifts = lift_table(robot, sine.device) if lifts is None else lifts
        zero = torch.zeros_like(sine)
        swing = torch.where(sine.abs() < self.double_support, zero, sine)
        if lifts is not None:
            height = self.swing_lift / (LIFT_STEP * robot.leg_length)
            return lifted(height * torch.stack([-swing, swing], dim=-1).clamp(min=0.0), lifts)
        bend = self.swing_pitch * swing
        left, right = -bend.clamp(max=0.0), bend.clamp(min=0.0)
        columns = [left * a + right * b if a or b else zero for a, b in zip(*robot.bends())]
        return torch.stack(columns, dim=-1)


def lift_table(robot: Robot, device: torch.device) -> Optional[Tensor]:
    """(2, K, J) `Robot.lifts`, None where there are none."""
    lifts = robot.lifts()
    return None if lifts is None else torch.tensor(lifts, device=device)


def lifted(height: Tensor, lifts: Tensor) -> Tensor:
    """(N, J) angles of joints at heights (N, 2) of the feet, in steps of the table: linear in between, and
    at most the last. lifts: (2, K, J) at the heights 1 to K; at 0 all are 0."""
    count = lifts.shape[1]
    steps = torch.arange(1, count + 1, device=height.device)
    near = (1.0 - (height.clamp(max=float(count))[..., None] - steps).abs()).clamp(min=0.0)
    return (near[..., None] * lifts).sum(dim=(1, 2))


def clock(phase: Tensor) -> Tensor:
    """(N, 2): sine and cosine of the phase angle."""
    angle = (2.0 * math.pi * phase).double()
    return torch.stack([torch.sin(angle), torch.cos(angle)], dim=-1).float()


def _sine(phase: Tensor) -> Tensor:
    return torch.sin((2.0 * math.pi * phase).double()).float()
