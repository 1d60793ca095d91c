"""What a robot does before there is a policy: stand on its soles, move each joint, be its own mirror image.

Each trial runs in C MuJoCo at 1 ms with explicit damping, as the strictest preset does, and says in one line
what it measured. They find wrong gains, limits, signs and shapes, which training would turn into a robot
that never walks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterator, List, Set, Tuple

import mujoco
import numpy as np

from humanoid_envs.robots.robot import Joint, Robot
from humanoid_envs.simulators import mujoco_log
from humanoid_envs.simulators.mujoco_model import load_model
from humanoid_envs.simulators.mujoco_spec import compiled, robot_spec
from humanoid_envs.simulators.simulator import PhysicsConfig

_STEP = 1e-3
_SETTLED = 2.0
"""s after which a robot that is put down is at rest."""
_SAG, _LOAD = 0.1, 0.1
"""Shares of the standing height, and of the weight, that may be missing."""
_SWING, _REACHED = 0.3, 0.15
"""rad of amplitude at 1 Hz, and the share of it that a joint must reach in the air: XBot-L's ankles, which
the release damps strongly, reach 0.25."""
_JOLT = 0.3
"""rad/s by which a joint's speed may change in 1 ms once it is at rest."""
_APART, _UNEVEN = 0.02, 0.05
"""Shares of the leg's length, and of a shank's mass, by which left and right may differ."""
_BY_ITSELF = 5.0
"""s for which a robot without a policy is watched."""
_IMMOVABLE = 1e9
"""kg: a base of so much stays where it is. One without a joint would count as ground."""


@dataclass(frozen=True)
class Trial:
    """What came out of one."""

    name: str
    passed: bool
    text: str
    """What was measured; if it did not pass, what to look at."""

    def __str__(self) -> str:
        return f"{'ok' if self.passed else 'FAILED':8}{self.name}: {self.text}"


def try_robot(robot: Robot) -> List[Trial]:
    """All trials of one robot.

    Raises:
        FileNotFoundError: there is no model file.
        UserError: it lacks something, see `load_model`.
    """
    return [stands(robot), *shakes(robot), mirrors(robot)]


def stands(robot: Robot) -> Trial:
    """Upright on a vertical rail for 2 s, with all joints' targets at their default: how far it sags, and
    what its soles carry."""
    model, data = _mounted(robot, free=True)
    weight = robot.weight
    with mujoco_log.quiet():
        for _ in range(round(_SETTLED / _STEP)):
            mujoco.mj_step(model, data)
    if _diverged(data):
        return Trial("stands", False, "the simulation diverges: are gains too high for the inertias?")
    sag = robot.standing_height - float(data.body(robot.base_body).xpos[2])
    load = sum(abs(float(data.sensor(f"{side}_foot_contact").data[2])) for side in ("left", "right"))
    shares = {
        joint.name: abs(float(data.actuator(joint.name).force[0])) / joint.torque_limit
        for joint in robot.joints
    }
    busiest = max(shares, key=lambda name: shares[name])
    others = sorted(_on_ground(model, data) - {*robot.foot_bodies})
    names, problems = ", ".join(others), []
    if sag > _SAG * robot.standing_height:
        problems.append("stiffer gains, or higher torque limits")
    if not abs(load - weight) < _LOAD * weight:
        problems.append(f"the soles' collision geoms{f', as {names} touches the ground' if names else ''}")
    text = (
        f"{1e3 * sag:.0f} mm lower after {_SETTLED:g} s; soles carry {load:.0f} of {weight:.0f} N; most "
        f"torque at {busiest}, {100 * shares[busiest]:.0f} % of its limit; {_alone(robot)}"
    )
    return Trial("stands", not problems, "; look at ".join([text, *problems]))


def _alone(robot: Robot) -> str:
    """How long it stands on a free base, which no policy has to rely on."""
    model = load_model(robot, PhysicsConfig(timestep=_STEP))
    data = mujoco.MjData(model)
    base = model.body(robot.base_body)
    free = int(model.jnt_qposadr[base.jntadr[0]])
    _to_default(model, data, robot)
    data.qpos[free : free + 7] = [0.0, 0.0, robot.standing_height, 1.0, 0.0, 0.0, 0.0]
    with mujoco_log.quiet():
        for step in range(round(_BY_ITSELF / _STEP)):
            mujoco.mj_step(model, data)
            if not data.qpos[free + 2] > 0.7 * robot.standing_height:
                return f"without the rail and a policy it falls in {step * _STEP:.1f} s"
    return f"it stands for {_BY_ITSELF:g} s without the rail"


def shakes(robot: Robot) -> Iterator[Trial]:
    """Each joint in the air, at 1 Hz about its default, and at its default again."""
    model, data = _mounted(robot, free=False)
    found = ", ".join(sorted(_touching(model, data)))
    yield Trial(
        "parts", not found, f"{found} touch in the default pose" if found else "none touch each other"
    )
    weak, restless = [], []
    joints = (*robot.joints, *robot.held_joints)
    for joint in joints:
        shake = _shake(model, data, robot, joint)
        if not shake.reached > _REACHED:
            why = f" as {', '.join(sorted(shake.touching))} touch" if shake.touching else ""
            weak.append(f"{joint.name} reaches {100 * shake.reached:.0f} %{why}")
        if not shake.jolt < _JOLT:
            restless.append(joint.name)
    if weak:
        yield Trial(
            "moves", False, f"{'; '.join(weak)}; look at stiffness, damping, range and collision geoms"
        )
    if restless:
        text = f"{', '.join(restless)} chatter: explicit damping needs less damping, or more armature"
        yield Trial("calms", False, text)
    if not weak and not restless:
        yield Trial("moves", True, f"each of {len(joints)} joints, and calms down")


@dataclass(frozen=True)
class _Shake:
    reached: float
    """Share of the amplitude."""
    jolt: float
    """Largest change of a joint's speed within a step afterwards, rad/s."""
    touching: Set[str]


def _shake(model: mujoco.MjModel, data: mujoco.MjData, robot: Robot, joint: Joint) -> _Shake:
    hinge = model.joint(joint.name)
    centre, swing = joint.default_pos, _SWING
    if hinge.limited[0]:
        low, high = hinge.range
        swing = min(swing, 0.4 * (high - low))
        centre = min(max(centre, low + swing), high - swing)
    zero = joint.default_pos if joint in robot.held_joints else 0.0
    _to_default(model, data, robot)
    angles, jolts, touching = [], [], set()
    with mujoco_log.quiet():
        for step in range(2000):
            swung = swing * math.sin(2.0 * math.pi * step * _STEP) if step < 1500 else 0.0
            data.ctrl[model.actuator(joint.name).id] = centre + swung - zero
            before = data.qvel.copy()
            mujoco.mj_step(model, data)
            if 500 <= step < 1500:
                angles.append(float(data.joint(joint.name).qpos[0]))
                touching |= _touching(model, data)
            if step >= 1900:
                jolts.append(float(np.abs(data.qvel - before).max()))
    if _diverged(data):
        return _Shake(0.0, math.inf, touching)
    return _Shake((max(angles) - min(angles)) / (2.0 * swing), max(jolts), touching)


def mirrors(robot: Robot) -> Trial:
    """Feet of random postures against those of the mirrored ones, and masses of left against right."""
    model = load_model(robot, PhysicsConfig())
    data = mujoco.MjData(model)
    mirror = robot.joint_mirror()
    images, signs = mirror["permutation"], np.array(mirror["sign"])
    random, default = np.random.default_rng(0), np.array([joint.default_pos for joint in robot.joints])
    apart = 0.0
    for _ in range(20):
        angles = default + random.uniform(-0.5, 0.5, robot.num_joints)
        left, right = _feet(model, data, robot, angles)
        image_left, image_right = _feet(model, data, robot, signs * angles[images])
        for image, foot in ((image_left, right), (image_right, left)):
            apart = max(apart, float(np.abs(image - [1.0, -1.0, 1.0] * foot).max()))
    masses = [float(model.body(name).subtreemass[0]) for name in robot.knee_bodies]
    uneven = abs(masses[0] - masses[1]) / max(masses)
    passed = apart < _APART * robot.leg_length and uneven < _UNEVEN
    text = (
        f"feet differ by {1e3 * apart:.1f} mm from the image's, masses of the shanks by {100 * uneven:.1f} %"
    )
    return Trial("mirrors", passed, text if passed else f"{text}; look at mirror_sign, axes and masses")


def _feet(model: mujoco.MjModel, data: mujoco.MjData, robot: Robot, angles: np.ndarray) -> List[np.ndarray]:
    """Both feet from the base."""
    _to_default(model, data, robot)
    for joint, angle in zip(robot.joints, angles):
        data.joint(joint.name).qpos[0] = angle
    mujoco.mj_kinematics(model, data)
    base = data.body(robot.base_body)
    turn = base.xmat.reshape(3, 3)
    return [turn.T @ (data.body(name).xpos - base.xpos) for name in robot.foot_bodies]


def _mounted(robot: Robot, *, free: bool) -> Tuple[mujoco.MjModel, mujoco.MjData]:
    """The robot upright on a vertical rail: free to slide on it, or fixed in the air."""
    spec = robot_spec(robot, visuals=False)
    base = spec.body(robot.base_body)
    for joint in [*base.joints]:
        spec.delete(joint)
    for key in [*spec.keys]:
        spec.delete(key)
    base.pos = [0.0, 0.0, robot.standing_height * (1.0 if free else 2.0)]
    base.quat, base.alt.type = [1.0, 0.0, 0.0, 0.0], mujoco.mjtOrientation.mjORIENTATION_QUAT
    base.add_joint(
        name="the rail",
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=[0.0, 0.0, 1.0],
        armature=0.0 if free else _IMMOVABLE,
    )
    model = compiled(spec, robot)
    model.opt.timestep, model.opt.integrator = _STEP, mujoco.mjtIntegrator.mjINT_EULER
    data = mujoco.MjData(model)
    _to_default(model, data, robot)
    mujoco.mj_forward(model, data)
    return model, data


def _to_default(model: mujoco.MjModel, data: mujoco.MjData, robot: Robot) -> None:
    """At rest, with all joints and their targets at the default; held joints are so by themselves."""
    mujoco.mj_resetData(model, data)
    for joint in robot.joints:
        data.joint(joint.name).qpos[0] = joint.default_pos
        data.ctrl[model.actuator(joint.name).id] = joint.default_pos


def _diverged(data: mujoco.MjData) -> bool:
    warnings = mujoco.mjtWarning
    bad = warnings.mjWARN_BADQPOS, warnings.mjWARN_BADQVEL, warnings.mjWARN_BADQACC
    return any(data.warning[int(each)].number for each in bad) or not np.isfinite(data.qpos).all()


def _touching(model: mujoco.MjModel, data: mujoco.MjData) -> Set[str]:
    """Pairs of the robot's bodies that touch each other, by their names."""
    pairs = {tuple(sorted(pair)) for pair in _contacts(model, data) if 0 not in pair}
    return {f"{model.body(one).name} and {model.body(other).name}" for one, other in pairs}


def _on_ground(model: mujoco.MjModel, data: mujoco.MjData) -> Set[str]:
    return {model.body(max(pair)).name for pair in _contacts(model, data) if 0 in pair}


def _contacts(model: mujoco.MjModel, data: mujoco.MjData) -> List[Tuple[int, int]]:
    """The bodies of each; 0 is the ground."""
    pairs = model.geom_bodyid[np.reshape(data.contact.geom, (-1, 2))]
    return [(int(one), int(other)) for one, other in pairs]
