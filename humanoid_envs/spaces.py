"""What a policy sees and says, and what it must match to act in an environment."""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np
from gymnasium.spaces import Box

from humanoid_envs.errors import UserError
from humanoid_envs.mdp.observations import Frame
from humanoid_envs.robots import Robot
from humanoid_envs.tasks import TaskConfig


def observation_spaces(config: TaskConfig, robot: Robot) -> Dict[str, Box]:
    """Of one robot, those of each group of observations: `"policy"`, `"critic"`, …"""
    clip, groups = config.observations.clip, config.observations.groups
    return {name: Box(-clip, clip, (frame.size(robot),), np.float32) for name, frame in groups.items()}


def action_space(config: TaskConfig, robot: Robot) -> Box:
    """Of one robot."""
    return Box(-config.actions.clip, config.actions.clip, (robot.num_joints,), np.float32)


def signature(config: TaskConfig, robot: Robot) -> Dict[str, Any]:
    """What a policy trained on the task must match to act there, in plain values."""
    groups = config.observations.groups
    return {
        "robot": robot.name,
        "joints": list(robot.joint_names),
        "history": {name: frame.history for name, frame in groups.items()},
        "tail": {name: frame.tail_size(robot) for name, frame in groups.items()},
        "terms": {name: _terms(frame, robot) for name, frame in groups.items()},
        "symmetry": _symmetry(config, robot),
    }


def _terms(frame: Frame, robot: Robot) -> List[List[Any]]:
    """Names, sizes and scales of the terms at the end of an observation, in order: of the newest step."""
    return [[name, size, frame.terms[name].scale] for name, size in frame.layout(robot)]


def _symmetry(config: TaskConfig, robot: Robot) -> Dict[str, Any]:
    """The mirrors of each group of observations and of the action; or why there are none."""
    groups = config.observations.groups
    try:
        mirrors = {name: frame.mirror(robot) for name, frame in groups.items()}
        return {**mirrors, "action": robot.joint_mirror()}
    except UserError as error:
        return {"problem": str(error)}
