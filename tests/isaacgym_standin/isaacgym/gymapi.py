"""`gymapi` of the stand-in: what can be called when, and what it does then."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np

from ._ground import Ground, mesh_ground
from ._records import (
    ActionEvent,
    AssetOptions,
    CameraProperties,
    ContactCollection,
    ContractError,
    CoordinateSpace,
    DofDriveMode,
    ForceSensorProperties,
    ImageType,
    IndexRange,
    KeyboardInput,
    Mat33,
    PhysXParams,
    PlaneParams,
    Quat,
    RigidBodyProperties,
    RigidShapeProperties,
    SimParams,
    SimType,
    Tensor,
    Transform,
    TriangleMeshParams,
    UpAxis,
    Vec3,
)
from ._sim import Env, Sim
from ._world import Asset, World

__all__ = [
    "AssetOptions",
    "CameraProperties",
    "ContractError",
    "ForceSensorProperties",
    "Gym",
    "Mat33",
    "PhysXParams",
    "PlaneParams",
    "Quat",
    "RigidBodyProperties",
    "RigidShapeProperties",
    "SimParams",
    "Tensor",
    "Transform",
    "TriangleMeshParams",
    "Vec3",
]

DOF_MODE_NONE, DOF_MODE_POS, DOF_MODE_VEL, DOF_MODE_EFFORT = DofDriveMode
SIM_PHYSX, SIM_FLEX = SimType
UP_AXIS_Y, UP_AXIS_Z = UpAxis
CC_NEVER, CC_LAST_SUBSTEP, CC_ALL_SUBSTEPS = ContactCollection
IMAGE_COLOR, IMAGE_DEPTH = ImageType
(KEY_V,) = KeyboardInput
ENV_SPACE, LOCAL_SPACE, GLOBAL_SPACE = CoordinateSpace

_CPU_STATE_ACCESS = {
    "get_actor_dof_states",
    "get_actor_rigid_body_states",
    "get_env_rigid_body_states",
    "get_rigid_transform",
    "get_sim_rigid_body_states",
    "set_actor_dof_states",
    "set_actor_rigid_body_states",
}


def acquire_gym() -> Gym:
    return Gym()


class Gym:
    """Every method but those below `Not of the original` has the original's name and arguments."""

    # Setting up

    def create_sim(
        self,
        compute_device: int = 0,
        graphics_device: int = 0,
        type: SimType = SIM_FLEX,
        params: Optional[SimParams] = None,
    ) -> Sim:
        if type != SIM_PHYSX or params is None or params.up_axis != UP_AXIS_Z:
            raise NotImplementedError("the stand-in does SIM_PHYSX with z up")
        if params.use_gpu_pipeline and not params.physx.use_gpu:
            raise ContractError("the GPU pipeline needs physx.use_gpu")
        return Sim(params, compute_device, graphics_device)

    def add_ground(self, sim: Sim, params: PlaneParams) -> None:
        sim.require_setup()
        if (params.normal.x, params.normal.y, params.normal.z) != (0.0, 0.0, 1.0):
            raise NotImplementedError("the stand-in's ground is level")
        sim.ground = Ground(params.static_friction)

    def add_triangle_mesh(
        self, sim: Sim, vertices: np.ndarray, triangles: np.ndarray, params: TriangleMeshParams
    ) -> None:
        sim.require_setup()
        sim.ground = mesh_ground(vertices, triangles, params)

    def load_asset(self, sim: Sim, rootpath: str, filename: str, options: AssetOptions) -> Asset:
        sim.require_setup()
        if sim.ground is None:
            raise NotImplementedError("the stand-in needs the ground before it loads assets")
        return Asset(Path(rootpath) / filename, options, sim.ground)

    def create_asset_force_sensor(
        self, asset: Asset, body_idx: int, local_pose: Transform, props: ForceSensorProperties
    ) -> int:
        if props.enable_forward_dynamics_forces or not props.use_world_frame or local_pose.p.array().any():
            raise NotImplementedError("the stand-in's sensors feel contacts, at origins, in the world's axes")
        asset.force_sensors.append(body_idx)
        return len(asset.force_sensors) - 1

    def create_env(self, sim: Sim, lower: Vec3, upper: Vec3, num_per_row: int) -> Env:
        sim.require_setup()
        if sim.envs and sim.envs[-1].world is None:
            raise ContractError("fill an env with actors before the next one is created")
        if lower.array().any() or upper.array().any():
            raise NotImplementedError("the stand-in's envs have no extent")
        sim.envs.append(Env(len(sim.envs)))
        self._sim = sim
        return sim.envs[-1]

    def create_actor(
        self,
        env: Env,
        asset: Asset,
        pose: Transform,
        name: str = "",
        group: int = -1,
        filter: int = -1,
        segmentationId: int = 0,
    ) -> int:
        self._sim.require_setup()
        if env is not self._sim.envs[-1]:
            raise ContractError("actors are added to the env that was created last")
        if self._sim.ground is None:
            raise ContractError("add the ground before the actors")
        if group != env.index:
            raise ContractError("robots of different envs need different collision groups, or they collide")
        env.world = World(asset, self._sim.params, self._sim.ground, pose.p.array())
        shape = RigidShapeProperties()
        shape.filter = max(filter, 0)  # one bit for all shapes: 0 enables self-collisions
        env.world.set_shape_properties([shape] * len(asset.shapes))
        return 0

    def prepare_sim(self, sim: Sim) -> bool:
        sim.require_setup()
        sim.prepared = True
        sim.properties_set.clear()
        return True

    def destroy_sim(self, sim: Sim) -> None:
        sim.destroyed = True

    # Names and properties

    def get_asset_rigid_body_dict(self, asset: Asset) -> Dict[str, int]:
        return {name: i for i, name in enumerate(asset.body_names)}

    def get_asset_dof_dict(self, asset: Asset) -> Dict[str, int]:
        return {name: i for i, name in enumerate(asset.dof_names)}

    def get_asset_rigid_shape_properties(self, asset: Asset) -> List[RigidShapeProperties]:
        return [RigidShapeProperties() for _ in asset.shapes]

    def get_asset_rigid_body_shape_indices(self, asset: Asset) -> List[IndexRange]:
        ranges, start = [], 0
        for shapes in asset.shapes_of_body:
            found = IndexRange()
            found.start, found.count = start, len(shapes)
            ranges.append(found)
            start += len(shapes)
        return ranges

    def get_asset_dof_properties(self, asset: Asset) -> np.ndarray:
        return asset.dof_properties.copy()

    def get_actor_rigid_body_properties(self, env: Env, actor: int) -> List[RigidBodyProperties]:
        return self._world(env).body_properties()

    def set_actor_dof_properties(self, env: Env, actor: int, properties: np.ndarray) -> bool:
        self._sim.note_properties("dof properties", env)
        self._world(env).set_dof_properties(properties)
        return True

    def set_actor_rigid_shape_properties(
        self, env: Env, actor: int, properties: List[RigidShapeProperties]
    ) -> bool:
        self._sim.note_properties("shape properties", env)
        self._world(env).set_shape_properties(properties)
        return True

    def set_actor_rigid_body_properties(
        self,
        env: Env,
        actorHandle: int,
        props: List[RigidBodyProperties],
        recomputeInertia: bool = False,
    ) -> bool:
        self._sim.note_properties("body properties", env)
        if recomputeInertia:
            raise NotImplementedError("the stand-in does not compute inertia from shapes")
        self._world(env).set_body_properties(props)
        return True

    # Tensors

    def acquire_actor_root_state_tensor(self, sim: Sim) -> Tensor:
        return sim.acquire("root", np.stack([world.root_state() for world in sim.worlds()]))

    def acquire_dof_state_tensor(self, sim: Sim) -> Tensor:
        return sim.acquire("dof", np.concatenate([world.dof_state() for world in sim.worlds()]))

    def acquire_rigid_body_state_tensor(self, sim: Sim) -> Tensor:
        return sim.acquire("body", np.concatenate([world.body_states() for world in sim.worlds()]))

    def acquire_net_contact_force_tensor(self, sim: Sim) -> Tensor:
        forces = np.concatenate([world.net_contact_forces() for world in sim.worlds()])
        return sim.acquire("force", forces)

    def acquire_force_sensor_tensor(self, sim: Sim) -> Tensor:
        return sim.acquire("sensor", np.concatenate([world.force_sensors() for world in sim.worlds()]))

    def refresh_actor_root_state_tensor(self, sim: Sim) -> bool:
        return sim.refresh("root", [world.root_state() for world in sim.worlds()])

    def refresh_dof_state_tensor(self, sim: Sim) -> bool:
        return sim.refresh("dof", [world.dof_state() for world in sim.worlds()])

    def refresh_rigid_body_state_tensor(self, sim: Sim) -> bool:
        return sim.refresh("body", [world.body_states() for world in sim.worlds()])

    def refresh_net_contact_force_tensor(self, sim: Sim) -> bool:
        return sim.refresh("force", [world.net_contact_forces() for world in sim.worlds()])

    def refresh_force_sensor_tensor(self, sim: Sim) -> bool:
        return sim.refresh("sensor", [world.force_sensors() for world in sim.worlds()])

    def set_actor_root_state_tensor_indexed(
        self, sim: Sim, buffer: Tensor, indices: Tensor, count: int
    ) -> bool:
        return sim.set("root", buffer, (len(sim.envs), 13), indices, count)

    def set_dof_state_tensor_indexed(self, sim: Sim, buffer: Tensor, indices: Tensor, count: int) -> bool:
        return sim.set("dof", buffer, (sim.num_dofs, 2), indices, count)

    def set_dof_actuation_force_tensor(self, sim: Sim, buffer: Tensor) -> bool:
        return sim.set("actuation", buffer, (sim.num_dofs,), None, 0)

    def apply_rigid_body_force_tensors(
        self,
        sim: Sim,
        forceTensor: Tensor,
        torqueTensor: Tensor,
        space: CoordinateSpace = ENV_SPACE,
    ) -> bool:
        if space == LOCAL_SPACE:
            raise NotImplementedError("the stand-in takes forces in the world's axes")
        bodies = sum(len(world.asset.bodies) for world in sim.worlds())
        force = sim.set("body force", forceTensor, (bodies, 3), None, 0)
        return force and sim.set("body torque", torqueTensor, (bodies, 3), None, 0)

    # Stepping

    def simulate(self, sim: Sim) -> None:
        sim.require_prepared()
        if sim.results_awaited:
            raise ContractError("on the CPU fetch_results(sim, True) must follow simulate")
        worlds = sim.worlds()
        told = {kind: setting.checked_values() for kind, setting in sim.settings.items()}
        if "dof" in told:
            states = told["dof"][0].reshape(len(worlds), -1, 2)
            for actor in told["dof"][1]:
                worlds[actor].set_dof_state(states[actor])
        if "root" in told:
            for actor in told["root"][1]:
                worlds[actor].set_root_state(told["root"][0][actor])
        nothing = np.zeros(sim.num_dofs)
        actuation = told.get("actuation", [nothing])[0].reshape(len(worlds), -1)
        wrench = [told[kind][0] for kind in ("body force", "body torque") if kind in told]
        on_bodies = np.concatenate(wrench, axis=-1).reshape(len(worlds), -1, 6) if wrench else None
        for i, world in enumerate(worlds):
            world.simulate(actuation[i], None if on_bodies is None else on_bodies[i])
        sim.settings.clear()
        sim.properties_set.clear()
        sim.unfetched = True
        sim.graphics_current = sim.cameras_current = False
        # The original keeps the old values; these show up whoever reads them.
        for tensor in sim.tensors.values():
            if tensor.torch is not None:
                tensor.torch.fill_(float("nan"))

    def fetch_results(self, sim: Sim, wait_for_latest_sim_step: bool) -> None:
        sim.require_prepared()
        if sim.gpu is None and not sim.unfetched:
            raise ContractError("there are no results to fetch: call simulate first")
        sim.unfetched = not wait_for_latest_sim_step

    # Pictures

    def create_viewer(self, sim: Sim, properties: CameraProperties) -> List[str]:
        sim.require_graphics()
        return []  # what happened to it

    def viewer_camera_look_at(self, viewer: List[str], env: Optional[Env], eye: Vec3, target: Vec3) -> None:
        viewer.append("look")

    def subscribe_viewer_keyboard_event(self, viewer: List[str], key: KeyboardInput, action: str) -> None:
        viewer.append(f"{key.name}: {action}")

    def query_viewer_action_events(self, viewer: List[str]) -> List[ActionEvent]:
        """Of the keys that a test has pressed and released, for what they were subscribed to."""
        actions = dict(entry.split(": ") for entry in viewer if ": " in entry)
        pressed = [actions[entry] for entry in viewer if entry in actions]
        viewer[:] = [entry for entry in viewer if entry not in actions]
        return [ActionEvent(action, value) for action in pressed for value in (1.0, 0.0)]

    def query_viewer_has_closed(self, viewer: List[str]) -> bool:
        return "closed" in viewer

    def poll_viewer_events(self, viewer: List[str]) -> None:
        viewer.append("poll")

    def draw_viewer(self, viewer: List[str], sim: Sim, render_collision: bool = False) -> None:
        if not sim.graphics_current:
            raise ContractError("step_graphics must come between simulate and draw_viewer")
        viewer.append("draw")

    def sync_frame_time(self, sim: Sim) -> None:
        pass

    def destroy_viewer(self, viewer: List[str]) -> None:
        viewer.append("destroyed")

    def create_camera_sensor(self, env: Env, properties: CameraProperties) -> int:
        self._sim.require_graphics()
        self._sim.cameras.append(properties)
        return len(self._sim.cameras) - 1

    def set_camera_location(self, camera: int, env: Env, position: Vec3, target: Vec3) -> None:
        self._sim.cameras_current = False

    def step_graphics(self, sim: Sim) -> None:
        sim.require_graphics()
        if sim.unfetched:
            raise ContractError("fetch_results must come between simulate and step_graphics")
        sim.graphics_current = True

    def render_all_camera_sensors(self, sim: Sim) -> None:
        if not sim.graphics_current:
            raise ContractError("step_graphics must come between simulate and render_all_camera_sensors")
        sim.cameras_current = True

    def get_camera_image(self, sim: Sim, env: Env, camera: int, kind: ImageType) -> np.ndarray:
        """RGBA: red tells the env, green the base's height in dm, blue counts columns."""
        if not sim.cameras_current:
            raise ContractError("render_all_camera_sensors must come before get_camera_image")
        properties = sim.cameras[camera]
        image = np.full((properties.height, properties.width, 4), 255, dtype=np.uint8)
        image[..., 0] = env.index
        image[..., 1] = round(10.0 * float(self._world(env).data.qpos[2]))
        image[..., 2] = np.arange(properties.width) % 256
        return image.reshape(properties.height, -1)

    # Not of the original

    def __getattr__(self, name: str) -> Any:
        if name in _CPU_STATE_ACCESS:
            raise ContractError(f"{name} is not allowed in the GPU pipeline: use the tensors")
        raise AttributeError(f"the stand-in has no {name}")

    def _world(self, env: Env) -> World:
        if env.world is None:
            raise ContractError("the env has no actor yet")
        return env.world
