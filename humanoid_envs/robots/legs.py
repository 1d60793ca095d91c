"""Which of a model's joints are its legs, what each is for, and which is whose image in the mirror.

All from the kinematics in the default pose, base upright at identity: nothing is concluded from names, except
that a "left" on the right tells a model that looks backwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import mujoco
import numpy as np

from humanoid_envs.errors import UserError

_NEAR = 0.03
"""Places that differ by less than this share of the legs' height are the same."""
_ALONG = 0.97
"""Cosine between axes that are the same."""
_MIRRORED = np.array([1.0, -1.0, 1.0])
_TURNED = np.array([-1.0, 1.0, -1.0])
"""A rotation in the mirror is the opposite one about the mirrored axis."""
_ROLES = ("roll", "pitch", "yaw")
"""Of a joint whose axis points forward, sideways and up."""


@dataclass(frozen=True)
class Legs:
    """Ids of a model's joints and bodies."""

    base: int
    joints: Tuple[Tuple[int, ...], Tuple[int, ...]]
    """Of the left and of the right leg, from hip to foot."""
    feet: Tuple[int, int]
    roles: Dict[int, str]
    """Of each leg joint that has one."""
    height: float
    """From the base's origin down to the lowest point of the legs, m."""

    @property
    def all_joints(self) -> Tuple[int, ...]:
        return (*self.joints[0], *self.joints[1])


def find_legs(model: mujoco.MjModel, data: mujoco.MjData, base: int) -> Legs:
    """The two chains of joints that lead to the ground.

    data: of the default pose, with the base at identity, after `mj_kinematics`.

    Raises:
        UserError: there are not two legs side by side, mirror images of each other; why.
    """
    leaves = _leaves(model, base)
    if len(leaves) < 2:
        raise UserError(
            f"Fewer than two chains of joints begin at {model.body(base).name!r}: a robot with two legs has "
            "one for each. Are joints of the legs fixed?"
        )
    low = {leaf: lowest(model, data, leaf) for leaf in leaves}
    leaves.sort(key=lambda leaf: low[leaf])
    feet = sorted(leaves[:2], key=lambda foot: -data.xpos[foot, 1])
    down = np.mean([data.xpos[foot] for foot in feet], axis=0) - data.xpos[base]
    height = float(data.xpos[base, 2] - min(low[foot] for foot in feet))
    extent = max(float(np.linalg.norm(data.xpos[leaf] - data.xpos[base])) for leaf in leaves)
    if height < 0.3 * extent or np.abs(down[:2]).max() > height:
        raise UserError(
            f"The legs do not point down from {model.body(base).name!r}: its axes must be x forward, y left, "
            "z up in the model's zero pose."
        )
    _require_side_by_side(model, data, feet, height)
    if len(leaves) > 2 and low[leaves[2]] - low[leaves[1]] < _NEAR * height:
        names = ", ".join(repr(model.body(leaf).name) for leaf in leaves[:4])
        raise UserError(
            f"More than two chains of joints reach the ground, with {names}: two legs are supported."
        )
    left, right = _chain(model, base, feet[0]), _chain(model, base, feet[1])
    shared = set(left) & set(right)  # a waist between the base and the legs
    joints = tuple(j for j in left if j not in shared), tuple(j for j in right if j not in shared)
    legs = Legs(base, joints, (feet[0], feet[1]), {}, height)
    _require_hinges(model, legs)
    _require_mirror(model, data, legs)
    pairs = dict(zip(*joints))
    for joint, role in _roles(model, data, joints[0]).items():
        legs.roles.update({joint: role, pairs[joint]: role})
    return legs


def mirror_image(model: mujoco.MjModel, data: mujoco.MjData, legs: Legs, joint: int) -> Optional[int]:
    """The joint whose place and axis are those of this one in the mirror; None if there is none."""
    for one, other in (legs.joints, legs.joints[::-1]):
        if joint in one:
            return other[one.index(joint)]
    place, axis = _MIRRORED * data.xanchor[joint], _TURNED * data.xaxis[joint]
    found, best = None, 1.0
    for other in np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_HINGE).tolist():
        apart = float(np.linalg.norm(data.xanchor[other] - place)) / (_NEAR * legs.height)
        turned = (1.0 - abs(float(data.xaxis[other] @ axis))) / (1.0 - _ALONG)
        if other not in legs.all_joints and max(apart, turned) < best:
            found, best = other, max(apart, turned)
    return found


def mirror_sign(data: mujoco.MjData, joint: int, image: int) -> float:
    """Of the image's angle in the mirrored posture."""
    return float(np.sign(_TURNED * data.xaxis[joint] @ data.xaxis[image]))


def lowest(model: mujoco.MjModel, data: mujoco.MjData, body: int) -> float:
    """Height of the lowest point of a body and what is fixed to it, m; of what touches something, if
    anything does."""
    geoms = [geom for geom in range(model.ngeom) if model.body_weldid[model.geom_bodyid[geom]] == body]
    touching = [geom for geom in geoms if model.geom_contype[geom] or model.geom_conaffinity[geom]]
    return min((lowest_of_geom(model, data, geom) for geom in touching or geoms), default=data.xpos[body, 2])


def lowest_of_geom(model: mujoco.MjModel, data: mujoco.MjData, geom: int) -> float:
    """Height of a geom's lowest point, m: of cylinders that of the box around them."""
    down = data.geom_xmat[geom].reshape(3, 3)[2]
    size, kinds = model.geom_size[geom], mujoco.mjtGeom
    kind, height = model.geom_type[geom], float(data.geom_xpos[geom, 2])
    if kind == kinds.mjGEOM_SPHERE:
        return height - float(size[0])
    if kind == kinds.mjGEOM_CAPSULE:
        return height - float(size[0] + size[1] * abs(down[2]))
    if kind == kinds.mjGEOM_MESH:
        mesh = model.geom_dataid[geom]
        first = model.mesh_vertadr[mesh]
        return height + float((model.mesh_vert[first : first + model.mesh_vertnum[mesh]] @ down).min())
    centre, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
    return height + float(down @ centre - np.abs(down) @ half)


def _leaves(model: mujoco.MjModel, base: int) -> List[int]:
    """Bodies that a joint moves and from which no joint leads on."""
    moved = [body for body in range(1, model.nbody) if model.body_jntnum[body] and body != base]
    moved = [body for body in moved if model.body_rootid[body] == model.body_rootid[base]]
    inner = set()
    for body in moved:
        parent = int(model.body_parentid[body])
        while parent not in (0, base):
            inner.add(parent)
            parent = int(model.body_parentid[parent])
    return [body for body in moved if body not in inner]


def _chain(model: mujoco.MjModel, base: int, body: int) -> Tuple[int, ...]:
    """Joints from the base to a body."""
    joints: List[int] = []
    while body not in (0, base):
        first = int(model.body_jntadr[body])
        joints[:0] = range(first, first + int(model.body_jntnum[body]))
        body = int(model.body_parentid[body])
    return tuple(joints)


def _require_side_by_side(
    model: mujoco.MjModel, data: mujoco.MjData, feet: Sequence[int], height: float
) -> None:
    left, right = (model.body(foot).name for foot in feet)
    apart = data.xpos[feet[0]] - data.xpos[feet[1]]
    if abs(apart[2]) > 5 * _NEAR * height:
        raise UserError(
            f"The lowest ends, {left!r} and {right!r}, are not feet side by side: one is {abs(apart[2]):.2f} "
            "m higher. Does a leg lack joints, or does the default pose lift it?"
        )
    if abs(apart[0]) > abs(apart[1]):
        raise UserError(
            f"The feet {left!r} and {right!r} are not left and right of each other, in the default pose, "
            "but before and behind: the base must have x forward, y left, z up."
        )
    if "right" in left.lower() and "left" in right.lower():
        raise UserError(
            f"{right!r} is on the right, at y = {data.xpos[feet[1], 1]:.2f}: the base must have x forward "
            "and y left; turn it by half a turn about z."
        )


def _require_hinges(model: mujoco.MjModel, legs: Legs) -> None:
    counts = [len(joints) for joints in legs.joints]
    if counts[0] != counts[1]:
        raise UserError(
            f"The left leg has {counts[0]} joints, the right one {counts[1]}: they must be equal."
        )
    for joint in legs.all_joints:
        if model.jnt_type[joint] != mujoco.mjtJoint.mjJNT_HINGE:
            raise UserError(
                f"Joint {model.joint(joint).name!r} of a leg is no hinge: only those are supported."
            )


def _require_mirror(model: mujoco.MjModel, data: mujoco.MjData, legs: Legs) -> None:
    for left, right in zip(*legs.joints):
        one, other = model.joint(left).name, model.joint(right).name
        apart = np.linalg.norm(_MIRRORED * data.xanchor[left] - data.xanchor[right])
        if apart > _NEAR * legs.height:
            raise UserError(
                f"Joint {other!r} is {apart:.3f} m from where the mirror image of {one!r} is: correct the "
                "origin of one of them, or the default pose."
            )
        along = _TURNED * data.xaxis[left] @ data.xaxis[right]
        if abs(along) < _ALONG:
            raise UserError(
                f"The axes of joints {one!r} and {other!r} are not mirror images: {_text(data.xaxis[left])} "
                f"and {_text(data.xaxis[right])} from the base. Correct one of them."
            )
        _require_mirrored_range(model, left, right, float(np.sign(along)))


def _require_mirrored_range(model: mujoco.MjModel, left: int, right: int, sign: float) -> None:
    if not (model.jnt_limited[left] and model.jnt_limited[right]):
        return
    one, other = model.jnt_range[left], model.jnt_range[right]
    images = {turn: np.sort(turn * one) for turn in (1.0, -1.0)}
    wrong = {turn: float(np.abs(image - other).max()) for turn, image in images.items()}
    if wrong[sign] > 0.1 and wrong[-sign] < 0.02:
        names = model.joint(left).name, model.joint(right).name
        raise UserError(
            f"Joint {names[1]!r} goes from {other[0]:.2f} to {other[1]:.2f} rad, the mirror image of "
            f"{names[0]!r} from {images[sign][0]:.2f} to {images[sign][1]:.2f}: its axis has the wrong sign, "
            "or its range."
        )


def _text(axis: np.ndarray) -> str:
    return "(" + ", ".join(f"{value:.2f}" for value in axis) + ")"


def _roles(model: mujoco.MjModel, data: mujoco.MjData, leg: Sequence[int]) -> Dict[int, str]:
    """The knee is the sideways axis that cuts the leg in its two long parts; those before it belong to the
    hip, those behind it to the ankle."""
    turns = {joint: _ROLES[int(np.abs(data.xaxis[joint]).argmax())] for joint in leg}
    pitches = [joint for joint in leg if turns[joint] == "pitch"]
    if len(pitches) < 2:
        names = ", ".join(repr(model.joint(joint).name) for joint in leg)
        raise UserError(
            f"Of the left leg's joints ({names}) {len(pitches)} have an axis that points sideways: a hip and "
            "a knee must. Are joints fixed, or axes wrong?"
        )
    knee = _knee(data, pitches)
    hip = next(joint for joint in pitches if joint != knee)
    ankle = pitches[pitches.index(knee) + 1 : pitches.index(knee) + 2]
    roles = {hip: "hip_pitch", knee: "knee", **dict.fromkeys(ankle, "ankle_pitch")}
    for joint in leg:
        before = leg.index(joint) < leg.index(knee)
        role = f"{'hip' if before else 'ankle'}_{turns[joint]}"
        if role in ("hip_roll", "hip_yaw", "ankle_roll") and role not in roles.values():
            roles[joint] = role
    return roles


def _knee(data: mujoco.MjData, pitches: Sequence[int]) -> int:
    if len(pitches) == 2:
        return pitches[1]

    def shorter(index: int) -> float:
        places = data.xanchor[list(pitches[index - 1 : index + 2])]
        return float(np.linalg.norm(np.diff(places, axis=0), axis=1).min())

    return pitches[max(range(1, len(pitches) - 1), key=shorter)]
