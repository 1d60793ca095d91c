"""A model file of a robot, compiled as it is, with what its kinematics say: base, posture, legs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

import mujoco
import numpy as np

from humanoid_envs.errors import UserError
from humanoid_envs.robots.legs import Legs, find_legs, mirror_image, mirror_sign
from humanoid_envs.robots.model_faults import require_plausible, require_serial
from humanoid_envs.robots.posture import Posture, default_posture
from humanoid_envs.robots.robot import Joint, Side
from humanoid_envs.simulators.model_file import read_model, root_link, unusable


@dataclass(frozen=True)
class Reading:
    """The model in the robot's default posture."""

    path: Path
    model: mujoco.MjModel
    base: int
    """Id of the base body."""
    floats: bool
    """Whether the base had a free joint in the file."""
    posture: Posture
    legs: Legs

    @property
    def upper_joints(self) -> Tuple[int, ...]:
        """Hinges that are not in the legs."""
        hinges = np.flatnonzero(self.model.jnt_type == int(mujoco.mjtJoint.mjJNT_HINGE)).tolist()
        return tuple(joint for joint in hinges if joint not in self.legs.all_joints)

    def name_of(self, joint: int) -> str:
        """UserError if it has none."""
        name = self.model.joint(joint).name
        if not name:
            body = self.model.body(self.model.jnt_bodyid[joint]).name
            raise UserError(f"A joint of body {body!r} has no name: name it.")
        return name

    def links(self, joints: Tuple[int, int]) -> Tuple[str, str]:
        """Names of the bodies that two joints move. UserError if one has none."""
        left, right = (self.model.body(self.model.jnt_bodyid[joint]).name for joint in joints)
        if not left or not right:
            names = " and ".join(repr(self.model.joint(joint).name) for joint in joints)
            raise UserError(f"The bodies that joints {names} move must have names: name them.")
        return left, right

    def joint(self, joint: int, side: Optional[Side] = None) -> Joint:
        """A joint with its place in the robot, without figures of its motor."""
        model, data, role = self.model, self.posture.data, self.legs.roles.get(joint)
        image = mirror_image(model, data, self.legs, joint)
        return Joint(
            self.name_of(joint),
            stiffness=1.0,
            damping=1.0,
            torque_limit=1.0,
            default_pos=round(float(data.qpos[model.jnt_qposadr[joint]]), 6),
            role=role,
            side=side,
            mirror=None if image is None or role else self.name_of(image),
            mirror_sign=-1.0 if image is None else mirror_sign(data, joint, image),
        )


def read_robot(path: Path, name: str) -> Reading:
    """UserError for what keeps the file from being a robot with two legs."""
    spec = read_model(path, root_link(path), f"robot {name!r}")
    base = _base(spec)
    floats = bool(base.joints)
    if not floats:
        base.add_freejoint()
    require_serial(spec)
    try:
        model = spec.compile()
    except ValueError as error:
        raise unusable(path, f"robot {name!r}", error) from error
    body = model.body(base.name).id
    posture = default_posture(model, body)
    legs = find_legs(model, posture.data, body)
    require_plausible(model, legs)
    return Reading(path, model, body, floats, posture.with_bent_knees(model, legs), legs)


def _base(spec: mujoco.MjSpec) -> mujoco.MjsBody:
    tops = [body for body in spec.worldbody.bodies if body.find_all(mujoco.mjtObj.mjOBJ_JOINT)]
    if not tops:
        raise UserError("It has no joints: nothing can move.")
    if len(tops) > 1:
        names = ", ".join(repr(body.name) for body in tops)
        raise UserError(f"It has {len(tops)} bodies with joints at its root, {names}: leave one, the robot.")
    (base,) = tops
    if not base.name:
        raise UserError("The base, the body at the root, has no name: name it.")
    if [joint for joint in base.joints if joint.type != mujoco.mjtJoint.mjJNT_FREE]:
        names = ", ".join(repr(joint.name) for joint in base.joints)
        raise UserError(f"The base {base.name!r} moves on {names}: give it a <freejoint/> instead.")
    return base
