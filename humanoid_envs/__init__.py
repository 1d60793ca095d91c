"""Humanoid locomotion environments."""
