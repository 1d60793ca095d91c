"""Ids of environments for `gymnasium.make` and `gymnasium.make_vec`."""

from __future__ import annotations

from typing import Any

import gymnasium

_MAKERS = {"MuJoCo": "make_mujoco", "MuJoCoWarp": "make_mujoco_warp", "IsaacGym": "make"}


def register_ids(name: str, **kwargs: Any) -> None:
    """Make `<name>-IsaacGym-v0`, `<name>-MuJoCo-v0` and `<name>-MuJoCoWarp-v0` known to Gymnasium.

    kwargs: what is passed to `humanoid_envs.registration.make` unless the caller says otherwise:
    `register_ids("HumanoidXBotL-Stand", config="stand")`.
    """
    for engine, maker in _MAKERS.items():
        gymnasium.register(
            id=f"{name}-{engine}-v0",
            entry_point=f"humanoid_envs.single_env:{maker}",
            vector_entry_point=f"humanoid_envs.registration:{maker}",
            kwargs=kwargs,
        )
