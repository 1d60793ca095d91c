"""Things by name that plug-ins add to: presets, robots and engines."""

from __future__ import annotations

from typing import Any, Callable, Dict, TypeVar

from humanoid_envs.configs import nearest
from humanoid_envs.errors import UserError

T = TypeVar("T")
U = TypeVar("U")


class Registry(Dict[str, T]):
    """A dict from names to things that are there once, in the order in which they came.

    Args:
        kind: what they are, for messages.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def add(self, name: str, thing: T) -> T:
        """Give a thing a name, and return it. The same one, defined again where it was, replaces the old.

        Raises:
            UserError: no name, or another thing has it.
        """
        if not isinstance(name, str) or not name or any(letter in name for letter in " :/,"):
            raise UserError(
                f"A {self.kind} needs a name without spaces, colons, slashes and commas, not {name!r}."
            )
        if name in self and _origin(self[name]) != _origin(thing):
            raise UserError(
                f"The {self.kind} {name!r} is there already, {_origin(self[name])}: choose another name."
            )
        self[name] = thing
        return thing

    def register(self, name: str) -> Callable[[U], U]:
        """Decorates what gets that name."""

        def added(thing: U) -> U:
            self.add(name, thing)  # pyright: ignore[reportArgumentType]
            return thing

        return added

    def find(self, name: str, *others: str) -> T:
        """The thing of that name. others: names that are taken as well, elsewhere.

        Raises:
            UserError: there is none, with the nearest ones.
        """
        if name not in self:
            raise UserError(f"Unknown {self.kind} {name!r}{nearest(str(name), [*others, *self])}")
        return self[name]


def _origin(thing: Any) -> str:
    thing = getattr(thing, "make", thing)  # an engine's
    return f"{getattr(thing, '__module__', '?')}.{getattr(thing, '__qualname__', repr(thing))}"
