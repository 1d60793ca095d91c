"""What the project's scripts share."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from typing import Iterator

from humanoid_envs.errors import UserError


@contextlib.contextmanager
def concise_errors() -> Iterator[None]:
    """Decorates a script's main: what its user can mend ends it with the message alone.

    That is a UserError, and what the operating system says about a file that it names. All other errors are
    the program's, and keep their traceback.
    """
    try:
        yield
    except UserError as error:
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


def check_rollouts(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> None:
    """End the script if --rollouts or --seconds leave a scorecard nothing to measure."""
    if chosen.rollouts < 1:
        parser.error(f"--rollouts must be at least 1, not {chosen.rollouts}")
    if chosen.seconds < 4.0:
        parser.error(f"--seconds must be at least 4, of which 3 do not count, not {chosen.seconds:g}")
