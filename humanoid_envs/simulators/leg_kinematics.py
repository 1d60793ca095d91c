"""Feet and knees from base and joints, by the URDF.

For an engine whose tensors show a reset only after the next simulation step.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple, Union

import torch
from torch import Tensor

from humanoid_envs.errors import UserError
from humanoid_envs.robots import Robot
from humanoid_envs.rotations import multiply, rotate
from humanoid_envs.simulators.simulator import RobotState


@dataclass(frozen=True)
class LegState:
    """Link origins of both legs, world frame; axis 1 is left, right."""

    feet_pos: Tensor
    """(N, 2, 3) m."""
    feet_vel: Tensor
    """(N, 2, 3) m/s."""
    knees_pos: Tensor
    knees_vel: Tensor


class LegKinematics:
    """Forward kinematics of both legs at once."""

    def __init__(self, robot: Robot, device: Union[str, torch.device] = "cpu") -> None:
        """Raises FileNotFoundError without the URDF, ValueError if base, knees and feet are not linked by
        hinges, as many in each leg."""
        joints = _read_joints(robot)
        legs = [_leg(robot, joints, foot) for foot in robot.foot_bodies]
        knees = [[joint.child for joint in leg].index(knee) for leg, knee in zip(legs, robot.knee_bodies)]
        if len(legs[0]) != len(legs[1]) or knees[0] != knees[1]:
            raise UserError(f"{robot.urdf}: both legs must have as many hinges, with the knees in one place")
        self.links = tuple(tuple(joint.child for joint in leg) for leg in legs)
        """Names of the moving links from hip to foot, of the left and the right leg."""
        self.link_of_joint = {joint.name: joint.child for leg in legs for joint in leg}
        """The link that each hinge of the legs moves."""
        self._knee = knees[0]

        def table(rows: Sequence[Sequence[Tensor]]) -> Tensor:  # (hinges, 1, 2, 3 or 4)
            return torch.stack([torch.stack(row)[None] for row in zip(*rows)]).to(device, torch.float32)

        self._offset = table([[joint.pos for joint in leg] for leg in legs])
        self._turn = table([[joint.quat for joint in leg] for leg in legs])
        self._axis = table([[joint.axis for joint in leg] for leg in legs])
        columns = [[robot.joint_names.index(joint.name) for joint in leg] for leg in legs]
        self._columns = torch.tensor(columns, device=device).T

    def __call__(self, state: RobotState) -> LegState:
        """Where the legs are and how they move, in this state of base and joints."""
        legs = state.base_pos.shape[0], 2
        pos = state.base_pos[:, None].expand(*legs, 3)
        quat = state.base_quat[:, None].expand(*legs, 4)
        lin_vel = state.base_lin_vel[:, None].expand(*legs, 3)
        ang_vel = state.base_ang_vel[:, None].expand(*legs, 3)
        knees = pos, lin_vel
        for hinge, column in enumerate(self._columns):
            offset = rotate(quat, self._offset[hinge])
            pos, lin_vel = pos + offset, lin_vel + torch.linalg.cross(ang_vel, offset)
            axis, half_angle = self._axis[hinge], 0.5 * state.joint_pos[:, column, None]
            hinged = torch.cat([torch.cos(half_angle), torch.sin(half_angle) * axis], dim=-1)
            quat = multiply(quat, multiply(self._turn[hinge], hinged))
            ang_vel = ang_vel + state.joint_vel[:, column, None] * rotate(quat, axis)
            if hinge == self._knee:
                knees = pos, lin_vel
        return LegState(pos, lin_vel, *knees)


@dataclass(frozen=True)
class _Joint:
    """A URDF joint: its frame in the parent link, and its axis in its own frame, all float64."""

    name: str
    parent: str
    child: str
    pos: Tensor
    quat: Tensor
    axis: Tensor
    hinged: bool


def _leg(robot: Robot, joints: Dict[str, _Joint], foot: str) -> List[_Joint]:
    """The hinges from base to foot, with the fixed joints between them folded in."""
    path: List[_Joint] = []
    while not path or path[0].parent != robot.base_body:
        link = path[0].parent if path else foot
        if link not in joints:
            raise UserError(f"{robot.urdf}: no chain of joints leads from {robot.base_body!r} to {foot!r}")
        path.insert(0, joints[link])
    leg: List[_Joint] = []
    pos, quat = torch.zeros(3, dtype=torch.float64), torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    for joint in path:
        pos, quat = pos + rotate(quat, joint.pos), multiply(quat, joint.quat)
        if joint.hinged:
            leg.append(_Joint(joint.name, joint.parent, joint.child, pos, quat, joint.axis, True))
            pos, quat = torch.zeros_like(pos), torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    missing = [joint.name for joint in leg if joint.name not in robot.joint_names]
    links = [joint.child for joint in leg]
    if missing or links[-1:] != [foot] or not set(robot.knee_bodies) & set(links):
        raise UserError(
            f"{robot.urdf}: from {robot.base_body!r} to {foot!r} there must be a knee, a hinge that moves "
            f"the foot, and no joints unknown to robot {robot.name!r} (found: {missing or 'none'})"
        )
    return leg


def _read_joints(robot: Robot) -> Dict[str, _Joint]:
    """All joints of the URDF, by the name of the child link."""
    if not robot.isaacgym_urdf.is_file():
        raise FileNotFoundError(f"the URDF of robot {robot.name!r} is not at {robot.urdf}")
    joints: Dict[str, _Joint] = {}
    for element in ET.parse(str(robot.urdf)).getroot().findall("joint"):
        name, kind = element.get("name", ""), element.get("type", "")
        if kind not in ("revolute", "continuous", "fixed"):
            raise UserError(f"{robot.urdf}: joint {name!r} is {kind}, neither a hinge nor fixed")
        ends = [element.find(end) for end in ("parent", "child")]
        parent, child = (end.get("link", "") if end is not None else "" for end in ends)
        pos = torch.tensor(_numbers(element, "origin", "xyz", (0.0, 0.0, 0.0)), dtype=torch.float64)
        quat = _from_rpy(_numbers(element, "origin", "rpy", (0.0, 0.0, 0.0)))
        axis = torch.tensor(_numbers(element, "axis", "xyz", (1.0, 0.0, 0.0)), dtype=torch.float64)
        joints[child] = _Joint(name, parent, child, pos, quat, axis / axis.norm(), kind != "fixed")
    return joints


def _numbers(element: ET.Element, tag: str, key: str, default: Tuple[float, ...]) -> Tuple[float, ...]:
    found = element.find(tag)
    text = found.get(key) if found is not None else None
    return tuple(float(word) for word in text.split()) if text else default


def _from_rpy(rpy: Sequence[float]) -> Tensor:
    """Quaternion wxyz of rotations about the fixed x, y, z axes, in this order."""
    x, y, z = (
        torch.tensor(
            [math.cos(0.5 * angle), *(math.sin(0.5 * angle) if i == axis else 0.0 for i in range(3))],
            dtype=torch.float64,
        )
        for axis, angle in enumerate(rpy)
    )
    return multiply(z, multiply(y, x))
