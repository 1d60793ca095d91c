"""When an episode ends."""

from __future__ import annotations

import math

from torch import Tensor

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
