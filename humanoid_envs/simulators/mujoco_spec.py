"""The maker's model file, with what this project adds to it: ground, motors, sensors, a camera.

Everything is found by the robot's names. The file's own motors, sensors and keyframes' controls are left out;
joints that the robot does not name are welded, and their links become part of the link before.
"""

from __future__ import annotations

from typing import Any, Iterable, List, Sequence, Tuple

import mujoco
import numpy as np

from humanoid_envs.configs import nearest
from humanoid_envs.errors import UserError
from humanoid_envs.robots import SIDES, Robot
from humanoid_envs.simulators.model_file import read_model, unusable

FLOOR = "floor"
_HEIGHT = 0.885256
"""Standing height for which the camera's place is meant, m."""
OUTSIDE_CONTACT = "outside_contact"
"""Sensor of what the world does to the whole robot, where any link may fall."""
_NET_FORCE = (2, 3, 1)
"""Of a contact sensor: the force alone, summed over all contacts, as one slot."""


def robot_spec(robot: Robot, *, visuals: bool = True, sensors: bool = True) -> mujoco.MjSpec:
    """The robot on flat ground, ready to compile.

    visuals, sensors: see `load_model`.

    Raises:
        FileNotFoundError: there is no model file.
        UserError: MuJoCo cannot read it, or it lacks a body or a joint that the robot names.
    """
    if not robot.mjcf.is_file():
        raise FileNotFoundError(f"The model of robot {robot.name!r} is not at {robot.mjcf}.")
    spec = read_model(robot.mjcf, robot.base_body, f"robot {robot.name!r}")
    _require_names(spec, robot)
    _let_base_float(spec, robot)
    for element in [*spec.sensors, *spec.actuators]:
        spec.delete(element)
    for key in spec.keys:
        key.ctrl, key.act = [], []
    _pose_upper_body(spec, robot)
    _weld_others(spec, robot)
    _add_motors(spec, robot)
    if not any(is_ground(geom.type) for geom in spec.worldbody.geoms):
        _add_ground(spec)
    if sensors:
        _add_sensors(spec, robot)
    if visuals:
        _add_view(spec, robot)
    else:
        spec.compiler.discardvisual = True
        for element in [*spec.cameras, *spec.lights]:
            spec.delete(element)
    return spec


def compiled(spec: mujoco.MjSpec, robot: Robot) -> mujoco.MjModel:
    """The model. UserError with MuJoCo's own words where there is something wrong."""
    try:
        return spec.compile()
    except ValueError as error:
        raise unusable(robot.mjcf, f"robot {robot.name!r}", error) from error


def _require_names(spec: mujoco.MjSpec, robot: Robot) -> None:
    bodies = (robot.base_body, *robot.foot_bodies, *robot.knee_bodies)
    joints = (*robot.joint_names, *(joint.name for joint in robot.upper_joints))
    for kind, names, there in (("body", bodies, spec.bodies), ("joint", joints, spec.joints)):
        known = [element.name for element in there if element.name not in ("", "world")]
        for name in names:
            require_name(robot, kind, name, known)


def require_name(robot: Robot, kind: str, name: str, known: Sequence[str]) -> None:
    """UserError, with the nearest names, unless the model has one of that kind and name."""
    if name not in known:
        raise UserError(
            f"{robot.mjcf} has no {kind} named {name!r}, which robot {robot.name!r} needs"
            f"{nearest(name, known)}"
        )


def _let_base_float(spec: mujoco.MjSpec, robot: Robot) -> None:
    base = spec.body(robot.base_body)
    if not base.joints and base.parent.name == "world":
        base.add_freejoint(name=new_name(f"{robot.base_body}_floats", (j.name for j in spec.joints)))


def _pose_upper_body(spec: mujoco.MjSpec, robot: Robot) -> None:
    """Turn the upper body's links by their joints' default angle, at which the model then is by itself:
    where it is welded, and where a reset puts it."""
    for joint in robot.upper_joints:
        hinge = spec.joint(joint.name)
        if hinge.type != mujoco.mjtJoint.mjJNT_HINGE or any(hinge.pos):
            raise UserError(f"{robot.mjcf}: joint {joint.name!r} must be a hinge at its body's origin.")
        body, degrees, turn = hinge.parent, spec.compiler.degree, np.zeros(4)
        if body.alt.type != mujoco.mjtOrientation.mjORIENTATION_QUAT:
            body.quat = spec.resolve_orientation(degrees, spec.compiler.eulerseq, body.alt)
            body.alt.type = mujoco.mjtOrientation.mjORIENTATION_QUAT
        mujoco.mju_axisAngle2Quat(turn, hinge.axis / np.linalg.norm(hinge.axis), joint.default_pos)
        mujoco.mju_mulQuat(turn, body.quat.copy(), turn.copy())
        body.quat = turn
        hinge.ref += np.degrees(joint.default_pos) if degrees else joint.default_pos


def _weld_others(spec: mujoco.MjSpec, robot: Robot) -> None:
    free = mujoco.mjtJoint.mjJNT_FREE
    moving = {joint.name for joint in (*robot.joints, *robot.held_joints)}
    others = [joint for joint in spec.joints if joint.type != free and joint.name not in moving]
    for joint in others:
        spec.delete(joint)
    links = {robot.base_body, *robot.foot_bodies, *robot.knee_bodies}
    fixed = [body for body in spec.bodies if not body.joints and body.parent is not None]
    if not others and not any(body.name in links or body.parent == spec.worldbody for body in fixed):
        _fuse(spec)
    if others:
        for name in (*robot.foot_bodies, *robot.knee_bodies):
            if not spec.body(name).joints:
                raise UserError(
                    f"{robot.mjcf}: body {name!r}, which robot {robot.name!r} needs, is moved by none of the "
                    "robot's joints: name the body before it that is."
                )
        _fuse(spec)
        for key in [*spec.keys]:  # which have an angle for each joint
            spec.delete(key)


def _fuse(spec: mujoco.MjSpec) -> None:
    """Make bodies that no joint moves part of those before them. MuJoCo would keep what a contact exclusion
    names: it is to name the bodies that remain."""
    for exclude in [*spec.excludes]:
        exclude.bodyname1, exclude.bodyname2 = (
            _carrier(spec.body(name)).name for name in (exclude.bodyname1, exclude.bodyname2)
        )
        if exclude.bodyname1 == exclude.bodyname2:
            spec.delete(exclude)
    spec.compiler.fusestatic = True


def _carrier(body: Any) -> Any:
    """The body that one becomes part of."""
    while not body.joints and body.parent.name != "world":
        body = body.parent
    return body


def _add_motors(spec: mujoco.MjSpec, robot: Robot) -> None:
    """The PD law as a position servo on each joint, in the robot's order. Simulators write its numbers."""
    for joint in (*robot.joints, *robot.held_joints):
        hinge = spec.joint(joint.name)
        hinge.actfrclimited = mujoco.mjtLimited.mjLIMITED_FALSE  # the PD law has its own limit
        if joint.armature is not None:
            hinge.armature = joint.armature
        motor = spec.add_actuator(
            name=joint.name,
            target=joint.name,
            trntype=mujoco.mjtTrn.mjTRN_JOINT,
            gear=[1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            forcelimited=mujoco.mjtLimited.mjLIMITED_TRUE,
            forcerange=[-joint.torque_limit, joint.torque_limit],
            ctrllimited=mujoco.mjtLimited.mjLIMITED_FALSE,
        )
        motor.set_to_position(kp=joint.stiffness, kv=joint.damping)
        if joint in robot.held_joints:  # simulators write no target: zero is to mean the default angle
            motor.biasprm[0] = joint.stiffness * joint.default_pos


def is_ground(geom_type: int) -> bool:
    """Whether a geom of the world of that type is ground."""
    kinds = mujoco.mjtGeom
    return int(geom_type) in (int(kinds.mjGEOM_PLANE), int(kinds.mjGEOM_HFIELD))


def _add_ground(spec: mujoco.MjSpec) -> None:
    """An endless plane with a pattern that shows motion; it touches whatever touches anything."""
    names = [material.name for material in spec.materials] + [texture.name for texture in spec.textures]
    name = new_name("ground", names)
    texture = spec.add_texture(
        name=name,
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        mark=mujoco.mjtMark.mjMARK_EDGE,
        rgb1=[0.52, 0.55, 0.58],
        rgb2=[0.46, 0.49, 0.52],
        markrgb=[0.66, 0.69, 0.72],
        width=512,
        height=512,
    )
    material = spec.add_material(name=name, texrepeat=[1.0, 1.0], texuniform=True, reflectance=0.05)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = texture.name
    spec.worldbody.add_geom(
        name=new_name(FLOOR, (geom.name for geom in spec.geoms)),
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0.0, 0.0, 1.0],
        material=name,
        contype=1,
        conaffinity=1,
        condim=3,
        priority=0,
        friction=[1.0, 0.005, 0.0001],
    )


def _add_sensors(spec: mujoco.MjSpec, robot: Robot) -> None:
    """What the task reads besides positions and velocities of joints, world frame, at the links' origins."""
    kinds, objects = mujoco.mjtSensor, mujoco.mjtObj

    def add(name: str, kind: mujoco.mjtSensor, body: str) -> None:
        spec.add_sensor(name=name, type=kind, objtype=objects.mjOBJ_XBODY, objname=body)

    add("base_ang_vel", kinds.mjSENS_FRAMEANGVEL, robot.base_body)
    for name, body in _legs(robot):
        add(f"{name}_pos", kinds.mjSENS_FRAMEPOS, body)
        add(f"{name}_vel", kinds.mjSENS_FRAMELINVEL, body)
    bodies = (robot.base_body, *robot.foot_bodies)
    for name, body in zip(("base", *(f"{side}_foot" for side in SIDES)), bodies):
        # Naming the body first would flip the sign.
        sensor = spec.add_sensor(name=f"{name}_contact", type=kinds.mjSENS_CONTACT, intprm=_NET_FORCE)
        sensor.reftype, sensor.refname = objects.mjOBJ_BODY, body
    if robot.falls_on == "any link":
        spec.add_sensor(
            name=OUTSIDE_CONTACT,
            type=kinds.mjSENS_CONTACT,
            objtype=objects.mjOBJ_BODY,
            objname="world",
            reftype=objects.mjOBJ_XBODY,  # with all bodies that hang on it
            refname=robot.base_body,
            intprm=_NET_FORCE,
        )


def _legs(robot: Robot) -> List[Tuple[str, str]]:
    named = zip(SIDES, robot.foot_bodies, robot.knee_bodies)
    return [(f"{side}_{part}", body) for side, *pair in named for part, body in zip(("foot", "knee"), pair)]


def _add_view(spec: mujoco.MjSpec, robot: Robot) -> None:
    """A camera that follows the robot, and light, where the file has none."""
    if "track" not in [camera.name for camera in spec.cameras]:
        size = robot.standing_height / _HEIGHT
        camera = spec.body(robot.base_body).add_camera(name="track", fovy=40.0)
        camera.mode = mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM
        camera.pos = [2.05 * size, -1.95 * size, 0.35 * size]
        camera.quat = [0.699804, 0.596009, 0.255311, 0.299773]
    if not spec.lights:
        spec.worldbody.add_light(
            type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, pos=[0.0, 0.0, 4.0], dir=[0.3, -0.2, -0.9]
        )


def new_name(name: str, taken: Iterable[str]) -> str:
    """The name, with underscores until there is none like it."""
    there = set(taken)
    while name in there:
        name += "_"
    return name
