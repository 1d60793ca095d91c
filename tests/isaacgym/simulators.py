"""Simulators of the adapter with four envs, and states to put them in."""

# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportAttributeAccessIssue=false
from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List

import torch
from torch import Tensor

from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.simulator import RobotState, SimState

NUM_ENVS = 4
EVERYONE = torch.ones(NUM_ENVS, dtype=torch.bool)
STANDING, FLYING, LYING, FEET_TOUCHING = range(NUM_ENVS)


def make(physics: Any = None, num_envs: int = NUM_ENVS, **options: Any) -> Any:
    from humanoid_envs.simulators.isaacgym import IsaacGymSimulator

    return IsaacGymSimulator(XBOT_L, physics, num_envs, device="cpu", **options)


def states() -> RobotState:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(NUM_ENVS, *shape, generator=generator)

    pos = torch.tensor([[0.3, 0.0, 0.884], [0.0, 0.5, 2.0], [0.0, 0.0, 0.3], [0.0, 0.0, 2.0]])
    quat = torch.tensor([[1.0, 0, 0, 0], [0.8, 0.36, -0.48, 0.0], [0.8**0.5, 0.2**0.5, 0, 0], [1.0, 0, 0, 0]])
    joint_pos, joint_vel = 0.2 * normal(12), normal(12)
    for still in (STANDING, FEET_TOUCHING):
        joint_pos[still], joint_vel[still] = 0.0, 0.0
    for side, angle in (("left", -0.12), ("right", 0.12)):
        joint_pos[FEET_TOUCHING, XBOT_L.joint_names.index(f"{side}_leg_roll_joint")] = angle
    moving = torch.tensor([[0.0], [1.0], [0.2], [0.0]])
    return RobotState(pos, quat, moving * normal(3), moving * normal(3), joint_pos, joint_vel)


def targets() -> Tensor:
    return 0.3 * torch.randn(NUM_ENVS, 12, generator=torch.Generator().manual_seed(1))


def mask_of(*envs: int) -> Tensor:
    mask = torch.zeros(NUM_ENVS, dtype=torch.bool)
    mask[list(envs)] = True
    return mask


def copied(state: SimState) -> Dict[str, Tensor]:
    return {name: value.clone() for name, value in vars(state).items()}


def worlds(simulator: Any) -> List[Any]:
    """The stand-in's robots."""
    return simulator._scene.sim.worlds()


def count_calls(simulator: Any) -> Counter:
    """How often each function of Isaac Gym is called from now on."""
    gym, calls = simulator._scene.gym, Counter()

    class Counting:
        def __getattr__(self, name: str) -> Any:
            calls[name] += 1
            return getattr(gym, name)

    simulator._scene.gym = Counting()
    return calls
