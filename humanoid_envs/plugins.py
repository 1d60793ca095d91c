"""Plug-ins: modules outside this package that bring terms, tasks, robots, presets and engines.

A plug-in is a Python file or package by its name, `my_walk` for `my_walk.py` in the current folder, or one
that an installed package announces under a name, in its pyproject.toml:

    [project.entry-points."humanoid_envs.plugins"]
    my_walk = "my_package.walk"

Importing it is all that loading does: it defines its classes and registers its names. Only what a user names
is loaded. Files record which plug-ins were loaded when they were written, to say so where one is missing.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from types import FrameType
from typing import Any, Dict, Iterable, Iterator, List, Tuple

from humanoid_envs.configs import nearest
from humanoid_envs.errors import MissingPlugIn, UserError

GROUP = "humanoid_envs.plugins"
"""The entry point group of installed plug-ins."""

_loaded: List[str] = []


def load(name: str) -> None:
    """Import a plug-in, once: a module of the current folder, an installed plug-in, or any other module.

    Raises:
        UserError: there is none of that name, or importing it fails; why is the error's `__cause__`.
    """
    if name in _loaded:
        return
    module = _module_of(name)
    if not all(part.isidentifier() for part in module.split(".")):
        raise _unknown(name)
    try:
        importlib.import_module(module)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            raise _unknown(name) from error
        raise UserError(
            f"Plug-in {name!r} cannot be imported: {_place(error, module)}: {type(error).__name__}: {error} "
            "(HUMANOID_TRACEBACK=1 before the command shows more)"
        ) from error
    _loaded.append(name)


def loaded() -> Tuple[str, ...]:
    """Names of the plug-ins that were loaded, in their order."""
    return tuple(_loaded)


def installed() -> Dict[str, str]:
    """Names of the plug-ins that installed packages announce, and their modules."""
    found: Any = metadata.entry_points()
    group: Iterable[Any] = found.select(group=GROUP) if hasattr(found, "select") else found.get(GROUP, ())
    return {point.name: point.value.partition(":")[0].strip() for point in group}


def record() -> Dict[str, List[str]]:
    """What a file says of the plug-ins that it was written with: its entry "plugins", if there are any."""
    return {"plugins": list(_loaded)} if _loaded else {}


@contextlib.contextmanager
def naming_missing(written_with: Any) -> Iterator[None]:
    """Have a UserError in the block say which of the plug-ins that a file was written with are not loaded.

    written_with: the file's entry "plugins", which may be anything.
    """
    try:
        yield
    except UserError as error:
        names = written_with if isinstance(written_with, (list, tuple)) else []
        missing = [name for name in names if isinstance(name, str) and name not in _loaded]
        if not missing:
            raise
        options = " ".join(f"--plugin {name}" for name in missing)
        if isinstance(error, MissingPlugIn):
            raise MissingPlugIn(error.problem, " --plugin ".join(missing)) from None
        raise UserError(f"{error} It was written with plug-ins that are not loaded: {options}.") from error


def _module_of(name: str) -> str:
    """The module that a plug-in's name stands for. If it is in the current folder, modules are imported from
    there from now on, as for a script in it."""
    here = os.getcwd()
    spec = PathFinder.find_spec(name.partition(".")[0], [here])
    if spec is not None and spec.origin is not None:  # a folder alone has none
        if here not in sys.path:
            sys.path.insert(0, here)
            importlib.invalidate_caches()
        return name
    return installed().get(name, name)


def _unknown(name: str) -> UserError:
    known = [*installed(), *(path.stem for path in Path().glob("*.py"))]
    return UserError(f"There is no plug-in {name!r}, here or installed{nearest(name, known)}")


def _place(error: Exception, module: str) -> str:
    """Where it went wrong: the last line of the plug-in's own that led there."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename)}, line {error.lineno}"
    package, last, own = module.partition(".")[0], error.__traceback__, None
    while last is not None:
        if _belongs(last.tb_frame, package):
            own = last
        if last.tb_next is None:
            break
        last = last.tb_next
    place = own or last
    if place is None:
        return module
    return f"{_short(place.tb_frame.f_code.co_filename)}, line {place.tb_lineno}"


def _belongs(frame: FrameType, package: str) -> bool:
    return f"{frame.f_globals.get('__name__', '')}.".startswith(f"{package}.")


def _short(path: str) -> str:
    with contextlib.suppress(ValueError):
        return str(Path(path).resolve().relative_to(Path.cwd()))
    return path
