"""Where the figures of an inferred robot are from, and what to do about those that are not right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterator, List, Mapping

import mujoco
from typing_extensions import Literal

from humanoid_envs.robots.motors import Motor
from humanoid_envs.robots.reading import Reading
from humanoid_envs.robots.robot import SIDES, Robot
from humanoid_envs.simulators.mujoco_model import index_model, load_model
from humanoid_envs.simulators.simulator import PhysicsConfig

Kind = Literal["found", "guessed", "missing"]


@dataclass(frozen=True)
class Finding:
    """One line of what is known of a robot."""

    kind: Kind
    text: str
    remedy: str = ""
    """What to do where it is wrong or missing."""

    def __str__(self) -> str:
        return f"{self.kind:8}{self.text}" + (f"\n          -> {self.remedy}" if self.remedy else "")


def find_all(reading: Reading, robot: Robot, motors: Mapping[str, Motor]) -> List[Finding]:
    """What there is to say of a robot, found before guessed before missing."""
    found = [
        *_base(reading, robot),
        *_legs(robot),
        *_feet(robot),
        *_posture(reading),
        *_upper_body(robot),
        *_motors(reading, {joint.name: motors[joint.name] for joint in robot.joints}),
    ]
    return [finding for kind in ("found", "guessed", "missing") for finding in found if finding.kind == kind]


def _base(reading: Reading, robot: Robot) -> Iterator[Finding]:
    if reading.floats:
        yield Finding("found", f"base: {robot.base_body!r}")
    else:
        yield Finding("guessed", f"base: {robot.base_body!r}, fixed in the file; a free joint is added to it")
    yield Finding(
        "found",
        f"mass {robot.total_mass:.1f} kg, {robot.base_mass:.1f} of it the base; legs of "
        f"{robot.leg_length:.3f} m; "
        f"the base stands {robot.standing_height:.3f} m above the soles",
    )
    planes = int((reading.model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE)).sum())
    if not planes:
        yield Finding("found", "no floor in the file: a plane is added")


def _legs(robot: Robot) -> Iterator[Finding]:
    for side in SIDES:
        leg = [f"{joint.name} ({joint.role or 'no role'})" for joint in robot.joints if joint.side == side]
        yield Finding("found", f"{side} leg: {', '.join(leg)}")
    without = [joint.name for joint in robot.joints if joint.side is not None and joint.role is None]
    if without:
        yield Finding(
            "guessed",
            f"joints of the legs without a role: {', '.join(without)}",
            'write role="…" if a term of the task is to find them',
        )
    roles = {joint.role for joint in robot.joints}
    absent = [role for role in ("hip_roll", "hip_yaw", "ankle_pitch", "ankle_roll") if role not in roles]
    if absent:
        yield Finding(
            "missing",
            f"joints for {', '.join(absent)}",
            "nothing, if the robot has none; else look at the axes",
        )


def _feet(robot: Robot) -> Iterator[Finding]:
    model = load_model(robot, PhysicsConfig())
    soles = index_model(model, robot).soles
    kinds = [mujoco.mjtGeom(model.geom_type[sole]).name[len("mjGEOM_") :].lower() for sole in soles]
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    yield Finding("found", f"soles: {counted} of {' and '.join(map(repr, robot.foot_bodies))}")
    if "mesh" in kinds:
        yield Finding(
            "guessed",
            "the soles are meshes, which are slow to simulate and touch in few points",
            "give the feet a box, or spheres at the corners",
        )


def _posture(reading: Reading) -> Iterator[Finding]:
    source = reading.posture.source
    guessed = "bent" in source
    remedy = "write default_pos if it is to stand otherwise" if guessed else ""
    yield Finding("guessed" if guessed else "found", f"default posture: {source}", remedy)
    if reading.posture.knees_behind:
        yield Finding(
            "guessed", "the knees bend backwards, as a bird's heels do", "turn the signs of bend if not"
        )


def _upper_body(robot: Robot) -> Iterator[Finding]:
    acted = [joint for joint in robot.joints if joint.side is None]
    others = [*robot.upper_joints, *acted]
    if others:
        how = {"weld": "welded", "hold": "held by a PD law"}[robot.upper_body]
        names = ", ".join(joint.name for joint in others)
        yield Finding("found", f"upper body, {'moved by the policy' if acted else how}: {names}")


def _motors(reading: Reading, motors: Dict[str, Motor]) -> Iterator[Finding]:
    ids = {reading.model.joint(joint).name: joint for joint in range(reading.model.njnt)}

    def group(kind: Kind, what: str, names: List[str], remedy: str = "") -> Iterator[Finding]:
        if names:
            whose = "all joints" if len(names) == len(motors) else ", ".join(names)
            yield Finding(kind, f"{what}: {whose}", remedy)

    def gains_from(source: str) -> List[str]:
        return [name for name, motor in motors.items() if motor.gains_from == source]

    makers = "write the maker's if you know them: stiffness, N·m/rad, and damping, N·m·s/rad"
    yield from group("found", "gains from the rotors' armature", gains_from("armature"))
    yield from group("guessed", "gains from m·g·l", gains_from("m·g·l"), makers)
    yield from group("guessed", "gains from the inertia that is moved", gains_from("inertia"), makers)
    yield from group(
        "guessed",
        "torque limit",
        [name for name, motor in motors.items() if not motor.torque_given],
        "look it up: torque_limit, N·m",
    )
    yield from group(
        "guessed",
        "armature, as much as explicit damping needs in steps of 1 ms",
        [name for name, motor in motors.items() if not motor.armature_given],
        "look up the rotor's inertia times its gear ratio squared: armature, kg·m²",
    )
    unlimited = [name for name in motors if not reading.model.jnt_limited[ids[name]]]
    yield from group("missing", "range", unlimited, "write it into the model file")
