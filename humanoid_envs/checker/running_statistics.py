"""Wrappers that normalize by what they have seen so far, as Gymnasium's NormalizeObservation and
NormalizeReward.

Their statistics survive reset(), as they should, so that the same seed does not repeat their outcome: no
fault of the environment's seeding. They are held still while it is checked.
"""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, List

from gymnasium.vector import VectorEnv

from humanoid_envs.checker.report import Report

_SWITCH = "update_running_mean"
"""Gymnasium's name for whether such a wrapper goes on learning."""


@contextlib.contextmanager
def held_still(env: VectorEnv, report: Report) -> Iterator[None]:
    """Within, no wrapper of `env` updates its statistics. A warning names those that do otherwise."""
    learning = [layer for layer in _layers(env) if getattr(layer, _SWITCH)]
    names = sorted({type(layer).__name__ for layer in learning})
    if names:
        report.warn(
            f"{' and '.join(names)} normalizes by running statistics, which survive reset() and change with "
            "every step, so that the same seed gives other values the second time. That is what it is for, "
            "no fault of seeding; the statistics were held still while checking"
        )
    try:
        for layer in learning:
            setattr(layer, _SWITCH, False)
        yield
    finally:
        for layer in learning:
            setattr(layer, _SWITCH, True)


def _layers(env: Any) -> List[Any]:
    """The wrappers with running statistics, around a vector environment or around the envs within it."""
    found: List[Any] = []
    while env is not None:
        if hasattr(type(env), _SWITCH):  # asked of the type, since wrappers pass questions on
            found.append(env)
        for single in vars(env).get("envs", ()):  # Gymnasium's SyncVectorEnv
            found += _layers(single)
        env = vars(env).get("env")
    return found
