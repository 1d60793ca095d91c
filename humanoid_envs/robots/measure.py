"""What a model file says of its robot: masses, lengths, and how its joints mirror and bend.

    MINE = register_robot(measured_robot(
        name="mine", mjcf="mine.xml", base_body="pelvis", foot_bodies=(…), knee_bodies=(…), joints=(…)))

Needs MuJoCo.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Dict, Sequence, Tuple, Union

import mujoco
import numpy as np

from humanoid_envs.errors import UserError
from humanoid_envs.robots.legs import lowest_of_geom
from humanoid_envs.robots.lift import with_lifts
from humanoid_envs.robots.posture import TURNS
from humanoid_envs.robots.robot import Joint, Robot
from humanoid_envs.robots.xbot_l import XBOT_L
from humanoid_envs.simulators.mujoco_model import index_model
from humanoid_envs.simulators.mujoco_spec import compiled, robot_spec

_DROP = XBOT_L.start_height / XBOT_L.standing_height
_CLEAR = 0.5
"""An axis, a unit vector, with more than this of a direction has it."""


def measured_robot(
    *,
    name: str,
    mjcf: Union[str, Path],
    joints: Sequence[Joint],
    base_body: str,
    foot_bodies: Tuple[str, str],
    knee_bodies: Tuple[str, str],
    **given: Any,
) -> Robot:
    """A robot with the figures of its model file: masses, `standing_height`, `sole_height`, `leg_length`,
    `feet_apart` and `knees_apart`; `start_height` as far above the standing one as XBot-L's. `mirror_sign` of
    its joints follows from their axes, and so does `bend` of those with the roles hip_pitch, knee and
    ankle_pitch.

    given: fields of `Robot` that are to be otherwise.

    Raises:
        FileNotFoundError: there is no model file.
        UserError: it lacks something, see `load_model`, or a field is wrong.
    """
    unknown: Dict[str, Any] = dict.fromkeys(
        ("base_mass", "total_mass", "start_height", "standing_height", "sole_height", "leg_length"), 1.0
    )
    fields = {"name": name, "mjcf": Path(mjcf).resolve(), "joints": tuple(joints), "base_body": base_body}
    fields.update(foot_bodies=tuple(foot_bodies), knee_bodies=tuple(knee_bodies))
    try:
        draft = Robot(**{**fields, **unknown, **given})
    except TypeError as error:
        raise UserError(f"measured_robot: {error}.") from None
    model = compiled(robot_spec(draft, visuals=False, sensors=False), draft)
    data = _standing(model, draft)
    index = index_model(model, draft)
    base, feet = data.xpos[index.base_body], data.xpos[index.foot_bodies]
    pairs = {"feet": feet, "knees": data.xpos[index.knee_bodies]}
    soles = np.array([lowest_of_geom(model, data, sole) for sole in index.soles])
    standing, foot = float(base[2] - soles.min()), float(feet[:, 2].min() - soles.min())
    measured = {
        "base_mass": float(model.body_mass[index.base_body]),
        "total_mass": float(model.body_subtreemass[index.base_body]),
        "start_height": standing * _DROP,
        "standing_height": standing,
        "sole_height": max(foot, 0.0),
        **{f"{part}_apart": float(np.hypot(*(pair[0] - pair[1])[:2])) for part, pair in pairs.items()},
        "leg_length": _stretched(model, data, draft, index.base_body, index.foot_bodies[0]) + max(foot, 0.0),
        "joints": _with_axes(draft, model, data),
    }
    robot = dataclasses.replace(draft, **{**measured, **given})
    return with_lifts(robot, model, data, index)


def _standing(model: mujoco.MjModel, robot: Robot) -> mujoco.MjData:
    """Upright, with the joints at their default."""
    data = mujoco.MjData(model)
    index = index_model(model, robot)
    data.qpos[index.base_qpos : index.base_qpos + 7] = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    data.qpos[index.joint_qpos] = [joint.default_pos for joint in robot.joints]
    mujoco.mj_kinematics(model, data)
    return data


def _stretched(model: mujoco.MjModel, data: mujoco.MjData, robot: Robot, base: int, foot: int) -> float:
    """From the first of a leg's joints down to the foot's origin with the leg stretched: the height of what
    is before the hip's pitch joint, and thigh and shank as seen from the side."""
    roles = {joint.name: joint.role for joint in robot.joints if joint.side is not None}
    leg, body = [], foot
    while body not in (0, base):
        first = int(model.body_jntadr[body])
        joints = [model.joint(first + i).name for i in range(int(model.body_jntnum[body]))]
        leg[:0] = [(data.xpos[body], name) for name in joints if name in roles]
        body = int(model.body_parentid[body])
    length, pitched = 0.0, "hip_pitch" not in [roles[name] for _, name in leg]
    for (place, name), (following, _) in zip(leg, leg[1:]):
        pitched = pitched or roles[name] == "hip_pitch"
        x, _, z = following - place
        length += float(np.hypot(x, z)) if pitched else abs(float(z))
    return length


def _with_axes(robot: Robot, model: mujoco.MjModel, data: mujoco.MjData) -> Tuple[Joint, ...]:
    """The joints with signs that follow from their axes in the default pose."""
    ids = [model.joint(joint.name).id for joint in robot.joints]
    axes = {joint.name: data.xaxis[index] for joint, index in zip(robot.joints, ids)}
    images = robot.joint_images()
    found = []
    for joint, image in zip(robot.joints, images):
        # A rotation in the mirror is the opposite one about the mirrored axis.
        mirrored = np.array([-1.0, 1.0, -1.0]) * axes[joint.name]
        sign = float(mirrored @ axes[robot.joints[image].name])
        if abs(sign) < _CLEAR:
            raise UserError(
                f"Robot {robot.name!r}: the axes of joints {joint.name!r} and {robot.joints[image].name!r} "
                "do not mirror each other in the default pose."
            )
        sideways = float(axes[joint.name][1])
        bend = joint.bend
        if joint.role in TURNS and joint.side is not None:
            if abs(sideways) < _CLEAR:
                raise UserError(
                    f"Robot {robot.name!r}: joint {joint.name!r} has role {joint.role!r}, but its axis does "
                    "not point sideways."
                )
            bend = TURNS[joint.role] * float(np.sign(sideways))
        found.append(dataclasses.replace(joint, mirror_sign=float(np.sign(sign)), bend=bend))
    return tuple(found)
