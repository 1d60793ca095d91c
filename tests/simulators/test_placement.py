"""MuJoCo Warp's contacts with a terrain are those of C MuJoCo: robots set down anywhere, near and far."""

from __future__ import annotations

from typing import Any, Callable, Tuple

import mujoco
import mujoco_warp as mjw
import numpy as np
import pytest
import torch
import warp as wp

from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.mujoco_model import index_model, load_model
from humanoid_envs.simulators.mujoco_warp import MuJoCoWarpSimulator
from humanoid_envs.simulators.simulator import PhysicsConfig, RobotState
from humanoid_envs.terrain import TERRAINS, Terrain, build_terrain
from tests.simulators.conftest import WARP_DEVICES
from tests.simulators.grounds import all_kinds, height_at

NUM_ROBOTS = 1000
DEPTH = 0.002
"""To which the deepest sphere of the soles is set into the ground, m; all are 15 mm."""


def anywhere(terrain: Terrain) -> np.ndarray:
    """(N, 19) qpos, of numbers that float32 has, with soles about the ground's height."""
    rng = np.random.default_rng(1)
    q = np.zeros((NUM_ROBOTS, 7 + XBOT_L.num_joints))
    q[:, :2] = terrain.center + rng.uniform(-0.5, 0.5, (NUM_ROBOTS, 2)) * (np.array(terrain.size) - 3.0)
    q[:, 2] = height_at(terrain, q[:, 0], q[:, 1]) + XBOT_L.standing_height
    yaw, tilt = rng.uniform(-np.pi, np.pi, NUM_ROBOTS), rng.normal(0.0, 0.1, (NUM_ROBOTS, 2))
    q[:, 3:7] = np.column_stack([np.cos(yaw / 2), tilt, np.sin(yaw / 2)])
    q[:, 3:7] /= np.linalg.norm(q[:, 3:7], axis=1, keepdims=True)
    q[:, 7:] = rng.uniform(-0.3, 0.3, (NUM_ROBOTS, XBOT_L.num_joints))
    return q.astype(np.float32).astype(float)


def set_down(terrain: Terrain) -> Tuple[np.ndarray, np.ndarray]:
    """qpos with the soles in C MuJoCo's ground, and depth of their deepest contact."""
    model = load_model(XBOT_L, PhysicsConfig(), terrain, visuals=False, sensors=False)
    soles, data, q = index_model(model, XBOT_L).soles, mujoco.MjData(model), anywhere(terrain)
    depth = np.full(NUM_ROBOTS, np.nan)
    for k in range(NUM_ROBOTS):
        low, high = q[k, 2] - 1.0, q[k, 2] + 1.0
        for _ in range(18):
            data.qpos[:] = q[k]
            data.qpos[2] = height = np.float32(0.5 * (low + high))
            mujoco.mj_kinematics(model, data)
            mujoco.mj_collision(model, data)
            of_soles = np.isin(data.contact.geom[:, 1], soles)
            deepest = -data.contact.dist[of_soles].min(initial=0.0)
            if deepest > DEPTH:
                low, q[k, 2], depth[k] = height, height, deepest
            else:
                high = height
    return q, depth


def preset(name: str) -> Terrain:
    """Two levels of a preset, all its kinds: up to 80 m from the origin."""
    return build_terrain(TERRAINS.find(name)().replace(levels=2, border=2.0))


@pytest.mark.parametrize("device", WARP_DEVICES)
@pytest.mark.parametrize(
    ("make", "where"),
    [(all_kinds, (0.0, 0.0)), (all_kinds, (80.0, 80.0)), (preset, "rough"), (preset, "sparse")],
    ids=["near", "far", "rough", "sparse"],
)
def test_deepest_contacts_of_soles_are_equal(device: str, make: Callable[[Any], Terrain], where: Any) -> None:
    terrain = make(where)
    q, expected = set_down(terrain)
    fair = expected < DEPTH + 0.001  # where a millimetre of height is not a jump onto the next stair
    assert fair.mean() > 0.98
    warp = MuJoCoWarpSimulator(XBOT_L, PhysicsConfig(), NUM_ROBOTS, device, terrain=terrain)
    pos, quat, joints = torch.tensor(q).float().to(warp.device).split([3, 4, XBOT_L.num_joints], 1)
    still = torch.zeros_like(pos)
    everyone = torch.ones(NUM_ROBOTS, dtype=torch.bool, device=warp.device)
    warp.reset(everyone, RobotState(pos, quat, still, still, joints, 0.0 * joints))
    with wp.ScopedDevice(device):
        mjw.kinematics(warp._m, warp._d)
        mjw.collision(warp._m, warp._d)
    count, contact = int(warp._d.nacon.numpy()[0]), warp._d.contact
    assert count <= warp._d.naconmax
    world, geoms, dist = (values.numpy()[:count] for values in (contact.worldid, contact.geom, contact.dist))
    depth = np.zeros(NUM_ROBOTS)
    of_soles = np.isin(geoms[:, 1], warp._index.soles)
    np.maximum.at(depth, world[of_soles], -dist[of_soles])
    error = np.abs(depth - expected)[fair]
    assert (error > 1e-4).sum() == 0, f"off by up to {1e3 * error.max():.3f} mm"
    assert np.median(error) < 1e-5
