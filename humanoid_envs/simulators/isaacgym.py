"""NVIDIA Isaac Gym (Preview 4): PhysX on a CUDA device, or on the CPU, through its tensor API.

What PhysX does differently from the `Simulator` protocol is settled here: quaternions (xyzw there), setters
that act only in the next simulation step and may be called once before it, and tensors that show a reset only
after it.
"""

# pyright: reportAttributeAccessIssue=false
# (Isaac Gym's type stubs lack gymtorch.)
from __future__ import annotations

from typing import Dict, List, Optional, Tuple, Union

import numpy as np
import torch
from torch import Tensor

from humanoid_envs.errors import UnfitMachine, UserError
from humanoid_envs.robots import Robot
from humanoid_envs.simulators.isaacgym_scene import Scene, gymapi, gymtorch
from humanoid_envs.simulators.isaacgym_view import Pictures, Window
from humanoid_envs.simulators.leg_kinematics import LegKinematics
from humanoid_envs.simulators.lifetime import SimulatorLifetime
from humanoid_envs.simulators.pd_controller import pd_torque
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

_ABSURD = 1e10
_WXYZ, _XYZW = [6, 3, 4, 5], [1, 2, 3, 0]
"""Columns of the root state, in our order; columns of our quaternion, in PhysX's."""


class IsaacGymSimulator(SimulatorLifetime):
    """`Simulator` on PhysX: explicit torques of the PD law, computed anew for every simulation step.

    Feet and knees are computed from base and joints, so that they are right after a reset too. PhysX keeps
    contacts between steps that no one can save: `state_dict` continues closely, not bit for bit. A picture,
    like the viewer, shows the last simulation step, not yet a reset after it.
    """

    def __init__(
        self,
        robot: Robot,
        physics: Optional[PhysicsConfig] = None,
        num_envs: int = 1,
        device: Union[str, torch.device] = "cuda:0",
        headless: bool = True,
        cameras: bool = False,
        terrain: Optional[Terrain] = None,
    ) -> None:
        """headless: False opens NVIDIA's viewer. cameras: allow `render`, for which the simulation gets a
        graphics device. terrain: None for flat ground; else a triangle mesh of the same surface, on which the
        soles are the boxes of the URDF.

        Raises ValueError for implicit damping, which torques cannot have, for a contact time constant, which
        PhysX lacks, and for a URDF that does not fit the robot; RuntimeError if the CUDA device is not there
        or Isaac Gym cannot start.
        """
        self.robot = robot
        self.physics = physics or PhysicsConfig()
        self.terrain = terrain
        if self.physics.implicit_damping:
            raise UserError(
                "Isaac Gym gets explicit torques: PhysicsConfig(implicit_damping=True), as in preset 'fast', "
                "needs MuJoCo. Use preset 'v0', or replace its physics by PhysicsConfig()"
            )
        if self.physics.contact_time_constant is not None:
            raise UserError("PhysX has no contact_time_constant: leave PhysicsConfig's None with Isaac Gym")
        self.num_envs = check_num_envs(num_envs)
        self.device = _available_device(device)
        self._legs = LegKinematics(robot, self.device)
        graphics = cameras or not headless
        self._scene = Scene(robot, self.physics, num_envs, self.device, self._legs.links, graphics, terrain)
        self._window = None if headless else Window(self._scene)
        self._pictures = Pictures(self._scene) if cameras else None
        self._acquire_tensors()
        self.state = SimState.zeros(num_envs, robot.num_joints, self.device)
        self.parameters = default_parameters(robot, num_envs, self.device)
        self.diverged, self.contacts_dropped, self.constraints_dropped = (
            torch.zeros(num_envs, dtype=torch.bool, device=self.device) for _ in range(3)
        )
        self._everyone = torch.ones_like(self.diverged)
        self._initial = self._initial_state()
        self.reset(self._everyone, self._initial)

    def _acquire_tensors(self) -> None:
        """Isaac Gym's tensors: copies that it updates on request, and where we write what we send."""
        scene, n, device = self._scene, self.num_envs, self.device
        gym, sim = scene.gym, scene.sim
        self._root = gymtorch.wrap_tensor(gym.acquire_actor_root_state_tensor(sim))
        self._dof = gymtorch.wrap_tensor(gym.acquire_dof_state_tensor(sim))
        self._net_force = gymtorch.wrap_tensor(gym.acquire_net_contact_force_tensor(sim))
        self._foot_sensors: Optional[Tensor] = None
        if scene.feet_have_sensors:
            self._foot_sensors = gymtorch.wrap_tensor(gym.acquire_force_sensor_tensor(sim)).view(n, 2, 6)
        self._dof_by_env = self._dof.view(n, -1, 2)
        self._net_force_by_env = self._net_force.view(n, -1, 3)
        self._torque = torch.zeros(len(self._dof), device=device)
        self._torque_by_env = self._torque.view(n, -1)
        self.joint_targets = torch.zeros(n, self.robot.num_joints, device=device)
        self._origins = scene.origins.to(device)
        self._joints = torch.tensor([scene.dofs[name] for name in self.robot.joint_names], device=device)
        self._base = scene.bodies[self.robot.base_body]
        self._feet = [scene.bodies[name] for name in self.robot.foot_bodies]
        links = [index for index in scene.bodies.values() if index not in self._feet]
        self._falling = [self._base] if self.robot.falls_on == "base" else links
        moved_by = self._legs.link_of_joint
        self._links = [self._base, *(scene.bodies[moved_by[name]] for name in self.robot.joint_names)]
        # Forces from outside on all bodies, and whether there are any; with them go torques, always 0.
        self._applied_force, self._applied_torque = (torch.zeros_like(self._net_force) for _ in range(2))
        self._applied_force_by_env = self._applied_force.view(n, -1, 3)
        self._forced = False
        # Envs with root and joint states that PhysX has not been told yet, and parameters likewise.
        self._root_changed = torch.zeros(n, dtype=torch.bool, device=device)
        self._dof_changed = torch.zeros_like(self._root_changed)
        self._parameters_changed: Dict[int, None] = {}
        self._sent: List[Tensor] = []

    def step(self, joint_targets: Tensor) -> None:
        gym, sim = self._scene.gym, self._scene.sim
        self.joint_targets.copy_(joint_targets)
        self.step_physics()
        gym.refresh_actor_root_state_tensor(sim)
        gym.refresh_net_contact_force_tensor(sim)
        if self._foot_sensors is not None:
            gym.refresh_force_sensor_tensor(sim)
            self._net_force_by_env[:, self._feet] = self._foot_sensors[..., :3]
        self.diverged.copy_(~(torch.isfinite(joint_targets).all(1) & self._is_sane()))
        self._place(self.diverged, self._initial)
        calm = ~self.diverged
        torque = torch.where(calm[:, None], self._torque_by_env[:, self._joints], 0.0)
        force = torch.where(calm[:, None, None], self._net_force_by_env, 0.0)
        self._show(self._everyone, self._read(), torque, force)
        if self._window is not None:
            self._window.show()

    def step_physics(self) -> None:
        gym, sim = self._scene.gym, self._scene.sim
        self._send_parameters()
        self._send_states()
        for _ in range(self.physics.decimation):
            self._send_torque()
            self._send_forces()
            gym.simulate(sim)
            if not self._scene.on_gpu:
                gym.fetch_results(sim, True)
            gym.refresh_dof_state_tensor(sim)

    def reset(self, mask: Tensor, state: RobotState) -> None:
        self._place(mask, state)
        none = torch.zeros_like
        self._show(mask, state, none(self.state.joint_torque), none(self._net_force_by_env))
        self._applied_force_by_env.masked_fill_(mask[:, None, None], 0.0)
        self.diverged &= ~mask

    def push(self, mask: Tensor, lin_vel: Tensor, ang_vel: Tensor) -> None:
        velocity = torch.cat([lin_vel, ang_vel], dim=1)
        self._root[:, 7:] = torch.where(mask[:, None], velocity, self._root[:, 7:])
        self._root_changed |= mask

    def apply_forces(self, forces: Tensor) -> None:
        self._applied_force_by_env[:, self._links] = forces
        self._forced = True

    def set_parameters(self, mask: Tensor, parameters: PhysicsParameters, masses: bool = True) -> None:
        overwrite_rows(mask, parameters, self.parameters)
        self._parameters_changed.update(dict.fromkeys(mask.nonzero().squeeze(1).tolist()))

    def capturing(self) -> None:
        return None

    def render(
        self, env: int = 0, size: Tuple[int, int] = (480, 640), camera: Optional[str] = None
    ) -> np.ndarray:
        if self._pictures is None:
            raise UnfitMachine(
                "this Isaac Gym simulation has no graphics device: make it with cameras=True, or the "
                "environment with render_mode='rgb_array'"
            )
        return self._pictures(env, size, camera, self.state.base_pos[env].tolist())

    @property
    def has_viewer(self) -> bool:
        """NVIDIA's viewer shows every step by itself."""
        return self._window is not None

    def state_dict(self) -> Dict[str, Tensor]:
        return clone_tensors(self._live_tensors())

    def load_state_dict(self, state: Dict[str, Tensor]) -> None:
        copy_tensors(self._live_tensors(), state)
        self._root_changed.fill_(True)
        self._dof_changed.fill_(True)
        self._parameters_changed = dict.fromkeys(range(self.num_envs))

    def close(self) -> None:
        if "_window" in vars(self):
            if self._window is not None:
                self._window.close()
            self._scene.close()
            self._free("_scene")  # the tensors had their memory from it

    def _live_tensors(self) -> Dict[str, Tensor]:
        return {
            "root": self._root,
            "dof": self._dof,
            "diverged": self.diverged,
            **named_tensors("parameters", self.parameters),
            **named_tensors("state", self.state),
        }

    def _initial_state(self) -> RobotState:
        """Upright at the start height, at rest, in the default pose."""
        n, device = self.num_envs, self.device
        rest = torch.zeros(n, 3, device=device)
        pos = torch.tensor([[0.0, 0.0, self._scene.start_height]], device=device).repeat(n, 1)
        quat = torch.tensor([[1.0, 0.0, 0.0, 0.0]], device=device).repeat(n, 1)
        joints = torch.tensor([[joint.default_pos for joint in self.robot.joints]], device=device)
        joint_pos = joints.repeat(n, 1)
        return RobotState(pos, quat, rest, rest, joint_pos, torch.zeros_like(joint_pos))

    # Towards PhysX

    def _send_parameters(self) -> None:
        """Friction, mass and its centre; gains and limits act through the torques."""
        if not self._parameters_changed:
            return
        told = self.parameters
        friction, mass, com = (v.tolist() for v in (told.foot_friction, told.base_mass, told.base_com))
        for env in self._parameters_changed:
            self._scene.set_body(env, friction[env], mass[env], com[env])
        self._parameters_changed.clear()

    def _send_states(self) -> None:
        """All resets and pushes since the last step, in one call each."""
        gym, sim, unwrap = self._scene.gym, self._scene.sim, gymtorch.unwrap_tensor
        # One robot in each env, so an actor's index is its env's. PhysX reads the indices as it simulates.
        bent, moved = (
            changed.nonzero().squeeze(1).int() for changed in (self._dof_changed, self._root_changed)
        )
        self._sent = [bent, moved]
        if len(bent):
            gym.set_dof_state_tensor_indexed(sim, unwrap(self._dof), unwrap(bent), len(bent))
        if len(moved):
            gym.set_actor_root_state_tensor_indexed(sim, unwrap(self._root), unwrap(moved), len(moved))
        self._dof_changed.zero_()
        self._root_changed.zero_()

    def _send_torque(self) -> None:
        """Torques of the PD law at the present joint state, which act in the next simulation step."""
        joint_pos, joint_vel = self._dof_by_env[:, self._joints].unbind(-1)
        gains = self.parameters
        torque = pd_torque(
            self.joint_targets, joint_pos, joint_vel, gains.stiffness, gains.damping, gains.torque_limit
        )
        # A single torque that is no number could upset all robots.
        self._torque_by_env[:, self._joints] = torch.where(torch.isfinite(torque), torque, 0.0)
        self._scene.gym.set_dof_actuation_force_tensor(self._scene.sim, gymtorch.unwrap_tensor(self._torque))

    def _send_forces(self) -> None:
        """Forces from outside, which PhysX forgets after a simulation step."""
        if self._forced:
            unwrap = gymtorch.unwrap_tensor
            force, torque = unwrap(self._applied_force), unwrap(self._applied_torque)
            self._scene.gym.apply_rigid_body_force_tensors(self._scene.sim, force, torque, gymapi.ENV_SPACE)

    def _place(self, mask: Tensor, state: RobotState) -> None:
        """Write the masked envs' states into the tensors, to be sent before the next step."""
        pos = state.base_pos + self._origins
        root = torch.cat([pos, state.base_quat[:, _XYZW], state.base_lin_vel, state.base_ang_vel], dim=1)
        self._root.copy_(torch.where(mask[:, None], root, self._root))
        dof = torch.zeros_like(self._dof_by_env)
        dof[:, self._joints] = torch.stack([state.joint_pos, state.joint_vel], dim=-1)
        self._dof_by_env.copy_(torch.where(mask[:, None, None], dof, self._dof_by_env))
        self._root_changed |= mask
        self._dof_changed |= mask

    # From PhysX

    def _is_sane(self) -> Tensor:
        """Bool (N,): everything read is finite and of a size that means something."""
        read = (self._root, self._dof_by_env.flatten(1), self._net_force_by_env.flatten(1))
        return torch.stack([(values.abs() < _ABSURD).all(1) for values in read]).all(0)

    def _read(self) -> RobotState:
        """The state in the tensors, with bodies and joints in our order."""
        root = self._root
        joint_pos, joint_vel = self._dof_by_env[:, self._joints].unbind(-1)
        return RobotState(
            root[:, :3] - self._origins, root[:, _WXYZ], root[:, 7:10], root[:, 10:], joint_pos, joint_vel
        )

    def _show(self, mask: Tensor, state: RobotState, torque: Tensor, net_force: Tensor) -> None:
        """Fill the masked rows of `state`. torque: (N, J); net_force: (N, bodies, 3)."""
        shown = {
            **vars(state),
            **vars(self._legs(state)),
            "joint_torque": torque,
            "base_contact_force": net_force[:, self._falling].sum(dim=1),
            "feet_contact_force": net_force[:, self._feet],
        }
        overwrite_rows(mask, SimState(**shown), self.state)


def _available_device(device: Union[str, torch.device]) -> torch.device:
    device = torch.device(device)
    if device.type == "cpu":
        return device
    index = 0 if device.index is None else device.index
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type != "cuda" or index >= count:
        raise UnfitMachine(
            f"no device '{device}' for Isaac Gym: torch sees {count} CUDA devices. Device 'cpu' runs PhysX "
            "on the CPU, slowly; engine 'mujoco' is faster there"
        )
    return torch.device("cuda", index)
