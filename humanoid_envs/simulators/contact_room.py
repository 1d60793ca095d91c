"""How much room for contacts and constraints a robot on the ground needs, which GPUs allocate beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List

import mujoco
import numpy as np

_FLAT = 3
"""A geom that touches the ground in so many points lies on it."""
_MOST_CONTACTS, _MOST_ROWS = 256, 1024
"""Beyond this, memory for thousands of robots would not do; who needs more asks for it."""
_ROUND = 8
"""Points in which a rigid body of spheres and capsules touches the ground."""


@dataclass(frozen=True)
class Room:
    """What one robot may have at the same time."""

    contacts: int
    constraints: int
    """Constraint rows: several for a contact, one for a joint at its limit."""


def needed_room(model: mujoco.MjModel) -> Room:
    """Room for the robot in whatever way it lies, up to 256 contacts and 1024 constraint rows.

    A rigid body lies on its flat geoms (boxes, meshes, cylinders) with all their corners, or on its round
    ones with up to 8 points; on terrain all are spheres, of one point each. Either all bodies lie on the
    ground and no joint is at its limit; or half of them do, each geom that can touch another of the robot
    touches one, and all joints are at their limits.
    """
    ground = min(_ground_contacts(model), _MOST_CONTACTS)
    contacts = _either(ground, _self_contacts(model))
    limits = int(np.count_nonzero(model.jnt_limited)) + int(np.count_nonzero(model.tendon_limited))
    always = int(np.count_nonzero(model.dof_frictionloss)) + 6 * model.neq
    rows = _either(contacts * _rows_per_contact(model), limits) + always
    return Room(min(max(contacts, 1), _MOST_CONTACTS), min(max(rows, 1), _MOST_ROWS))


def _either(lying: int, else_: int) -> int:
    return max(lying, lying // 2 + else_)


def _ground_contacts(model: mujoco.MjModel) -> int:
    """Between bodies that can move and what cannot."""
    fixed = np.flatnonzero(model.body_weldid[model.geom_bodyid] == 0).tolist()
    uneven = [geom for geom in fixed if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_HFIELD]
    points: Dict[int, List[int]] = {}
    for geom in _movable(model):
        touched = [
            1 if under in uneven else mujoco.mj_maxContact(model, under, geom, -1)
            for under in fixed
            if can_meet(model, under, geom)
        ]
        if touched:
            points.setdefault(int(model.body_weldid[model.geom_bodyid[geom]]), []).append(max(touched))
    flat = {body: sum(n for n in found if n >= _FLAT) for body, found in points.items()}
    round_ = {body: sum(n for n in found if n < _FLAT) for body, found in points.items()}
    return sum(max(flat[body], min(round_[body], _ROUND)) for body in points)


def _self_contacts(model: mujoco.MjModel) -> int:
    """Between bodies of the robot, if each geom touches one other."""
    most: Dict[int, int] = {}
    movable = _movable(model)
    for i, first in enumerate(movable):
        for second in movable[i + 1 :]:
            apart = (
                model.body_weldid[model.geom_bodyid[first]] != model.body_weldid[model.geom_bodyid[second]]
            )
            if apart and can_meet(model, first, second):
                points = mujoco.mj_maxContact(model, first, second, -1)
                most[first], most[second] = (max(most.get(geom, 0), points) for geom in (first, second))
    return -(-sum(most.values()) // 2)


def _movable(model: mujoco.MjModel) -> List[int]:
    return np.flatnonzero(model.body_weldid[model.geom_bodyid] != 0).tolist()


def can_meet(model: mujoco.MjModel, first: int, second: int) -> bool:
    """Whether two geoms may collide, by their bits or as a pair that the model names."""
    kind, with_ = model.geom_contype, model.geom_conaffinity
    if kind[first] & with_[second] or kind[second] & with_[first]:
        return True
    pairs = zip(model.pair_geom1.tolist(), model.pair_geom2.tolist())
    return any({first, second} == {*pair} for pair in pairs)


def _rows_per_contact(model: mujoco.MjModel) -> int:
    dim = int(model.geom_condim.max(initial=1))
    pyramidal = model.opt.cone == mujoco.mjtCone.mjCONE_PYRAMIDAL
    return 2 * (dim - 1) if pyramidal and dim > 1 else dim
