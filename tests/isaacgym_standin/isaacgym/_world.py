"""One robot of the stand-in: the URDF in C MuJoCo, in an order of links and joints that is all its own."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import List, Optional

import mujoco
import numpy as np

from ._ground import Ground
from ._records import (
    DOF_PROPERTIES,
    AssetOptions,
    ContractError,
    DofDriveMode,
    Mat33,
    RigidBodyProperties,
    RigidShapeProperties,
    SimParams,
    Vec3,
)


class Asset:
    """A robot on a free base, as its URDF says, with links and joints in the importer's order."""

    def __init__(self, path: Path, options: AssetOptions, ground: Ground) -> None:
        unlike = ("replace_cylinder_with_capsule", "fix_base_link", "disable_gravity")
        if any(getattr(options, name) for name in unlike) or options.angular_damping:
            raise NotImplementedError(f"the stand-in knows neither damped bodies nor {', '.join(unlike)}")
        spec = mujoco.MjSpec()
        # MuJoCo 3.2 fills the object; later versions return a new one.
        spec = spec.from_string(_with_free_base(path.read_text(), options.collapse_fixed_joints)) or spec
        ground.add_to(spec)
        self.model = spec.compile()
        m = self.model
        self.ground = int(np.flatnonzero(m.geom_bodyid == 0)[0])
        self.bodies = _last_child_first(m, 1)
        """MuJoCo's body of each rigid body here."""
        jointed = [body for body in self.bodies[1:] if m.body_jntnum[body]]
        self.joints = [int(m.body_jntadr[body]) for body in jointed]
        """MuJoCo's joint of each degree of freedom."""
        self.body_names = [m.body(body).name for body in self.bodies]
        self.dof_names = [m.joint(joint).name for joint in self.joints]
        self.shapes_of_body = [np.flatnonzero(m.geom_bodyid == body).tolist() for body in self.bodies]
        self.shapes = [geom for geoms in self.shapes_of_body for geom in geoms]
        """MuJoCo's geom of each shape."""
        self.force_sensors: List[int] = []
        """Which rigid bodies have one."""
        self.dof_properties = np.zeros(len(self.joints), DOF_PROPERTIES)
        self.dof_properties["hasLimits"] = True
        self.dof_properties["lower"], self.dof_properties["upper"] = m.jnt_range[self.joints].T
        self.dof_properties["effort"] = m.jnt_actfrcrange[self.joints, 1]
        self.dof_properties["driveMode"] = options.default_dof_drive_mode


class World:
    """One robot on the ground."""

    def __init__(self, asset: Asset, params: SimParams, ground: Ground, position: np.ndarray) -> None:
        self.asset = asset
        self.model = copy.copy(asset.model)
        self.ground_friction = ground.static_friction
        m = self.model
        m.opt.timestep = params.dt / params.substeps
        m.opt.gravity = params.gravity.array()
        # NaNs shall be seen. MuJoCo 3.2's mid-phase misses cylinders and spheres that touch the ground.
        flags = mujoco.mjtDisableBit
        m.opt.disableflags |= flags.mjDSBL_AUTORESET | flags.mjDSBL_MIDPHASE
        m.geom_priority[asset.shapes] = 1
        self.substeps = params.substeps
        self.data = mujoco.MjData(m)
        self.data.qpos[:3] = position
        self.dof_qpos, self.dof_qvel = m.jnt_qposadr[asset.joints], m.jnt_dofadr[asset.joints]
        self.dof_properties = asset.dof_properties.copy()

    # Properties

    def body_properties(self) -> List[RigidBodyProperties]:
        m, found = self.model, []
        for body in self.asset.bodies:
            properties, axes = RigidBodyProperties(), np.zeros(9)
            mujoco.mju_quat2Mat(axes, m.body_iquat[body])
            axes = axes.reshape(3, 3)
            properties.mass, properties.invMass = float(m.body_mass[body]), float(1.0 / m.body_mass[body])
            properties.com = Vec3(*m.body_ipos[body])
            properties.inertia = _matrix(axes @ np.diag(m.body_inertia[body]) @ axes.T)
            properties.invInertia = _matrix(axes @ np.diag(1.0 / m.body_inertia[body]) @ axes.T)
            found.append(properties)
        return found

    def set_body_properties(self, properties: List[RigidBodyProperties]) -> None:
        m = self.model
        for body, new in zip(self.asset.bodies, properties):
            inverse = new.inertia.array() @ new.invInertia.array()
            if not np.isclose(new.mass * new.invMass, 1.0) or not np.allclose(inverse, np.eye(3), atol=1e-3):
                raise ContractError("invMass and invInertia must be the inverses of mass and inertia")
            moments, axes = np.linalg.eigh(new.inertia.array())
            axes[:, 2] *= np.sign(np.linalg.det(axes))
            m.body_mass[body], m.body_ipos[body], m.body_inertia[body] = new.mass, new.com.array(), moments
            mujoco.mju_mat2Quat(m.body_iquat[body], axes.flatten())
        mujoco.mj_setConst(m, mujoco.MjData(m))

    def set_shape_properties(self, properties: List[RigidShapeProperties]) -> None:
        """Friction is the mean with the ground's; shapes whose filters share a bit do not collide."""
        m, geoms = self.model, self.asset.shapes
        m.geom_friction[geoms, 0] = [0.5 * (self.ground_friction + shape.friction) for shape in properties]
        filters = dict(zip(geoms, (int(shape.filter) for shape in properties)))
        filters[self.asset.ground] = 0
        kinds = sorted(set(filters.values()))
        for geom, kind in filters.items():
            m.geom_contype[geom] = 1 << kinds.index(kind)
            m.geom_conaffinity[geom] = sum(1 << i for i, other in enumerate(kinds) if kind & other == 0)
        for body in range(m.nbody):
            of_body = m.geom_bodyid == body
            m.body_contype[body] = np.bitwise_or.reduce(m.geom_contype[of_body])
            m.body_conaffinity[body] = np.bitwise_or.reduce(m.geom_conaffinity[of_body])

    def set_dof_properties(self, properties: np.ndarray) -> None:
        if properties["stiffness"].any():
            raise NotImplementedError("the stand-in has no springs")
        m = self.model
        self.dof_properties = properties.copy()
        m.dof_armature[self.dof_qvel] = properties["armature"]
        m.dof_damping[self.dof_qvel] = properties["damping"]
        m.dof_frictionloss[self.dof_qvel] = properties["friction"]
        m.jnt_range[self.asset.joints, 0] = properties["lower"]
        m.jnt_range[self.asset.joints, 1] = properties["upper"]
        mujoco.mj_setConst(m, mujoco.MjData(m))

    # State

    def set_root_state(self, state: np.ndarray) -> None:
        self.data.qpos[:3] = state[:3]
        self.data.qpos[3:7] = state[[6, 3, 4, 5]] / np.linalg.norm(state[3:7])
        self.data.qvel[:3] = state[7:10]
        self.data.qvel[3:6] = self._base_axes().T @ state[10:13]

    def root_state(self) -> np.ndarray:
        d = self.data
        ang_vel = self._base_axes() @ d.qvel[3:6]
        return np.concatenate([d.qpos[:3], d.qpos[[4, 5, 6, 3]], d.qvel[:3], ang_vel])

    def set_dof_state(self, state: np.ndarray) -> None:
        self.data.qpos[self.dof_qpos], self.data.qvel[self.dof_qvel] = state.T
        self.data.qacc_warmstart[:] = 0.0

    def dof_state(self) -> np.ndarray:
        return np.stack([self.data.qpos[self.dof_qpos], self.data.qvel[self.dof_qvel]], axis=1)

    def body_states(self) -> np.ndarray:
        m, d, velocity = self.model, self.data, np.zeros(6)
        for compute in (mujoco.mj_kinematics, mujoco.mj_comPos, mujoco.mj_comVel):
            compute(m, d)
        states = np.zeros((len(self.asset.bodies), 13))
        for state, body in zip(states, self.asset.bodies):
            mujoco.mj_objectVelocity(m, d, mujoco.mjtObj.mjOBJ_XBODY, body, velocity, 0)
            state[:3], state[3:7] = d.xpos[body], d.xquat[body][[1, 2, 3, 0]]
            state[7:10], state[10:] = velocity[3:], velocity[:3]
        return states

    def net_contact_forces(self) -> np.ndarray:
        """Of the last simulation step, on each body, world frame."""
        m, d, force = self.model, self.data, np.zeros(6)
        total = np.zeros((m.nbody, 3))
        for i in range(d.ncon):
            contact = d.contact[i]
            mujoco.mj_contactForce(m, d, i, force)
            on_second = contact.frame.reshape(3, 3).T @ force[:3]
            total[m.geom_bodyid[contact.geom2]] += on_second
            total[m.geom_bodyid[contact.geom1]] -= on_second
        return total[self.asset.bodies]

    def force_sensors(self) -> np.ndarray:
        """(sensors, 6): net contact force at the body's origin, world frame; torques are left out."""
        forces = self.net_contact_forces()[self.asset.force_sensors]
        return np.concatenate([forces, np.zeros_like(forces)], axis=1)

    def simulate(self, dof_forces: np.ndarray, body_wrenches: Optional[np.ndarray] = None) -> None:
        """body_wrenches: (bodies, 6) force at the centre of mass and torque, for this step alone."""
        effort = self.dof_properties["driveMode"] == DofDriveMode.DOF_MODE_EFFORT
        if (dof_forces != 0.0)[~effort].any():
            raise ContractError("actuation forces need DOF_MODE_EFFORT")
        limit = self.dof_properties["effort"]
        self.data.qfrc_applied[self.dof_qvel] = np.clip(dof_forces, -limit, limit)
        self.data.xfrc_applied[self.asset.bodies] = 0.0 if body_wrenches is None else body_wrenches
        for _ in range(self.substeps):
            mujoco.mj_step(self.model, self.data)

    def _base_axes(self) -> np.ndarray:
        axes = np.zeros(9)
        mujoco.mju_quat2Mat(axes, self.data.qpos[3:7])
        return axes.reshape(3, 3)


def _with_free_base(urdf: str, collapse_fixed_joints: bool) -> str:
    """The URDF with its root link on a floating joint, and without looks."""
    robot = ET.fromstring(urdf)
    children = {joint.find("child").get("link") for joint in robot.iter("joint")}  # pyright: ignore
    (root,) = (link.get("name") for link in robot.iter("link") if link.get("name") not in children)
    for link in robot.iter("link"):
        for visual in link.findall("visual"):
            link.remove(visual)
        for i, collision in enumerate(link.findall("collision")):
            collision.set("name", f"{link.get('name')}_{i}")
    extension = ET.SubElement(robot, "mujoco")
    fuse = "true" if collapse_fixed_joints else "false"
    ET.SubElement(extension, "compiler", fusestatic=fuse, balanceinertia="false", discardvisual="false")
    ET.SubElement(robot, "link", name="world")
    joint = ET.SubElement(robot, "joint", name="free", type="floating")
    ET.SubElement(joint, "parent", link="world")
    ET.SubElement(joint, "child", link=str(root))
    return ET.tostring(robot, encoding="unicode")


def _last_child_first(model: mujoco.MjModel, body: int) -> List[int]:
    """Depth first, but unlike MuJoCo's order and that of the URDF, so that positions mislead."""
    children = np.flatnonzero(model.body_parentid == body).tolist()
    return [body, *(found for child in reversed(children) for found in _last_child_first(model, child))]


def _matrix(array: np.ndarray) -> Mat33:
    matrix = Mat33()
    matrix.x, matrix.y, matrix.z = (Vec3(*row) for row in array)
    return matrix
