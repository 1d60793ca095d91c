"""Rough ground: one array of heights, which is the same surface on every simulator."""

from humanoid_envs.terrain.build import build_terrain
from humanoid_envs.terrain.config import TERRAINS, Rough, RoughV0, Sparse, TerrainConfig, register_terrain
from humanoid_envs.terrain.kind import Patch, Start, TerrainKind, TerrainKinds
from humanoid_envs.terrain.scan_grid import ScanGrid
from humanoid_envs.terrain.terrain import Terrain, Tiles

__all__ = [
    "TERRAINS",
    "Patch",
    "Rough",
    "RoughV0",
    "ScanGrid",
    "Sparse",
    "Start",
    "Terrain",
    "TerrainConfig",
    "TerrainKind",
    "TerrainKinds",
    "Tiles",
    "build_terrain",
    "register_terrain",
]
