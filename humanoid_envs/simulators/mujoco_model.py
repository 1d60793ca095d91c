"""The robot's model file as a MuJoCo model: what the C and the Warp engine share.

Gains, torque limits, armature and base mass come from the `Robot`, the stepping from the `PhysicsConfig`.
Both are written into the model; the file's own values only serve to open it in a viewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence

import mujoco
import numpy as np
import torch
from torch import Tensor

from humanoid_envs.errors import UserError
from humanoid_envs.robots import Robot
from humanoid_envs.simulators.contact_room import can_meet
from humanoid_envs.simulators.mujoco_spec import compiled, require_name, robot_spec
from humanoid_envs.simulators.mujoco_terrain import put_on_terrain
from humanoid_envs.simulators.simulator import PhysicsConfig, PhysicsParameters, default_parameters
from humanoid_envs.terrain.terrain import Terrain

PARAMETER_FIELDS = (
    "geom_friction",
    "body_mass",
    "body_inertia",
    "body_ipos",
    "actuator_gainprm",
    "actuator_biasprm",
    "actuator_forcerange",
)
"""Model fields that hold the `PhysicsParameters`, each with one row per env."""


@dataclass(frozen=True)
class ModelIndex:
    """Where the model keeps what the simulators read and write. Joint-wise lists are in the robot's order."""

    base_qpos: int
    """Address of the free joint's position and quaternion (7)."""
    base_dof: int
    """Address of its linear (world frame) and angular (body frame) velocity (6)."""
    joint_qpos: List[int]
    joint_dof: List[int]
    actuators: List[int]
    base_body: int
    links: List[int]
    """Bodies of the base and of the link that each joint moves."""
    falling_bodies: List[int]
    """Those on which a contact is a fall."""
    foot_bodies: List[int]
    knee_bodies: List[int]
    soles: List[int]
    """Geoms of the feet that can touch the ground."""


def load_model(
    robot: Robot,
    physics: PhysicsConfig,
    terrain: Optional[Terrain] = None,
    *,
    visuals: bool = True,
    sensors: bool = True,
) -> mujoco.MjModel:
    """The robot on flat ground or on a terrain, see `put_on_terrain`, stepped as `physics` says, with default
    parameters.

    visuals: with what only pictures need, cameras, lights and geoms that touch nothing. Engines would move
    them along in every simulation step: a fifth of C MuJoCo's time. sensors: likewise.

    Raises FileNotFoundError without the model file and UserError for what it lacks.
    """
    spec = robot_spec(robot, visuals=visuals, sensors=sensors)
    if terrain is not None:
        put_on_terrain(spec, robot, terrain)
    model = compiled(spec, robot)
    option = model.opt
    option.timestep = physics.timestep
    integrators = mujoco.mjtIntegrator
    option.integrator = (
        integrators.mjINT_IMPLICITFAST if physics.implicit_damping else integrators.mjINT_EULER
    )
    option.iterations = physics.solver_iterations
    option.ls_iterations = physics.solver_line_search_iterations
    if physics.contact_time_constant is not None:
        model.geom_solref[:, 0] = physics.contact_time_constant
    # One robot is one constraint island: looking for more costs 8 % of the step and finds none.
    option.disableflags |= mujoco.mjtDisableBit.mjDSBL_ISLAND
    soles = index_model(model, robot).soles
    others = np.delete(model.geom_priority, soles).max(initial=0)
    model.geom_priority[soles] = np.maximum(model.geom_priority[soles], others + 1)
    give_parameters(model, robot, physics, default_parameters(robot, 1, "cpu"))
    return model


def give_parameters(
    model: mujoco.MjModel, robot: Robot, physics: PhysicsConfig, parameters: PhysicsParameters
) -> None:
    """Write the parameters, (1, …) each, into a model, and what follows from them."""
    fields = {name: torch.from_numpy(getattr(model, name))[None] for name in PARAMETER_FIELDS}
    ParameterFields(fields, model, index_model(model, robot), physics).write(parameters)
    mujoco.mj_setConst(model, mujoco.MjData(model))


def index_model(model: mujoco.MjModel, robot: Robot) -> ModelIndex:
    """Find everything by name. Raises UserError naming what is missing or not as the simulators need it."""
    objects = mujoco.mjtObj

    def ids(kind: mujoco.mjtObj, names: Sequence[str]) -> List[int]:
        return [_find(model, robot, kind, name) for name in names]

    joints = ids(objects.mjOBJ_JOINT, robot.joint_names)
    actuators = ids(objects.mjOBJ_ACTUATOR, robot.joint_names)
    for name, joint in zip(robot.joint_names, joints):
        hinge = model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE
        if not hinge or model.jnt_pos[joint].any() or model.qpos0[model.jnt_qposadr[joint]] != 0.0:
            raise UserError(f"{robot.mjcf}: joint {name!r} must be a hinge at its body's origin with ref 0")
    base = _find(model, robot, objects.mjOBJ_BODY, robot.base_body)
    free = model.body_jntadr[base]
    if free < 0 or model.jnt_type[free] != mujoco.mjtJoint.mjJNT_FREE:
        raise UserError(f"{robot.mjcf}: body {robot.base_body!r} must have a free joint")
    feet = ids(objects.mjOBJ_BODY, robot.foot_bodies)
    return ModelIndex(
        base_qpos=int(model.jnt_qposadr[free]),
        base_dof=int(model.jnt_dofadr[free]),
        joint_qpos=model.jnt_qposadr[joints].tolist(),
        joint_dof=model.jnt_dofadr[joints].tolist(),
        actuators=actuators,
        base_body=base,
        links=[base, *model.jnt_bodyid[joints].tolist()],
        falling_bodies=[base] if robot.falls_on == "base" else _all_but(feet, model, base),
        foot_bodies=feet,
        knee_bodies=ids(objects.mjOBJ_BODY, robot.knee_bodies),
        soles=[
            sole for name, foot in zip(robot.foot_bodies, feet) for sole in _soles(model, robot, name, foot)
        ],
    )


def _all_but(feet: List[int], model: mujoco.MjModel, base: int) -> List[int]:
    """Bodies of the robot with this base."""
    return [body for body in np.flatnonzero(model.body_rootid == base).tolist() if body not in feet]


def _soles(model: mujoco.MjModel, robot: Robot, name: str, foot: int) -> List[int]:
    ground = np.flatnonzero(model.geom_bodyid == 0).tolist()
    of_foot = np.flatnonzero(model.geom_bodyid == foot).tolist()
    soles = [geom for geom in of_foot if any(can_meet(model, geom, under) for under in ground)]
    if not soles:
        raise UserError(
            f"{robot.mjcf}: body {name!r}, a foot of robot {robot.name!r}, has no geom that can touch the "
            "ground."
        )
    return soles


def sensor_columns(model: mujoco.MjModel, robot: Robot, names: Sequence[str]) -> List[int]:
    """Columns of `sensordata` that these sensors of three numbers each fill, one after the other."""
    found = [_find(model, robot, mujoco.mjtObj.mjOBJ_SENSOR, name) for name in names]
    return [int(model.sensor_adr[sensor]) + i for sensor in found for i in range(3)]


class ParameterFields:
    """Per-env model fields, (N, ...) each, named in `PARAMETER_FIELDS`, as the place of physical parameters.

    The soles have contact priority, so their sliding coefficient is that of the contact. It is the mean of
    ground and foot, which is PhysX's default rule; MuJoCo's own would be the larger of the two. Base mass and
    inertia scale together. What is the same in every call is made here: a CUDA graph may write.
    """

    def __init__(
        self, fields: Dict[str, Tensor], model: mujoco.MjModel, index: ModelIndex, physics: PhysicsConfig
    ) -> None:
        self._fields = fields
        self._base, self._ground_friction = index.base_body, physics.ground_friction
        mass = fields["body_mass"]
        self._soles, self._actuators = (
            torch.tensor(rows, device=mass.device) for rows in (index.soles, index.actuators)
        )
        self._inertia_per_mass, self._com = (
            torch.as_tensor(value).to(mass)
            for value in (
                model.body_inertia[self._base] / model.body_mass[self._base],
                model.body_ipos[self._base].copy(),
            )
        )

    def write(self, parameters: PhysicsParameters) -> None:
        """Of all envs. The caller recomputes the constants that follow from masses."""
        fields, base, actuators = self._fields, self._base, self._actuators

        def like(value: Tensor) -> Tensor:
            return value.to(fields["body_mass"].dtype)

        friction = 0.5 * (self._ground_friction + like(parameters.foot_friction))
        fields["geom_friction"][:, self._soles, 0] = friction[:, None]
        mass = like(parameters.base_mass)
        fields["body_mass"][:, base] = mass
        fields["body_ipos"][:, base] = self._com + like(parameters.base_com)
        fields["body_inertia"][:, base] = self._inertia_per_mass * mass[:, None]
        stiffness, damping, limit = map(
            like, (parameters.stiffness, parameters.damping, parameters.torque_limit)
        )
        fields["actuator_gainprm"][:, actuators, 0] = stiffness
        fields["actuator_biasprm"][:, actuators, 1] = -stiffness
        fields["actuator_biasprm"][:, actuators, 2] = -damping
        fields["actuator_forcerange"][:, actuators, 0] = -limit
        fields["actuator_forcerange"][:, actuators, 1] = limit


def _find(model: mujoco.MjModel, robot: Robot, kind: mujoco.mjtObj, name: str) -> int:
    found = mujoco.mj_name2id(model, kind, name)
    if found < 0:
        count = model.nsensor if kind == mujoco.mjtObj.mjOBJ_SENSOR else model.nbody
        known = [mujoco.mj_id2name(model, kind, index) or "" for index in range(count)]
        require_name(robot, kind.name.replace("mjOBJ_", "").lower(), name, known)
    return found
