"""A `Simulator` without physics: it shows the state it was given, and remembers what it was told."""

from __future__ import annotations

import dataclasses
from typing import Dict, List, Optional, Tuple, Union

import numpy as np
import torch
from torch import Tensor

from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.simulator import (
    PhysicsConfig,
    PhysicsParameters,
    RobotState,
    SimState,
    default_parameters,
    where_rows,
)
from humanoid_envs.terrain.terrain import Terrain


def standing(num_envs: int, **changes: Tensor) -> SimState:
    """The robot upright in its default pose, at rest, with both feet in the air."""
    state = SimState.zeros(num_envs, XBOT_L.num_joints, torch.device("cpu"))
    state.base_pos[:, 2], state.base_quat[:, 0] = XBOT_L.start_height, 1.0
    return dataclasses.replace(state, **changes)


def starts(
    num_envs: int,
    yaw: Union[float, Tensor] = 0.0,
    phase: Union[float, Tensor] = 0.0,
    joints: Union[float, Tensor] = 0.0,
) -> Tensor:
    """`Draws.starts` of the velocity task: heading (rad), gait phase (cycles), joint angles (rad)."""
    table = torch.zeros(num_envs, 2 + XBOT_L.num_joints)
    table[:, 0], table[:, 1], table[:, 2:] = yaw, phase, joints
    return table


class ScriptedSimulator:
    """state: to show until the test assigns another one to `state`, or resets."""

    def __init__(self, state: SimState, parameters: Optional[PhysicsParameters] = None) -> None:
        self.robot = XBOT_L
        self.physics = PhysicsConfig()
        self.terrain: Optional[Terrain] = None
        self.num_envs = len(state.base_pos)
        self.device = torch.device("cpu")
        self.state = state
        given = parameters or default_parameters(XBOT_L, self.num_envs, self.device)
        self.parameters = PhysicsParameters(**{name: value.clone() for name, value in vars(given).items()})
        self.diverged, self.contacts_dropped, self.constraints_dropped = (
            torch.zeros(self.num_envs, dtype=torch.bool) for _ in range(3)
        )
        self.joint_targets = torch.zeros(self.num_envs, XBOT_L.num_joints)
        self.pushes: List[Tuple[Tensor, Tensor, Tensor]] = []

    def step(self, joint_targets: Tensor) -> None:
        self.joint_targets = joint_targets

    def step_physics(self) -> None:
        raise NotImplementedError("it has no physics")

    def reset(self, mask: Tensor, state: RobotState) -> None:
        def choose(name: str, value: Tensor) -> Tensor:
            new = getattr(state, name) if hasattr(state, name) else torch.zeros_like(value)
            return where_rows(mask, new, value)

        self.state = SimState(**{name: choose(name, value) for name, value in vars(self.state).items()})

    def push(self, mask: Tensor, lin_vel: Tensor, ang_vel: Tensor) -> None:
        self.pushes.append((mask.clone(), lin_vel.clone(), ang_vel.clone()))

    def apply_forces(self, forces: Tensor) -> None:
        raise NotImplementedError("it has no physics")

    def set_parameters(self, mask: Tensor, parameters: PhysicsParameters, masses: bool = True) -> None:
        for name, value in vars(self.parameters).items():  # compiled code reads these very tensors
            value.copy_(where_rows(mask, getattr(parameters, name), value))

    def capturing(self) -> None:
        return None

    def render(
        self, env: int = 0, size: Tuple[int, int] = (480, 640), camera: Optional[str] = None
    ) -> np.ndarray:
        raise NotImplementedError("there is nothing to see")

    def state_dict(self) -> Dict[str, Tensor]:
        raise NotImplementedError("it has no state of its own")

    def load_state_dict(self, state: Dict[str, Tensor]) -> None:
        raise NotImplementedError("it has no state of its own")

    def close(self) -> None:
        pass
