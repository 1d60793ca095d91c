"""The programs in examples/: how a user calls them, and Ctrl-C while they are being imported.

Imports nothing that takes long: `import humanoid_envs` runs this module first.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Optional, Union

_FOLDER = Path(__file__).resolve().parents[1] / "examples"


def shell_command(script: Union[str, Path], *arguments: Union[str, Path]) -> str:
    """How a user can type what runs a script with this interpreter from where they are, for example
    `.venv/bin/python examples/play.py mine`."""
    here, python = Path.cwd(), sys.executable
    if here in Path(python).parents:
        python = os.path.relpath(python, here)
    elif shutil.which(Path(python).name) == python:
        python = Path(python).name
    words = [python, os.path.relpath(script, here), *map(str, arguments)]
    return subprocess.list2cmdline(words) if sys.platform == "win32" else " ".join(map(shlex.quote, words))


def example_command(name: str, *arguments: Union[str, Path]) -> str:
    """`shell_command` of one of the programs, such as `play.py`."""
    return shell_command(_FOLDER / name, *arguments)


def imported() -> None:
    """From now on Ctrl-C raises KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end_quietly_while_importing() -> None:
    """If one of the programs is what runs, let Ctrl-C end it with a line and exit code 130, until `imported`
    is called. There is nothing to save yet, and an extension that is being imported makes other errors of an
    interruption."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if (
        main is not None
        and _FOLDER in Path(main).resolve().parents
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):
        signal.signal(signal.SIGINT, _end)


def _end(number: int, frame: Optional[FrameType]) -> None:
    os.write(1, b"Stopped.\n")
    os._exit(128 + number)


_end_quietly_while_importing()
