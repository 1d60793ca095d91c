"""The stand-in notices every rule of Isaac Gym that a program breaks; the import order: test_imports.py."""

# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportAttributeAccessIssue=false
from __future__ import annotations

import gc
from typing import Any, Callable

import numpy as np
import pytest
import torch

from humanoid_envs.robots import XBOT_L


class Rig:
    """Two robots, set up as Isaac Gym's documentation says, and their tensors."""

    def __init__(
        self, prepare: bool = True, drive_mode: int = 3, filter: int = 0, graphics: int = -1
    ) -> None:
        from isaacgym import gymapi

        self.api, self.gym = gymapi, gymapi.acquire_gym()
        params = gymapi.SimParams()
        params.dt, params.substeps = 0.001, 1
        params.up_axis, params.gravity = gymapi.UP_AXIS_Z, gymapi.Vec3(0.0, 0.0, -9.81)
        self.sim = self.gym.create_sim(0, graphics, gymapi.SIM_PHYSX, params)
        self.plane = gymapi.PlaneParams()
        self.plane.normal = gymapi.Vec3(0.0, 0.0, 1.0)
        self.gym.add_ground(self.sim, self.plane)
        options = gymapi.AssetOptions()
        options.default_dof_drive_mode, options.angular_damping = drive_mode, 0.0
        self.asset = self.gym.load_asset(
            self.sim, str(XBOT_L.isaacgym_urdf.parent), XBOT_L.isaacgym_urdf.name, options
        )
        self.envs: list = []
        for index in range(2):
            self.add_env()
            self.gym.create_actor(self.envs[-1], self.asset, self.pose(), "xbot", index, filter, 0)
        if prepare:
            self.gym.prepare_sim(self.sim)
            self.acquire()

    def pose(self) -> Any:
        pose = self.api.Transform()
        pose.p = self.api.Vec3(0.0, 0.0, 1.5)
        return pose

    def add_env(self) -> None:
        none = self.api.Vec3(0.0, 0.0, 0.0)
        self.envs.append(self.gym.create_env(self.sim, none, none, 2))

    def acquire(self) -> None:
        from isaacgym import gymtorch

        self.wrap, self.unwrap = gymtorch.wrap_tensor, gymtorch.unwrap_tensor
        self.root = self.wrap(self.gym.acquire_actor_root_state_tensor(self.sim))
        self.dof = self.wrap(self.gym.acquire_dof_state_tensor(self.sim))
        self.force = self.wrap(self.gym.acquire_net_contact_force_tensor(self.sim))
        self.torque = torch.zeros(24)
        self.second = torch.tensor([1], dtype=torch.int32)

    def set_root(self, indices: Any = None) -> None:
        indices = self.second if indices is None else indices
        buffer, chosen = self.unwrap(self.root), self.unwrap(indices)
        self.gym.set_actor_root_state_tensor_indexed(self.sim, buffer, chosen, len(indices))

    def set_dof(self) -> None:
        buffer, chosen = self.unwrap(self.dof), self.unwrap(self.second)
        self.gym.set_dof_state_tensor_indexed(self.sim, buffer, chosen, 1)

    def set_torque(self) -> None:
        self.gym.set_dof_actuation_force_tensor(self.sim, self.unwrap(self.torque))

    def simulate(self) -> None:
        self.gym.simulate(self.sim)
        self.gym.fetch_results(self.sim, True)

    def refresh(self) -> None:
        self.gym.refresh_actor_root_state_tensor(self.sim)
        self.gym.refresh_dof_state_tensor(self.sim)
        self.gym.refresh_net_contact_force_tensor(self.sim)


def twice(call: Callable[[], None]) -> None:
    call()
    call()


def free_the_indices(rig: Rig) -> None:
    rig.set_root(torch.tensor([0], dtype=torch.int32))
    gc.collect()
    rig.simulate()


def change_the_buffer(rig: Rig) -> None:
    rig.set_torque()
    rig.torque += 1.0
    rig.simulate()


def wrong_count(rig: Rig) -> None:
    buffer, chosen = rig.unwrap(rig.root), rig.unwrap(rig.second)
    rig.gym.set_actor_root_state_tensor_indexed(rig.sim, buffer, chosen, 2)


def part_of_the_buffer(rig: Rig) -> None:
    part = rig.root[1:].clone()
    buffer, chosen = rig.unwrap(part), rig.unwrap(rig.second)
    rig.gym.set_actor_root_state_tensor_indexed(rig.sim, buffer, chosen, 1)


def set_properties(rig: Rig) -> None:
    properties = rig.gym.get_actor_rigid_body_properties(rig.envs[0], 0)
    rig.gym.set_actor_rigid_body_properties(rig.envs[0], 0, properties)


def mass_without_its_inverse(rig: Rig) -> None:
    properties = rig.gym.get_actor_rigid_body_properties(rig.envs[0], 0)
    properties[0].mass *= 2.0
    rig.gym.set_actor_rigid_body_properties(rig.envs[0], 0, properties)


BROKEN_RULES = {
    "ground after prepare_sim": (
        lambda r: r.gym.add_ground(r.sim, r.plane),
        "before prepare_sim|come before",
    ),
    "env after prepare_sim": (lambda r: r.add_env(), "come before prepare_sim"),
    "prepared twice": (lambda r: r.gym.prepare_sim(r.sim), "come before prepare_sim"),
    "root set twice": (lambda r: twice(r.set_root), "root setter may be called once"),
    "dof set twice": (lambda r: twice(r.set_dof), "dof setter may be called once"),
    "torque set twice": (lambda r: twice(r.set_torque), "actuation setter may be called once"),
    "properties set twice": (lambda r: twice(lambda: set_properties(r)), "set once between"),
    "refresh after a setter": (lambda r: (r.set_root(), r.refresh()), "gives the old state"),
    "64-bit indices": (lambda r: r.set_root(torch.tensor([1])), "float32 or int32"),
    "float indices": (lambda r: r.set_root(torch.tensor([1.0])), "indices are int32"),
    "wrong count": (wrong_count, "2 different actor indices"),
    "double buffer": (lambda r: r.unwrap(r.root.double()), "float32 or int32"),
    "part of the buffer": (part_of_the_buffer, "full buffer"),
    "not contiguous": (lambda r: r.unwrap(r.root.T), "contiguous"),
    "freed indices": (free_the_indices, "freed before simulate"),
    "changed buffer": (change_the_buffer, "changed between"),
    "CPU getter": (lambda r: r.gym.get_actor_dof_states(r.envs[0], 0, 3), "not allowed in the GPU pipeline"),
    "no fetch before refresh": (lambda r: (r.gym.simulate(r.sim), r.refresh()), "fetch_results"),
    "no fetch before a setter": (lambda r: (r.gym.simulate(r.sim), r.set_torque()), "fetch_results"),
    "no fetch before simulate": (lambda r: twice(lambda: r.gym.simulate(r.sim)), "fetch_results"),
    "nothing to fetch": (lambda r: r.gym.fetch_results(r.sim, True), "nothing|no results"),
    "refresh without acquire": (lambda r: r.gym.refresh_rigid_body_state_tensor(r.sim), "not acquired"),
    "mass without its inverse": (mass_without_its_inverse, "inverses"),
    "camera without graphics": (
        lambda r: r.gym.create_camera_sensor(r.envs[0], r.api.CameraProperties()),
        "graphics device",
    ),
    "viewer without graphics": (
        lambda r: r.gym.create_viewer(r.sim, r.api.CameraProperties()),
        "graphics device",
    ),
    "call after the end": (lambda r: (r.gym.destroy_sim(r.sim), r.simulate()), "nothing after destroy_sim"),
}


@pytest.mark.parametrize("rule", BROKEN_RULES)
def test_a_broken_rule_is_noticed(rule: str) -> None:
    from isaacgym.gymapi import ContractError

    program, message = BROKEN_RULES[rule]
    rig = Rig()
    with pytest.raises(ContractError, match=message):
        program(rig)


def test_what_comes_before_prepare_sim() -> None:
    from isaacgym.gymapi import ContractError

    rig = Rig(prepare=False)
    for early in (rig.acquire, lambda: rig.gym.simulate(rig.sim)):
        with pytest.raises(ContractError, match="call prepare_sim first"):
            early()
    rig.add_env()
    with pytest.raises(ContractError, match="fill an env with actors"):
        rig.add_env()
    with pytest.raises(ContractError, match="created last"):
        rig.gym.create_actor(rig.envs[0], rig.asset, rig.pose(), "xbot", 0, 0)
    with pytest.raises(ContractError, match="different collision groups"):
        rig.gym.create_actor(rig.envs[2], rig.asset, rig.pose(), "xbot", 0, 0)
    rig.sim.ground = None
    with pytest.raises(ContractError, match="ground before the actors"):
        rig.gym.create_actor(rig.envs[2], rig.asset, rig.pose(), "xbot", 2, 0)


def test_actuation_forces_need_effort_mode() -> None:
    from isaacgym.gymapi import ContractError

    rig = Rig(drive_mode=1)
    rig.set_torque()
    rig.simulate()
    rig.torque += 1.0
    rig.set_torque()
    with pytest.raises(ContractError, match="DOF_MODE_EFFORT"):
        rig.simulate()


def test_pictures_need_graphics_that_are_up_to_date() -> None:
    from isaacgym.gymapi import ContractError

    rig = Rig(graphics=0)
    gym, sim = rig.gym, rig.sim
    viewer = gym.create_viewer(sim, rig.api.CameraProperties())
    camera = gym.create_camera_sensor(rig.envs[0], rig.api.CameraProperties())
    gym.simulate(sim)
    with pytest.raises(ContractError, match="fetch_results"):
        gym.step_graphics(sim)
    gym.fetch_results(sim, True)
    with pytest.raises(ContractError, match="step_graphics must come"):
        gym.draw_viewer(viewer, sim)
    with pytest.raises(ContractError, match="step_graphics must come"):
        gym.render_all_camera_sensors(sim)
    gym.step_graphics(sim)
    with pytest.raises(ContractError, match="render_all_camera_sensors must come"):
        gym.get_camera_image(sim, rig.envs[0], camera, rig.api.IMAGE_COLOR)
    gym.render_all_camera_sensors(sim)
    assert gym.get_camera_image(sim, rig.envs[0], camera, rig.api.IMAGE_COLOR).shape == (900, 4 * 1600)


def test_tensors_are_copies_that_only_a_refresh_updates() -> None:
    rig = Rig()
    assert rig.root[:, 2].tolist() == [1.5, 1.5]
    rig.simulate()
    assert rig.root.isnan().all()  # unrefreshed
    rig.refresh()
    assert not rig.root.isnan().any()
    torch.testing.assert_close(rig.root[:, 9], torch.full((2,), -0.00981))


def test_a_setter_acts_in_the_next_simulate_on_its_actors_only() -> None:
    rig = Rig()
    rig.root[:, 0], rig.root[:, 7] = 3.0, 2.0
    rig.root[:, 3:7] = torch.tensor([0.6, 0.0, 0.0, 0.8])  # xyzw
    rig.root[:, 10:] = torch.tensor([0.0, 0.5, 0.0])
    rig.dof[:, 0] = 0.1
    rig.set_root()
    rig.set_dof()
    rig.simulate()
    rig.refresh()
    assert rig.root[0, 0].abs() < 1e-6
    torch.testing.assert_close(rig.root[1, [0, 3, 6]], torch.tensor([3.002, 0.6, 0.8]), atol=1e-3, rtol=0.0)
    torch.testing.assert_close(rig.root[1, 10:], torch.tensor([0.0, 0.5, 0.0]), atol=2e-2, rtol=0.0)
    assert rig.dof[:12, 0].abs().max() < 0.01
    torch.testing.assert_close(rig.dof[12:, 0], torch.full((12,), 0.1), atol=2e-3, rtol=0.0)
    rig.simulate()
    rig.refresh()
    assert rig.root[1, 0] > 3.002  # not set again


def test_order_is_unlike_the_robots() -> None:
    rig = Rig()
    dofs = rig.gym.get_asset_dof_dict(rig.asset)
    assert set(dofs) == set(XBOT_L.joint_names)
    assert list(dofs) != list(XBOT_L.joint_names)
    bodies = rig.gym.get_asset_rigid_body_dict(rig.asset)
    assert bodies["right_knee_link"] < bodies["left_leg_roll_link"]


@pytest.mark.parametrize(("filter", "collide"), [(0, True), (1, False)])
def test_self_collisions_are_on_with_0_and_off_with_1(filter: int, collide: bool) -> None:
    rig = Rig(filter=filter)
    for name, angle in (("left_leg_roll_joint", -0.3), ("right_leg_roll_joint", 0.3)):
        rig.dof[12 + rig.gym.get_asset_dof_dict(rig.asset)[name], 0] = angle
    rig.set_dof()
    rig.simulate()
    rig.refresh()
    assert bool(rig.force.any()) is collide


def test_structs_have_the_originals_attributes_and_c_floats() -> None:
    from isaacgym import gymapi

    params = gymapi.SimParams()
    params.dt = 0.001
    assert params.dt == float(np.float32(0.001))
    assert params.dt != 0.001
    with pytest.raises(AttributeError, match="timestep"):
        params.timestep = 0.001
