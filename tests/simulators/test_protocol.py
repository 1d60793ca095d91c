"""What every MuJoCo engine promises about `step`, `reset`, `push`, parameters and saved states."""

from __future__ import annotations

import dataclasses
import math
from typing import Callable, Tuple

import pytest
import torch
from mujoco import MjData, mj_step
from torch import Tensor

from humanoid_envs.robots import XBOT_L
from humanoid_envs.rotations import rotate_inverse
from humanoid_envs.simulators.mujoco import MuJoCoSimulator
from humanoid_envs.simulators.mujoco_model import load_model
from humanoid_envs.simulators.pd_controller import pd_torque
from humanoid_envs.simulators.simulator import (
    PhysicsConfig,
    PhysicsParameters,
    RobotState,
    SimState,
    Simulator,
    default_parameters,
)
from tests.simulators.conftest import Make
from tests.simulators.states import CROUCHED, FLYING, LYING, MOVING, NUM_STATES, STANDING

FORCES = ("joint_torque", "base_contact_force", "feet_contact_force")


def copied(state: SimState) -> SimState:
    return dataclasses.replace(state, **{name: value.clone() for name, value in vars(state).items()})


def on(simulator: Simulator, record: RobotState) -> RobotState:
    return RobotState(**{name: value.to(simulator.device) for name, value in vars(record).items()})


def mask_of(simulator: Simulator, *envs: int) -> Tensor:
    mask = torch.zeros(NUM_STATES, dtype=torch.bool, device=simulator.device)
    mask[list(envs)] = True
    return mask


def everyone(simulator: Simulator) -> Tensor:
    return mask_of(simulator, *range(NUM_STATES))


def started(make: Make, states: RobotState, physics: PhysicsConfig | None = None) -> Simulator:
    simulator = make(physics)
    simulator.reset(everyone(simulator), on(simulator, states))
    return simulator


def assert_same_rows(a: SimState, b: SimState, rows: Tensor) -> None:
    """Bit for bit."""
    for name, value in vars(a).items():
        assert torch.equal(value[rows], getattr(b, name)[rows]), name


def test_reset_gives_the_state_at_rest(make: Make, states: RobotState, targets: Tensor) -> None:
    simulator = make(None)
    simulator.step(targets.to(simulator.device))
    simulator.reset(everyone(simulator), on(simulator, states))
    for name, value in vars(states).items():
        torch.testing.assert_close(getattr(simulator.state, name).cpu(), value, atol=1e-6, rtol=1e-6)
    for name in FORCES:
        assert not getattr(simulator.state, name).any()


def test_reset_touches_the_masked_rows_only(make: Make, states: RobotState, targets: Tensor) -> None:
    simulator = started(make, states)
    targets = targets.to(simulator.device)
    simulator.step(targets)
    before = copied(simulator.state)
    assert before.feet_contact_force.any()
    mask = mask_of(simulator, 1, LYING)
    shifted = dataclasses.replace(on(simulator, states), base_pos=states.base_pos.to(simulator.device) + 0.5)
    simulator.reset(mask, shifted)
    assert_same_rows(simulator.state, before, ~mask)
    torch.testing.assert_close(simulator.state.base_pos[mask], shifted.base_pos[mask])
    simulator.reset(mask_of(simulator), on(simulator, states))
    assert_same_rows(simulator.state, before, ~mask)


def test_reset_forgets_the_past(make: Make, states: RobotState, targets: Tensor) -> None:
    fresh, used = started(make, states), started(make, states)
    targets = targets.to(fresh.device)
    for _ in range(3):
        used.step(-targets)
    used.reset(everyone(used), on(used, states))
    for simulator in (fresh, used):
        simulator.step(targets)
    # Warp adds up contact forces in no particular order.
    for name, value in vars(fresh.state).items():
        torch.testing.assert_close(getattr(used.state, name), value, atol=1e-3, rtol=1e-5)


def test_torque_is_the_pd_law(make: Make, states: RobotState, targets: Tensor) -> None:
    """At the state before the last simulation step, and at its limit where that is reached."""
    whole, single = (started(make, states, PhysicsConfig(decimation=n)) for n in (3, 1))
    targets = targets.to(whole.device)
    for _ in range(2):
        single.step(targets)
    state, gains = single.state, single.parameters
    expected = pd_torque(
        targets, state.joint_pos, state.joint_vel, gains.stiffness, gains.damping, gains.torque_limit
    )
    whole.step(targets)
    assert (expected.abs() == gains.torque_limit).any()
    torch.testing.assert_close(whole.state.joint_torque, expected, atol=2e-3, rtol=1e-5)


def test_push_acts_from_the_next_step(make: Make, states: RobotState, targets: Tensor) -> None:
    simulator = started(make, states, PhysicsConfig(decimation=1))
    targets = targets.to(simulator.device)
    simulator.step(targets)
    before = copied(simulator.state)
    lin_vel = torch.tensor([0.3, -0.2, 0.1], device=simulator.device).repeat(NUM_STATES, 1)
    ang_vel = torch.tensor([-0.1, 0.2, 0.4], device=simulator.device).repeat(NUM_STATES, 1)
    simulator.push(mask_of(simulator, FLYING), lin_vel, ang_vel)
    assert_same_rows(simulator.state, before, everyone(simulator))
    saved = simulator.state_dict()
    simulator.step(torch.where(mask_of(simulator, FLYING)[:, None], before.joint_pos, targets))
    # The base's origin moves for one step at the velocity at its end (semi-implicit Euler).
    moved = (simulator.state.base_pos - before.base_pos) / simulator.physics.timestep
    torch.testing.assert_close(moved[FLYING], simulator.state.base_lin_vel[FLYING], atol=2e-3, rtol=0.0)
    change = simulator.state.base_lin_vel[FLYING] - lin_vel[FLYING]
    assert change.norm() < 0.5
    assert (simulator.state.base_ang_vel[FLYING] - ang_vel[FLYING]).norm() < 1.0
    assert (before.base_lin_vel[FLYING] - lin_vel[FLYING]).norm() > 0.5
    assert simulator.state_dict().keys() == saved.keys()


def test_forces_act_until_they_are_set_again(make: Make, states: RobotState, targets: Tensor) -> None:
    """As `xfrc_applied` of C MuJoCo does at each link, here found by name."""
    simulator = started(make, states, PhysicsConfig(decimation=3))
    on_device = targets.to(simulator.device)
    forces = torch.zeros(NUM_STATES, 1 + XBOT_L.num_joints, 3)
    envs = torch.arange(NUM_STATES)
    forces[envs, torch.tensor([0, 4, 6, 12, 0, 1, 8, 3])] = torch.tensor([40.0, -120.0, 80.0])
    model = load_model(XBOT_L, simulator.physics)
    links = [name.replace("_joint", "_link") for name in XBOT_L.joint_names]
    references = [MjData(model) for _ in range(NUM_STATES)]
    for env, data in enumerate(references):
        data.qpos[:] = torch.cat([states.base_pos, states.base_quat, states.joint_pos], dim=1)[env]
        ang_vel = rotate_inverse(states.base_quat, states.base_ang_vel)
        data.qvel[:] = torch.cat([states.base_lin_vel, ang_vel, states.joint_vel], dim=1)[env]
        data.ctrl[:] = targets[env]
    for factor in (1.0, -0.5, 0.0):
        simulator.apply_forces(factor * forces.to(simulator.device))
        simulator.step(on_device)
        for env, data in enumerate(references):
            for link, name in enumerate(("base_link", *links)):
                data.body(name).xfrc_applied[:3] = factor * forces[env, link].numpy()
            mj_step(model, data, 3)
        base_vel, joint_vel = (
            torch.tensor([data.qvel[part].tolist() for data in references])
            for part in (slice(0, 3), slice(6, None))
        )
        torch.testing.assert_close(simulator.state.base_lin_vel.cpu(), base_vel, atol=2e-3, rtol=2e-3)
        torch.testing.assert_close(simulator.state.joint_vel.cpu(), joint_vel, atol=2e-2, rtol=2e-3)


def test_a_reset_ends_forces(make: Make, states: RobotState, targets: Tensor) -> None:
    pushed, fresh = started(make, states), started(make, states)
    forces = torch.full((NUM_STATES, 1 + XBOT_L.num_joints, 3), 50.0, device=pushed.device)
    pushed.apply_forces(forces)
    pushed.reset(mask_of(pushed, FLYING, LYING), on(pushed, states))
    for simulator in (pushed, fresh):
        simulator.step(targets.to(simulator.device))
    difference = (pushed.state.base_lin_vel - fresh.state.base_lin_vel).norm(dim=1)
    assert difference[[FLYING, LYING]].max() < 1e-3
    assert difference[[STANDING, MOVING, CROUCHED]].min() > 0.05


def sliding(simulator: Simulator, states: RobotState) -> RobotState:
    """All envs stand as the first and slide forward at 3 m/s."""
    standing = {name: value[STANDING].repeat(NUM_STATES, 1) for name, value in vars(states).items()}
    standing["base_lin_vel"] = torch.tensor([[3.0, 0.0, 0.0]]).repeat(NUM_STATES, 1)
    return on(simulator, RobotState(**standing))


def with_parameters(simulator: Simulator, **values: Tensor) -> PhysicsParameters:
    default = default_parameters(XBOT_L, NUM_STATES, simulator.device)
    return dataclasses.replace(
        default, **{name: value.to(simulator.device) for name, value in values.items()}
    )


def test_sliding_friction_is_the_mean_of_ground_and_foot(make: Make, states: RobotState) -> None:
    simulator = make(PhysicsConfig(decimation=1, ground_friction=0.6))
    foot = torch.linspace(0.1, 0.8, NUM_STATES)
    coefficient = (0.5 * (0.6 + foot)).to(simulator.device)
    simulator.set_parameters(everyone(simulator), with_parameters(simulator, foot_friction=foot))
    simulator.reset(everyone(simulator), sliding(simulator, states))
    ratio = torch.zeros(NUM_STATES, device=simulator.device)
    for _ in range(20):
        simulator.step(torch.zeros(NUM_STATES, 12, device=simulator.device))
        force = simulator.state.feet_contact_force.sum(1)
        ratio = torch.maximum(ratio, -force[:, 0] / force[:, 2].clamp(min=1.0))
    torch.testing.assert_close(ratio, coefficient, atol=0.0, rtol=0.02)


def test_mass_and_gains_act(make: Make, states: RobotState) -> None:
    """Stiff legs stand and on average carry the weight, which grows with the base's mass."""
    simulator = make(PhysicsConfig(timestep=0.002, decimation=5, implicit_damping=True))
    mass = XBOT_L.base_mass + torch.linspace(-5.0, 5.0, NUM_STATES)
    joints = torch.ones(NUM_STATES, XBOT_L.num_joints)
    stiff = with_parameters(
        simulator, base_mass=mass, stiffness=1000 * joints, damping=50 * joints, torque_limit=300 * joints
    )
    simulator.set_parameters(everyone(simulator), stiff)
    still = torch.zeros(NUM_STATES, 3, device=simulator.device)
    simulator.reset(everyone(simulator), dataclasses.replace(sliding(simulator, states), base_lin_vel=still))
    carried = torch.zeros(NUM_STATES)
    for step in range(100):
        simulator.step(torch.zeros(NUM_STATES, XBOT_L.num_joints, device=simulator.device))
        if step >= 20:
            carried += simulator.state.feet_contact_force.sum(1)[:, 2].cpu() / 80
    legs = 23.136
    torch.testing.assert_close(carried, 9.81 * (mass + legs), atol=0.0, rtol=5e-3)


def test_the_centre_of_mass_acts_as_in_c_mujoco(make: Make, states: RobotState, targets: Tensor) -> None:
    physics = PhysicsConfig(decimation=1)
    simulator, reference, plain = make(physics), *(MuJoCoSimulator(XBOT_L, physics, NUM_STATES) for _ in "12")
    offset = torch.tensor([0.05, -0.03, 0.04]).repeat(NUM_STATES, 1)
    for each in (simulator, reference):
        each.set_parameters(everyone(each), with_parameters(each, base_com=offset))
    for each in (simulator, reference, plain):
        each.reset(everyone(each), on(each, states))
        each.step(targets.to(each.device))
    effect = (reference.state.joint_vel - plain.state.joint_vel).abs().max()
    error = (reference.state.joint_vel - simulator.state.joint_vel.cpu()).abs().max()
    assert effect > 1e-2
    assert error < 0.03 * effect


def test_set_parameters_touches_the_masked_rows_only(make: Make, states: RobotState, targets: Tensor) -> None:
    plain, changed = started(make, states), started(make, states)
    mask = mask_of(changed, 0, 2)
    other = with_parameters(
        changed, base_mass=torch.full((NUM_STATES,), 25.0), torque_limit=torch.full((NUM_STATES, 12), 20.0)
    )
    changed.set_parameters(mask, other)
    for name, value in vars(changed.parameters).items():
        assert torch.equal(value[mask], getattr(other, name)[mask])
        assert torch.equal(value[~mask], getattr(plain.parameters, name)[~mask])
    assert_same_rows(plain.state, changed.state, everyone(plain))
    for simulator in (plain, changed):
        simulator.step(targets.to(simulator.device))
    assert changed.state.joint_torque[mask].abs().max() <= 20.0
    assert (changed.state.joint_pos[mask] != plain.state.joint_pos[mask]).any()
    torch.testing.assert_close(
        changed.state.joint_pos[~mask], plain.state.joint_pos[~mask], atol=1e-6, rtol=0.0
    )


@pytest.mark.parametrize("restore_in_new", [False, True])
def test_state_dict_continues(make: Make, states: RobotState, targets: Tensor, restore_in_new: bool) -> None:
    simulator = started(make, states)
    targets = targets.to(simulator.device)
    heavy = with_parameters(simulator, base_mass=torch.full((NUM_STATES,), 33.0))
    simulator.set_parameters(mask_of(simulator, 1, 3), heavy)
    for _ in range(3):
        simulator.step(targets)
    saved, shown = simulator.state_dict(), copied(simulator.state)
    for _ in range(3):
        simulator.step(targets)
    expected = copied(simulator.state)
    other = make(None) if restore_in_new else simulator
    other.load_state_dict(saved)
    assert_same_rows(other.state, shown, everyone(other))
    for _ in range(3):
        other.step(targets)
    for name, value in vars(expected).items():
        torch.testing.assert_close(getattr(other.state, name), value, atol=2e-3, rtol=1e-4)


def test_load_state_dict_refuses_what_does_not_fit(make: Make) -> None:
    simulator = make(None)
    saved = simulator.state_dict()
    with pytest.raises(ValueError, match="qpos"):
        simulator.load_state_dict({**saved, "qpos": saved["qpos"][:4]})
    with pytest.raises(ValueError, match="qvel"):
        simulator.load_state_dict({name: value for name, value in saved.items() if name != "qvel"})


def test_divergence_is_marked_and_stays_in_its_env(make: Make, states: RobotState, targets: Tensor) -> None:
    healthy, sick = started(make, states), started(make, states)
    targets = targets.to(healthy.device)
    enormous = torch.full((NUM_STATES, 12), 1e15)
    sick.set_parameters(mask_of(sick, 2), with_parameters(sick, stiffness=enormous, torque_limit=enormous))
    bad_targets = targets.clone()
    bad_targets[5, 3] = math.nan
    healthy.step(targets)
    sick.step(bad_targets)
    assert sick.diverged.tolist() == [env in (2, 5) for env in range(NUM_STATES)]
    assert not healthy.diverged.any()
    for value in vars(sick.state).values():
        assert value.isfinite().all()
    assert not sick.state.feet_contact_force[sick.diverged].any()
    assert not sick.state.joint_torque[sick.diverged].any()
    for name, value in vars(healthy.state).items():
        rows = ~sick.diverged
        torch.testing.assert_close(getattr(sick.state, name)[rows], value[rows], atol=1e-3, rtol=1e-5)
    sick.set_parameters(mask_of(sick, 2), with_parameters(sick))
    sick.reset(sick.diverged, on(sick, states))
    torch.testing.assert_close(sick.state.base_pos[2:6:3].cpu(), states.base_pos[2:6:3])
    assert not sick.diverged.any()
    sick.step(targets)
    assert not sick.diverged.any()
    assert sick.state.joint_torque[5].any()


def test_num_envs_must_be_positive() -> None:
    from humanoid_envs.simulators.mujoco import MuJoCoSimulator
    from humanoid_envs.simulators.mujoco_warp import MuJoCoWarpSimulator

    engines: Tuple[Callable[[int], Simulator], ...] = (
        lambda n: MuJoCoSimulator(XBOT_L, num_envs=n),
        lambda n: MuJoCoWarpSimulator(XBOT_L, num_envs=n, device="cpu"),
    )
    for engine in engines:
        for bad in (0, -3):
            with pytest.raises(ValueError, match=f"num_envs must be at least 1, got {bad}"):
                engine(bad)
