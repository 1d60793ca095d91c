"""Names that plug-ins add to."""

from __future__ import annotations

import pytest

from humanoid_envs.errors import UserError
from humanoid_envs.registry import Registry


def one() -> int:
    return 1


def two() -> int:
    return 2


def test_names_are_unique_and_found() -> None:
    registry: Registry = Registry("gait")
    assert registry.register("trot")(one) is one
    registry.add("trot", one)  # once more, as in a module that is loaded again
    assert registry.find("trot")() == 1
    assert list(registry) == ["trot"]
    with pytest.raises(UserError, match=r"^The gait 'trot' is there already, .*\.one: choose another"):
        registry.add("trot", two)
    for name in ("", "a b", "a:b", "a/b", None):
        with pytest.raises(UserError, match="needs a name"):
            registry.add(name, two)  # type: ignore[arg-type]


def test_unknown_names() -> None:
    registry: Registry = Registry("gait")
    registry.add("trot", one)
    with pytest.raises(UserError, match=r"^Unknown gait 'trott'; did you mean 'trot'\?$"):
        registry.find("trott")
    with pytest.raises(UserError, match=r"^Unknown gait 'walk'; there are 'auto', 'trot'\.$"):
        registry.find("walk", "auto")
