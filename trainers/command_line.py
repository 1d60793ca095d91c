"""What the project's scripts share."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import signal
import sys
from typing import Callable, Iterator, TypeVar

from humanoid_envs import plugins
from humanoid_envs.errors import UserError
from humanoid_envs.programs import imported

TRACEBACK = "HUMANOID_TRACEBACK"

_Number = TypeVar("_Number", int, float)


@contextlib.contextmanager
def concise_errors() -> Iterator[None]:
    """Decorates a script's main: what its user can mend ends it with the message alone.

    That is a UserError, and what the operating system says about a file that it names. All other errors are
    the program's, and keep their traceback, as all do where the environment variable HUMANOID_TRACEBACK is
    set. Ctrl-C ends it with a line and exit code 130.
    """
    imported()
    try:
        yield
    except KeyboardInterrupt:
        print("Stopped.")
        sys.exit(128 + signal.SIGINT)
    except UserError as error:
        if os.environ.get(TRACEBACK):
            raise
        sys.exit(f"Error: {error}")
    except OSError as error:
        if error.filename is not None:
            sys.exit(f"Error: {error.filename}: {error.strerror}.")
        if not isinstance(error, FileNotFoundError) or error.errno is not None:
            raise
        sys.exit(f"Error: {error}")


def render_without_display() -> None:
    """Let MuJoCo make pictures on a machine without a display: it looks for one when it is first imported."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        os.environ.setdefault("MUJOCO_GL", "egl")


def number(least: float = -math.inf, most: float = math.inf) -> Callable[[str], float]:
    """For argparse's `type`: a finite number within bounds. NaN and infinity are read by `float`, and a
    comparison with NaN refuses nothing."""
    return _checked(float, least, most, "a finite number")


def integer(least: int, most: int = 2**63 - 1) -> Callable[[str], int]:
    """For argparse's `type`: an integer within bounds."""
    return _checked(int, least, most, "an integer")


def add_plugin(parser: argparse.ArgumentParser) -> None:
    """The option `--plugin NAME`, which may stand several times. Those that the command line names are loaded
    at once, before the parser's other options, which may depend on them, are added or read.

    Raises:
        UserError: a plug-in that cannot be loaded.
    """
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for each in (first, parser):
        each.add_argument(
            "--plugin",
            action="append",
            metavar="NAME",
            help="load what a module, here or installed, brings: terms, robots, engines, presets; repeatable",
        )
    for name in first.parse_known_args()[0].plugin or []:
        plugins.load(name)


def add_trust(parser: argparse.ArgumentParser) -> None:
    """The option `--trust`, see `trainers.trust`."""
    parser.add_argument(
        "--trust", action="store_true", help="load files from elsewhere that run code, such as TorchScript"
    )


def _checked(
    read: Callable[[str], _Number], least: float, most: float, what: str
) -> Callable[[str], _Number]:
    wanted = what
    if least > -math.inf:
        wanted += f", at least {least:g}"
    if most < 2**63 - 1:
        wanted += f", at most {most:g}"

    def checked(text: str) -> _Number:
        try:
            value = read(text)
        except ValueError:
            value = None
        if value is None or not (least <= value <= most and math.isfinite(value)):
            raise argparse.ArgumentTypeError(f"must be {wanted}, not {text!r}")
        return value

    return checked


SECONDS = number(0.1, 1e6)
"""Duration of a walk, s."""
SCORED_SECONDS = number(4.0, 1e6)
"""Duration of a rollout of which the first 3 s do not count, s."""
ROLLOUTS = integer(1, 10**6)
SEED = integer(0)
PICTURE_SIDE = integer(16, 8192)
"""Width or height of a picture, pixels."""
