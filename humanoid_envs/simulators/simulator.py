"""What a simulator gives and takes. Everything above this line of the project is free of physics engines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ContextManager, Dict, Optional, Sequence, Tuple, Union

import annotated_types as limits
import numpy as np
import torch
from torch import Tensor
from typing_extensions import Annotated, Protocol

from humanoid_envs.configs import Config, Positive
from humanoid_envs.errors import UserError
from humanoid_envs.robots import Robot
from humanoid_envs.terrain.terrain import Terrain


@dataclass(frozen=True)
class RobotState:
    """The state that determines the motion: what a reset writes. World frame, float32, one row per env."""

    base_pos: Tensor
    """(N, 3) position of the base link's origin, m."""
    base_quat: Tensor
    """(N, 4) orientation of the base, unit quaternion wxyz."""
    base_lin_vel: Tensor
    """(N, 3) velocity of the base link's origin, m/s."""
    base_ang_vel: Tensor
    """(N, 3) angular velocity of the base, rad/s, in the world frame."""
    joint_pos: Tensor
    """(N, J) joint angles in the robot's joint order, rad."""
    joint_vel: Tensor
    """(N, J) joint velocities, rad/s."""


@dataclass(frozen=True)
class SimState(RobotState):
    """Everything the task reads from a simulator, with one meaning on every engine.

    Positions and velocities are those at the end of the policy step. Torques and contact forces are those of
    its last simulation step (what an engine reports after stepping); both are zero right after a reset.
    Axis "2" is left, right.
    """

    joint_torque: Tensor
    """(N, J) torque applied by the PD law in the last simulation step, N·m."""
    feet_pos: Tensor
    """(N, 2, 3) origins of the foot links, m."""
    feet_vel: Tensor
    """(N, 2, 3) velocities of the foot links' origins, m/s."""
    knees_pos: Tensor
    """(N, 2, 3) origins of the knee links, m."""
    knees_vel: Tensor
    """(N, 2, 3) velocities of the knee links' origins, m/s."""
    base_contact_force: Tensor
    """(N, 3) net contact force on the base link, N; of robots that fall on any link (`Robot.falls_on`) on all
    links but the feet together, so that what two of them do to each other is none."""
    feet_contact_force: Tensor
    """(N, 2, 3) net contact force on each foot link, N."""

    @classmethod
    def zeros(cls, num_envs: int, num_joints: int, device: torch.device) -> SimState:
        """Buffers of the right shapes for a simulator to fill."""

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(num_envs, *shape, dtype=torch.float32, device=device)

        return cls(
            base_pos=zeros(3),
            base_quat=zeros(4),
            base_lin_vel=zeros(3),
            base_ang_vel=zeros(3),
            joint_pos=zeros(num_joints),
            joint_vel=zeros(num_joints),
            joint_torque=zeros(num_joints),
            feet_pos=zeros(2, 3),
            feet_vel=zeros(2, 3),
            knees_pos=zeros(2, 3),
            knees_vel=zeros(2, 3),
            base_contact_force=zeros(3),
            feet_contact_force=zeros(2, 3),
        )


@dataclass(frozen=True)
class PhysicsParameters:
    """Per-env physical parameters that domain randomization may draw."""

    foot_friction: Tensor
    """(N,) sliding friction coefficient of the soles."""
    base_mass: Tensor
    """(N,) mass of the base link, kg; its inertia scales along, its centre of mass stays."""
    base_com: Tensor
    """(N, 3) where the base link's centre of mass lies, from where the model has it, m, in the link's frame;
    its inertia about the centre of mass stays."""
    stiffness: Tensor
    """(N, J) proportional gains, N·m/rad."""
    damping: Tensor
    """(N, J) derivative gains, N·m·s/rad."""
    torque_limit: Tensor
    """(N, J) torque limits, N·m."""


def default_parameters(robot: Robot, num_envs: int, device: Union[str, torch.device]) -> PhysicsParameters:
    """The robot as it is: sole friction 1, its own base mass, gains and torque limits."""

    def rows(values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=device).repeat(num_envs, 1)

    return PhysicsParameters(
        foot_friction=rows([1.0])[:, 0].contiguous(),
        base_mass=rows([robot.base_mass])[:, 0].contiguous(),
        base_com=rows([0.0, 0.0, 0.0]),
        stiffness=rows([joint.stiffness for joint in robot.joints]),
        damping=rows([joint.damping for joint in robot.joints]),
        torque_limit=rows([joint.torque_limit for joint in robot.joints]),
    )


Iterations = Annotated[int, limits.Interval(ge=1, le=10_000)]


@dataclass(frozen=True)
class PhysicsConfig(Config):
    """How the physics is stepped: the same words for every engine."""

    timestep: Annotated[float, limits.Interval(gt=0, le=0.1)] = 0.001
    """Length of one simulation step, s."""
    decimation: Annotated[int, limits.Interval(ge=1, le=1000)] = 10
    """Simulation steps per policy step."""
    implicit_damping: bool = False
    """Treat the PD law's damping implicitly in the velocity update (MuJoCo's `implicitfast`). False is the
    explicit PD of the release, which needs a step of 2 ms or less."""
    solver_iterations: Iterations = 100
    """Bound on the constraint solver's Newton iterations; it stops earlier once it has converged."""
    solver_line_search_iterations: Iterations = 50
    """Bound on the line search within one Newton iteration."""
    ground_friction: Annotated[float, limits.Interval(ge=0, le=10)] = 0.6
    """Friction coefficient of the ground. That of a contact is the mean of the ground's and the sole's."""
    contact_time_constant: Optional[Positive] = None
    """Time in which a penetration decays in MuJoCo's soft contacts (first number of its `solref`), s; None
    keeps the model's 0.02. A shorter one makes up for a large timestep, in which feet give way later."""

    def __post_init__(self) -> None:
        super().__post_init__()
        time, least = self.contact_time_constant, 2.0 * self.timestep
        self.require(
            time is None or time >= least,
            "contact_time_constant",
            f"None or at least two timesteps, {least:g}",
        )

    @property
    def policy_period(self) -> float:
        """Time between two actions, s."""
        return self.timestep * self.decimation


class Simulator(Protocol):
    """N copies of one robot, stepped together.

    Tensors are float32 on `device`; masks are bool (N,). `state` is the current state; its tensors are live
    buffers, valid until the next call, that a caller must not write to.
    """

    robot: Robot
    physics: PhysicsConfig
    terrain: Optional[Terrain]
    """The ground, the same surface on every engine; None: flat, z = 0. Only what is on it is held: who leaves
    the field falls."""
    num_envs: int
    device: torch.device

    @property
    def state(self) -> SimState: ...

    @property
    def parameters(self) -> PhysicsParameters: ...

    @property
    def joint_targets(self) -> Tensor:
        """(N, J), rad: those of the last step. Who calls `step_physics` may write others."""
        ...

    @property
    def diverged(self) -> Tensor:
        """Bool (N,): envs whose last step ran into non-finite or absurdly large numbers (above 1e10), or was
        given non-finite targets. They stand in the model's initial state, free of contact forces, and do not
        disturb the others; the task should end their episodes. A reset clears the mark."""
        ...

    @property
    def contacts_dropped(self) -> Tensor:
        """Bool (N,): envs in whose last step contacts may have been left out for want of room, so that bodies
        sink into the ground or into each other. Always False on Isaac Gym, which does not tell."""
        ...

    @property
    def constraints_dropped(self) -> Tensor:
        """Bool (N,): likewise for constraints, the forces of contacts and of joints at their limits."""
        ...

    def step(self, joint_targets: Tensor) -> None:
        """Advance one policy step of `decimation` simulation steps; in each, every joint gets the torque
        clip(stiffness · (target − q) − damping · q̇, ±limit). joint_targets: (N, J), rad."""
        ...

    def step_physics(self) -> None:
        """The engine's own part of `step`, towards `joint_targets` and with `state` left behind: what
        benchmarks compare a whole step with."""
        ...

    def reset(self, mask: Tensor, state: RobotState) -> None:
        """Put the masked envs into `state`, at rest in every other respect (contacts, torques, warm start).
        Updates `state` in the masked rows and in no other."""
        ...

    def push(self, mask: Tensor, lin_vel: Tensor, ang_vel: Tensor) -> None:
        """Replace the base velocities of the masked envs, (N, 3) each, world frame. Acts from the next step
        on: `state` still shows the velocities at the end of the last step."""
        ...

    def apply_forces(self, forces: Tensor) -> None:
        """Forces from outside, world frame, N, at the centres of mass: (N, 1 + J, 3) for the base and for the
        link that each joint moves. They act in every simulation step from the next on, until they are set
        again or the env is reset. `state_dict` leaves them out."""
        ...

    def set_parameters(self, mask: Tensor, parameters: PhysicsParameters, masses: bool = True) -> None:
        """Give the masked envs new physical parameters. masses: False if no mass and no centre of mass is
        new, so that what follows from them need not be computed again."""
        ...

    def capturing(self) -> Optional[ContextManager[None]]:
        """A context within which torch captures a CUDA graph and this engine's `step`, `reset`, `push`
        and `set_parameters` become part of it; None where the engine cannot be captured."""
        ...

    def render(
        self, env: int = 0, size: Tuple[int, int] = (480, 640), camera: Optional[str] = None
    ) -> np.ndarray:
        """An RGB picture of one env, uint8 (height, width, 3), from a named camera or the tracking one."""
        ...

    def state_dict(self) -> Dict[str, Tensor]:
        """What `load_state_dict` needs to continue bit for bit: physical state, warm start, parameters."""
        ...

    def load_state_dict(self, state: Dict[str, Tensor]) -> None:
        """Continue from what `state_dict` returned."""
        ...

    def close(self) -> None:
        """Free what the simulator holds. Idempotent."""
        ...


def where_rows(mask: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """`new` in the masked rows, `old` elsewhere; of any shape (N, …)."""
    return torch.where(mask.view(-1, *[1] * (old.dim() - 1)), new, old)


def overwrite_rows(mask: Tensor, new: Any, live: Any) -> None:
    """Write the masked rows of a record's tensors into those of a live record of the same kind."""
    for name, tensor in vars(live).items():
        tensor.copy_(where_rows(mask, getattr(new, name), tensor))


def check_num_envs(num_envs: int) -> int:
    """The number of envs, or a ValueError."""
    if num_envs < 1:
        raise UserError(f"num_envs must be at least 1, got {num_envs}")
    return num_envs
