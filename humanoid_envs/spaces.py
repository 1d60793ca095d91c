"""What a policy sees and says, and what it must match to act in an environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Tuple

import numpy as np
from gymnasium.spaces import Box

from humanoid_envs.robots import Robot
from humanoid_envs.tasks.velocity import VelocityConfig, observations, symmetry


@dataclass(frozen=True)
class Spaces:
    """Those of one robot."""

    policy: Box
    """The actor's observation."""
    critic: Box
    """The privileged observation."""
    action: Box


def of_one_robot(config: VelocityConfig, num_joints: int) -> Spaces:
    """The spaces of the task."""
    o, limit = config.observations, config.actions.clip

    def box(terms: Tuple, frames: int) -> Box:
        size = frames * observations.frame_size(terms, num_joints)
        return Box(-o.clip, o.clip, (size,), np.float32)

    return Spaces(
        policy=box(observations.ACTOR_TERMS, o.history),
        critic=box(observations.privileged_terms(o), o.privileged_history),
        action=Box(-limit, limit, (num_joints,), np.float32),
    )


def signature(config: VelocityConfig, robot: Robot) -> Dict[str, Any]:
    """What a policy trained on the task must match to act there."""
    o = config.observations
    return {
        "robot": robot.name,
        "joints": list(robot.joint_names),
        "history": {"policy": o.history, "critic": o.privileged_history},
        "symmetry": {
            "policy": symmetry.frame_mirror(robot, observations.ACTOR_TERMS, o.history),
            "critic": symmetry.frame_mirror(robot, observations.privileged_terms(o), o.privileged_history),
            "action": robot.joint_mirror(),
        },
    }
