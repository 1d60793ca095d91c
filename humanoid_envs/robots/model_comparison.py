"""Whether two model files are of the same robot: its MJCF and its URDF, which different simulators read."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Dict, List, Tuple

import mujoco
import numpy as np

from humanoid_envs.robots.robot import Robot
from humanoid_envs.robots.trial import Trial
from humanoid_envs.simulators.mujoco_model import index_model, load_model
from humanoid_envs.simulators.simulator import PhysicsConfig

_PLACE, _ANGLE, _MASS = 1e-3, 0.01, 0.01
"""m, rad, and share of a mass by which the files may differ."""


def agrees(robot: Robot, path: Path) -> Trial:
    """Links' places in 20 postures, their masses and the joints' ranges, in the robot's model and in another
    file of it.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it lacks something that the robot has, see `load_model`.
    """
    models = [load_model(each, PhysicsConfig()) for each in (robot, dataclasses.replace(robot, mjcf=path))]
    worst = {
        "places of links": (*_worst(_places(models[0], robot), _places(models[1], robot)), _PLACE, "m"),
        "ranges of joints": (*_worst(_ranges(models[0], robot), _ranges(models[1], robot)), _ANGLE, "rad"),
        "masses of links": (*_worst(_masses(models[0], robot), _masses(models[1], robot)), _MASS, "of one"),
    }
    parts = [
        f"{what} by {apart:.2g} {unit}" + (f" ({name})" if apart > most else "")
        for what, (apart, name, most, unit) in worst.items()
    ]
    passed = all(apart <= most for apart, _, most, _ in worst.values())
    text = f"{path.name} differs in {', '.join(parts)}"
    return Trial("agrees", passed, text if passed else f"{text}; correct one of the files")


def _worst(ours: Dict[str, np.ndarray], theirs: Dict[str, np.ndarray]) -> Tuple[float, str]:
    apart = {name: float(np.abs(ours[name] - theirs[name]).max()) for name in ours}
    name = max(apart, key=lambda key: apart[key])
    return apart[name], name


def _links(model: mujoco.MjModel, robot: Robot) -> List[str]:
    return [model.body(link).name for link in index_model(model, robot).links]


def _places(model: mujoco.MjModel, robot: Robot) -> Dict[str, np.ndarray]:
    """Of each link from the base, (20, 3)."""
    data, random = mujoco.MjData(model), np.random.default_rng(0)
    places: Dict[str, List[np.ndarray]] = {name: [] for name in _links(model, robot)}
    for _ in range(20):
        for joint in robot.joints:
            data.joint(joint.name).qpos[0] = joint.default_pos + random.uniform(-0.5, 0.5)
        mujoco.mj_kinematics(model, data)
        base = data.body(robot.base_body)
        for name, found in places.items():
            found.append(base.xmat.reshape(3, 3).T @ (data.body(name).xpos - base.xpos))
    return {name: np.array(found) for name, found in places.items()}


def _ranges(model: mujoco.MjModel, robot: Robot) -> Dict[str, np.ndarray]:
    joints = [model.joint(name) for name in robot.joint_names]
    return {joint.name: joint.range if joint.limited[0] else np.array([-100.0, 100.0]) for joint in joints}


def _masses(model: mujoco.MjModel, robot: Robot) -> Dict[str, np.ndarray]:
    """Logarithms, so that differences are shares."""
    return {name: np.log(model.body(name).mass) for name in _links(model, robot)}
