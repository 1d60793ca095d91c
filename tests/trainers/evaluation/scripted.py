"""An environment without physics, moments of walks made by hand, and what costs little to measure."""

from __future__ import annotations

import dataclasses
from typing import Callable, Optional

import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from humanoid_envs.simulators.simulator import SimState
from humanoid_envs.tasks import preset
from humanoid_envs.vector_env import HumanoidVectorEnv
from tests.scripted_simulator import ScriptedSimulator, standing
from trainers.evaluation.pushes import PushConfig
from trainers.evaluation.rollout import RolloutStep
from trainers.evaluation.scorecard import ScorecardConfig
from trainers.evaluation.step_response import StepConfig

DT = 0.01
CYCLE = 64
"""Policy steps in a gait cycle."""

Motion = Callable[[float], SimState]
"""The state at a time, s."""


FORWARD, STAND = (0.4, 0.0, 0.0), (0.0, 0.0, 0.0)
TINY_SCORECARD = ScorecardConfig(
    commands=(FORWARD, STAND),
    beyond=((1.0, 0.0, 0.0),),
    rollouts=2,
    beyond_rollouts=1,
    seconds=1.0,
    start_up=0.2,
    pushes=PushConfig(directions=2, commands=(STAND,), repeats=1, rounds=1),
    steps=StepConfig(steps=((STAND, FORWARD),), robots=1, before=1.0, after=0.5),
)


def limp(observation: Tensor) -> Tensor:
    """A policy that never acts."""
    return torch.zeros(len(observation), 12)


def scripted_env(num_envs: int) -> HumanoidVectorEnv:
    return HumanoidVectorEnv(
        ScriptedSimulator(standing(num_envs)), preset("v0"), autoreset_mode=AutoresetMode.DISABLED
    )


def moment(
    env: HumanoidVectorEnv,
    step: int,
    motion: Motion,
    action: Optional[Tensor] = None,
    upright: Optional[Tensor] = None,
) -> RolloutStep:
    """A step of a walk. upright: (N,) bool, all by default."""
    n = env.num_envs
    everyone = torch.ones(n, dtype=torch.bool)
    upright = everyone if upright is None else upright
    action = torch.zeros(n, 12) if action is None else action
    return RolloutStep(step, motion((step + 1) * DT), action, torch.zeros(n), upright, upright)


def moving(
    num_envs: int, time: float, velocity: Tensor, yaw_rate: float = 0.0, **changes: Tensor
) -> SimState:
    """A base that glides at a constant velocity (2,), without turning whatever its yaw rate."""
    state = standing(num_envs)
    state.base_pos[:, :2] = velocity * time
    state.base_lin_vel[:, :2] = velocity
    state.base_ang_vel[:, 2] = yaw_rate
    return dataclasses.replace(state, **changes)
