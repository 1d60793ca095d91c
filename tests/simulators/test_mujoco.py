"""C MuJoCo against the library's own functions, and against itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.mujoco import MuJoCoSimulator
from humanoid_envs.simulators.simulator import (
    PhysicsConfig,
    PhysicsParameters,
    RobotState,
    default_parameters,
)
from tests.simulators.boxes import box_robot
from tests.simulators.states import AT_LIMITS, FEET_TOUCHING, LYING, NUM_STATES, STANDING

EVERYONE = torch.ones(NUM_STATES, dtype=torch.bool)


def started(
    states: RobotState, physics: PhysicsConfig | None = None, num_threads: int = 0
) -> MuJoCoSimulator:
    simulator = MuJoCoSimulator(XBOT_L, physics, NUM_STATES, num_threads)
    simulator.reset(EVERYONE, states)
    return simulator


def body_contact_force(model: mujoco.MjModel, data: mujoco.MjData, body: str) -> np.ndarray:
    """Sum of mj_contactForce over the contacts of one body, world frame."""
    total, of_contact = np.zeros(3), np.zeros(6)
    for i, contact in enumerate(data.contact):
        mujoco.mj_contactForce(model, data, i, of_contact)
        on_second = contact.frame.reshape(3, 3).T @ of_contact[:3]
        bodies = [model.geom_bodyid[geom] for geom in contact.geom]
        total += on_second * (int(bodies[1] == model.body(body).id) - int(bodies[0] == model.body(body).id))
    return total


def test_kinematics_are_those_of_the_end_state(states: RobotState, targets: Tensor) -> None:
    simulator = started(states)
    simulator.step(targets)
    model, velocity = simulator.mujoco_model(), np.zeros(6)
    for env in range(NUM_STATES):
        data = mujoco.MjData(model)
        current = simulator.mujoco_data(env)
        data.qpos[:], data.qvel[:] = current.qpos, current.qvel
        mujoco.mj_forward(model, data)
        state = simulator.state
        for field, bodies in (("feet", XBOT_L.foot_bodies), ("knees", XBOT_L.knee_bodies)):
            for side, body in enumerate(bodies):
                ident = model.body(body).id
                mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, ident, velocity, 0)
                pos, vel = getattr(state, f"{field}_pos"), getattr(state, f"{field}_vel")
                np.testing.assert_allclose(pos[env, side], data.xpos[ident], atol=1e-6)
                np.testing.assert_allclose(vel[env, side], velocity[3:], atol=2e-6)
        base = model.body(XBOT_L.base_body).id
        mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, base, velocity, 0)
        np.testing.assert_allclose(state.base_pos[env], data.xpos[base], atol=1e-6)
        np.testing.assert_allclose(state.base_quat[env], data.xquat[base], atol=1e-6)
        np.testing.assert_allclose(state.base_ang_vel[env], velocity[:3], atol=2e-6)
        np.testing.assert_allclose(state.base_lin_vel[env], velocity[3:], atol=2e-6)


def test_forces_are_those_of_the_last_simulation_step(states: RobotState, targets: Tensor) -> None:
    """Not of the end state, whose contacts are already known."""
    whole, single = (started(states, PhysicsConfig(decimation=n)) for n in (4, 1))
    for _ in range(3):
        single.step(targets)
    whole.step(targets)
    model = single.mujoco_model()
    for env in range(NUM_STATES):
        data = single.mujoco_data(env)
        data.ctrl[:] = targets[env]
        mujoco.mj_forward(model, data)
        np.testing.assert_allclose(whole.state.joint_torque[env], data.actuator_force, rtol=1e-6, atol=1e-5)
        forces = {
            XBOT_L.base_body: whole.state.base_contact_force[env],
            XBOT_L.foot_bodies[0]: whole.state.feet_contact_force[env, 0],
            XBOT_L.foot_bodies[1]: whole.state.feet_contact_force[env, 1],
        }
        for body, force in forces.items():
            np.testing.assert_allclose(force, body_contact_force(model, data, body), rtol=1e-5, atol=1e-3)
    assert whole.state.feet_contact_force[STANDING, :, 2].min() > 10.0
    assert whole.state.base_contact_force[LYING, 2] > 10.0


def test_feet_push_each_other_apart(states: RobotState, targets: Tensor) -> None:
    simulator = started(states, PhysicsConfig(decimation=1))
    simulator.step(targets)
    left, right = simulator.state.feet_contact_force[FEET_TOUCHING]
    assert left[1] > 10.0
    assert right[1] < -10.0
    assert not simulator.state.feet_contact_force[AT_LIMITS].any()


@pytest.mark.parametrize("implicit_damping", [False, True])
def test_bit_identical_at_any_number_of_threads(
    states: RobotState, targets: Tensor, implicit_damping: bool
) -> None:
    physics = PhysicsConfig(implicit_damping=implicit_damping)
    simulators = [started(states, physics, num_threads) for num_threads in (1, 2, 2)]
    for simulator in simulators:
        for k in range(10):
            simulator.step(targets * (1.0 - 0.2 * k))
            simulator.push(EVERYONE, states.base_lin_vel, states.base_ang_vel)
            simulator.reset(targets[:, k] > 0.5, states)
    first, *others = (simulator.state_dict() for simulator in simulators)
    for other in others:
        for name, value in first.items():
            assert torch.equal(other[name], value), name


def test_a_state_from_before_the_centre_of_mass_moved_has_it_in_place(states: RobotState) -> None:
    simulator = started(states)
    saved = simulator.state_dict()
    del saved["parameters.base_com"]
    simulator.parameters.base_com.fill_(0.1)
    simulator.load_state_dict(saved)
    assert not simulator.parameters.base_com.any()


def test_a_centre_of_mass_in_the_links_origin_moves_too(tmp_path: Path) -> None:
    """MuJoCo takes such a one, and shapes around it, from the link's frame unless told otherwise."""
    simulator = MuJoCoSimulator(box_robot(tmp_path), num_envs=1)
    moved = dataclasses.replace(simulator.parameters, base_com=torch.tensor([[0.1, 0.0, 0.0]]))
    simulator.set_parameters(torch.ones(1, dtype=torch.bool), moved)
    before, after = simulator.mujoco_data(), mujoco.MjData(simulator.mujoco_model())
    after.qpos[:] = before.qpos
    mujoco.mj_forward(simulator.mujoco_model(), after)
    base = simulator.mujoco_model().body(XBOT_L.base_body).id
    np.testing.assert_allclose(after.xipos[base] - before.xipos[base], (0.1, 0.0, 0.0), atol=1e-6)
    np.testing.assert_allclose(after.geom_xpos, before.geom_xpos, atol=1e-6)


def test_state_dict_continues_bit_for_bit(states: RobotState, targets: Tensor) -> None:
    simulator, other = started(states), MuJoCoSimulator(XBOT_L, num_envs=NUM_STATES)
    heavier = simulator.state_dict()
    heavier["parameters.base_mass"][2:5] += 3.0
    simulator.load_state_dict(heavier)
    for _ in range(4):
        simulator.step(targets)
    simulator.push(EVERYONE, states.base_lin_vel, states.base_ang_vel)
    other.load_state_dict(simulator.state_dict())
    for _ in range(4):
        simulator.step(-targets)
        other.step(-targets)
    for name, value in simulator.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def test_the_model_and_data_of_one_env_go_on_as_it_does(states: RobotState, targets: Tensor) -> None:
    """The model is complete, with geoms that only pictures need, and has the env's own parameters."""
    simulator = started(states)
    nominal = default_parameters(XBOT_L, NUM_STATES, "cpu")
    drawn = {name: value * (0.8 + 0.05 * torch.rand(value.shape)) for name, value in vars(nominal).items()}
    simulator.set_parameters(EVERYONE, PhysicsParameters(**drawn))
    for _ in range(3):
        simulator.step(targets)
    before = [(simulator.mujoco_model(env), simulator.mujoco_data(env)) for env in range(NUM_STATES)]
    simulator.step(targets)
    for env, (model, data) in enumerate(before):
        assert model.ngeom > 100
        assert model.ncam > 0
        data.ctrl[:] = targets[env]
        mujoco.mj_step(model, data, nstep=simulator.physics.decimation)
        after = simulator.mujoco_data(env)
        np.testing.assert_array_equal(data.qpos, after.qpos)
        np.testing.assert_array_equal(data.qvel, after.qvel)


@pytest.mark.usefixtures("opengl")
def test_render(states: RobotState) -> None:
    simulator = started(states)
    picture = simulator.render(env=STANDING, size=(120, 160), camera="side")
    assert picture.shape == (120, 160, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 5.0
    assert (picture != simulator.render(env=LYING, size=(120, 160), camera="side")).any()
    with pytest.raises(ValueError, match="nowhere"):
        simulator.render(camera="nowhere")
    simulator.close()
    simulator.close()


@pytest.mark.parametrize(
    ("warning", "mark"),
    [
        (mujoco.mjtWarning.mjWARN_CONTACTFULL, "contacts_dropped"),
        (mujoco.mjtWarning.mjWARN_CNSTRFULL, "constraints_dropped"),
    ],
)
def test_what_mujoco_drops_is_told(
    monkeypatch: pytest.MonkeyPatch, warning: mujoco.mjtWarning, mark: str
) -> None:
    simulator, at_rest = MuJoCoSimulator(XBOT_L, num_envs=3), torch.zeros(3, 12)
    step_physics = simulator.step_physics

    def step_with_warning() -> None:
        step_physics()
        simulator._batch.warning[1, int(warning), 1] = 1

    with monkeypatch.context() as patch:
        patch.setattr(simulator, "step_physics", step_with_warning)
        simulator.step(at_rest)
    marks = {name: getattr(simulator, name).tolist() for name in ("contacts_dropped", "constraints_dropped")}
    assert marks == {name: [False, name == mark, False] for name in marks}
    assert not simulator.diverged.any()
    simulator.step(at_rest)
    assert not getattr(simulator, mark).any()
