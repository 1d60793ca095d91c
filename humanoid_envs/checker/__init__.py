"""Conformance of a vector environment: Gymnasium's vector API, seeding and the declared autoreset mode.

    check_vector_env(gym.make_vec("HumanoidXBotL-MuJoCo-v0", num_envs=4))
    check_vector_env(lambda **kwargs: gym.make_vec("HumanoidXBotL-MuJoCo-v0", num_envs=4, **kwargs))

Works on every `gymnasium.vector.VectorEnv`, whether it returns numpy arrays or torch tensors on a device, and
whatever its spaces. The rules are those of Gymnasium 1.1 and later (https://farama.org/Vector-Autoreset-Mode).
"""

from humanoid_envs.checker.check import check_vector_env
from humanoid_envs.checker.report import Finding, VectorEnvError, VectorEnvWarning

__all__ = ["Finding", "VectorEnvError", "VectorEnvWarning", "check_vector_env"]
