"""MuJoCo Warp against C MuJoCo on the same states and actions, and what only it has."""

from __future__ import annotations

import math
from typing import Any, Dict, List

import pytest
import torch
from torch import Tensor

from humanoid_envs.capture import accelerated
from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.mujoco_warp import MuJoCoWarpSimulator
from humanoid_envs.simulators.simulator import PhysicsConfig, RobotState, SimState, Simulator
from tests.simulators.conftest import NEEDS_CUDA, Make
from tests.simulators.states import LYING, MOVING, NUM_STATES, STANDING
from tests.simulators.test_protocol import everyone, mask_of, on, started

FAITHFUL = PhysicsConfig()
FAST = PhysicsConfig(timestep=0.005, decimation=2, implicit_damping=True)

# float32 with solver tolerance 1e-6 against float64 with 1e-8. In the first policy step velocities carry the
# error of torques at their limit; on small links it shows. Later a contact may begin a simulation step apart,
# so that only positions stay together.
AFTER_RESET = {"": 1e-5}
AFTER_ONE_STEP = {"": 1e-5, "vel": 1e-3, "torque": 1e-2, "force": 5e-2}
AFTER_TENTHS = {"": 1e-3, "vel": math.inf, "torque": math.inf, "force": math.inf}


def assert_agree(warp: SimState, reference: SimState, tolerances: Dict[str, float]) -> None:
    """Absolute tolerances by what a field's name ends with, "" for all others; SI units."""
    for name, value in vars(reference).items():
        tolerance = next(
            (tol for end, tol in tolerances.items() if end and name.endswith(end)), tolerances[""]
        )
        error = (getattr(warp, name).cpu() - value).abs()
        assert (error <= tolerance + 1e-5 * value.abs()).all(), f"{name}: off by {error.max():.2g}"


@pytest.mark.parametrize("physics", [FAITHFUL, FAST], ids=["explicit", "implicit"])
def test_agrees_with_c_mujoco(
    make_warp: Make, make_mujoco: Make, states: RobotState, targets: Tensor, physics: PhysicsConfig
) -> None:
    warp, reference = started(make_warp, states, physics), started(make_mujoco, states, physics)
    assert_agree(warp.state, reference.state, AFTER_RESET)
    warp_targets = targets.to(warp.device)
    for step in range(20):
        warp.step(warp_targets)
        reference.step(targets)
        assert_agree(warp.state, reference.state, AFTER_TENTHS if step else AFTER_ONE_STEP)
    assert reference.state.base_contact_force[LYING].norm() > 10.0
    assert reference.state.feet_contact_force[STANDING].norm() > 10.0
    for simulator in (warp, reference):
        assert not (simulator.contacts_dropped | simulator.constraints_dropped).any()


def test_parameters_agree_with_c_mujoco(
    make_warp: Make, make_mujoco: Make, states: RobotState, targets: Tensor
) -> None:
    simulators = started(make_warp, states), started(make_mujoco, states)
    generator = torch.Generator().manual_seed(1)
    for simulator in simulators:
        generator.manual_seed(1)
        drawn = {
            name: value * (0.8 + 0.4 * torch.rand(value.shape, generator=generator)).to(simulator.device)
            for name, value in vars(simulator.parameters).items()
        }
        drawn["base_com"] = 0.1 * torch.rand(NUM_STATES, 3, generator=generator).to(simulator.device)
        simulator.set_parameters(mask_of(simulator, 0, 1, 2, 6), type(simulator.parameters)(**drawn))
        simulator.step(targets.to(simulator.device))
    assert_agree(simulators[0].state, simulators[1].state, AFTER_ONE_STEP)


@pytest.mark.parametrize(
    ("room", "contacts", "constraints"),
    [
        # Of the eight, standing, moving and lying need 24 rows and more; room for contacts is shared by all.
        ({"max_constraints": 16}, [], [STANDING, MOVING, LYING]),
        ({"max_contacts": 2}, [*range(NUM_STATES)], []),
    ],
)
def test_what_is_dropped_is_told(
    states: RobotState, targets: Tensor, room: Dict[str, Any], contacts: List[int], constraints: List[int]
) -> None:
    small = MuJoCoWarpSimulator(XBOT_L, PhysicsConfig(decimation=1), NUM_STATES, "cpu", **room)
    small.reset(everyone(small), states)
    assert not small.contacts_dropped.any()
    assert not small.constraints_dropped.any()
    small.step(targets)
    assert small.contacts_dropped.nonzero().flatten().tolist() == contacts
    assert small.constraints_dropped.nonzero().flatten().tolist() == constraints
    assert small.state.feet_contact_force.isfinite().all()
    states.base_pos[:, 2] += 2.0
    small.reset(everyone(small), states)
    states.base_pos[:, 2] -= 2.0
    small.step(targets)  # in the air: each step anew
    assert not (small.contacts_dropped | small.constraints_dropped).any()


def test_data_for_a_viewer(make_warp: Make, states: RobotState, targets: Tensor) -> None:
    simulator = started(make_warp, states)
    assert isinstance(simulator, MuJoCoWarpSimulator)
    simulator.step(targets.to(simulator.device))
    data = simulator.mujoco_data(LYING)
    feet = torch.stack([torch.tensor(data.body(name).xpos) for name in XBOT_L.foot_bodies]).float()
    torch.testing.assert_close(simulator.state.feet_pos[LYING].cpu(), feet, atol=1e-5, rtol=0.0)
    assert simulator.mujoco_data(STANDING, data) is data
    torch.testing.assert_close(simulator.state.base_pos[STANDING].cpu(), torch.tensor(data.qpos[:3]).float())


def test_missing_cuda_device_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"no device 'cuda:77' for MuJoCo Warp.*engine 'mujoco'"):
        MuJoCoWarpSimulator(XBOT_L, device="cuda:77")


def one_env_step(simulator: Simulator, states: RobotState, targets: Tensor, noise: Tensor) -> None:
    simulator.step(targets + noise)
    simulator.reset(simulator.state.base_pos[:, 2] < 0.6, states)
    simulator.push(simulator.state.base_pos[:, 2] > 1.0, states.base_lin_vel, states.base_ang_vel)


@pytest.mark.parametrize("physics", [FAITHFUL, FAST], ids=["explicit", "implicit"])
@pytest.mark.parametrize("device", [pytest.param("cuda:0", marks=NEEDS_CUDA)])
def test_captured_equals_uncaptured(
    states: RobotState, targets: Tensor, physics: PhysicsConfig, device: str
) -> None:
    simulator = MuJoCoWarpSimulator(XBOT_L, physics, NUM_STATES, device)
    device_states, device_targets = on(simulator, states), targets.to(device)
    generator, noise = torch.Generator(device), torch.zeros_like(device_targets)

    def function() -> None:
        noise.normal_(0.0, 0.01, generator=generator)
        one_env_step(simulator, device_states, device_targets, noise)

    captured = accelerated(simulator, function, [generator])
    results = []
    for run in (function, captured):
        generator.manual_seed(3)
        simulator.reset(everyone(simulator), device_states)
        for _step in range(10):
            run()
        results.append({name: value.clone() for name, value in vars(simulator.state).items()})
    for name, value in results[0].items():
        torch.testing.assert_close(results[1][name], value, atol=0.5 if "force" in name else 2e-3, rtol=1e-3)
