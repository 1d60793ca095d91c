"""XBot-L with its joints in another order, and five a leg: the rolls of the ankles are stiff."""

from __future__ import annotations

import dataclasses

from humanoid_envs.robots import XBOT_L, register_robot

_LEFT_LAST = sorted(XBOT_L.joints, key=lambda joint: (joint.role or "", joint.side or ""), reverse=True)

STIFF = register_robot(
    dataclasses.replace(
        XBOT_L,
        name="stiff",
        urdf=None,
        joints=tuple(joint for joint in _LEFT_LAST if joint.role != "ankle_roll"),
        foot_bodies=("left_ankle_pitch_link", "right_ankle_pitch_link"),
    )
)
