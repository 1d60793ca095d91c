"""One step of N robots, as terms see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict

from torch import Tensor

from humanoid_envs.mdp.gait import GaitReading
from humanoid_envs.robots import Robot
from humanoid_envs.simulators.simulator import PhysicsParameters, SimState
from humanoid_envs.terrain.surface import Ground


@dataclass(frozen=True)
class Step:
    """A step that has been simulated, before pushes and resets unless said otherwise; or the start of an
    episode, where nothing has happened before."""

    robot: Robot
    period: float
    """Time between two actions, s."""
    state: SimState
    parameters: PhysicsParameters
    commands: Dict[str, Tensor]
    """(N, C) what each command term asks for, by its name."""
    command_error: Tensor
    """(N, C) command minus what the robot does, averaged, for all commands side by side: see
    `Commands.averaging_time`."""
    base_lin_vel: Tensor
    """(N, 3) body frame, m/s."""
    base_ang_vel: Tensor
    """(N, 3) body frame, rad/s."""
    euler: Tensor
    """(N, 3) roll, pitch, yaw."""
    gravity: Tensor
    """(N, 3) direction of gravity in the body frame, unit vector."""
    joint_pos: Tensor
    """(N, J) from the default pose, rad."""
    action: Tensor
    last_action: Tensor
    second_last_action: Tensor
    """(N, J) executed actions of this step and the two before."""
    last_joint_vel: Tensor
    """(N, J) at the end of the step before, rad/s."""
    base_velocity: Tensor
    last_base_velocity: Tensor
    """(N, 6) linear and angular, world frame, after this step's push; and that of the step before."""
    pushes: Dict[str, Tensor]
    """(N, K) what each push did last, this step's included, by its name; 0 before the first."""
    gait: GaitReading
    """By the clock at the end of this step."""
    shown_reference_joint_pos: Tensor
    """(N, J) the reference motion at the observation before, from which the action came, rad."""
    contact: Tensor
    """(N, 2) bool: which feet are in contact."""
    lift: Tensor
    """(N, 2) height over the ground that each foot has gained since it last touched it, m."""
    ground: Ground
    """What heights of the ground are looked up in: `step.ground.height(xy)` gives (…,) those at world points
    (…, 2), m; 0 where there is no terrain."""
    base_height: Tensor
    """(N,) height of the base over the ground below it, m."""
    foot_height: Tensor
    """(N, 2) height of the soles over the ground below them, m."""
    sole_height: float
    """Height of a foot link's origin above its sole, as the task assumes it, m."""
    air_time: Tensor
    """(N, 2) time each foot has been in the air, this step included, s."""
    landed: Tensor
    """(N, 2) bool: the air phase ends with this step."""
    episode_step: Tensor
    """(N,) int64: steps counted towards the episode's length."""
    uniform: Tensor
    normal: Tensor
    """(N, K) random numbers of the observation term that sees this step, see `ObservationTerm.uniforms`."""

    def zeros(self, size: int) -> Tensor:
        """(N, size) zeros."""
        return self.joint_pos.new_zeros(len(self.joint_pos), size)
