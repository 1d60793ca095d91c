"""A robot as data: what the task, the simulators and a policy's contract need to know about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

import annotated_types as limits
import pydantic
from typing_extensions import Annotated, Literal

from humanoid_envs.configs import Config, NonNegative, Number, Positive, from_plain, nearest, to_plain
from humanoid_envs.errors import UserError
from humanoid_envs.registry import Registry

Side = Literal["left", "right"]
SIDES = ("left", "right")
"""In the order of every axis over legs."""
LIFT_STEP = 0.025
"""Share of the leg's length between two angles of `Joint.lift`."""
GRAVITY = 9.81
"""m/s²"""
File = Annotated[
    Path, pydantic.BeforeValidator(lambda value: Path(value) if isinstance(value, str) else value)
]


@dataclass(frozen=True)
class Joint(Config):
    """One actuated hinge with its PD gains."""

    name: str
    """Name in the MJCF, in the URDF and in a policy's contract."""
    stiffness: NonNegative
    """Proportional gain kp, N·m/rad."""
    damping: NonNegative
    """Derivative gain kd, N·m·s/rad."""
    torque_limit: Positive
    """Largest torque the PD law may apply in either direction, N·m."""
    default_pos: Number = 0.0
    """Joint angle of a zero action, rad."""
    mirror_sign: Number = -1.0
    """Sign of this angle in the mirrored posture, where the joint of the other side has it."""
    role: Optional[str] = None
    """What the joint is for: "hip_roll", "hip_yaw", "hip_pitch", "knee", "ankle_pitch", "ankle_roll", or any
    word by which a task finds it (`Robot.columns`). None if no task needs to."""
    side: Optional[Side] = None
    """None of joints in the middle."""
    mirror: Optional[str] = None
    """Name of its mirror image. None: the joint of the same role on the other side; in the middle, itself."""
    bend: Number = 0.0
    """Its share in pulling up the leg with a level foot: how far it turns while the hip's pitch turns by one,
    with the sign of its axis. XBot-L's hip pitch, knee and ankle pitch: -1, -2, -1 in the left leg."""
    armature: Optional[NonNegative] = None
    """Inertia of the motor's rotor behind the gear, kg·m². None: as the model file says."""
    action_scale: Optional[Positive] = None
    """Joint target in rad per unit of action. None: the task's."""
    lift: Tuple[Number, ...] = ()
    """Its angle from the default, rad, where its leg has lifted the level foot straight up by one, two, …
    `LIFT_STEP`s of the leg's length. Empty: it stays; in all joints: legs bend as `bend` says."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(abs(self.mirror_sign) == 1.0, "mirror_sign", "1 or -1")


@dataclass(frozen=True)
class Robot(Config):
    """A legged robot on a free base.

    Models, contract and simulators meet by name, never by position: every name below must exist in the
    model files. `joints` is the order of all joint-wise vectors; any order does, for what a joint is for is
    said by its role.
    """

    name: str
    mjcf: File
    """The maker's model, an MJCF or a URDF; sensors, actuators and the soles' contact are added to it."""
    joints: Tuple[Joint, ...]
    base_body: str
    """Free body."""
    foot_bodies: Tuple[str, str]
    """Left and right link whose origin, velocity and contact force count as the foot's."""
    knee_bodies: Tuple[str, str]
    base_mass: Positive
    """Mass of the base link with all links fixed to it, kg."""
    total_mass: Positive
    """Mass of the whole robot, kg."""
    start_height: Positive
    """Height of the base origin above the ground at the start of an episode, m."""
    standing_height: Positive
    """The same where it stands on its soles with the joints at their default, m."""
    sole_height: NonNegative
    """Height of a foot link's origin above its sole, m."""
    leg_length: Positive
    """From the hips' first joint to the sole of the stretched leg, m."""
    feet_apart: Optional[Positive] = None
    """Horizontal distance between the origins of both feet with the joints at their default, m. None: as
    XBot-L has it, in proportion to its legs."""
    knees_apart: Optional[Positive] = None
    """The same of the knees."""
    sole_points: Annotated[int, limits.Interval(ge=4, le=64), limits.MultipleOf(2)] = 8
    """On terrain, the spheres in two rows in place of each box of a foot."""
    urdf: Optional[File] = None
    """What Isaac Gym loads; nothing else needs it."""
    falls_on: Literal["base", "any link"] = "base"
    """What must not touch anything: the base with all that is fixed to it, or any link but the feet, as where
    arms and waist move. Touching each other, links that are no feet do not fall."""
    upper_joints: Tuple[Joint, ...] = ()
    """Joints that no policy moves, at their `default_pos`. The model's joints that are neither here nor in
    `joints` are welded at zero."""
    upper_body: Literal["weld", "hold"] = "weld"
    """What becomes of `upper_joints`: welded, or held by the PD law with their gains."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.name != "", "name", "a name")
        names = self.joint_names
        self.require(len(names) > 0, "joints", "at least one joint")
        heights = {len(joint.lift) for joint in self.joints if joint.lift}
        if len(heights) > 1:
            raise UserError(
                f"Robot {self.name!r}: `lift` must have as many angles in each joint that has it."
            )
        upper = [joint.name for joint in self.upper_joints]
        for name in upper:
            if name in names or upper.count(name) > 1:
                raise UserError(f"Robot {self.name!r} has two joints named {name!r}.")
        for i, joint in enumerate(self.joints):
            if joint.name in names[:i]:
                raise UserError(f"Robot {self.name!r} has two joints named {joint.name!r}.")
            of_role = [other for other in self.joints[:i] if other.role is not None]
            for other in of_role:
                if (other.role, other.side) == (joint.role, joint.side):
                    raise UserError(
                        f"Robot {self.name!r} has two joints with role {joint.role!r} and side "
                        f"{joint.side!r}: {other.name!r} and {joint.name!r}."
                    )
            if joint.mirror is not None and joint.mirror not in names:
                raise UserError(
                    f"Robot {self.name!r}: joint {joint.name!r} has as mirror {joint.mirror!r}, which is no "
                    f"joint{nearest(joint.mirror, names)}"
                )

    @classmethod
    def of(cls, robot: AnyRobot) -> Robot:
        """A robot by its name, or from its fields as plain values, as JSON gives them back; a robot passes
        through.

        Raises:
            UserError: there is none of that name; fields that are missing or that there are not.
        """
        if isinstance(robot, Robot):
            return robot
        if isinstance(robot, str):
            return ROBOTS.find(robot)
        return from_plain(cls, robot, "robot")

    @property
    def isaacgym_urdf(self) -> Path:
        """UserError without one, and for a robot with held joints."""
        if self.urdf is None:
            raise UserError(f"Isaac Gym needs a URDF, and robot {self.name!r} has none.")
        if self.held_joints:
            raise UserError(
                f"Isaac Gym moves all joints of robot {self.name!r} or none: give it a URDF fixed "
                'above the legs and upper_body="weld".'
            )
        return self.urdf

    def plain(self) -> Dict[str, Any]:
        """The robot as dicts, lists, numbers and texts, of which `of` makes it again."""
        files = {name: str(value) for name, value in vars(self).items() if isinstance(value, Path)}
        return {**to_plain(self), **files}

    @property
    def weight(self) -> float:
        """Of the whole robot, N."""
        return self.total_mass * GRAVITY

    @property
    def joint_names(self) -> Tuple[str, ...]:
        return tuple(joint.name for joint in self.joints)

    @property
    def held_joints(self) -> Tuple[Joint, ...]:
        """Joints that the PD law holds at their default, in no joint-wise vector."""
        return self.upper_joints if self.upper_body == "hold" else ()

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    def columns(self, *roles: str, side: Optional[Side] = None) -> Tuple[int, ...]:
        """Where the joints with these roles are in joint-wise vectors: the left leg's in the order of the
        roles, then the right leg's, then those in the middle. side: only of that leg.

        Raises:
            UserError: the robot has no such joint, or only one leg has.
        """
        places = {(joint.role, joint.side): i for i, joint in enumerate(self.joints)}
        for role in roles:
            if (role, None) in places and side is None:
                continue
            for each in SIDES if side is None else (side,):
                if (role, each) not in places:
                    raise UserError(self._without(role, each))
        sides = (*SIDES, None) if side is None else (side,)
        return tuple(places[role, each] for each in sides for role in roles if (role, each) in places)

    def has(self, *roles: str) -> bool:
        """Whether there are joints with all these roles."""
        return set(roles) <= {joint.role for joint in self.joints}

    def joint_mirror(self) -> Dict[str, List[Any]]:
        """Of joint-wise vectors and actions: `"permutation"` has the place of each joint's image, `"sign"`
        the sign of the mirrored axis: x has the image sign * x[permutation].

        Raises:
            UserError: a joint's image is not known, or is not the image of the joint in turn.
        """
        images = self.joint_images()
        for joint, image in zip(self.joints, images):
            back = self.joints[images[image]]
            if back.name != joint.name or joint.mirror_sign != self.joints[image].mirror_sign:
                raise UserError(
                    f"Robot {self.name!r}: joints {joint.name!r} and {self.joints[image].name!r} must be "
                    "each other's mirror images, with the same mirror_sign."
                )
        return {"permutation": images, "sign": [joint.mirror_sign for joint in self.joints]}

    def joint_images(self) -> List[int]:
        """The place of each joint's mirror image. UserError where it is not known."""
        return [self._image(joint) for joint in self.joints]

    def bends(self) -> List[List[float]]:
        """(2, J) `bend` of the joints of the left and of the right leg, 0 elsewhere: legs that are to be
        pulled up by a (2), rad at the hips' pitch, have the angles a[0] * bends[0] + a[1] * bends[1]."""
        return [[joint.bend if joint.side == side else 0.0 for joint in self.joints] for side in SIDES]

    def lifts(self) -> Optional[List[List[List[float]]]]:
        """(2, K, J) `lift` of the joints of the left and of the right leg, for each height, 0 elsewhere; None
        of robots without."""
        heights = max(len(joint.lift) for joint in self.joints)
        if heights == 0:
            return None
        return [
            [
                [joint.lift[k] if joint.lift and joint.side == side else 0.0 for joint in self.joints]
                for k in range(heights)
            ]
            for side in SIDES
        ]

    def action_scales(self, default: float) -> List[float]:
        """(J) joint target in rad per unit of action; default: of joints that do not say."""
        return [default if joint.action_scale is None else joint.action_scale for joint in self.joints]

    def _image(self, joint: Joint) -> int:
        if joint.mirror is not None:
            return self.joint_names.index(joint.mirror)
        if joint.role is None:
            raise UserError(
                f"Robot {self.name!r}: joint {joint.name!r} has neither a role nor a mirror, so that its "
                "image in the mirror is not known."
            )
        other = {"left": "right", "right": "left", None: None}[joint.side]
        for i, image in enumerate(self.joints):
            if (image.role, image.side) == (joint.role, other):
                return i
        raise UserError(self._without(joint.role, other))

    def _without(self, role: str, side: Optional[str]) -> str:
        known = {joint.role for joint in self.joints if joint.role is not None}
        where = "" if side is None else f" on the {side}"
        there = nearest(role, known) if role not in known else "."
        return f"Robot {self.name!r} has no joint with role {role!r}{where}{there}"


AnyRobot = Union[Robot, str, Mapping[str, Any]]
"""A robot, the name of one that is registered, or a robot's fields as plain values."""

ROBOTS: Registry[Robot] = Registry("robot")
"""By their names; `register_robot` adds to it."""


def register_robot(robot: Robot) -> Robot:
    """Make a robot known by its name, to `--robot`, configs and checkpoints. Returns the robot.

    Raises:
        UserError: another robot has that name.
    """
    if robot.name in ROBOTS:
        if ROBOTS[robot.name] == robot:
            return ROBOTS[robot.name]
        raise UserError(f"There is another robot named {robot.name!r}: take a name of its own.")
    return ROBOTS.add(robot.name, robot)


def restored_robot(saved: Any, where: str) -> Robot:
    """The robot that `Robot.plain` turned into `saved`; None is XBot-L, as there was no other once.

    Where a robot of that name is registered, it gives the model files, for paths are those of the machine
    that wrote, and what the values of an earlier version lack.

    where: what they were read from, for messages.
    """
    if saved is None:
        return ROBOTS["xbot_l"]
    known = ROBOTS.get(saved.get("name", "")) if isinstance(saved, Mapping) else None
    if known is not None:
        own = known.plain()
        joints = {joint["name"]: joint for joint in own["joints"]}
        newer = [{**joints.get(joint["name"], {}), **joint} for joint in saved["joints"]]
        saved = {**own, **saved, "joints": newer, "mjcf": own["mjcf"], "urdf": own["urdf"]}
    return from_plain(Robot, saved, where)
