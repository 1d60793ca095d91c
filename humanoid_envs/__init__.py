"""Humanoid locomotion as Gymnasium vector environments that share one task on several simulators.

Importing the package registers `HumanoidXBotL-IsaacGym-v0`, `HumanoidXBotL-MuJoCo-v0` and
`HumanoidXBotL-MuJoCoWarp-v0`, and `HumanoidXBotL-Stand-…-v0` likewise.
"""

import os

# Between its parallel regions torch's thread pool spins for milliseconds, on the cores that MuJoCo's threads
# need. OpenMP reads this when torch is first imported; a third more env-steps/s on two cores.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

from humanoid_envs import programs  # noqa: F401  # isort: skip  Ctrl-C while all else is being imported
from humanoid_envs import isaacgym_first  # noqa: F401  before anything that imports torch
from humanoid_envs.tasks import TaskConfig, preset
from humanoid_envs.tasks.velocity import VelocityConfig
from humanoid_envs.vector_env import HumanoidVectorEnv

__all__ = ["HumanoidVectorEnv", "TaskConfig", "VelocityConfig", "preset"]
