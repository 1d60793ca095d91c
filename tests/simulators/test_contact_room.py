"""Room for contacts and constraints is what the robot needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import mujoco
import pytest
import torch

from humanoid_envs.errors import UserError
from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.contact_room import Room, needed_room
from humanoid_envs.simulators.mujoco_model import load_model
from humanoid_envs.simulators.mujoco_warp import MuJoCoWarpSimulator
from humanoid_envs.simulators.simulator import PhysicsConfig
from tests.simulators.boxes import HALF_HEIGHT, box_robot
from tests.simulators.grounds import level

PHYSICS = PhysicsConfig(timestep=0.002, decimation=10, implicit_damping=True)


def model_of(bodies: str, ground: str = '<geom type="plane" size="0 0 1"/>') -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{ground}{bodies}</worldbody></mujoco>")


def body(*geoms: str, joint: str = "<freejoint/>") -> str:
    return f"<body>{joint}{''.join(f'<geom {geom}/>' for geom in geoms)}</body>"


BOX, SPHERE, CAPSULE = 'type="box" size="1 1 1"', 'size="1"', 'type="capsule" size="1 1"'


def test_room_of_xbot_l() -> None:
    assert needed_room(load_model(XBOT_L, PhysicsConfig(), visuals=False)) == Room(24, 96)


def test_room_of_xbot_l_on_terrain() -> None:
    """Sixteen spheres of soles, eight of the base's, two of each thigh and shank."""
    assert needed_room(load_model(XBOT_L, PhysicsConfig(), level(), visuals=False)) == Room(32, 128)


def test_room_of_boxes(tmp_path: Path) -> None:
    assert needed_room(load_model(box_robot(tmp_path), PhysicsConfig(), sensors=False)) == Room(56, 224)


@pytest.mark.parametrize(
    ("model", "contacts", "rows"),
    [
        (model_of(body(BOX)), 4, 16),
        (model_of(body(SPHERE)), 1, 4),
        (model_of(body(BOX, BOX, CAPSULE)), 8, 32),  # on flat geoms or on round ones
        (model_of(body(*[CAPSULE] * 9)), 8, 32),
        (model_of(body(BOX) + body(BOX)), 8 // 2 + 8, 48),  # a pair of boxes touches in 8 points
        (model_of(body(BOX, 'type="sphere" size="1" condim="6"')), 4, 40),
        (model_of(body(BOX, joint='<joint range="0 1" limited="true"/>')), 4, 16),
        (model_of(body(BOX, joint='<joint frictionloss="1"/>')), 4, 17),
        (model_of(body('type="box" size="1 1 1" contype="0" conaffinity="0"')), 1, 1),
        (model_of(body(*[BOX] * 100)), 256, 1024),
        (model_of(body(BOX), '<geom name="fixed" type="box" size="1 1 1" contype="2"/>'), 8, 32),
    ],
)
def test_rules(model: mujoco.MjModel, contacts: int, rows: int) -> None:
    assert needed_room(model) == Room(contacts, rows)


@pytest.mark.parametrize(("options", "lies"), [({}, True), ({"max_contacts": 8}, False)])
def test_robot_of_boxes_lies_on_the_ground(tmp_path: Path, options: Dict[str, Any], lies: bool) -> None:
    simulator = MuJoCoWarpSimulator(box_robot(tmp_path), PHYSICS, 1, "cpu", **options)
    for _step in range(10):
        simulator.step(torch.zeros(1, 12))
    lowest = min(simulator.state.feet_pos[..., 2].min(), simulator.state.base_pos[:, 2].min())
    assert bool(lowest > 0.98 * HALF_HEIGHT) == lies
    assert simulator.contacts_dropped.tolist() == [not lies]
    assert not simulator.constraints_dropped.any()


@pytest.mark.parametrize("name", ["max_contacts", "max_constraints"])
@pytest.mark.parametrize("value", [0, -1, 2.5, "many", True])
def test_room_must_be_a_positive_integer(name: str, value: object) -> None:
    with pytest.raises(UserError, match=f"{name} must be an integer of at least 1.*{value!r}"):
        MuJoCoWarpSimulator(XBOT_L, device="cpu", **{name: value})  # pyright: ignore[reportArgumentType]
