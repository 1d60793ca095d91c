"""The options that a config's values are, shown in groups."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
from typing import Any, List

import tyro
from typing_extensions import Annotated

from humanoid_envs.configs import Config, nearest, values_of
from humanoid_envs.errors import UserError


def groups(config: Config) -> List[str]:
    """The groups of a config's options: `run`, its own values, `all`, and each config within by its name with
    dots."""
    within = [name for name, value in values_of(config).items() if dataclasses.is_dataclass(value)]
    return ["run", "all", *within]


def show_options(config: Config, group: str) -> None:
    """Print the options of a group, with their values in the config.

    Raises:
        UserError: there is no such group.
    """
    if group not in groups(config):
        raise UserError(f"--help knows no group {group!r}{nearest(group, groups(config))}")
    inner = values_of(config).get(group)
    if inner is not None and not dataclasses.fields(inner):
        print(f"{group} has no options here. It is a {type(inner).__name__}:\n\n{inspect.getdoc(inner)}")
        return
    shown = {"run": _without_groups, "all": lambda config: config}.get(group)
    page = shown(config) if shown else _alone(group, inner)
    with contextlib.suppress(SystemExit):
        tyro.cli(type(page), default=page, args=["--help"], config=(tyro.conf.AvoidSubcommands,))


def _alone(name: str, config: Any) -> Any:
    """The config as the only one within others, as deep as its name says."""
    for part in reversed(name.split(".")):
        field = dataclasses.field(default_factory=_always(config))
        config = dataclasses.make_dataclass(part, [(part, type(config), field)], frozen=True)()
    return config


def _without_groups(config: Config) -> Any:
    """The config, with those within hidden."""
    hidden = []
    for name, value in vars(config).items():
        if dataclasses.is_dataclass(value):
            hint: Any = Annotated[type(value), tyro.conf.Suppress]  # pyright: ignore[reportInvalidTypeForm]
            hidden.append((name, hint, dataclasses.field(default_factory=_always(value))))
    return dataclasses.make_dataclass("Run", hidden, bases=(type(config),), frozen=True)(**vars(config))


def _always(value: Any) -> Any:
    return lambda: value
