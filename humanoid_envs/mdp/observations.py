"""Observation terms, and the groups of them that actor and critic see.

A frame is one step's reading: its terms side by side, each scaled and, for the actor, noisy. An observation
stacks the latest frames, oldest first; those from before an episode's start are zero. Behind the frames
come, once, the terms that are not stacked, as they are now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Optional, Sequence, Tuple, TypeVar

import annotated_types as limits
from torch import Tensor
from typing_extensions import Annotated

from humanoid_envs.configs import Config, NonNegative, Number, Positive
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.step import Step
from humanoid_envs.mdp.terms import Term, terms_of
from humanoid_envs.robots import Robot

History = Annotated[int, limits.Interval(ge=1, le=1000)]
T = TypeVar("T", bound="ObservationTerm")
Mirror = Tuple[Sequence[int], Sequence[float]]
"""Of a reading x, how a mirror shows it: sign * x[permutation], with the first and the second."""

VECTOR, ROTATION = (1.0, -1.0, 1.0), (-1.0, 1.0, -1.0)
"""Signs of the mirror image of a vector, and of a rotation: an angular velocity, roll, pitch and yaw."""


@dataclass(frozen=True)
class ObservationTerm(Term):
    """(N, size) a reading, in SI units; scale times it is what is seen."""

    scale: Number = 1.0
    """Factor of the reading in the frame."""
    noise: NonNegative = 0.0
    """Standard deviation of Gaussian noise, in the unit of what is seen."""

    turning: ClassVar[Optional[int]] = None
    """An entry that every mirror image turns round, so that its sign tells two mirror images apart."""
    stacked: ClassVar[bool] = True
    """Part of each frame. What is not is seen once, behind the frames: readings with many entries, or such
    that their past tells nothing."""

    def size(self, robot: Robot) -> int:
        """Number of entries."""
        return 1

    def uniforms(self, robot: Robot) -> int:
        """Random numbers for one robot and step, uniform in [0, 1), which `step.uniform` then has."""
        return 0

    def normals(self, robot: Robot) -> int:
        """Standard normal ones, which `step.normal` then has."""
        return 0

    def reading(self, robot: Robot) -> Dict[str, Any]:
        """What it takes, besides size and scale, to read it elsewhere: plain values for a policy's contract,
        of terms that are not stacked."""
        return {}

    def noises(self) -> Dict[str, Any]:
        """What is random about it, in plain values for a policy's contract."""
        return {"noise": self.noise}

    def without_noise(self: T) -> T:
        """The same term with nothing random: for evaluation and play."""
        return self.replace(noise=0.0)

    def mirror(self, robot: Robot) -> Mirror:
        """How left and right are swapped, for symmetric policies; a single number stays the same.

        Raises:
            UserError: the term does not say.
        """
        if self.size(robot) != 1:
            raise UserError(f"{type(self).__name__} does not say its mirror image: give it mirror(robot).")
        return signed((1.0,))


def signed(signs: Sequence[float]) -> Mirror:
    """Entries that stay where they are, with these signs."""
    return range(len(signs)), signs


def swapped(signs: Sequence[float]) -> Mirror:
    """Two entries, of the left and of the right side, that change places."""
    return (1, 0), signs


def joints(robot: Robot) -> Mirror:
    """Joint-wise entries."""
    mirror = robot.joint_mirror()
    return mirror["permutation"], mirror["sign"]


@dataclass(frozen=True)
class Frame(Config):
    """Base of groups of observations: fields that are an `ObservationTerm`, in the order of the entries."""

    history: History = 1
    """Frames in the observation, oldest first."""

    @property
    def terms(self) -> Dict[str, ObservationTerm]:
        """By their names, in the order of the entries: those that are stacked, and then the others."""
        found = terms_of(self, ObservationTerm)
        return {name: found[name] for name in sorted(found, key=lambda name: not found[name].stacked)}

    def layout(self, robot: Robot) -> List[Tuple[str, int]]:
        """Names and sizes of the terms, in order."""
        return [(name, term.size(robot)) for name, term in self.terms.items()]

    def frame_size(self, robot: Robot) -> int:
        """Number of entries in a frame."""
        return sum(term.size(robot) for term in self.terms.values() if term.stacked)

    def tail_size(self, robot: Robot) -> int:
        """Number of entries behind the frames."""
        return sum(term.size(robot) for term in self.terms.values() if not term.stacked)

    def size(self, robot: Robot) -> int:
        """Number of entries in an observation."""
        return self.history * self.frame_size(robot) + self.tail_size(robot)

    def noise(self, robot: Robot) -> List[float]:
        """Standard deviation of the noise on each entry of one step: of a frame, and of what comes behind."""
        return [term.noise for term in self.terms.values() for _ in range(term.size(robot))]

    def mirror(self, robot: Robot) -> Dict[str, object]:
        """Of an observation, as plain values: x has the image sign * x[permutation], which applied twice
        gives x again; index is the place of an entry that every mirror image turns round, the newest that
        there is, None where there is none.

        Raises:
            UserError: a term or the robot does not say how it is mirrored.
        """
        permutation: List[int] = []
        sign: List[float] = []
        turning: Optional[int] = None
        stacked = [term for term in self.terms.values() if term.stacked]
        tail = [term for term in self.terms.values() if not term.stacked]
        for part in (*[stacked] * self.history, tail):
            found: Optional[int] = None
            for term in part:
                start = len(permutation)
                places, signs = term.mirror(robot)
                permutation += [start + place for place in places]
                sign += signs
                if term.turning is not None and found is None:
                    found = start + term.turning
            turning = turning if found is None else found
        return {"permutation": permutation, "sign": sign, "index": turning}


@dataclass(frozen=True)
class Observations(Config):
    """Base of what is seen: fields that are a `Frame`, of which the first two are the actor's and the
    critic's."""

    policy: Frame = Frame()
    critic: Frame = Frame()
    clip: Positive = 18.0
    """Bound on every entry of the stacked observations; the stored frames stay unclipped."""

    @property
    def groups(self) -> Dict[str, Frame]:
        """By their names: `"policy"`, `"critic"`, and others that a task has."""
        return terms_of(self, Frame)


# What the robot is told


@dataclass(frozen=True)
class Clock(ObservationTerm):
    """Sine and cosine of the gait's phase angle. (Release)"""

    turning: ClassVar[Optional[int]] = 0

    def __call__(self, step: Step) -> Tensor:
        return step.gait.clock

    def size(self, robot: Robot) -> int:
        return 2

    def mirror(self, robot: Robot) -> Mirror:
        return signed((-1.0, -1.0))  # half a cycle later


@dataclass(frozen=True)
class CommandLinVel(ObservationTerm):
    """Commanded vx, vy, m/s, body frame. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return step.commands["velocity"][:, :2]

    def size(self, robot: Robot) -> int:
        return 2

    def mirror(self, robot: Robot) -> Mirror:
        return signed((1.0, -1.0))


@dataclass(frozen=True)
class CommandYawRate(ObservationTerm):
    """Commanded yaw rate, rad/s. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return step.commands["velocity"][:, 2:3]

    def mirror(self, robot: Robot) -> Mirror:
        return signed((-1.0,))


# What its sensors tell


@dataclass(frozen=True)
class OfJoints(ObservationTerm):
    """Base of readings with an entry for each joint, turned as the joints' mirror images are."""

    def size(self, robot: Robot) -> int:
        return robot.num_joints

    def mirror(self, robot: Robot) -> Mirror:
        return joints(robot)


@dataclass(frozen=True)
class _Vector(ObservationTerm):
    def size(self, robot: Robot) -> int:
        return 3

    def mirror(self, robot: Robot) -> Mirror:
        return signed(VECTOR)


@dataclass(frozen=True)
class _Rotation(ObservationTerm):
    def size(self, robot: Robot) -> int:
        return 3

    def mirror(self, robot: Robot) -> Mirror:
        return signed(ROTATION)


@dataclass(frozen=True)
class JointPos(OfJoints):
    """Joint angles from the default pose, rad. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return step.joint_pos


@dataclass(frozen=True)
class JointVel(OfJoints):
    """Joint velocities, rad/s. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return step.state.joint_vel


@dataclass(frozen=True)
class Action(OfJoints):
    """The executed action of the step before. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return step.action


@dataclass(frozen=True)
class BaseAngVel(_Rotation):
    """Angular velocity of the base, body frame, rad/s. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return step.base_ang_vel


@dataclass(frozen=True)
class Euler(_Rotation):
    """Roll, pitch, yaw of the base, rad. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return step.euler


@dataclass(frozen=True)
class ProjectedGravity(_Vector):
    """Direction of gravity in the body frame, unit vector: roll and pitch without the heading."""

    def __call__(self, step: Step) -> Tensor:
        return step.gravity


# What only a simulator knows


@dataclass(frozen=True)
class JointPosError(OfJoints):
    """Joint angles minus the gait's reference, rad. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return step.joint_pos - step.gait.reference_joint_pos


@dataclass(frozen=True)
class BaseLinVel(_Vector):
    """Velocity of the base, body frame, m/s. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return step.base_lin_vel


@dataclass(frozen=True)
class PushVelocity(ObservationTerm):
    """Horizontal (m/s) and angular velocity (rad/s) of the last event `push`. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return step.pushes["push"]

    def size(self, robot: Robot) -> int:
        return 5

    def mirror(self, robot: Robot) -> Mirror:
        return signed((1.0, -1.0, *ROTATION))


@dataclass(frozen=True)
class FootFriction(ObservationTerm):
    """Friction coefficient of the soles. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return step.parameters.foot_friction[:, None]


@dataclass(frozen=True)
class BaseMass(ObservationTerm):
    """Mass of the base link, kg. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return step.parameters.base_mass[:, None]


@dataclass(frozen=True)
class _OfFeet(ObservationTerm):
    def size(self, robot: Robot) -> int:
        return 2

    def mirror(self, robot: Robot) -> Mirror:
        return swapped((1.0, 1.0))


@dataclass(frozen=True)
class Stance(_OfFeet):
    """1 for feet that are to stand by the clock, 0 for others. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return step.gait.stance.float()


@dataclass(frozen=True)
class Contact(_OfFeet):
    """1 for feet in contact, 0 for others. (Release)"""

    def __call__(self, step: Step) -> Tensor:
        return step.contact.float()


@dataclass(frozen=True)
class FootHeight(_OfFeet):
    """Height of the soles over the ground, m."""

    def __call__(self, step: Step) -> Tensor:
        return step.foot_height


@dataclass(frozen=True)
class MeanVelocityError(ObservationTerm):
    """Averaged commanded minus actual vx, vy (m/s) and yaw rate (rad/s)."""

    def __call__(self, step: Step) -> Tensor:
        return step.command_error[:, :3]

    def size(self, robot: Robot) -> int:
        return 3

    def mirror(self, robot: Robot) -> Mirror:
        return signed((1.0, -1.0, -1.0))


@dataclass(frozen=True)
class BaseHeight(ObservationTerm):
    """Height of the base over the ground, m."""

    def __call__(self, step: Step) -> Tensor:
        return step.base_height[:, None]
