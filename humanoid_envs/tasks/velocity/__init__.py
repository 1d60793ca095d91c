"""Walking at a commanded planar velocity and yaw rate."""

from humanoid_envs.ids import register_ids
from humanoid_envs.tasks.presets import register_preset
from humanoid_envs.tasks.velocity.config import (
    CriticFrame,
    PolicyFrame,
    TrackingCriticFrame,
    VelocityCommands,
    VelocityConfig,
    VelocityObservations,
    VelocityRandomization,
    VelocityRewards,
    VelocityTerminations,
)
from humanoid_envs.tasks.velocity.dwl import (
    DWLConfig,
    DWLObservations,
    DWLRewards,
    PrivilegedFrame,
    dwl_flat,
)
from humanoid_envs.tasks.velocity.presets import FastRewards, fast, fast_wide, v0, walk

register_ids("HumanoidXBotL")

__all__ = [
    "CriticFrame",
    "DWLConfig",
    "DWLObservations",
    "DWLRewards",
    "FastRewards",
    "PolicyFrame",
    "PrivilegedFrame",
    "TrackingCriticFrame",
    "VelocityCommands",
    "VelocityConfig",
    "VelocityObservations",
    "VelocityRandomization",
    "VelocityRewards",
    "VelocityTerminations",
    "dwl_flat",
    "fast",
    "fast_wide",
    "register_preset",
    "v0",
    "walk",
]
