"""Rough ground: one array of heights, which is the same surface on every simulator."""

from humanoid_envs.terrain.terrain import Terrain, Tiles

__all__ = ["Terrain", "Tiles"]
