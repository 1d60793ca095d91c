"""The numbers of the release's published policy, to compare with.

Humanoid-Gym (arXiv 2404.05695) publishes one trained policy of XBot-L. Measured in C MuJoCo at 1 ms with
explicit PD: 5 walks of 20 s a command on the robot as the model has it, means after 3 s. It never fell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from trainers.evaluation.rollout import Command


@dataclass(frozen=True)
class PublishedWalk:
    """What came of one command."""

    command: Command
    velocity: Tuple[float, float, float]
    """Mean vx, vy (m/s), yaw rate (rad/s), body frame."""
    torque: Optional[float] = None
    """Mean absolute joint torque, N·m; None where it was not recorded."""


ON_ITS_MODEL: Tuple[PublishedWalk, ...] = (
    PublishedWalk((0.4, 0.0, 0.0), (0.402, -0.021, -0.025), 14.9),
    PublishedWalk((0.6, 0.0, 0.0), (0.535, -0.022, -0.029), 15.8),
    PublishedWalk((-0.3, 0.0, 0.0), (-0.103, 0.026, -0.021), 13.2),
    PublishedWalk((0.0, 0.3, 0.0), (0.102, 0.084, -0.024), 13.5),
    PublishedWalk((0.0, -0.3, 0.0), (0.125, -0.082, -0.009), 13.7),
    PublishedWalk((0.0, 0.0, 0.3), (0.126, -0.036, 0.273), 13.7),
    PublishedWalk((0.0, 0.0, -0.3), (0.130, 0.005, -0.303), 13.7),
    PublishedWalk((0.0, 0.0, 0.0), (0.109, 0.006, -0.013), 13.4),
    PublishedWalk((0.3, 0.15, 0.15), (0.344, 0.004, 0.117), 14.5),
)
"""On the release's own model of the robot, whose soles are meshes."""

ON_SIMPLE_MODEL: Tuple[PublishedWalk, ...] = (
    PublishedWalk((0.4, 0.0, 0.0), (0.384, -0.036, -0.028)),
    PublishedWalk((0.0, 0.3, 0.0), (0.093, 0.093, -0.032)),
    PublishedWalk((0.0, 0.0, 0.3), (0.113, -0.051, 0.248)),
)
"""On a model made from the release's figures alone, with boxes for soles, as this project's is."""


def published_walk(walks: Tuple[PublishedWalk, ...], command: Tuple[float, ...]) -> Optional[PublishedWalk]:
    """The walk with that command, if there was one."""
    return next((walk for walk in walks if walk.command == tuple(command)), None)
