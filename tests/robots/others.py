"""XBot-L with its joints in another order, and with five joints a leg."""

from __future__ import annotations

import dataclasses

from humanoid_envs.robots import XBOT_L

_ORDER = (7, 4, 3, 11, 0, 2, 10, 5, 9, 6, 1, 8)

REORDERED = dataclasses.replace(
    XBOT_L, name="reordered", joints=tuple(XBOT_L.joints[index] for index in _ORDER)
)
"""XBot-L itself, whose joints have the same names in another order."""
FIVE_JOINTS = dataclasses.replace(
    XBOT_L,
    name="five_joints",
    joints=tuple(joint for joint in REORDERED.joints if joint.role != "ankle_roll"),
)
