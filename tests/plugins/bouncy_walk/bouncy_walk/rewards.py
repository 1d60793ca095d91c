"""Reward terms: one of a step, and one that remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from torch import Tensor

from humanoid_envs.configs import Number, Positive
from humanoid_envs.mdp import RewardTerm, Step
from humanoid_envs.robots import Robot
from humanoid_envs.tasks.velocity import FastRewards


@dataclass(frozen=True)
class KneeTorque(RewardTerm):
    """Mean squared knee torque, (N·m)²."""

    weight: Number = -1e-4

    def __call__(self, step: Step) -> Tensor:
        return step.state.joint_torque[:, step.robot.columns("knee")].square().mean(1)


@dataclass(frozen=True)
class SlowHeight(RewardTerm):
    """Height of the base, averaged over `time`, m."""

    weight: Number = 0.5
    time: Positive = 0.1
    """s"""

    def memory_size(self, robot: Robot) -> int:
        return 1

    def start(self, step: Step) -> Tensor:
        return step.state.base_pos[:, 2:].clone()

    def advance(self, step: Step, memory: Tensor) -> Tuple[Tensor, Tensor]:
        memory = memory + (step.state.base_pos[:, 2:] - memory) * (step.period / self.time)
        return memory[:, 0], memory


@dataclass(frozen=True)
class BouncyRewards(FastRewards):
    """Those of preset fast and two more."""

    knee_torque: KneeTorque = KneeTorque()
    slow_height: SlowHeight = SlowHeight()
