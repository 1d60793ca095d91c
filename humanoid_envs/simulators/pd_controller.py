"""The PD controller of the joints, defined once for every simulator."""

from __future__ import annotations

from torch import Tensor


def pd_torque(
    target: Tensor, joint_pos: Tensor, joint_vel: Tensor, stiffness: Tensor, damping: Tensor, limit: Tensor
) -> Tensor:
    """Torque of the PD law, N·m: clip(stiffness · (target − q) − damping · q̇, ±limit).

    All arguments (N, J) or broadcastable to it, in rad, rad/s, N·m/rad, N·m·s/rad and N·m.
    """
    torque = stiffness * (target - joint_pos) - damping * joint_vel
    return torque.clamp(-limit, limit)
