"""Standing still on one or two feet, at a commanded height and pitch, against pushes."""

from humanoid_envs.ids import register_ids
from humanoid_envs.tasks.standing.config import StandingConfig, stand

register_ids("HumanoidXBotL-Stand", config="stand")

__all__ = ["StandingConfig", "stand"]
