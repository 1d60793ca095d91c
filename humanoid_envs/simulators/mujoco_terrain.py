"""A MuJoCo model of a robot on flat ground, put on a terrain.

The ground becomes a height field of the terrain's array. What of the robot touched the ground now does so by
spheres: boxes on height fields are slow in C MuJoCo and wrong in MuJoCo Warp, and the contact of a sphere is
one that both compute alike. The robot's parts go on touching each other as they did.

C MuJoCo takes each triangle for a body of its own: where a sphere presses on the edge between two, there is a
second, slanted contact. On planes of 5 cm cells it added up to 0.013 to the friction coefficient.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import List, Sequence, Set

import mujoco
import numpy as np

from humanoid_envs.errors import UserError
from humanoid_envs.robots import Robot
from humanoid_envs.simulators.contact_room import can_meet
from humanoid_envs.simulators.heights import start_ground
from humanoid_envs.simulators.mujoco_spec import compiled, is_ground, new_name
from humanoid_envs.terrain.terrain import Terrain

_RADIUS = 0.015
"""Of the spheres at the edges of a box, m, or half its thickness if that is less."""
_BASE_THICKNESS = 1.0
"""Of a height field below its lowest point, m."""
_BITS = 31
"""Of MuJoCo's contact filter; the last one is the sign."""


@dataclass(frozen=True)
class Point:
    """A sphere that stands for a geom, or for a corner of it, on the ground."""

    geom: int
    """In the model on flat ground."""
    pos: np.ndarray
    """(3,) in the frame of the geom's body, m."""
    radius: float


def put_on_terrain(spec: mujoco.MjSpec, robot: Robot, terrain: Terrain) -> None:
    """Exchange the flat ground of a robot's spec for a terrain.

    Boxes of the feet get `robot.sole_points` spheres on the face that is below in the default pose, capsules
    two, all else one at each corner of the box around it. Spheres have the contact parameters of the shape
    that they stand for.

    Raises:
        UserError: MuJoCo cannot use the spec, or all bits of its contact filter are taken.
    """
    _name_all(spec)
    flat = compiled(spec, robot)
    ground = [
        geom for geom in np.flatnonzero(flat.geom_bodyid == 0).tolist() if is_ground(flat.geom_type[geom])
    ]
    touching = [
        geom
        for geom in np.flatnonzero(flat.body_weldid[flat.geom_bodyid] != 0).tolist()
        if any(can_meet(flat, geom, under) for under in ground)
    ]
    down = _down(flat, robot)
    bit = _free_bit(flat)
    _exchange_ground(spec, terrain, bit)
    taken = {geom.name for geom in spec.geoms}
    for geom in touching:
        for point in _points(flat, robot, geom, down[geom]):
            name = _numbered(f"{flat.geom(geom).name}_point", taken)
            _add_sphere(spec, flat, ground[0], point, name, bit)
        if not _meets_others(flat, geom, ground):
            idle = spec.geom(flat.geom(geom).name)
            idle.contype = idle.conaffinity = 0
    base = spec.body(robot.base_body)
    base.pos = [*base.pos[:2], base.pos[2] + start_ground(terrain)]


def _name_all(spec: mujoco.MjSpec) -> None:
    """What the maker left without a name is found by it later."""
    for kind, elements in (("body", spec.bodies[1:]), ("geom", spec.geoms)):
        taken = {element.name for element in elements}
        for element in elements:
            if not element.name:
                element.name = _numbered(kind, taken)


def _numbered(name: str, taken: Set[str]) -> str:
    """A new name with a number, which is taken from now on."""
    found = next(f"{name}_{i}" for i in itertools.count() if f"{name}_{i}" not in taken)
    taken.add(found)
    return found


def _free_bit(model: mujoco.MjModel) -> int:
    used = int(np.bitwise_or.reduce(model.geom_contype | model.geom_conaffinity))
    for bit in range(_BITS):
        if not used >> bit & 1:
            return 1 << bit
    raise UserError(
        "The robot's model uses all bits of contype and conaffinity; terrain needs one of its own."
    )


def _exchange_ground(spec: mujoco.MjSpec, terrain: Terrain, bit: int) -> None:
    old = [geom for geom in spec.worldbody.geoms if is_ground(geom.type)]
    name, material = old[0].name, old[0].material
    gone = {geom.name for geom in old}
    for pair in [*spec.pairs]:
        if gone & {pair.geomname1, pair.geomname2}:
            spec.delete(pair)
    for geom in old:
        spec.delete(geom)
    lowest = float(terrain.heights.min())
    extent = max(float(terrain.heights.max()) - lowest, 1e-3)
    columns, rows = terrain.heights.shape  # MuJoCo's rows are along y
    field = spec.add_hfield(
        name=new_name("terrain", (field.name for field in spec.hfields)),
        nrow=rows,
        ncol=columns,
        size=[0.5 * terrain.size[0], 0.5 * terrain.size[1], extent, _BASE_THICKNESS],
        userdata=((terrain.heights.T.astype(np.float64) - lowest) / extent).ravel(),
    )
    spec.worldbody.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_HFIELD,
        hfieldname=field.name,
        pos=[*terrain.center, lowest],
        material=material,
        contype=bit,
        conaffinity=0,
        condim=3,
        priority=0,
    )


def _down(flat: mujoco.MjModel, robot: Robot) -> np.ndarray:
    """(geoms, 3): the direction of gravity in each geom's frame, upright in the default pose."""
    data = mujoco.MjData(flat)
    start = flat.jnt_qposadr[flat.body_jntadr[flat.body(robot.base_body).id]]
    data.qpos[start + 3 : start + 7] = [1.0, 0.0, 0.0, 0.0]
    for joint in robot.joints:
        data.qpos[flat.jnt_qposadr[flat.joint(joint.name).id]] = joint.default_pos
    mujoco.mj_kinematics(flat, data)
    return -data.geom_xmat.reshape(-1, 3, 3)[:, 2]


def _points(flat: mujoco.MjModel, robot: Robot, geom: int, down: np.ndarray) -> List[Point]:
    kind, size = flat.geom_type[geom], flat.geom_size[geom]
    if kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        offsets, radius = np.zeros((1, 3)), float(size[0])
    elif kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
        offsets, radius = np.array([[0.0, 0.0, -size[1]], [0.0, 0.0, size[1]]]), float(size[0])
    else:
        centre, half = flat.geom_aabb[geom, :3], flat.geom_aabb[geom, 3:]
        radius = min(_RADIUS, float(half.min()))
        sole = flat.body(flat.geom_bodyid[geom]).name in robot.foot_bodies
        signs = _sole_signs(half, down, robot.sole_points) if sole else _CORNERS
        offsets = centre + signs * (half - radius)
    axes = np.zeros(9)
    mujoco.mju_quat2Mat(axes, flat.geom_quat[geom])
    places = flat.geom_pos[geom] + offsets @ axes.reshape(3, 3).T
    return [Point(geom, place, radius) for place in places]


_CORNERS = np.array([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])


def _sole_signs(half: np.ndarray, down: np.ndarray, count: int) -> np.ndarray:
    """(count, 3) in [−1, 1]: two rows along the longer side of the face that is below."""
    below = int(np.argmax(np.abs(down)))
    wide, long = sorted((axis for axis in range(3) if axis != below), key=lambda axis: half[axis])
    signs = np.zeros((count, 3))
    signs[:, below] = np.sign(down[below])
    signs[:, long] = np.repeat(np.linspace(-1.0, 1.0, count // 2), 2)
    signs[:, wide] = np.tile([-1.0, 1.0], count // 2)
    return signs


def _add_sphere(
    spec: mujoco.MjSpec, flat: mujoco.MjModel, ground: int, point: Point, name: str, bit: int
) -> None:
    """With priority over the ground, so that its own parameters count: those of the contact on flat ground,
    as long as both have the same `solref` and `solimp`, or the robot's are to count."""
    geom = point.geom
    own = flat.geom_priority[geom] > flat.geom_priority[ground]
    friction, condim = flat.geom_friction[geom], flat.geom_condim[geom]
    spec.body(flat.body(flat.geom_bodyid[geom]).name).add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[point.radius, 0.0, 0.0],
        pos=point.pos,
        mass=0.0,
        group=int(flat.geom_group[geom]),
        rgba=flat.geom_rgba[geom],
        contype=0,
        conaffinity=bit,
        priority=1,
        condim=int(condim if own else max(condim, flat.geom_condim[ground])),
        friction=friction if own else np.maximum(friction, flat.geom_friction[ground]),
        solref=flat.geom_solref[geom],
        solimp=flat.geom_solimp[geom],
    )


def _meets_others(flat: mujoco.MjModel, geom: int, ground: Sequence[int]) -> bool:
    others = (other for other in range(flat.ngeom) if other not in ground)
    return any(
        can_meet(flat, geom, other) for other in others if flat.geom_bodyid[other] != flat.geom_bodyid[geom]
    )
