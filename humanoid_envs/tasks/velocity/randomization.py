"""Everything random in one step, drawn at once, and the physical parameters drawn once per env.

Draws are physical values (m/s, rad, …), so that a recorded or hand-made set can take their place.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional

import numpy as np
import torch
from torch import Tensor

from humanoid_envs.configs import Range
from humanoid_envs.errors import UserError
from humanoid_envs.robots import Robot
from humanoid_envs.simulators.simulator import PhysicsParameters
from humanoid_envs.tasks.velocity import commands
from humanoid_envs.tasks.velocity.config import RandomizationConfig, VelocityConfig


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
    start_yaw: Tensor
    """(N,) heading of a new episode, rad."""
    start_phase: Tensor
    """(N,) gait phase of a new episode, in cycles."""
    start_joint_pos: Tensor
    """(N, J) joint angles of a new episode, from the default pose, rad."""
    observation_noise: Tensor
    """(N, F) noise on the actor's frame."""


_STREAM = 0x656E76  # "env"
NUM_UNIFORM = 20
"""Uniform random numbers a step needs per env, beside one per joint."""


def to_draws(uniform: Tensor, normal: Tensor, noise_scale: Tensor, config: VelocityConfig) -> Draws:
    """One step's draws from (N, NUM_UNIFORM + J) uniform numbers in [0, 1) and (N, J + F) normal ones.

    noise_scale: (F,) standard deviations of the noise on the actor's frame.
    """
    r, num_joints = config.randomization, normal.shape[1] - len(noise_scale)
    sizes = [1, 6, 6, 5, 1, 1, num_joints]
    delay, command, reset_command, push, yaw, phase, joints = uniform.split(sizes, dim=1)
    centered_push = 2.0 * push - 1.0
    # Nothing is a view, so that strides, to which compiled functions are bound, survive saving and loading.
    return Draws(
        action_delay=config.actions.delay * delay,
        action_noise=config.actions.noise * normal[:, :num_joints],
        command=commands.sample(command, config.commands),
        reset_command=commands.sample(reset_command, config.commands),
        push_velocity=torch.cat(
            [r.push_lin_vel * centered_push[:, :2], r.push_ang_vel * centered_push[:, 2:]], dim=1
        ),
        start_yaw=r.start_yaw * (2.0 * yaw[:, 0] - 1.0),
        start_phase=phase[:, 0].clone() if r.start_phase else torch.zeros_like(phase[:, 0]),
        start_joint_pos=r.start_joint_pos * (2.0 * joints - 1.0),
        observation_noise=noise_scale * normal[:, num_joints:],
    )


class DrawsAhead:
    """The draws of the next steps, made for several at once: on a CPU those of few robots for one step take
    hardly less time.

    Args:
        draw: makes the draws of so many steps, one after the other in the tensors' rows.
        steps: how many at once.
    """

    def __init__(self, draw: Callable[[int], Draws], steps: int) -> None:
        self._draw = draw
        self._steps = steps
        self._ahead: List[Draws] = []

    def next(self) -> Draws:
        """Those of one step."""
        if self._steps == 1:
            return self._draw(1)
        if not self._ahead:
            self._ahead = _each_step(vars(self._draw(self._steps)), self._steps)
        return self._ahead.pop(0)

    def clear(self) -> None:
        """Forget those not used yet."""
        self._ahead.clear()

    def state_dict(self) -> Dict[str, Tensor]:
        """Those not used yet, for `load_state_dict` to go on with."""
        names = vars(self._ahead[0]) if self._ahead else ()
        return {name: torch.stack([getattr(draws, name) for draws in self._ahead]) for name in names}

    def load_state_dict(self, state: Dict[str, Tensor]) -> None:
        """Go on with what `state_dict` returned. Raises UserError if it is anything else."""
        names = [field.name for field in dataclasses.fields(Draws)] if state else []
        sizes = {value.shape[:2] if isinstance(value, Tensor) else None for value in state.values()}
        if (
            sorted(map(str, state)) != sorted(names)
            or len(sizes) > 1
            or any(len(s or ()) != 2 for s in sizes)
        ):
            raise UserError("The saved state's draws are damaged. Take another, or begin anew.")
        steps = len(next(iter(state.values()), ()))
        self._ahead = _each_step({name: value.flatten(0, 1) for name, value in state.items()}, steps)


def _each_step(values: Dict[str, Tensor], steps: int) -> List[Draws]:
    parts = {name: value.tensor_split(steps) for name, value in values.items()}
    return [Draws(**{name: part[step] for name, part in parts.items()}) for step in range(steps)]


def own_seed(seed: int) -> int:
    """The seed of a stream of its own, also beside a trainer that seeds its torch generator with the same
    number."""
    return int(np.random.SeedSequence([seed, _STREAM]).generate_state(1, np.uint64)[0])


def require_possible(config: VelocityConfig, robot: Robot) -> None:
    """UserError if the drawn mass of the robot's base may come to nothing."""
    low, least = config.randomization.added_mass[0], -0.9 * robot.base_mass
    if low < least:
        raise UserError(
            f"RandomizationConfig.added_mass must be at least {least:.1f} kg, nine tenths of the base of "
            f"{robot.name}; got {low:g}."
        )


def after_push(base_velocity: Tensor, push: Tensor, config: RandomizationConfig) -> Tensor:
    """(N, 6) the base's velocity after a push (N, 5); its vertical velocity stays."""
    vertical = base_velocity[:, 2:3]
    before = base_velocity if config.push_adds else torch.zeros_like(base_velocity)
    horizontal, angular = before[:, :2] + push[:, :2], before[:, 3:] + push[:, 2:]
    return torch.cat([horizontal, vertical, angular], dim=1)


def sample_parameters(
    nominal: PhysicsParameters, config: VelocityConfig, generator: Optional[torch.Generator]
) -> PhysicsParameters:
    """Physical parameters of the envs, drawn around a simulator's nominal ones."""
    r, device = config.randomization, nominal.base_mass.device
    num_envs, num_joints = nominal.stiffness.shape
    uniform = torch.rand(num_envs, 2 + 2 * num_joints, device=device, generator=generator)
    friction, mass, stiffness, damping = uniform.split([1, 1, num_joints, num_joints], dim=1)

    def between(bounds: Range, uniform: Tensor) -> Tensor:
        return bounds[0] + (bounds[1] - bounds[0]) * uniform

    gains = (1.0 - r.gains, 1.0 + r.gains)
    return PhysicsParameters(
        foot_friction=between(r.foot_friction, friction[:, 0]),
        base_mass=nominal.base_mass + between(r.added_mass, mass[:, 0]),
        stiffness=nominal.stiffness * between(gains, stiffness),
        damping=nominal.damping * between(gains, damping),
        torque_limit=nominal.torque_limit,
    )
