"""An engine: C MuJoCo with a hoist."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from humanoid_envs.configs import Share
from humanoid_envs.engines import register_engine
from humanoid_envs.robots import Robot
from humanoid_envs.simulators.mujoco import MuJoCoSimulator
from humanoid_envs.simulators.simulator import PhysicsConfig

GRAVITY = 9.81


@dataclass(frozen=True)
class HoistedPhysics(PhysicsConfig):
    """Physics in which a rope carries part of the base."""

    carried: Share = 0.5
    """Share of the base link's weight."""


@register_engine("hoisted")
class HoistedSimulator(MuJoCoSimulator):
    """C MuJoCo in which the base is lighter, if its physics is a `HoistedPhysics`."""

    def __init__(self, robot: Robot, physics: PhysicsConfig, num_envs: int = 1, num_threads: int = 0) -> None:
        super().__init__(robot, physics, num_envs, num_threads)
        carried = physics.carried if isinstance(physics, HoistedPhysics) else 0.0
        self._rope = torch.zeros(num_envs, 1 + robot.num_joints, 3)
        self._rope[:, 0, 2] = carried * robot.base_mass * GRAVITY

    def step(self, joint_targets: Tensor) -> None:
        self.apply_forces(self._rope)
        super().step(joint_targets)
