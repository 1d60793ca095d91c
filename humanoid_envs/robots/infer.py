"""A `Robot` from its maker's model file: what it says, what has to be guessed, and what is missing.

    inference = infer_robot("mine.urdf", name="mine")
    print(inference.report())
    register_robot(inference.robot)

Legs, roles and mirror images follow from the kinematics (`humanoid_envs.robots.legs`), gains and torque
limits from the motors (`humanoid_envs.robots.motors`), masses and lengths from the model
(`humanoid_envs.robots.measure`). Needs MuJoCo.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

import mujoco
import numpy as np
from typing_extensions import Literal

from humanoid_envs.errors import UserError
from humanoid_envs.robots.findings import Finding, find_all
from humanoid_envs.robots.measure import measured_robot
from humanoid_envs.robots.model_path import model_path
from humanoid_envs.robots.motors import Motor, leg_motor, upper_motor
from humanoid_envs.robots.reading import Reading, read_robot
from humanoid_envs.robots.robot import GRAVITY, Joint, Robot
from humanoid_envs.robots.urdf_faults import urdf_faults

UpperBody = Literal["weld", "hold", "policy"]


@dataclass(frozen=True)
class Inference:
    """A robot, and where its figures are from."""

    robot: Robot
    findings: Tuple[Finding, ...]

    def report(self) -> str:
        """The findings, one below the other."""
        return "\n".join(map(str, self.findings))


def infer_robot(
    source: Union[str, Path], *, name: str, upper_body: UpperBody = "weld", **given: Any
) -> Inference:
    """The robot in a model file, which is named as for `model_path`.

    upper_body: what becomes of the joints above the legs: welded at their default angle, held there by a PD
    law, or moved by the policy like the legs.
    given: fields of `Robot` that are to be otherwise.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is no robot of two serial legs, or something in it is wrong; one line for each fault.
    """
    path = model_path(source)
    faults = urdf_faults(path) if path.suffix.lower() == ".urdf" else []
    if faults:
        raise UserError(_listed(path, faults))
    try:
        reading = read_robot(path, name)
        robot = _skeleton(reading, name, upper_body, given)
        motors = _motors(reading, robot)
        robot = _with_motors(robot, motors)
        return Inference(robot, tuple(find_all(reading, robot, motors)))
    except UserError as error:
        raise error if str(path) in str(error) else UserError(_listed(path, [str(error)])) from None


def _listed(path: Path, faults: List[str]) -> str:
    return f"{path}: {faults[0]}" if len(faults) == 1 else "\n  ".join([f"{path}:", *faults])


def _skeleton(reading: Reading, name: str, upper_body: UpperBody, given: Dict[str, Any]) -> Robot:
    """The robot with all lengths, masses and signs, but with motors of nothing."""
    left, right = reading.legs.joints
    knees = left.index(next(joint for joint in left if reading.legs.roles.get(joint) == "knee"))
    upper = [reading.joint(joint) for joint in reading.upper_joints]
    acted = upper_body == "policy"
    robot = measured_robot(
        name=name,
        mjcf=reading.path,
        base_body=reading.model.body(reading.base).name,
        foot_bodies=reading.links((left[-1], right[-1])),
        knee_bodies=reading.links((left[knees], right[knees])),
        joints=(
            *(reading.joint(joint, "left") for joint in left),
            *(reading.joint(joint, "right") for joint in right),
            *(upper if acted else ()),
        ),
        upper_joints=() if acted else tuple(upper),
        upper_body="weld" if acted else upper_body,
        **{"falls_on": "any link", "urdf": _isaacgym_urdf(reading), **given},
    )
    if reading.posture.knees_behind:
        bent = tuple(dataclasses.replace(joint, bend=0.0 - joint.bend) for joint in robot.joints)
        robot = dataclasses.replace(robot, joints=bent)
    for joint in robot.joints:
        if joint.mirror is None and joint.role is None:
            raise UserError(
                f"Joint {joint.name!r} has no mirror image, which the policy's joints need: weld or hold the "
                "upper body."
            )
    return robot


def _isaacgym_urdf(reading: Reading) -> Optional[Path]:
    return None if reading.upper_joints or reading.path.suffix.lower() != ".urdf" else reading.path


def _motors(reading: Reading, robot: Robot) -> Dict[str, Motor]:
    """Of all joints, by their names."""
    model, data = reading.model, reading.posture.data
    mujoco.mj_forward(model, data)
    inertia = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, data, inertia)
    moment = robot.weight * robot.leg_length
    dofs = model.jnt_dofadr[list(reading.legs.all_joints)]
    differ = float(np.ptp(model.dof_armature[dofs])) > 0.0
    motors = {}
    for joint in reading.legs.all_joints:
        motors[reading.name_of(joint)] = leg_motor(
            model,
            joint,
            reading.legs.roles.get(joint),
            weight_moment=moment,
            pendulum=math.sqrt(robot.leg_length / GRAVITY),
            rotors_differ=differ,
        )
    for joint in reading.upper_joints:
        dof = int(model.jnt_dofadr[joint])
        motors[reading.name_of(joint)] = upper_motor(model, joint, float(inertia[dof, dof]))
    return motors


def _with_motors(robot: Robot, motors: Dict[str, Motor]) -> Robot:
    def driven(joint: Joint, acted: bool) -> Joint:
        motor = motors[joint.name]
        return dataclasses.replace(
            joint,
            stiffness=motor.stiffness,
            damping=motor.damping,
            torque_limit=motor.torque_limit,
            armature=motor.armature,
            action_scale=float(f"{motor.action_scale:.3g}") if acted else None,
        )

    return dataclasses.replace(
        robot,
        joints=tuple(driven(joint, True) for joint in robot.joints),
        upper_joints=tuple(driven(joint, False) for joint in robot.upper_joints),
    )
