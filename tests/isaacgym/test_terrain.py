"""The adapter puts a terrain under its robots: a mesh of the same surface, and force sensors in the feet."""

# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportAttributeAccessIssue=false
from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.simulator import RobotState
from humanoid_envs.terrain.terrain import Terrain
from tests.isaacgym.simulators import count_calls, make, worlds
from tests.simulators.grounds import KINDS, all_kinds, height_at, tile_centers


def platform() -> Terrain:
    """0.4 m high for x from 1 to 2.95."""
    heights = np.zeros((161, 161))
    heights[100:140, 60:100] = 0.4
    return Terrain(heights, 0.05, (-4.0, -4.0))


def dropped(simulator: Any, places: np.ndarray, seconds: float = 0.4) -> None:
    """Upright with soles 2 cm above (N, 3) points of the ground."""
    n = simulator.num_envs
    pos = torch.tensor(places).float() + torch.tensor([0.0, 0.0, XBOT_L.standing_height + 0.02])
    quat = torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(n, 1)
    still, joints = torch.zeros(n, 3), torch.zeros(n, XBOT_L.num_joints)
    state = RobotState(pos, quat, still, still, joints, joints)
    simulator.reset(torch.ones(n, dtype=torch.bool), state)
    for _ in range(round(seconds / simulator.physics.policy_period)):
        simulator.step(joints)


def test_the_ground_is_where_the_terrain_is() -> None:
    simulator = make(num_envs=3, terrain=platform())
    assert not simulator._scene.origins.any()
    dropped(simulator, np.array([[2.0, 0.0, 0.4], [-2.0, 0.0, 0.0], [5.0, 0.0, 0.0]]))
    soles = simulator.state.feet_pos[..., 2].mean(1) - XBOT_L.sole_height
    torch.testing.assert_close(soles[:2], torch.tensor([0.4, 0.0]), atol=0.005, rtol=0.0)
    assert soles[2] < -0.5  # beyond the field
    weight = 9.81 * XBOT_L.total_mass
    assert (simulator.state.feet_contact_force[:2, :, 2].sum(1) > 0.7 * weight).all()


def test_robots_rest_on_every_kind_of_ground() -> None:
    terrain = all_kinds()
    simulator = make(num_envs=len(KINDS), terrain=terrain)
    centers = tile_centers(terrain)
    around = [(dx, dy) for dx in np.linspace(-0.2, 0.2, 9) for dy in np.linspace(-0.2, 0.2, 9)]
    ground = np.array([height_at(terrain, *(centers + offset).T) for offset in around])
    dropped(simulator, np.column_stack([centers, ground.max(0)]))
    soles = simulator.state.feet_pos[..., 2].numpy() - XBOT_L.sole_height
    for kind, of_kind, highest, lowest in zip(KINDS, soles, ground.max(0), ground.min(0)):
        assert of_kind.min() > lowest - 0.04, kind
        assert of_kind.max() < highest + 0.06, kind


def test_friction_of_each_env_holds_on_a_slope() -> None:
    """0.45 uphill lies between 0.3 and 0.8, the means of ground and soles."""
    x = 0.05 * np.arange(161)
    slope = Terrain(np.repeat(0.45 * x[:, None], 161, axis=1), 0.05, (-4.0, -4.0))
    simulator = make(num_envs=2, terrain=slope)
    friction = torch.tensor([0.0, 1.0])
    parameters = dataclasses.replace(simulator.parameters, foot_friction=friction)
    simulator.set_parameters(torch.ones(2, dtype=torch.bool), parameters)
    dropped(simulator, np.array([[0.0, 0.0, 0.45 * 4.1]] * 2), 0.5)
    moved = simulator.state.feet_pos[:, :, 0].mean(1)
    assert moved[0] < moved[1] - 0.05


def test_feet_forces_are_those_of_sensors() -> None:
    """On flat ground there are none."""
    simulator = make(num_envs=2, terrain=platform())
    sensors = worlds(simulator)[0].asset.force_sensors
    names = worlds(simulator)[0].asset.body_names
    assert [names[sensor] for sensor in sensors] == list(XBOT_L.foot_bodies)
    dropped(simulator, np.array([[2.0, 0.0, 0.4], [-2.0, 0.0, 0.0]]), 0.1)
    expected = np.stack([world.force_sensors()[:, :3] for world in worlds(simulator)])
    np.testing.assert_allclose(simulator.state.feet_contact_force, expected, rtol=1e-6)
    flat = make(num_envs=1)
    assert not worlds(flat)[0].asset.force_sensors
    calls = count_calls(flat)
    flat.step(torch.zeros(1, XBOT_L.num_joints))
    assert not calls["refresh_force_sensor_tensor"]


def test_robots_that_nobody_placed_are_above_the_ground() -> None:
    terrain = platform()
    simulator = make(num_envs=2, terrain=Terrain(terrain.heights + 0.7, 0.05, (-4.0, -4.0)))
    assert simulator.terrain is not terrain
    height = torch.full((2,), 0.7 + XBOT_L.start_height)
    torch.testing.assert_close(simulator.state.base_pos[:, 2], height)


@pytest.mark.parametrize("fault", ["other diagonal", "facing down", "a hole", "counts"])
def test_the_standin_refuses_another_mesh(fault: str) -> None:
    from isaacgym import gymapi

    gym, sim_params = gymapi.acquire_gym(), gymapi.SimParams()
    sim_params.up_axis = gymapi.UP_AXIS_Z
    sim = gym.create_sim(0, -1, gymapi.SIM_PHYSX, sim_params)
    terrain = Terrain(np.random.default_rng(0).normal(size=(5, 4)), 0.1)
    vertices, triangles = terrain.mesh()
    if fault == "other diagonal":
        triangles[:2] = [[0, 4, 1], [4, 5, 1]]
    elif fault == "facing down":
        triangles = triangles[:, ::-1]
    elif fault == "a hole":
        triangles = triangles[1:]
    mesh = gymapi.TriangleMeshParams()
    mesh.nb_vertices, mesh.nb_triangles = len(vertices), len(triangles) + (fault == "counts")
    corners: Any = vertices.ravel()
    of_triangles: Any = np.ascontiguousarray(triangles).ravel()
    with pytest.raises((gymapi.ContractError, NotImplementedError)):
        gym.add_triangle_mesh(sim, corners, of_triangles, mesh)
