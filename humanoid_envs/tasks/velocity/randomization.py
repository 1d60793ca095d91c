"""Everything random in one step, drawn at once, and the physical parameters drawn once per env.

Draws are physical values (m/s, rad, …), so that a recorded or hand-made set can take their place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Optional

import torch
from torch import Tensor

from humanoid_envs.simulators.simulator import PhysicsParameters
from humanoid_envs.tasks.velocity.config import Range, VelocityConfig


@dataclass(frozen=True)
class Draws:
    """The random numbers of one policy step."""

    action_delay: Tensor
    """(N, 1) share of the previous executed action."""
    action_noise: Tensor
    """(N, J) relative action noise."""
    command: Tensor
    """(N, 4) command to take where one is due: vx, vy, yaw rate, heading."""
    reset_command: Tensor
    """(N, 4) command to take where an episode starts."""
    push_velocity: Tensor
    """(N, 5) horizontal velocity (m/s) and angular velocity (rad/s) of a push, world frame."""
    start_joint_pos: Tensor
    """(N, J) joint angles of a new episode, from the default pose, rad."""
    observation_noise: Tensor
    """(N, F) noise on the actor's frame."""


def sample_draws(
    config: VelocityConfig,
    num_envs: int,
    num_joints: int,
    noise_scale: Tensor,
    generator: Optional[torch.Generator],
) -> Draws:
    """Draw one step's randomness; two kernels on a GPU. noise_scale: (F,), on the device to draw on."""
    device, c, r = noise_scale.device, config.commands, config.randomization
    normal = torch.randn(num_envs, num_joints + len(noise_scale), device=device, generator=generator)
    uniform = torch.rand(num_envs, 14 + num_joints, device=device, generator=generator)
    columns: Iterator[Tensor] = iter(uniform.split(1, dim=1))

    def between(bounds: Range) -> Tensor:
        return bounds[0] + (bounds[1] - bounds[0]) * next(columns)

    def command() -> Tensor:
        ranges = (c.lin_vel_x, c.lin_vel_y, c.yaw_rate, c.heading)
        return torch.cat([between(bounds) for bounds in ranges], dim=1)

    push = [r.push_lin_vel] * 2 + [r.push_ang_vel] * 3
    return Draws(
        action_delay=between((0.0, config.actions.delay)),
        action_noise=config.actions.noise * normal[:, :num_joints],
        command=command(),
        reset_command=command(),
        push_velocity=torch.cat([between((-limit, limit)) for limit in push], dim=1),
        start_joint_pos=r.start_joint_pos * (2.0 * uniform[:, 14:] - 1.0),
        observation_noise=noise_scale * normal[:, num_joints:],
    )


def sample_parameters(
    nominal: PhysicsParameters, config: VelocityConfig, generator: Optional[torch.Generator]
) -> PhysicsParameters:
    """Physical parameters of the envs, drawn around a simulator's nominal ones."""
    friction, mass = config.randomization.foot_friction, config.randomization.added_mass
    shape, device = nominal.base_mass.shape, nominal.base_mass.device
    uniform = torch.rand(2, *shape, device=device, generator=generator)
    return PhysicsParameters(
        foot_friction=friction[0] + (friction[1] - friction[0]) * uniform[0],
        base_mass=nominal.base_mass + mass[0] + (mass[1] - mass[0]) * uniform[1],
        stiffness=nominal.stiffness,
        damping=nominal.damping,
        torque_limit=nominal.torque_limit,
    )
