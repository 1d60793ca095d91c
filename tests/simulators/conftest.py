"""Simulators of both MuJoCo engines with eight envs, one per state of `states.py`."""

from __future__ import annotations

from typing import Callable, Optional

import pytest
import torch

from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.mujoco import MuJoCoSimulator
from humanoid_envs.simulators.mujoco_warp import MuJoCoWarpSimulator
from humanoid_envs.simulators.simulator import PhysicsConfig, RobotState, Simulator
from tests.simulators.states import NUM_STATES, robot_states

NEEDS_CUDA = (
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
)
WARP_DEVICES = ("cpu", pytest.param("cuda:0", marks=NEEDS_CUDA))

Make = Callable[[Optional[PhysicsConfig]], Simulator]


@pytest.fixture(params=WARP_DEVICES)
def make_warp(request: pytest.FixtureRequest) -> Make:
    return lambda physics=None: MuJoCoWarpSimulator(XBOT_L, physics, NUM_STATES, request.param)


@pytest.fixture
def make_mujoco() -> Make:
    return lambda physics=None: MuJoCoSimulator(XBOT_L, physics, NUM_STATES)


@pytest.fixture(params=["mujoco", "warp-cpu", pytest.param("warp-cuda:0", marks=NEEDS_CUDA)])
def make(request: pytest.FixtureRequest) -> Make:
    """Each engine in turn."""
    if request.param == "mujoco":
        return lambda physics=None: MuJoCoSimulator(XBOT_L, physics, NUM_STATES)
    device = request.param.split("-")[1]
    return lambda physics=None: MuJoCoWarpSimulator(XBOT_L, physics, NUM_STATES, device)


@pytest.fixture(scope="session")
def states() -> RobotState:
    return robot_states()


@pytest.fixture(scope="session")
def targets() -> torch.Tensor:
    """Joint targets far enough from the states to reach torque limits."""
    return 0.5 * torch.randn(NUM_STATES, XBOT_L.num_joints, generator=torch.Generator().manual_seed(0))
