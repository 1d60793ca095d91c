"""Isaac Gym's adapter, over the stand-in, keeps the promises of every simulator and agrees with C MuJoCo."""

from __future__ import annotations

from typing import Iterator

import pytest
import torch

from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.simulator import PhysicsConfig, RobotState, Simulator
from tests.isaacgym.standin import standin
from tests.simulators.conftest import Make
from tests.simulators.states import FEET_TOUCHING, LYING, NUM_STATES, STANDING
from tests.simulators.test_protocol import (  # noqa: F401  run here with the fixture below
    on,
    started,
    test_push_acts_from_the_next_step,
    test_reset_forgets_the_past,
    test_reset_gives_the_state_at_rest,
    test_reset_touches_the_masked_rows_only,
    test_set_parameters_touches_the_masked_rows_only,
    test_sliding_friction_is_the_mean_of_ground_and_foot,
    test_state_dict_continues,
    test_torque_is_the_pd_law,
)


@pytest.fixture(scope="module")
def make() -> Iterator[Make]:
    with standin():
        from humanoid_envs.simulators.isaacgym import IsaacGymSimulator

        def make(physics: PhysicsConfig | None = None) -> Simulator:
            return IsaacGymSimulator(XBOT_L, physics, NUM_STATES, device="cpu")

        yield make


# The same MuJoCo below, but the robot comes from the URDF, through float32 tensors.
KINEMATICS = 1e-5
AFTER_A_STEP = {"base_ang_vel": 1e-5, "joint_vel": 1e-4, "feet_vel": 1e-4, "knees_vel": 1e-4}
FORCES = {"joint_torque": 1e-3, "base_contact_force": 1e-2, "feet_contact_force": 1e-2}


def test_agrees_with_c_mujoco(
    make: Make, make_mujoco: Make, states: RobotState, targets: torch.Tensor
) -> None:
    """All fields in all states, but for those whose collision shapes the URDF cannot have."""
    isaac, reference = started(make, states), started(make_mujoco, states)
    for name, value in vars(reference.state).items():
        torch.testing.assert_close(getattr(isaac.state, name), value, atol=KINEMATICS, rtol=0.0, msg=name)
    # Feet meet as boxes instead of capsules; arms and head are cylinders with spherical ends.
    same = torch.tensor([i for i in range(NUM_STATES) if i not in (FEET_TOUCHING, LYING)])
    for _ in range(5):
        isaac.step(targets)
        reference.step(targets)
        for name, value in vars(reference.state).items():
            tolerance = {**AFTER_A_STEP, **FORCES}.get(name, KINEMATICS)
            error = (getattr(isaac.state, name)[same] - value[same]).abs().max()
            assert error <= tolerance, f"{name}: off by {error:.2g}"
    assert isaac.state.feet_contact_force[STANDING].norm() > 10.0


def test_lying_and_crossed_feet_are_held_alike(
    make: Make, make_mujoco: Make, states: RobotState, targets: torch.Tensor
) -> None:
    isaac, reference = (started(m, states, PhysicsConfig(decimation=1)) for m in (make, make_mujoco))
    for simulator in (isaac, reference):
        simulator.step(targets)
    base, expected = (s.state.base_contact_force[LYING] for s in (isaac, reference))
    torch.testing.assert_close(base, expected, atol=1.0, rtol=0.5)
    left, right = isaac.state.feet_contact_force[FEET_TOUCHING]
    assert left[1] > 10.0
    assert right[1] < -10.0
    assert not isaac.state.base_contact_force[FEET_TOUCHING].any()
