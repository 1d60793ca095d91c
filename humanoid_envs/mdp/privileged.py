"""Observation terms of what only a simulator knows, for critics, teachers and decoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, List, Tuple

import torch
from torch import Tensor

from humanoid_envs import rotations
from humanoid_envs.mdp.observations import VECTOR, Mirror, ObservationTerm, OfJoints, joints
from humanoid_envs.mdp.step import Step
from humanoid_envs.robots import Robot
from humanoid_envs.terrain.scan_grid import ScanGrid


@dataclass(frozen=True)
class _OfFeetVectors(ObservationTerm):
    def size(self, robot: Robot) -> int:
        return 6

    def mirror(self, robot: Robot) -> Mirror:
        return (3, 4, 5, 0, 1, 2), (*VECTOR, *VECTOR)


@dataclass(frozen=True)
class FeetPos(_OfFeetVectors):
    """Origins of the left and the right foot link from the base's, body frame, m."""

    def __call__(self, step: Step) -> Tensor:
        return _in_body(step, step.state.feet_pos - step.state.base_pos[:, None])


@dataclass(frozen=True)
class FeetVel(_OfFeetVectors):
    """Velocities of the same in the world, in directions of the body frame, m/s."""

    def __call__(self, step: Step) -> Tensor:
        return _in_body(step, step.state.feet_vel)


@dataclass(frozen=True)
class JointTorque(OfJoints):
    """Torques of the joints at the end of the step, N·m."""

    def __call__(self, step: Step) -> Tensor:
        return step.state.joint_torque


@dataclass(frozen=True)
class GainErrors(ObservationTerm):
    """Stiffness of each joint, then damping, relative to the robot's own, minus 1; 0 where that is 0."""

    def __call__(self, step: Step) -> Tensor:
        stiffness = [joint.stiffness for joint in step.robot.joints]
        damping = [joint.damping for joint in step.robot.joints]
        parts = [*_errors(step.parameters.stiffness, stiffness), *_errors(step.parameters.damping, damping)]
        return torch.stack(parts, dim=1)

    def size(self, robot: Robot) -> int:
        return 2 * robot.num_joints

    def mirror(self, robot: Robot) -> Mirror:
        images = joints(robot)[0]
        return [*images, *(robot.num_joints + image for image in images)], (1.0,) * self.size(robot)


@dataclass(frozen=True)
class HeightMap(ObservationTerm):
    """Heights of the ground around the robot, over the ground below its base, m: 0 on flat ground. The grid
    turns with the yaw alone; x, ahead, grows from row to row, y, to the left, within a row."""

    stacked: ClassVar[bool] = False

    grid: ScanGrid = ScanGrid(x=(-0.4, 0.7), y=(-0.35, 0.35))
    """12 × 8 points, of which rows 0 to 3 are behind the base, 4 below it, and the others ahead."""

    def __call__(self, step: Step) -> Tensor:
        base, yaw = step.state.base_pos[:, :2], rotations.heading(step.state.base_quat)
        heights = step.ground.scan(self.grid.points_on(base.device), base, yaw)
        return heights - step.ground.height(base)[:, None]

    def size(self, robot: Robot) -> int:
        rows, columns = self.grid.shape
        return rows * columns

    def mirror(self, robot: Robot) -> Mirror:
        """Each row from its other end: y is to lie symmetrically about 0."""
        low, high = self.grid.y
        self.require(abs(low + high) < 1e-6, "grid", "as wide to the left as to the right, to be mirrored")
        rows, columns = self.grid.shape
        places = [row * columns + column for row in range(rows) for column in reversed(range(columns))]
        return places, (1.0,) * (rows * columns)


def _in_body(step: Step, vectors: Tensor) -> Tensor:
    """(N, 2, 3) in the world -> (N, 6) in the body frame."""
    return rotations.rotate_inverse(step.state.base_quat[:, None], vectors).flatten(1)


def _errors(values: Tensor, own: List[float]) -> Tuple[Tensor, ...]:
    columns = values.unbind(1)
    return tuple(
        [
            column / nominal - 1.0 if nominal else torch.zeros_like(column)
            for column, nominal in zip(columns, own)
        ]
    )
