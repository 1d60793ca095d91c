"""What the wrappers between a trainer and an environment may change."""

from __future__ import annotations

from typing import Optional

from gymnasium.vector import (
    VectorActionWrapper,
    VectorEnv,
    VectorObservationWrapper,
    VectorWrapper,
)

# Wrappers of these packages that are of neither kind below pass observations and actions on.
_KNOWN_PACKAGES = ("gymnasium", "humanoid_envs")


def observation_wrapper(env: VectorEnv) -> Optional[str]:
    """Name of the outermost wrapper that may show other observations than its environment gives, or None.
    Of a wrapper that is neither Gymnasium's nor ours nobody knows."""
    return _first_wrapper(env, VectorObservationWrapper)


def action_wrapper(env: VectorEnv) -> Optional[str]:
    """Name of the outermost wrapper that may give other actions to its environment than it gets, or None."""
    return _first_wrapper(env, VectorActionWrapper)


def _first_wrapper(env: VectorEnv, kind: type) -> Optional[str]:
    while env is not env.unwrapped:
        if not isinstance(env, VectorWrapper) or isinstance(env, kind) or not _is_known(type(env)):
            return type(env).__name__
        env = env.env
    return None


def _is_known(wrapper: type) -> bool:
    methods = (getattr(wrapper, name) for name in ("reset", "step"))
    return all(method.__module__.split(".")[0] in _KNOWN_PACKAGES for method in methods)
