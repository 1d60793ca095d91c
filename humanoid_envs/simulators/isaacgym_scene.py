"""Robots on the ground in NVIDIA Isaac Gym: what is set up before the first step, and what may change after.

PhysX settings are those of the Humanoid-Gym release, the robot is the project's URDF. Bodies, degrees of
freedom and shapes are found by name: the importer decides their order.
"""

# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportAttributeAccessIssue=false
# (Isaac Gym is on no package index. Its type stubs, `isaacgym-stubs`, lack gymtorch.)
from __future__ import annotations

import math
from typing import Any, Dict, List, Optional, Sequence

import torch

from humanoid_envs import isaacgym_first
from humanoid_envs.errors import MissingPackage, UnfitMachine, UserError

try:
    from isaacgym import gymapi, gymtorch
except Exception as error:  # see isaacgym_first
    raise MissingPackage(isaacgym_first.PROBLEM) from error

from humanoid_envs.robots import Robot
from humanoid_envs.simulators.heights import start_ground
from humanoid_envs.simulators.simulator import PhysicsConfig
from humanoid_envs.terrain.terrain import Terrain

__all__ = ["Scene", "gymapi", "gymtorch"]

_UNLIMITED = 1000.0
"""Bound on speeds (rad/s, m/s): so high that the PD law's limits alone act, as in MuJoCo."""
_UNLIMITED_EFFORT = 1e6
_SPACING = 3.0
"""Distance between robots, m. They never touch, but PhysX looks for pairs of what is close."""
_LEFT, _RIGHT = 1, 2
"""Collision bits of the legs. Shapes that share a bit do not collide: left meets right, as in the MJCF."""


class Scene:
    """N robots that are ready to be stepped through the tensor API."""

    def __init__(
        self,
        robot: Robot,
        physics: PhysicsConfig,
        num_envs: int,
        device: torch.device,
        legs: Sequence[Sequence[str]],
        graphics: bool,
        terrain: Optional[Terrain] = None,
    ) -> None:
        """legs: names of the left and the right leg's links. graphics: allow a viewer and cameras. terrain:
        all robots are on the same one; they do not meet.

        Raises ValueError if the URDF lacks a name, RuntimeError if Isaac Gym cannot load or start.
        """
        self.gym = gymapi.acquire_gym()
        self.on_gpu = _is_gpu(device)
        gpu = device.index or 0
        params = _sim_params(physics, self.on_gpu)
        self.sim: Any = self.gym.create_sim(gpu, gpu if graphics else -1, gymapi.SIM_PHYSX, params)
        if self.sim is None:
            raise UnfitMachine(f"Isaac Gym could not create a simulation on {device}; its log says why")
        self.feet_have_sensors = terrain is not None
        """Net contact forces on triangle meshes are known to be wrong on GPUs. In the last link of a chain
        force sensors take their place."""
        if terrain is None:
            self.gym.add_ground(self.sim, _ground(physics))
        else:
            self._add_terrain(terrain, physics)
        self._load(robot)
        self._prepare_properties(robot, legs)
        per_row = math.ceil(math.sqrt(num_envs))
        cells = torch.arange(num_envs)
        rows = torch.div(cells, per_row, rounding_mode="floor")
        spacing = _SPACING if terrain is None else 0.0
        self.origins = spacing * torch.stack([rows, cells % per_row, torch.zeros_like(cells)], dim=1).float()
        """(N, 3) where each env's world lies in the simulation's."""
        self.start_height = robot.start_height + (0.0 if terrain is None else start_ground(terrain))
        self.envs: List[Any] = []
        self.actors: List[int] = []
        for env in range(num_envs):
            self._add_robot(robot, env, per_row)
        self.gym.prepare_sim(self.sim)

    def set_body(self, env: int, foot_friction: float, base_mass: float, base_com: Sequence[float]) -> None:
        """Give one robot's soles and base new properties, which act from the next step on."""
        gym, handle, actor = self.gym, self.envs[env], self.actors[env]
        for shape in self._foot_shapes:
            self._shapes[shape].friction = foot_friction
        gym.set_actor_rigid_shape_properties(handle, actor, self._shapes)
        scale = base_mass / self._mass
        base = self._bodies[self._base]
        base.mass, base.invMass = base_mass, 1.0 / base_mass
        base.com = gymapi.Vec3(*[own + offset for own, offset in zip(self._com, base_com)])
        base.inertia, base.invInertia = _scaled(self._inertia, scale), _scaled(self._inv_inertia, 1.0 / scale)
        # Recomputed by Isaac Gym, inertia would be that of the collision shapes.
        gym.set_actor_rigid_body_properties(handle, actor, self._bodies, recomputeInertia=False)

    def update_graphics(self) -> None:
        """Let viewer and cameras see the last simulation step."""
        if self.on_gpu:
            self.gym.fetch_results(self.sim, True)
        self.gym.step_graphics(self.sim)

    def close(self) -> None:
        """Free the simulation. Idempotent."""
        if self.sim is not None:
            self.gym.destroy_sim(self.sim)
            self.sim = None

    def _load(self, robot: Robot) -> None:
        options = gymapi.AssetOptions()
        options.default_dof_drive_mode = int(gymapi.DOF_MODE_EFFORT)
        options.collapse_fixed_joints = True
        options.replace_cylinder_with_capsule = False
        options.flip_visual_attachments = False
        options.fix_base_link = False
        options.disable_gravity = False
        options.use_physx_armature = True
        options.armature = 0.0
        options.density = 0.001
        options.linear_damping = options.angular_damping = 0.0
        options.max_linear_velocity = options.max_angular_velocity = _UNLIMITED
        options.thickness = 0.01
        gym, urdf = self.gym, robot.isaacgym_urdf
        self._asset = gym.load_asset(self.sim, str(urdf.parent), urdf.name, options)
        if self._asset is None:
            raise UnfitMachine(f"Isaac Gym could not load {robot.urdf}; its log says why")
        self.bodies: Dict[str, int] = dict(gym.get_asset_rigid_body_dict(self._asset))
        """Index of each link within a robot."""
        self.dofs: Dict[str, int] = dict(gym.get_asset_dof_dict(self._asset))
        """Index of each joint within a robot."""
        wanted = {*robot.foot_bodies, *robot.knee_bodies, robot.base_body}
        missing = sorted(wanted - set(self.bodies)) + sorted(set(robot.joint_names) ^ set(self.dofs))
        if missing:
            raise UserError(f"{robot.urdf} and robot {robot.name!r} do not agree about {', '.join(missing)}")
        if self.feet_have_sensors:
            self._add_sensors(robot)

    def _add_terrain(self, terrain: Terrain, physics: PhysicsConfig) -> None:
        vertices, triangles = terrain.mesh()
        corners: Any = vertices.ravel()  # the stubs know other arrays
        of_triangles: Any = triangles.ravel()
        mesh = gymapi.TriangleMeshParams()
        mesh.nb_vertices, mesh.nb_triangles = len(vertices), len(triangles)
        mesh.static_friction = mesh.dynamic_friction = physics.ground_friction
        mesh.restitution = 0.0
        self.gym.add_triangle_mesh(self.sim, corners, of_triangles, mesh)

    def _add_sensors(self, robot: Robot) -> None:
        """In the left and the right foot: of what contacts and joint limits do, in the world's axes."""
        properties = gymapi.ForceSensorProperties()
        properties.enable_forward_dynamics_forces = False
        properties.enable_constraint_solver_forces = True
        properties.use_world_frame = True
        for foot in robot.foot_bodies:
            self.gym.create_asset_force_sensor(self._asset, self.bodies[foot], gymapi.Transform(), properties)

    def _prepare_properties(self, robot: Robot, legs: Sequence[Sequence[str]]) -> None:
        """What all robots have in common."""
        gym = self.gym
        self._base = self.bodies[robot.base_body]
        filters = {self.bodies[link]: bit for bit, leg in zip((_LEFT, _RIGHT), legs) for link in leg}
        self._shapes = gym.get_asset_rigid_shape_properties(self._asset)
        self._foot_shapes: List[int] = []
        feet = {self.bodies[foot] for foot in robot.foot_bodies}
        for body, shapes in enumerate(gym.get_asset_rigid_body_shape_indices(self._asset)):
            for shape in range(shapes.start, shapes.start + shapes.count):
                self._shapes[shape].filter = filters.get(body, _LEFT | _RIGHT)
                self._shapes[shape].friction = 1.0
                self._shapes[shape].restitution = 0.0
                if body in feet:
                    self._foot_shapes.append(shape)
        # The importer loses armature, damping and friction, and its stiffness would act beside the PD law.
        self._dof_properties = gym.get_asset_dof_properties(self._asset)
        self._dof_properties["driveMode"] = int(gymapi.DOF_MODE_EFFORT)
        self._dof_properties["armature"] = 0.0
        for joint in robot.joints:
            self._dof_properties["armature"][self.dofs[joint.name]] = joint.armature or 0.0
        for unused in ("stiffness", "damping", "friction"):
            self._dof_properties[unused] = 0.0
        self._dof_properties["velocity"] = _UNLIMITED
        self._dof_properties["effort"] = _UNLIMITED_EFFORT

    def _add_robot(self, robot: Robot, env: int, per_row: int) -> None:
        gym, none = self.gym, gymapi.Vec3(0.0, 0.0, 0.0)
        # Envs without extent all have the simulation's frame, in which the tensors are as well.
        handle = gym.create_env(self.sim, none, none, per_row)
        pose = gymapi.Transform()
        x, y, z = self.origins[env].tolist()
        pose.p = gymapi.Vec3(x, y, z + self.start_height)
        # Groups keep robots apart; filter 0 allows collisions within a robot, and the shapes' own decide.
        actor = gym.create_actor(handle, self._asset, pose, robot.name, env, 0, 0)
        gym.set_actor_dof_properties(handle, actor, self._dof_properties)
        self.envs.append(handle)
        self.actors.append(actor)
        if env == 0:
            self._bodies = gym.get_actor_rigid_body_properties(handle, actor)
            base = self._bodies[self._base]
            self._mass, self._com = base.mass, (base.com.x, base.com.y, base.com.z)
            self._inertia, self._inv_inertia = _scaled(base.inertia, 1.0), _scaled(base.invInertia, 1.0)
        self.set_body(env, foot_friction=1.0, base_mass=robot.base_mass, base_com=(0.0, 0.0, 0.0))


def _is_gpu(device: torch.device) -> bool:
    return device.type == "cuda"


def _sim_params(physics: PhysicsConfig, on_gpu: bool) -> Any:
    params = gymapi.SimParams()
    params.dt = physics.timestep
    params.substeps = 1
    params.up_axis = gymapi.UP_AXIS_Z
    params.gravity = gymapi.Vec3(0.0, 0.0, -9.81)
    params.use_gpu_pipeline = on_gpu
    physx = params.physx
    physx.use_gpu = on_gpu
    physx.solver_type = 1  # TGS
    physx.num_position_iterations = 4
    physx.num_velocity_iterations = 1
    physx.contact_offset = 0.01
    physx.rest_offset = 0.0
    physx.bounce_threshold_velocity = 0.1
    physx.max_depenetration_velocity = 1.0
    physx.max_gpu_contact_pairs = 2**23
    physx.default_buffer_size_multiplier = 5.0
    physx.contact_collection = gymapi.CC_ALL_SUBSTEPS
    return params


def _ground(physics: PhysicsConfig) -> Any:
    plane = gymapi.PlaneParams()
    plane.normal = gymapi.Vec3(0.0, 0.0, 1.0)
    # PhysX takes the mean of both materials' friction.
    plane.static_friction = plane.dynamic_friction = physics.ground_friction
    plane.restitution = 0.0
    return plane


def _scaled(matrix: Any, factor: float) -> Any:
    result = gymapi.Mat33()
    result.x, result.y, result.z = matrix.x * factor, matrix.y * factor, matrix.z * factor
    return result
