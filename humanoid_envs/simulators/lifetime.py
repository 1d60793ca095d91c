"""What stays of a simulator as long as it lives, and what of one that was closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from humanoid_envs.errors import UserError
from humanoid_envs.fixed import FixedAttributes

_KEPT = ("robot", "physics", "terrain", "num_envs", "device", "parameters", "state")


class SimulatorLifetime(FixedAttributes):
    """What a simulator was made with stays as it is. `_free` drops all that it holds but that and its last
    state."""

    _FIXED = frozenset(_KEPT)

    def _free(self, *also_kept: str) -> None:
        """Let go of engines, threads, buffers and graphs; from now on what needs them raises UserError."""
        kept = {name: vars(self)[name] for name in (*_KEPT, *also_kept)}
        freed = frozenset(vars(self)) - set(kept)
        vars(self).clear()
        vars(self).update(kept, _freed=freed)

    if not TYPE_CHECKING:  # which would take any name for an attribute

        def __getattr__(self, name: str) -> Any:
            if name in vars(self).get("_freed", ()):
                raise UserError(f"This {type(self).__name__} has been closed; make a new environment.")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
