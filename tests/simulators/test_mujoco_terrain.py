"""A robot's model on terrain: a height field of the same surface, and spheres where it touched the ground."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import List

import mujoco
import numpy as np
import pytest

from humanoid_envs.errors import UserError
from humanoid_envs.robots import XBOT_L, Robot
from humanoid_envs.simulators.mujoco_model import index_model, load_model
from humanoid_envs.simulators.simulator import PhysicsConfig
from humanoid_envs.terrain.terrain import Terrain
from tests.robots.others import FIVE_JOINTS, without_what_code_adds
from tests.simulators.boxes import box_robot
from tests.simulators.grounds import all_kinds, level
from tests.simulators.test_mujoco_model import edited

PHYSICS = PhysicsConfig()
SPHERE = int(mujoco.mjtGeom.mjGEOM_SPHERE)


def on_terrain(robot: Robot = XBOT_L, terrain: Terrain | None = None, **options: bool) -> mujoco.MjModel:
    return load_model(robot, PHYSICS, terrain or level(), **options)


def placed(model: mujoco.MjModel, height: float) -> mujoco.MjData:
    """Upright with all joints at zero."""
    data = mujoco.MjData(model)
    data.qpos[:3] = 0.1, 0.2, height
    mujoco.mj_forward(model, data)
    return data


def test_the_surface_is_the_terrains() -> None:
    """Rays find MuJoCo's ground where the terrain's own triangles are."""
    terrain = all_kinds((80.0, -40.0))
    model = on_terrain(terrain=terrain, visuals=False)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    vertices, triangles = terrain.mesh()
    rng = np.random.default_rng(0)
    geom, up = np.zeros(1, np.int32), np.array([0.0, 0.0, 1.0])
    for triangle in triangles[rng.integers(len(triangles), size=500)]:
        point = rng.dirichlet(np.ones(3)) @ vertices[triangle].astype(float)
        distance = mujoco.mj_ray(model, data, point + 5.0 * up, -up, None, 1, -1, geom)
        assert model.geom(geom[0]).bodyid == 0
        assert distance == pytest.approx(5.0, abs=2e-5)


def test_soles_are_spheres_on_the_boxes_lower_face() -> None:
    flat, model = load_model(XBOT_L, PHYSICS), on_terrain()
    index, (left, right) = index_model(model, XBOT_L), index_model(flat, XBOT_L).soles
    assert len(index.soles) == 16
    assert (model.geom_type[index.soles] == SPHERE).all()
    for box, spheres in ((left, index.soles[:8]), (right, index.soles[8:])):
        place, half = flat.geom_pos[box], flat.geom_size[box]  # x left, y up, z forward
        offsets = model.geom_pos[spheres] - place
        assert (model.geom_size[spheres, 0] == 0.015).all()
        np.testing.assert_allclose(offsets[:, 1], 0.015 - half[1])
        np.testing.assert_allclose(np.unique(offsets[:, 0].round(9)), [0.015 - half[0], half[0] - 0.015])
        along = (half[2] - 0.015) * np.array([-1.0, -1 / 3, 1 / 3, 1.0])
        np.testing.assert_allclose(np.unique(offsets[:, 2].round(9)), along, atol=1e-9)


@pytest.mark.parametrize("count", [4, 6, 10])
def test_the_robot_says_how_many(count: int) -> None:
    robot = dataclasses.replace(XBOT_L, sole_points=count)
    assert len(index_model(on_terrain(robot), robot).soles) == 2 * count


@pytest.mark.parametrize("count", [0, 5, 66])
def test_of_sole_points_there_are_two_rows(count: int) -> None:
    with pytest.raises(UserError, match="sole_points"):
        dataclasses.replace(XBOT_L, sole_points=count)


def test_spheres_stand_as_high_as_the_boxes() -> None:
    depths = []
    for model in (load_model(XBOT_L, PHYSICS), on_terrain(), on_terrain(terrain=level(0.7))):
        ground = 0.7 if model.qpos0[2] > 1.2 else 0.0
        data = placed(model, ground + XBOT_L.standing_height - 1e-3)
        soles = index_model(model, XBOT_L).soles
        assert {*data.contact.geom[:, 1].tolist()} == {*soles}
        depths.append(data.contact.dist.min())
    np.testing.assert_allclose(depths, depths[0], atol=1e-6)


@pytest.mark.parametrize("robot", [XBOT_L, FIVE_JOINTS], ids=["xbot_l", "five_joints"])
def test_masses_and_bodies_stay(robot: Robot) -> None:
    for visuals in (True, False):
        flat, model = load_model(robot, PHYSICS, visuals=visuals), on_terrain(robot, visuals=visuals)
        for name in ("body_mass", "body_inertia", "body_ipos", "body_iquat", "jnt_range", "actuator_gainprm"):
            np.testing.assert_array_equal(getattr(model, name), getattr(flat, name), name)


def test_masses_that_follow_from_shapes_stay(tmp_path: Path) -> None:
    robot = box_robot(tmp_path)
    flat = load_model(robot, PHYSICS, sensors=False, visuals=False)
    model = on_terrain(robot, sensors=False, visuals=False)
    np.testing.assert_allclose(model.body_mass, flat.body_mass)
    np.testing.assert_allclose(model.body_inertia, flat.body_inertia)
    assert (model.geom_type[1:] == SPHERE).all()  # which weigh nothing
    assert model.ngeom == 1 + 14 * 8


def colliding(model: mujoco.MjModel) -> List[set]:
    """What touches what, as links, in random tumbles."""
    rng, data, found = np.random.default_rng(2), mujoco.MjData(model), []
    low, high = model.jnt_range[1:].T
    for _ in range(60):
        quat = rng.normal(size=4)
        data.qpos[:] = [0.0, 0.0, 3.0, *quat / np.linalg.norm(quat), *rng.uniform(low, high)]
        mujoco.mj_forward(model, data)
        pairs = model.geom_bodyid[data.contact.geom]
        found.append({tuple(sorted(model.body(body).name for body in pair)) for pair in pairs})
    return found


def test_legs_meet_each_other_as_before() -> None:
    flat = colliding(load_model(XBOT_L, PHYSICS))
    assert any(flat)
    assert colliding(on_terrain()) == flat


@pytest.mark.parametrize(
    "quat", [(1, 0, 1, 0), (1, 0, -1, 0), (1, 1, 0, 0), (1, -1, 0, 0), (0, 1, 0, 0)], ids=str
)
def test_a_fallen_base_touches_the_ground(quat: tuple) -> None:
    model = on_terrain(terrain=level(0.4))
    data = mujoco.MjData(model)
    data.qpos[3:7] = np.array(quat) / np.linalg.norm(quat)
    for height in np.arange(1.4, 0.4, -0.002):
        data.qpos[2] = height
        mujoco.mj_forward(model, data)
        if data.sensor("base_contact").data.any():
            break
    assert data.sensor("base_contact").data[2] > 0.0


def test_a_makers_file_without_names(tmp_path: Path) -> None:
    robot = without_what_code_adds(tmp_path)
    ours, makers = on_terrain(), on_terrain(robot)
    for name in ("geom_pos", "geom_size", "geom_contype", "geom_conaffinity", "geom_bodyid"):
        np.testing.assert_array_equal(getattr(makers, name), getattr(ours, name), name)


def test_named_pairs_with_the_ground_go(tmp_path: Path) -> None:
    """Some makers let soles collide by pairs alone."""
    text = (
        '<contact><pair geom1="floor" geom2="left_sole"/><pair geom1="floor" geom2="right_sole"/></contact>'
    )
    robot = edited(tmp_path, "</worldbody>", "</worldbody>" + text)
    model = on_terrain(robot)
    assert model.npair == 0
    assert len(index_model(model, robot).soles) == 16


def test_a_filter_without_a_free_bit_is_told(tmp_path: Path) -> None:
    robot = edited(tmp_path, 'name="torso"', f'name="torso" contype="{2**31 - 1}"')
    with pytest.raises(UserError, match="all bits of contype and conaffinity"):
        on_terrain(robot)


def test_a_robot_that_nobody_placed_is_above_the_ground() -> None:
    terrain = level(0.4)
    assert on_terrain(terrain=terrain).qpos0[2] == pytest.approx(0.4 + load_model(XBOT_L, PHYSICS).qpos0[2])
