"""Humanoid locomotion as Gymnasium vector environments that share one task on several simulators.

Importing the package registers `HumanoidXBotL-IsaacGym-v0`, `HumanoidXBotL-MuJoCo-v0` and
`HumanoidXBotL-MuJoCoWarp-v0`.
"""

from humanoid_envs.registration import register_environments
from humanoid_envs.tasks.velocity import VelocityConfig, preset
from humanoid_envs.vector_env import HumanoidVectorEnv

register_environments()

__all__ = ["HumanoidVectorEnv", "VelocityConfig", "preset"]
