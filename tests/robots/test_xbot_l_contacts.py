"""What of XBot-L's MJCF touches what, and what the contact sensors say about it."""

from __future__ import annotations

from typing import Dict, Iterator, Tuple

import mujoco
import numpy as np
import pytest

from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.mujoco_spec import robot_spec
from tests.robots.facts import FACTS, FEET, LINKS

GRAVITY = 9.81


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    """With the sensors that simulators add."""
    return robot_spec(XBOT_L).compile()


def sole_corners(data: mujoco.MjData, side: str) -> np.ndarray:
    sole = data.geom(f"{side}_sole")
    signs = np.stack(np.meshgrid(*[[-1.0, 1.0]] * 3), axis=-1).reshape(-1, 3)
    return sole.xpos + signs * data.model.geom(f"{side}_sole").size @ sole.xmat.reshape(3, 3).T


@pytest.mark.parametrize("side", FEET)
def test_sole_is_the_measured_one(data: mujoco.MjData, side: str) -> None:
    foot = data.body(FEET[side])
    corners = (sole_corners(data, side) - foot.xpos) @ foot.xmat.reshape(3, 3)
    extent = np.array([FACTS["sole"][axis] for axis in "xyz"])
    np.testing.assert_allclose([corners.min(axis=0), corners.max(axis=0)], extent.T, atol=1e-9)


def test_soles_are_on_the_ground_at_home(data: mujoco.MjData) -> None:
    assert data.qpos[2] == FACTS["standing_height"]
    for side in FEET:
        assert sole_corners(data, side)[:, 2].min() == pytest.approx(0.0, abs=1e-5)


def test_nothing_touches_at_the_start_of_an_episode(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    generator = np.random.default_rng(1)
    for q in [np.zeros(XBOT_L.num_joints), *generator.uniform(-0.1, 0.1, (50, XBOT_L.num_joints))]:
        data.qpos[2], data.qpos[7:] = XBOT_L.start_height, q
        mujoco.mj_forward(model, data)
        assert data.ncon == 0


def test_stands_at_home(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    """With zero targets the soft ankles let it tip over in the end, but for a second the feet carry it."""
    forces = []
    for step in range(1000):
        mujoco.mj_step(model, data)
        assert not data.sensor("base_contact").data.any()
        if step >= 500:
            forces.append(data.sensor("left_foot_contact").data + data.sensor("right_foot_contact").data)
    assert data.qpos[2] > 0.85
    assert data.body(XBOT_L.base_body).xmat[8] > np.cos(0.1)
    weight = FACTS["total_mass"] * GRAVITY
    np.testing.assert_allclose(np.mean(forces, axis=0), [0.0, 0.0, weight], atol=0.03 * weight)


@pytest.mark.parametrize(
    "turn", [(1, 0), (1, np.pi / 2), (1, -np.pi / 2), (0, np.pi / 2), (0, -np.pi / 2), (0, np.pi)]
)
def test_a_fallen_base_touches_the_ground(
    model: mujoco.MjModel, data: mujoco.MjData, turn: Tuple[int, float]
) -> None:
    """Sitting, on its face, back, left and right side, and head down: whatever hits belongs to the base."""
    axis, angle = turn
    data.qpos[3:7] = [np.cos(angle / 2), *(np.sin(angle / 2) * np.eye(3)[axis])]
    for height in np.arange(1.0, 0.0, -0.002):
        data.qpos[2] = height
        mujoco.mj_forward(model, data)
        if data.sensor("base_contact").data.any():
            break
    assert data.sensor("base_contact").data[2] > 0.0


def net_forces(model: mujoco.MjModel, data: mujoco.MjData) -> Dict[str, np.ndarray]:
    """Sum of the contact forces on each link, world frame."""
    total = {name: np.zeros(3) for name in LINKS}
    force = np.zeros(6)
    for index, contact in enumerate(data.contact):
        mujoco.mj_contactForce(model, data, index, force)
        on_second = contact.frame.reshape(3, 3).T @ force[:3]
        for geom, sign in zip(contact.geom, (-1.0, 1.0)):
            name = model.body(model.geom_bodyid[geom]).name
            if name in total:
                total[name] += sign * on_second
    return total


def colliding_states(model: mujoco.MjModel, data: mujoco.MjData) -> Iterator[None]:
    """Random tumbles near the ground with joints anywhere in their ranges."""
    generator = np.random.default_rng(2)
    low, high = model.jnt_range[1:].T
    for _ in range(60):
        quat = generator.normal(size=4)
        data.qpos[2] = generator.uniform(0.2, 0.8)
        data.qpos[3:7] = quat / np.linalg.norm(quat)
        data.qpos[7:] = generator.uniform(low, high)
        data.qvel[:] = generator.normal(size=model.nv)
        mujoco.mj_forward(model, data)
        yield


def test_contact_sensors_give_the_net_force_on_the_link(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    sensors = {
        XBOT_L.base_body: "base_contact",
        **{foot: f"{side}_foot_contact" for side, foot in FEET.items()},
    }
    touched, leg_on_leg = set(), 0
    for _ in colliding_states(model, data):
        expected = net_forces(model, data)
        leg_on_leg += sum(model.geom_bodyid[contact.geom].all() for contact in data.contact)
        for link, sensor in sensors.items():
            scale = 1.0 + np.abs(expected[link]).max()
            np.testing.assert_allclose(data.sensor(sensor).data, expected[link], atol=1e-9 * scale)
            if expected[link].any():
                touched.add(link)
    assert touched == set(sensors)
    assert leg_on_leg > 0


def test_only_the_ground_and_the_other_leg_collide(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    for _ in colliding_states(model, data):
        for contact in data.contact:
            owners = {model.body(model.geom_bodyid[geom]).name.split("_")[0] for geom in contact.geom}
            assert "world" in owners or owners == {"left", "right"}


def test_friction_is_the_soles(data: mujoco.MjData) -> None:
    """Whatever the ground's is: a simulator writes the effective coefficient to the soles alone."""
    model = mujoco.MjModel.from_xml_path(str(XBOT_L.mjcf))
    model.geom("floor").friction[0] = 5.0
    model.geom("left_sole").friction[0] = 0.3
    data.qpos[2] -= 0.001
    mujoco.mj_forward(model, data)
    frictions = {model.geom(contact.geom[1]).name: contact.friction[0] for contact in data.contact}
    assert frictions == {"left_sole": 0.3, "right_sole": 1.0}


def test_visual_shapes_can_be_dropped(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    bare_model = robot_spec(XBOT_L, visuals=False).compile()
    assert bare_model.ngeom < model.ngeom // 2
    bare = mujoco.MjData(bare_model)
    mujoco.mj_resetDataKeyframe(bare_model, bare, 0)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    for _ in range(50):
        mujoco.mj_step(model, data)
        mujoco.mj_step(bare_model, bare)
    np.testing.assert_array_equal(bare.qpos, data.qpos)
    np.testing.assert_array_equal(bare.sensordata, data.sensordata)
