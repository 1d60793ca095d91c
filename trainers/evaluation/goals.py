"""Goals: bounds on tracking error, drift, push survival and torque that a policy is to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence


@dataclass(frozen=True)
class Goal:
    """Bounds that a policy is to keep; None for what does not matter."""

    relative_error: float
    """Of the mean velocity in each direction, as a share of the command."""
    absolute_error: float
    """Error that is allowed in any case, m/s or rad/s."""
    drift: Optional[float] = None
    """Speed at which it may wander when told to stand, m/s."""
    push_survival: Optional[float] = None
    """Share of pushes of 1 m/s that it survives."""
    torque: Optional[float] = None
    """Mean absolute joint torque over all commands, N·m."""

    def is_met_by(self, command: Sequence[float], velocity: Sequence[float]) -> bool:
        """Whether mean velocities vx, vy (m/s) and yaw rate (rad/s) are near enough to the command."""
        return all(
            abs(mean - wanted) <= max(self.relative_error * abs(wanted), self.absolute_error)
            for wanted, mean in zip(command, velocity)
        )


TRAINING_GOAL = Goal(relative_error=0.1, absolute_error=0.03)
"""What training is to reach. No fall, with every goal."""
SHIPPING_GOAL = Goal(relative_error=0.05, absolute_error=0.02, drift=0.01, push_survival=0.99, torque=13.0)
"""What a policy that is given away is to reach."""
