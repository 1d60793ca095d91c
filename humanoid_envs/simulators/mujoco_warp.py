"""MuJoCo Warp: all envs on one CUDA device, in float32; or, for tests, on Warp's CPU device.

Physics, state and resets run on torch's current stream, without waiting for the device and without allocating
from torch, so that `capturing` lets torch capture them, with whatever the task adds, into one CUDA graph.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import partial
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Optional, Tuple, Union

import mujoco
import numpy as np
import torch
from torch import Tensor

from humanoid_envs.errors import MissingPackage, UnfitMachine, UserError

try:
    import mujoco_warp as mjw
    import warp as wp
except ImportError as error:
    raise MissingPackage(
        "MuJoCo Warp is missing: `pip install mujoco-warp` (Python 3.11 or later), or use engine 'mujoco'"
    ) from error

from humanoid_envs.robots import Robot
from humanoid_envs.simulators import mujoco_warp_kernels as kernels
from humanoid_envs.simulators.contact_room import Room, needed_room
from humanoid_envs.simulators.lifetime import SimulatorLifetime
from humanoid_envs.simulators.mujoco_model import (
    PARAMETER_FIELDS,
    ModelIndex,
    ParameterFields,
    index_model,
    load_model,
)
from humanoid_envs.simulators.mujoco_render import OffscreenRenderer
from humanoid_envs.simulators.mujoco_warp_compilation import compile_step
from humanoid_envs.simulators.mujoco_warp_terrain import TerrainContacts
from humanoid_envs.simulators.simulator import (
    PhysicsConfig,
    PhysicsParameters,
    RobotState,
    SimState,
    check_num_envs,
    default_parameters,
    overwrite_rows,
)
from humanoid_envs.simulators.state_dict import clone_tensors, copy_tensors, named_tensors
from humanoid_envs.terrain.terrain import Terrain

# What `mjw.set_const` derives from the base's mass: per env, like the mass itself.
_MASS_CONSTANTS = ("body_subtreemass", "body_invweight0", "dof_invweight0", "actuator_acc0")

wp.config.log_level = max(
    wp.config.log_level, logging.WARNING
)  # else a line for each of some 100 modules loaded


class MuJoCoWarpSimulator(SimulatorLifetime):
    """`Simulator` on MuJoCo Warp. The model's position-type actuators are the PD law, inside every substep.

    The first one on a machine compiles the kernels, on all cores; they are cached after.
    """

    def __init__(
        self,
        robot: Robot,
        physics: Optional[PhysicsConfig] = None,
        num_envs: int = 1,
        device: Union[str, torch.device] = "cuda:0",
        max_contacts: Optional[int] = None,
        max_constraints: Optional[int] = None,
        terrain: Optional[Terrain] = None,
    ) -> None:
        """Room for contacts is shared by all envs, `max_contacts` on average; no env may have more than
        `max_constraints` constraint rows: 4 per contact and 1 per joint limit. None: what the model needs,
        see `needed_room`; 24 and 96 for XBot-L, which was seen with at most 15 and 60, however it flailed and
        fell, and 32 and 128 on terrain, where it had up to 22 and 88. `contacts_dropped` and
        `constraints_dropped` tell when that was not enough.

        terrain: None for flat ground. See `mujoco_warp_terrain` for its contacts.

        Raises UserError for no room, RuntimeError if the CUDA device is not there, and as `load_model` does.
        """
        self.robot = robot
        self.physics = physics or PhysicsConfig()
        self.terrain = terrain
        self.num_envs = check_num_envs(num_envs)
        self.device = _available_device(device)
        self._warp_device = wp.get_device(str(self.device))
        self._model = _physics_model(robot, self.physics, terrain)
        self._index = index_model(self._model, robot)
        self.room = _room(self._model, max_contacts, max_constraints)
        self._full_model = load_model(robot, self.physics, terrain)
        self._renderer = OffscreenRenderer(self._full_model)
        self._graphs: List[wp.Graph] = []
        self.state = SimState.zeros(num_envs, robot.num_joints, self.device)
        self.parameters = default_parameters(robot, num_envs, self.device)
        self.joint_targets = torch.zeros(num_envs, robot.num_joints, device=self.device)
        self.diverged, self.contacts_dropped, self.constraints_dropped = (
            torch.zeros(num_envs, dtype=torch.bool, device=self.device) for _ in range(3)
        )
        self._everyone = torch.ones(num_envs, dtype=torch.bool, device=self.device)
        self._actuators = torch.tensor(self._index.actuators, device=self.device)
        with self._stream():
            # after the ground was found in the model, and before Warp sees the model
            contacts = None if terrain is None else TerrainContacts(self._model, terrain)
            room = {"nconmax": self.room.contacts, "njmax": self.room.constraints}
            make_data = partial(mjw.make_data, self._model, **room)
            compile_step(_device_model(self._model, 1, contacts), make_data, kernels)
            self._m = _device_model(self._model, num_envs, contacts)
            self._d = make_data(num_envs)
            fields = {name: wp.to_torch(getattr(self._m, name)) for name in PARAMETER_FIELDS}
            self._fields = ParameterFields(fields, self._model, self._index, self.physics)
            self._qpos, self._qvel, self._ctrl, self._warmstart, self._forces = (
                wp.to_torch(getattr(self._d, name))
                for name in ("qpos", "qvel", "ctrl", "qacc_warmstart", "xfrc_applied")
            )
            self._prepare_launches()
            self._apply_parameters()
            self._read(self._everyone)

    def step(self, joint_targets: Tensor) -> None:
        with self._stream():
            self.joint_targets.copy_(joint_targets)
            self.step_physics()
            wp.launch(kernels.note_trouble, self.num_envs, self._trouble_arguments)
            self._read(self._everyone)
            wp.launch(kernels.add_contact_forces, self._d.naconmax, self._contact_arguments)

    def step_physics(self) -> None:
        with self._stream():
            self._ctrl.index_copy_(1, self._actuators, self.joint_targets)
            for _ in range(self.physics.decimation):
                mjw.step(self._m, self._d)

    def reset(self, mask: Tensor, state: RobotState) -> None:
        with self._stream():
            new = _arrays(
                state.base_pos,
                state.base_quat,
                state.base_lin_vel,
                state.base_ang_vel,
                state.joint_pos,
                state.joint_vel,
            )
            inputs = [wp.from_torch(mask), *new, *self._addresses, *self._motion]
            wp.launch(kernels.restart, self.num_envs, inputs)
            self._read(mask)
            self.diverged.masked_fill_(mask, False)  # last, for it may be the mask

    def push(self, mask: Tensor, lin_vel: Tensor, ang_vel: Tensor) -> None:
        with self._stream():
            index = self._index
            addresses = [index.base_qpos, index.base_dof]
            inputs = [*_arrays(mask, lin_vel, ang_vel), *addresses, self._d.qpos, self._d.qvel]
            wp.launch(kernels.push_base, self.num_envs, inputs)

    def apply_forces(self, forces: Tensor) -> None:
        self._forces[:, self._index.links, :3] = forces

    def set_parameters(self, mask: Tensor, parameters: PhysicsParameters, masses: bool = True) -> None:
        overwrite_rows(mask, parameters, self.parameters)
        self._apply_parameters(masses)

    def capturing(self) -> Optional[ContextManager[None]]:
        return None if self.device.type == "cpu" else self._captured()

    @contextmanager
    def _captured(self) -> Iterator[None]:
        with self._stream() as stream:
            # Torch captures; Warp is told, so that its scratch memory and loops become part of the graph.
            wp.capture_begin(stream=stream, external=True, force_module_load=False)
            try:
                yield
            finally:
                self._graphs.append(wp.capture_end(stream=stream))  # which keeps the captured kernels loaded

    def mujoco_model(self, env: int = 0) -> mujoco.MjModel:
        """The model with sensors, cameras, lights and all geoms; parameters of an undisturbed robot."""
        return self._full_model

    def mujoco_data(self, env: int = 0, data: Optional[mujoco.MjData] = None) -> mujoco.MjData:
        """One env's motion in `data` or a new MjData, for viewers. Waits for the device."""
        filled = mujoco.MjData(self._full_model) if data is None else data
        filled.qpos[:] = self._qpos[env].cpu().numpy()
        filled.qvel[:] = self._qvel[env].cpu().numpy()
        mujoco.mj_forward(self._full_model, filled)
        return filled

    def render(
        self, env: int = 0, size: Tuple[int, int] = (480, 640), camera: Optional[str] = None
    ) -> np.ndarray:
        return self._renderer(self.mujoco_data(env), size, camera)

    def state_dict(self) -> Dict[str, Tensor]:
        return clone_tensors(self._live_tensors())

    def load_state_dict(self, state: Dict[str, Tensor]) -> None:
        copy_tensors(self._live_tensors(), state)
        self._apply_parameters()

    def close(self) -> None:
        if "_renderer" in vars(self):
            self._renderer.close()
            self._free()

    def _live_tensors(self) -> Dict[str, Tensor]:
        return {
            "qpos": self._qpos,
            "qvel": self._qvel,
            "qacc_warmstart": self._warmstart,
            "diverged": self.diverged,
            **named_tensors("parameters", self.parameters),
            **named_tensors("state", self.state),
        }

    def _apply_parameters(self, masses: bool = True) -> None:
        self._fields.write(self.parameters)
        if masses:
            with self._stream():
                mjw.set_const(self._m, self._d, restore=False)  # the next step computes all the rest

    def _read(self, mask: Tensor) -> None:
        wp.launch(kernels.read_state, (self.num_envs, 2), [wp.from_torch(mask), *self._read_arguments])

    @contextmanager
    def _stream(self) -> Iterator[Optional[wp.Stream]]:
        """Warp's launches go to torch's current stream inside. None on the CPU."""
        if self.device.type == "cpu":
            with wp.ScopedDevice(self._warp_device):
                yield None
            return
        torch_stream = torch.cuda.current_stream(self.device)
        stream = self._warp_device.stream
        # Warp finds a capture by its stream object, so the one at work is not to be replaced by its like.
        if stream.cuda_stream != torch_stream.cuda_stream:
            stream = wp.stream_from_torch(torch_stream)
        with wp.ScopedStream(stream, sync_enter=False):
            yield stream

    def _prepare_launches(self) -> None:
        """Arguments of the kernels, which stay the same as long as the simulator lives."""
        index, data, state = self._index, self._d, self.state
        joints = [wp.array(values, dtype=int) for values in (index.joint_qpos, index.joint_dof)]
        self._addresses = [index.base_qpos, index.base_dof, *joints]
        self._motion = [data.qpos, data.qvel, data.qacc_warmstart, data.actuator_force, data.xfrc_applied]
        trouble = _arrays(self.diverged, self.contacts_dropped, self.constraints_dropped)
        self._trouble_arguments = [self._m.qpos0, data.ctrl, *self._motion, data.overflow, *trouble]
        contact_forces = [
            wp.from_torch(force, dtype=wp.vec3)
            for force in (state.base_contact_force, state.feet_contact_force)
        ]
        links = (state.feet_pos, state.feet_vel, state.knees_pos, state.knees_vel)
        self._read_arguments = [
            data.qpos,
            data.qvel,
            data.actuator_force,
            *self._addresses,
            wp.array(index.actuators, dtype=int),
            *_leg_chains(self._model, index, self.robot),
            *_arrays(state.base_pos, state.base_quat, state.base_lin_vel, state.base_ang_vel),
            *_arrays(state.joint_pos, state.joint_vel, state.joint_torque),
            *(wp.from_torch(link, dtype=wp.vec3) for link in links),
            *contact_forces,
        ]
        contact = data.contact
        self._contact_arguments = [
            data.nacon,
            contact.worldid,
            contact.geom,
            contact.frame,
            contact.dim,
            wp.from_torch(wp.to_torch(contact.friction)),
            contact.efc_address,
            data.efc.force,
            self._model.opt.cone == mujoco.mjtCone.mjCONE_ELLIPTIC,
            wp.array(self._model.geom_bodyid, dtype=int),
            wp.array(np.isin(np.arange(self._model.nbody), index.falling_bodies), dtype=bool),
            wp.vec2i(*index.foot_bodies),
            trouble[0],
            *contact_forces,
        ]


def _device_model(
    model: mujoco.MjModel, num_envs: int, contacts: Optional[Callable[[mjw.Model, mjw.Data], None]]
) -> mjw.Model:
    """With a row for each env in what differs between envs. contacts: adds those that Warp does not find."""
    per_env: Dict[str, int] = dict.fromkeys((*PARAMETER_FIELDS, *_MASS_CONSTANTS), num_envs)
    device_model = mjw.put_model(model, batch_sizes=per_env)
    device_model.opt.warn_overflow = 0
    device_model.callback.contactfilter = contacts
    return device_model


def _arrays(*tensors: Tensor) -> List[Any]:
    return [wp.from_torch(tensor) for tensor in tensors]


def _room(model: mujoco.MjModel, contacts: Optional[int], constraints: Optional[int]) -> Room:
    needed = needed_room(model)
    asked = {"max_contacts": contacts, "max_constraints": constraints}
    for name, value in asked.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise UserError(
                f"{name} must be an integer of at least 1, or None for what the robot needs; got {value!r}"
            )
    return Room(
        needed.contacts if contacts is None else contacts,
        needed.constraints if constraints is None else constraints,
    )


def _physics_model(robot: Robot, physics: PhysicsConfig, terrain: Optional[Terrain]) -> mujoco.MjModel:
    model = load_model(robot, physics, terrain, visuals=False, sensors=False)
    if not (model.dof_damping.any() or model.actuator_damping.any()):
        # Euler integration would factorize the mass matrix again for damping that is not there.
        model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_EULERDAMP
    return model


def _leg_chains(model: mujoco.MjModel, index: ModelIndex, robot: Robot) -> List[Any]:
    """What `read_state` needs of the links from hip to foot, (2, links) each, and which of them are knees."""
    chains: List[List[int]] = []
    for foot in index.foot_bodies:
        chain = [foot]
        while model.body_parentid[chain[0]] not in (0, index.base_body):
            chain.insert(0, int(model.body_parentid[chain[0]]))
        chains.append(chain)
    bodies = np.array(chains) if len({len(chain) for chain in chains}) == 1 else np.zeros((0, 0), int)
    joints = model.body_jntadr[bodies]
    hinged = (model.body_jntnum[bodies] == 1) & (model.jnt_type[joints] == int(mujoco.mjtJoint.mjJNT_HINGE))
    if bodies.size == 0 or not hinged.all() or model.qpos0[model.jnt_qposadr[joints]].any():
        raise UserError(
            f"{robot.mjcf}: from base to foot, each link must have one hinge, as many in each leg, and a "
            "joint that is held there must be so at 0"
        )
    knees = [chain.index(knee) for chain, knee in zip(chains, index.knee_bodies)]
    return [
        wp.array(model.body_pos[bodies], dtype=wp.vec3),
        wp.array(model.body_quat[bodies], dtype=wp.vec4),
        wp.array(model.jnt_axis[joints], dtype=wp.vec3),
        wp.array(model.jnt_qposadr[joints], dtype=int),
        wp.array(model.jnt_dofadr[joints], dtype=int),
        wp.array(knees, dtype=int),
    ]


def _available_device(device: Union[str, torch.device]) -> torch.device:
    device = torch.device(device)
    if device.type == "cpu":
        return device
    index = 0 if device.index is None else device.index
    found = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if device.type != "cuda" or f"cuda:{index}" not in found or index >= wp.get_cuda_device_count():
        raise UnfitMachine(
            f"no device '{device}' for MuJoCo Warp: torch sees {', '.join(found) or 'no CUDA device'}, Warp "
            f"{wp.get_cuda_device_count()}. Use engine 'mujoco' (all CPU cores); device 'cpu' is for tests"
        )
    return torch.device("cuda", index)
