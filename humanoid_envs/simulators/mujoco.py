"""MuJoCo on the CPU: all envs in one `mujoco.batch.Batch`, stepped on a thread pool in float64."""

from __future__ import annotations

import copy
from typing import Dict, Optional, Tuple, Union

import mujoco
import numpy as np
import torch
from mujoco.batch import Batch
from torch import Tensor

from humanoid_envs.cpu_count import available_cores
from humanoid_envs.robots import Robot
from humanoid_envs.rotations import rotate_inverse
from humanoid_envs.simulators import mujoco_log
from humanoid_envs.simulators.lifetime import SimulatorLifetime
from humanoid_envs.simulators.mujoco_model import (
    PARAMETER_FIELDS,
    ParameterFields,
    give_parameters,
    index_model,
    load_model,
    sensor_columns,
)
from humanoid_envs.simulators.mujoco_render import OffscreenRenderer
from humanoid_envs.simulators.mujoco_spec import OUTSIDE_CONTACT
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

Rows = Union[slice, Tensor]

_ALL = slice(None)
# Kinematics and velocity sensors are made current at the end of a step. Each simulation keeps its MjData and
# its next step goes on from there, so that nothing is computed twice.
_STAGE = int(mujoco.mjtStage.mjSTAGE_VEL)
_INTEGRATED = int(mujoco.mjtState.mjSTATE_INTEGRATION)
_CONTACTS_DROPPED = int(mujoco.mjtWarning.mjWARN_CONTACTFULL)
_CONSTRAINTS_DROPPED = int(mujoco.mjtWarning.mjWARN_CNSTRFULL)
_UNSTABLE = [
    int(warning)
    for warning in (
        mujoco.mjtWarning.mjWARN_BADQPOS,
        mujoco.mjtWarning.mjWARN_BADQVEL,
        mujoco.mjtWarning.mjWARN_BADQACC,
        mujoco.mjtWarning.mjWARN_BADCTRL,
    )
]
_SENSORS = {
    "base_ang_vel": ("base_ang_vel",),  # qvel has it in the body's frame
    "feet_pos": ("left_foot_pos", "right_foot_pos"),
    "feet_vel": ("left_foot_vel", "right_foot_vel"),
    "knees_pos": ("left_knee_pos", "right_knee_pos"),
    "knees_vel": ("left_knee_vel", "right_knee_vel"),
    "base_contact_force": ("base_contact",),
    "feet_contact_force": ("left_foot_contact", "right_foot_contact"),
}


class MuJoCoSimulator(SimulatorLifetime):
    """`Simulator` on C MuJoCo. Results are the same, bit for bit, at any number of threads.

    The position-type actuators of the model are the PD law, so that it acts inside every simulation step.
    """

    def __init__(
        self,
        robot: Robot,
        physics: Optional[PhysicsConfig] = None,
        num_envs: int = 1,
        num_threads: int = 0,
        terrain: Optional[Terrain] = None,
    ) -> None:
        """num_threads: 0 for one per core that this process may use. terrain: None for flat ground.

        Raises ValueError for a bad number, and as `load_model` does.
        """
        self.robot = robot
        self.physics = physics or PhysicsConfig()
        self.terrain = terrain
        self.num_envs = check_num_envs(num_envs)
        self.device = torch.device("cpu")
        self._model = load_model(robot, self.physics, terrain, visuals=False)
        self._index = index_model(self._model, robot)
        self._full_model = load_model(robot, self.physics, terrain)
        self._renderer = OffscreenRenderer(self._full_model)
        self._batch = Batch(self._model, num_envs, num_threads or available_cores(), persistent=True)
        self._qpos, self._qvel, self._warmstart, self._forces = (
            torch.from_numpy(self._batch.bind(name))
            for name in ("qpos", "qvel", "qacc_warmstart", "xfrc_applied")
        )
        self._ctrl, self._actuators = self._batch.bind("ctrl"), np.array(self._index.actuators)
        fields = {name: torch.from_numpy(self._batch.expand(name)) for name in PARAMETER_FIELDS}
        self._fields = ParameterFields(fields, self._model, self._index, self.physics)
        self.parameters = default_parameters(robot, num_envs, self.device)
        self._prepare_read()
        self.joint_targets = torch.zeros(num_envs, robot.num_joints)
        self._trouble = torch.zeros(3, num_envs, dtype=torch.bool)
        self.diverged, self.contacts_dropped, self.constraints_dropped = self._trouble.unbind()
        self._apply_parameters(_ALL)
        self._batch.reset(stage=_STAGE)
        self._read(_ALL)

    def step(self, joint_targets: Tensor) -> None:
        self.joint_targets.copy_(joint_targets)
        self._batch.warning.fill(0)
        self.step_physics()
        self._trouble.zero_()
        if self._batch.warning.any():
            self._note_trouble()
        self._read(_ALL)

    def step_physics(self) -> None:
        self._ctrl[:, self._actuators] = self.joint_targets.numpy()
        with mujoco_log.quiet():
            self._batch.step(nstep=self.physics.decimation, stage=_STAGE)

    def reset(self, mask: Tensor, state: RobotState) -> None:
        rows = mask.nonzero().squeeze(1)
        if len(rows) == 0:
            return
        ids, joint_qpos, joint_dof = rows.numpy(), self._index.joint_qpos, self._index.joint_dof
        self._batch.reset(ids, stage=int(mujoco.mjtStage.mjSTAGE_NONE))
        base = self._index.base_qpos
        self._qpos[rows, base : base + 3] = state.base_pos[rows].double()
        self._qpos[rows, base + 3 : base + 7] = state.base_quat[rows].double()
        self._qpos[rows[:, None], joint_qpos] = state.joint_pos[rows].double()
        self._qvel[rows[:, None], joint_dof] = state.joint_vel[rows].double()
        self._write_base_velocity(rows, state.base_lin_vel, state.base_ang_vel)
        self._batch.forward(ids, stage=_STAGE)
        self.diverged[rows] = False
        self._read(rows)

    def push(self, mask: Tensor, lin_vel: Tensor, ang_vel: Tensor) -> None:
        if mask.numpy().any():
            self._write_base_velocity(mask.nonzero().squeeze(1), lin_vel, ang_vel)

    def apply_forces(self, forces: Tensor) -> None:
        self._forces[:, self._index.links, :3] = forces.double()

    def set_parameters(self, mask: Tensor, parameters: PhysicsParameters, masses: bool = True) -> None:
        overwrite_rows(mask, parameters, self.parameters)
        self._apply_parameters(mask.nonzero().squeeze(1))

    def capturing(self) -> None:
        return None

    def mujoco_model(self, env: int = 0) -> mujoco.MjModel:
        """The model with cameras, lights and all geoms, and one env's own parameters."""
        model = copy.copy(self._full_model)
        own = {name: value[env : env + 1] for name, value in vars(self.parameters).items()}
        give_parameters(model, self.robot, self.physics, PhysicsParameters(**own))
        return model

    def mujoco_data(self, env: int = 0, data: Optional[mujoco.MjData] = None) -> mujoco.MjData:
        """One env's state in `data` or a new MjData, for viewers and for any mj_ function; with it the forces
        that would act on a robot with default parameters."""
        filled = mujoco.MjData(self._full_model) if data is None else data
        state = np.empty(mujoco.mj_stateSize(self._full_model, _INTEGRATED))
        mujoco.mj_getState(self._model, self._batch.get_data(env), state, _INTEGRATED)
        mujoco.mj_setState(self._full_model, filled, state, _INTEGRATED)
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
        self._apply_parameters(_ALL)

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

    def _apply_parameters(self, rows: Rows) -> None:
        """Bring the model of these envs, and what was computed ahead from it, up to the parameters."""
        self._fields.write(self.parameters)
        ids = None if isinstance(rows, slice) else rows.numpy()
        self._batch.set_const(ids)
        self._batch.forward(ids, stage=_STAGE)

    def _note_trouble(self) -> None:
        """Mark what MuJoCo warned of. Envs that diverged it has restarted in mid-step: let these stand still
        in the initial state."""
        times = self._batch.warning[:, :, 1]
        diverged = times[:, _UNSTABLE].any(axis=1)
        kinds = (diverged, times[:, _CONTACTS_DROPPED] > 0, times[:, _CONSTRAINTS_DROPPED] > 0)
        for mark, kind in zip(self._trouble, kinds):
            mark.copy_(torch.from_numpy(kind))
        self._batch.reset(np.flatnonzero(diverged), stage=_STAGE)

    def _write_base_velocity(self, rows: Tensor, lin_vel: Tensor, ang_vel: Tensor) -> None:
        quat, dof = self._index.base_qpos + 3, self._index.base_dof
        self._qvel[rows, dof : dof + 3] = lin_vel[rows].double()
        body_frame = rotate_inverse(self._qpos[rows, quat : quat + 4], ang_vel[rows].double())
        self._qvel[rows, dof + 3 : dof + 6] = body_frame

    def _read(self, rows: Rows) -> None:
        """Fill these rows of the state from the simulations."""
        ids = rows if isinstance(rows, slice) else rows.numpy()
        source = np.concatenate([array[ids] for array in self._sources], axis=1)
        self._table[ids] = source.take(self._columns, axis=1)
        if self.robot.falls_on == "any link":  # what the world does to the robot, less what the feet feel
            state = self.state
            state.base_contact_force[rows] -= state.feet_contact_force[rows].sum(dim=1)

    def _prepare_read(self) -> None:
        """The state is one table, whose columns are picked from the simulations' arrays side by side."""
        names = ("qpos", "qvel", "actuator_force", "sensordata")
        self._sources = [self._batch.bind(name) for name in names]
        qvel, force, sensor = np.cumsum([source.shape[1] for source in self._sources])[:3].tolist()
        index, robot = self._index, self.robot
        base_qpos, base_dof = index.base_qpos, qvel + index.base_dof
        columns = {
            "base_pos": range(base_qpos, base_qpos + 3),
            "base_quat": range(base_qpos + 3, base_qpos + 7),
            "base_lin_vel": range(base_dof, base_dof + 3),
            "joint_pos": index.joint_qpos,
            "joint_vel": [qvel + dof for dof in index.joint_dof],
            "joint_torque": [force + actuator for actuator in index.actuators],
        }
        outside = {"base_contact_force": (OUTSIDE_CONTACT,)} if robot.falls_on == "any link" else {}
        for name, sensors in {**_SENSORS, **outside}.items():
            columns[name] = [sensor + column for column in sensor_columns(self._model, robot, sensors)]
        self._columns = np.concatenate([list(part) for part in columns.values()])
        self._table = np.zeros((self.num_envs, len(self._columns)), np.float32)
        parts = torch.from_numpy(self._table).split([len(part) for part in columns.values()], dim=1)
        fields = dict(zip(columns, parts))
        for name in ("feet_pos", "feet_vel", "knees_pos", "knees_vel", "feet_contact_force"):
            fields[name] = fields[name].view(self.num_envs, 2, 3)
        self.state = SimState(**fields)
