"""Runs a policy with examples/run_policy.py where neither this project nor torch can be imported.

    python replay_from_contract.py RUN_POLICY POLICY MODEL START RESULT

START holds qpos, qvel, the command and the number of steps; RESULT gets the observations and actions of each.
"""

import importlib.util
import sys
from typing import Any


class Blocked:
    """Stands before all other finders of modules."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.split(".")[0] in ("torch", "gymnasium", "humanoid_envs", "trainers"):
            raise ImportError(f"{name} is not to be imported here")


sys.meta_path.insert(0, Blocked())  # pyright: ignore[reportArgumentType]

import mujoco  # noqa: E402
import numpy as np  # noqa: E402

script, policy_file, model_file, start_file, result_file = sys.argv[1:]
spec = importlib.util.spec_from_file_location("run_policy", script)
assert spec is not None
assert spec.loader is not None
run_policy = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run_policy)


def in_body_frame(quat: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Computed in float64, as the task does it."""
    quat, vector = quat.astype(float), vector.astype(float)
    cross = 2.0 * np.cross(quat[1:], vector)
    return (vector - quat[0] * cross + np.cross(quat[1:], cross)).astype(np.float32)


def read(robot: Any) -> dict:
    """As the task sees it: a simulator's state has the angular velocity in the world frame, so that in the
    body frame it is two roundings to float32 away from what a gyroscope reads."""
    sensors, world = robot.read(), np.zeros(6)
    now = mujoco.MjData(robot.model)
    now.qpos[:], now.qvel[:] = robot.data.qpos, robot.data.qvel
    mujoco.mj_fwdPosition(robot.model, now)
    mujoco.mj_fwdVelocity(robot.model, now)
    mujoco.mj_objectVelocity(robot.model, now, mujoco.mjtObj.mjOBJ_XBODY, 1, world, 0)
    seen = in_body_frame(sensors["base_quat"], world[:3].astype(np.float32))
    assert np.abs(seen - sensors["base_ang_vel"]).max() <= 1e-6 * (1.0 + np.abs(seen).max())
    return {**sensors, "base_ang_vel": seen}


start = np.load(start_file)
policy = run_policy.Policy(policy_file)
c = policy.contract
robot, observer = (
    run_policy.Simulation(mujoco.MjModel.from_binary_path(model_file), c),
    run_policy.Observer(c),
)
robot.data.qpos[:], robot.data.qvel[:] = start["qpos"], start["qvel"]
action, observations, actions = np.zeros(len(c["joint_names"]), np.float32), [], []
for _ in range(int(start["steps"])):
    observations.append(observer(read(robot), start["command"], action))
    action = policy(observations[-1])
    actions.append(action)
    robot.move(np.float32(c["default_joint_pos"]) + np.float32(c["action_scale"]) * action)
np.savez(result_file, observations=observations, actions=actions)
