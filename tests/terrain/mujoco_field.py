"""Terrain as C MuJoCo has it: a height field made of the same array, and the heights that its rays hit."""

from __future__ import annotations

from typing import Tuple

import mujoco
import numpy as np

from humanoid_envs.terrain import Terrain


def field_model(terrain: Terrain, bodies: str = "") -> mujoco.MjModel:
    """A model with the terrain as its only geom but those of `bodies`."""
    low, high = float(terrain.heights.min()), float(terrain.heights.max())
    rise = max(high - low, 1e-3)
    half = np.array(terrain.size) / 2
    spec = mujoco.MjSpec.from_string(f"<mujoco><worldbody>{bodies}</worldbody></mujoco>")
    columns, rows = terrain.heights.shape
    spec.add_hfield(
        name="field",
        nrow=rows,
        ncol=columns,
        size=[*half, rise, 1.0],
        userdata=((terrain.heights.T.astype(float) - low) / rise).ravel(),
    )
    ground = spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_HFIELD, hfieldname="field")
    ground.pos = [*terrain.center, low]
    return spec.compile()


def cast(model: mujoco.MjModel, xy: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """(N,) heights and (N, 3) normals where rays from 10 m above hit the field, NaN where they miss."""
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    down, hit, normal = np.array([0.0, 0.0, -1.0]), np.zeros(1, np.int32), np.zeros(3)
    heights, normals = np.full(len(xy), np.nan), np.full((len(xy), 3), np.nan)
    for k, point in enumerate(xy):
        start = np.array([*point, 10.0])
        distance = mujoco.mj_ray(model, data, start, down, None, 1, -1, hit, normal)
        if distance >= 0:
            heights[k], normals[k] = 10.0 - distance, normal
    return heights, normals
