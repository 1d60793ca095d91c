"""A robot as data: what the task, the simulators and a policy's contract need to know about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Tuple, Union

from humanoid_envs.errors import UserError


@dataclass(frozen=True)
class Joint:
    """One actuated hinge with its PD gains."""

    name: str
    """Name in the MJCF, in the URDF and in a policy's contract."""
    stiffness: float
    """Proportional gain kp, N·m/rad."""
    damping: float
    """Derivative gain kd, N·m·s/rad."""
    torque_limit: float
    """Largest torque the PD law may apply in either direction, N·m."""
    default_pos: float = 0.0
    """Joint angle of a zero action, rad."""
    mirror_sign: float = -1.0
    """Sign of this angle in the mirrored posture, where the joint of the other side has it."""


@dataclass(frozen=True)
class Robot:
    """A legged robot on a free base.

    Models, contract and simulators meet by name, never by position: every name below must exist in both
    model files. `joints` fixes the order of all joint-wise vectors (left leg first, hip to foot).
    """

    name: str
    mjcf: Path
    urdf: Path
    joints: Tuple[Joint, ...]
    base_body: str
    """Free body; it owns everything above the hips, so a contact on it is a fall."""
    foot_bodies: Tuple[str, str]
    """Left and right link whose origin, velocity and contact force count as the foot's."""
    knee_bodies: Tuple[str, str]
    base_mass: float
    """Mass of the base link with all links fixed to it, kg."""
    start_height: float
    """Height of the base origin above the ground at the start of an episode, m."""

    @classmethod
    def of(cls, robot: Union[Robot, Mapping[str, Any]]) -> Robot:
        """A robot from its fields as plain values, as JSON gives them back; a robot passes through.

        Raises:
            UserError: fields that are missing or that there are not.
        """
        if isinstance(robot, Robot):
            return robot
        try:
            values = dict(robot)
            values["joints"] = tuple(Joint(**joint) for joint in values["joints"])
            for name in ("mjcf", "urdf"):
                values[name] = Path(values[name])
            for name in ("foot_bodies", "knee_bodies"):
                values[name] = tuple(values[name])
            return cls(**values)
        except (TypeError, ValueError, KeyError) as error:
            raise UserError(f"robot must be a Robot or a mapping of all its fields: {error}.") from error

    @property
    def joint_names(self) -> Tuple[str, ...]:
        return tuple(joint.name for joint in self.joints)

    @property
    def num_joints(self) -> int:
        return len(self.joints)
