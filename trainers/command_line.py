"""What the project's scripts share."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import traceback
from typing import Iterator


@contextlib.contextmanager
def concise_errors() -> Iterator[None]:
    """Decorates a script's main: what this project's own code refuses ends it with the message alone.

    Errors that come from elsewhere, or that no `raise` statement of ours has made, keep their traceback.
    """
    try:
        yield
    except (ValueError, FileNotFoundError, RuntimeError, ImportError) as error:
        if not _is_ours(error):
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


def _is_ours(error: Exception) -> bool:
    frame, _ = list(traceback.walk_tb(error.__traceback__))[-1]
    package = frame.f_globals["__name__"].split(".")[0]
    last_line = traceback.extract_tb(error.__traceback__)[-1].line or ""
    return package in ("humanoid_envs", "trainers", "__main__") and last_line.startswith("raise ")
