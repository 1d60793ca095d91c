"""When an episode ends."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor

from humanoid_envs import rotations
from humanoid_envs.simulators.simulator import SimState, where_rows
from humanoid_envs.tasks.velocity.config import TerminationConfig


def base_contact(base_contact_force: Tensor, config: TerminationConfig) -> Tensor:
    """(N,) bool: the torso, an arm, a hand or the head touched something. Force: (N, 3), N."""
    return base_contact_force.norm(dim=-1) > config.base_contact_force


def fallen(base_height: Tensor, gravity: Tensor, config: TerminationConfig) -> Tensor:
    """(N,) bool: the base is too low or too tilted. Height (N,), m; gravity (N, 3), body frame, unit."""
    return (base_height < config.min_base_height) | (-gravity[:, 2] < math.cos(config.max_tilt))


def time_out(episode_step: Tensor, max_episode_steps: int) -> Tensor:
    """(N,) bool: the counter exceeds the episode's length."""
    return episode_step > max_episode_steps


_FASTEST = 50.0, 100.0, 1200.0
"""Speed of the base (m/s and rad/s) and of a joint (rad/s): a hundred times what motors reach."""
_HEIGHTS = -0.5, 10.0
"""Of the base over the flat ground, m."""


def impossible(state: SimState) -> Tensor:
    """(N,) bool: numbers that no robot has, although they may be finite: under the ground, in the sky, or
    faster than anything real. What follows from them must not be learned from. NaN is impossible too."""
    lowest, highest = _HEIGHTS
    height = state.base_pos[:, 2]
    possible = (height > lowest) & (height < highest)
    speeds = (state.base_lin_vel, state.base_ang_vel, state.joint_vel)
    for speed, fastest in zip(speeds, _FASTEST):
        possible = possible & (speed.abs() < fastest).all(dim=1)
    return ~possible


def calmed(state: SimState, mask: Tensor, base_pos: Tensor, joint_pos: Tensor) -> SimState:
    """The state with the masked envs in the air at rest, as simulators show those that diverged.

    base_pos: (N, 3) m. joint_pos: (J,) rad.
    """
    rest = {name: torch.zeros_like(getattr(state, name)) for name in _STATE}
    rest["base_pos"] = base_pos
    rest["base_quat"] = rotations.from_yaw(rest["base_pos"][:, 0])
    rest["joint_pos"] = joint_pos.expand_as(state.joint_pos)
    return SimState(**{name: where_rows(mask, rest[name], getattr(state, name)) for name in _STATE})


_STATE = tuple(field.name for field in dataclasses.fields(SimState))  # the compiler does not know `vars`
