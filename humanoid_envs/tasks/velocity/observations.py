"""What actor and critic see. A frame is one step's reading; an observation stacks the latest frames."""

from __future__ import annotations

from typing import Dict, List, Tuple

import torch
from torch import Tensor

from humanoid_envs.robots import Robot
from humanoid_envs.tasks.velocity.config import ObservationConfig

# Terms of a frame in order, with their sizes; J is the number of joints.
_SHARED = (
    ("clock", 2),
    ("command_lin_vel", 2),
    ("command_yaw_rate", 1),
    ("joint_pos", "J"),
    ("joint_vel", "J"),
    ("action", "J"),
)
ACTOR_TERMS = (*_SHARED, ("base_ang_vel", 3), ("euler", 3))
PRIVILEGED_TERMS = (
    *_SHARED,
    ("joint_pos_error", "J"),
    ("base_lin_vel", 3),
    ("base_ang_vel", 3),
    ("euler", 3),
    ("push", 5),
    ("foot_friction", 1),
    ("base_mass", 1),
    ("stance", 2),
    ("contact", 2),
)

# What the rewards on averaged velocity and foot heights are about: without it a critic can only guess them.
TRACKING_TERMS = (("mean_velocity_error", 3), ("base_height", 1), ("foot_height", 2))

_SCALES = {
    "command_lin_vel": "lin_vel_scale",
    "joint_vel": "joint_vel_scale",
    "base_lin_vel": "lin_vel_scale",
    "base_mass": "mass_scale",
    "mean_velocity_error": "tracking_scale",
    "base_height": "tracking_scale",
    "foot_height": "tracking_scale",
}


def privileged_terms(config: ObservationConfig) -> Tuple:
    """Terms of a privileged frame in order."""
    return (*PRIVILEGED_TERMS, *TRACKING_TERMS) if config.privileged_tracking else PRIVILEGED_TERMS


def layout(terms: Tuple, num_joints: int) -> List[Tuple[str, int]]:
    """A frame's terms and their sizes for a robot with that many joints."""
    return [(name, num_joints if size == "J" else size) for name, size in terms]


def frame_size(terms: Tuple, num_joints: int) -> int:
    """Number of entries in a frame."""
    return sum(size for _, size in layout(terms, num_joints))


def scale(name: str, config: ObservationConfig) -> float:
    """Factor of a term in its frame."""
    return getattr(config, _SCALES[name]) if name in _SCALES else 1.0


def frame(readings: Dict[str, Tensor], terms: Tuple, config: ObservationConfig) -> Tensor:
    """(N, F) a frame of these terms, from readings (N, size) by name in SI units."""
    scaled = ((readings[name], scale(name, config)) for name, _ in terms)
    return torch.cat([value if factor == 1.0 else factor * value for value, factor in scaled], dim=1)


def noise_scale(robot: Robot, config: ObservationConfig) -> List[float]:
    """Standard deviation of the noise on each entry of the actor's frame."""
    of_term = {
        "joint_pos": config.joint_pos_noise,
        "joint_vel": config.joint_vel_noise,
        "base_ang_vel": config.ang_vel_noise,
        "euler": config.euler_noise,
    }
    return [
        of_term.get(name, 0.0) for name, size in layout(ACTOR_TERMS, robot.num_joints) for _ in range(size)
    ]


def push_frame(history: Tensor, frame: Tensor) -> Tensor:
    """Histories (N, H, F) with the oldest frame dropped and the newest appended."""
    return torch.cat([history[:, 1:], frame[:, None]], dim=1)


def stack(history: Tensor, config: ObservationConfig) -> Tensor:
    """(N, H·F) observation: all frames, oldest first, clipped. The stored frames stay unclipped."""
    return history.flatten(1).clamp(-config.clip, config.clip)
