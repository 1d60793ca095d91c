"""A picture of a robot in its default posture."""

from __future__ import annotations

from typing import Tuple

import mujoco
import numpy as np

from humanoid_envs.robots.robot import Robot
from humanoid_envs.simulators.mujoco_model import index_model, load_model
from humanoid_envs.simulators.mujoco_render import OffscreenRenderer
from humanoid_envs.simulators.simulator import PhysicsConfig


def portrait(robot: Robot, size: Tuple[int, int]) -> np.ndarray:
    """The robot on its soles, from the front left: RGB, uint8 (height, width, 3).

    Raises:
        UnfitMachine: no picture can be made here.
    """
    model = load_model(robot, PhysicsConfig())
    index, data = index_model(model, robot), mujoco.MjData(model)
    base = index.base_qpos
    data.qpos[base : base + 7] = [0.0, 0.0, robot.standing_height, 1.0, 0.0, 0.0, 0.0]
    data.qpos[index.joint_qpos] = [joint.default_pos for joint in robot.joints]
    mujoco.mj_forward(model, data)
    renderer = OffscreenRenderer(model)
    try:
        return renderer(data, size, None)
    finally:
        renderer.close()
