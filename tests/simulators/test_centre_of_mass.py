"""The base's centre of mass, moved for each env of the MuJoCo engines."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from humanoid_envs.robots import XBOT_L, Robot
from humanoid_envs.rotations import rotate
from humanoid_envs.simulators.mujoco import MuJoCoSimulator
from humanoid_envs.simulators.mujoco_model import give_parameters, load_model
from humanoid_envs.simulators.mujoco_spec import robot_spec
from humanoid_envs.simulators.mujoco_warp import MuJoCoWarpSimulator, wp
from humanoid_envs.simulators.simulator import (
    PhysicsConfig,
    PhysicsParameters,
    RobotState,
    Simulator,
    default_parameters,
)
from tests.simulators.boxes import box_robot
from tests.simulators.conftest import Make
from tests.simulators.states import NUM_STATES
from tests.simulators.test_protocol import assert_same_rows, everyone, mask_of, on, started

ONE_STEP = PhysicsConfig(decimation=1)
OFFSETS = 0.1 * torch.randn(NUM_STATES, 3, generator=torch.Generator().manual_seed(3))


def with_offsets(simulator: Simulator) -> PhysicsParameters:
    mass = torch.linspace(20.0, 40.0, NUM_STATES, device=simulator.device)
    offsets = OFFSETS.to(simulator.device)
    return dataclasses.replace(simulator.parameters, base_mass=mass, base_com=offsets)


def centre_of_mass(simulator: Simulator, states: RobotState) -> Tensor:
    """(N, 3) of the whole robots, m, as the engine has it at the states."""
    simulator.reset(everyone(simulator), on(simulator, states))
    if isinstance(simulator, MuJoCoWarpSimulator):
        simulator.step(on(simulator, states).joint_pos)  # which begins with computing it
        return wp.to_torch(simulator._d.subtree_com)[:, 0].cpu()
    assert isinstance(simulator, MuJoCoSimulator)
    found = [simulator._batch.get_data(env).subtree_com[0] for env in range(NUM_STATES)]
    return torch.tensor(np.array(found), dtype=torch.float32)


def test_it_moves_that_of_the_robot(make: Make, states: RobotState) -> None:
    """By its offset's share of the mass, in the base's frame, in its own env alone, also after a reset."""
    plain, moved = make(ONE_STEP), make(ONE_STEP)
    given = with_offsets(moved)
    for simulator in (plain, moved):
        heavy = dataclasses.replace(given, base_com=torch.zeros_like(given.base_com))
        simulator.set_parameters(everyone(simulator), heavy)
    mask = mask_of(moved, 0, 2, 3, 6)
    moved.set_parameters(mask, given)
    assert torch.equal(moved.parameters.base_com, given.base_com * mask[:, None])
    legs = sum(load_model(XBOT_L, ONE_STEP).body_mass) - XBOT_L.base_mass
    share = given.base_mass.cpu() / (given.base_mass.cpu() + legs)
    expected = mask.cpu()[:, None] * share[:, None] * rotate(states.base_quat, OFFSETS)
    for _ in range(2):
        found = centre_of_mass(moved, states) - centre_of_mass(plain, states)
        torch.testing.assert_close(found, expected.float(), atol=1e-6, rtol=0.0)


def test_a_saved_state_has_it(make: Make, states: RobotState, targets: Tensor) -> None:
    simulator, other = started(make, states), make(None)
    targets = targets.to(simulator.device)
    simulator.set_parameters(everyone(simulator), with_offsets(simulator))
    simulator.step(targets)
    other.load_state_dict(simulator.state_dict())
    assert torch.equal(other.parameters.base_com, OFFSETS.to(other.device))
    for one in (simulator, other):
        one.step(targets)
    for name, value in vars(simulator.state).items():  # Warp adds up forces in no particular order
        torch.testing.assert_close(getattr(other.state, name), value, atol=2e-3, rtol=1e-4)


def test_a_state_of_earlier_versions_has_the_models(make: Make, states: RobotState, targets: Tensor) -> None:
    simulator, other = started(make, states), make(None)
    saved = simulator.state_dict()
    del saved["parameters.base_com"]
    other.set_parameters(everyone(other), with_offsets(other))
    other.load_state_dict(saved)
    assert not other.parameters.base_com.any()
    assert_same_rows(other.state, simulator.state, everyone(other))
    for one in (simulator, other):
        one.step(targets.to(one.device))
    for name, value in vars(simulator.state).items():
        torch.testing.assert_close(getattr(other.state, name), value, atol=2e-3, rtol=1e-4)


@pytest.mark.parametrize("boxes", [False, True], ids=["XBot-L", "at the link's origin"])
def test_the_model_is_as_if_compiled_with_it(boxes: bool, tmp_path: Path) -> None:
    """Also of a base that had it at the link's origin."""
    robot: Robot = box_robot(tmp_path) if boxes else XBOT_L
    if boxes:
        robot.mjcf.write_text(robot.mjcf.read_text().replace('pos="-0.2 0 0"', 'pos="0 0 0"'))
    offset = torch.tensor([[0.05, -0.03, 0.02]])
    model = load_model(robot, PhysicsConfig(), visuals=False, sensors=False)
    moved = copy.copy(model)
    parameters = dataclasses.replace(default_parameters(robot, 1, "cpu"), base_com=offset)
    give_parameters(moved, robot, PhysicsConfig(), parameters)
    reference = compiled_with(model, robot, offset[0].double().numpy())
    datas = []
    for one in (moved, reference):
        data = mujoco.MjData(one)
        data.qpos[:] += 0.1 * np.sin(np.arange(one.nq))
        data.qpos[2] += 1.0
        data.qvel[:] = np.cos(np.arange(one.nv))
        mujoco.mj_forward(one, data)
        datas.append(data)
    base = model.body(robot.base_body).id
    assert bool(model.body_ipos[base].any()) != boxes
    for name in ("xpos", "xipos", "subtree_com", "geom_xpos", "M", "qacc"):
        np.testing.assert_allclose(getattr(datas[0], name), getattr(datas[1], name), atol=1e-6, rtol=1e-6)
    for name in ("dof_invweight0", "body_invweight0", "actuator_acc0"):
        np.testing.assert_allclose(getattr(moved, name), getattr(reference, name), rtol=1e-6)
    assert np.abs(moved.body_ipos[base] - model.body_ipos[base]).max() == pytest.approx(0.05)


def compiled_with(model: mujoco.MjModel, robot: Robot, offset: np.ndarray) -> mujoco.MjModel:
    """The robot's file compiled with another centre of mass, and else with the model's physics."""
    spec = robot_spec(robot, visuals=False, sensors=False)
    body, own = spec.body(robot.base_body), model.body(robot.base_body)
    body.explicitinertial = True
    body.mass, body.inertia = float(own.mass[0]), own.inertia
    body.fullinertia = [np.nan] * 6  # not given
    body.ipos, body.iquat = own.ipos + offset, own.iquat
    compiled = spec.compile()
    compiled.opt.disableflags = model.opt.disableflags
    compiled.dof_armature[:] = model.dof_armature
    for name in ("actuator_gainprm", "actuator_biasprm", "actuator_forcerange"):
        getattr(compiled, name)[:] = getattr(model, name)
    mujoco.mj_setConst(compiled, mujoco.MjData(compiled))
    return compiled
