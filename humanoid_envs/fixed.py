"""Attributes that cannot be set again."""

from __future__ import annotations

from typing import Any, ClassVar, FrozenSet

from humanoid_envs.errors import UserError


class FixedAttributes:
    """What an object was made with stays: buffers, compiled functions and captured graphs are of it, so that
    setting it later would act on nothing, or on half of it.

    Raises:
        UserError: an attribute in `_FIXED` is set a second time.
    """

    _FIXED: ClassVar[FrozenSet[str]] = frozenset()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._FIXED and hasattr(self, name):
            raise UserError(
                f"{type(self).__name__}.{name} cannot be set: it is what the environment was built with. "
                "Make a new environment with the value that you want."
            )
        super().__setattr__(name, value)
