"""MuJoCo's own messages: it would print each divergence and leave MUJOCO_LOG.TXT in the working folder."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Iterator, List

import mujoco

_lock = threading.Lock()
_inside: List[mujoco.MjLogConfig] = []
"""For each thread that wants it quiet, the setting of before."""


@contextmanager
def quiet() -> Iterator[None]:
    """No messages inside, neither on the console nor in a file: for who counts MuJoCo's warnings himself.

    MuJoCo has one setting for the whole process; the last of several that are inside restores it.
    """
    with _lock:
        if not _inside:
            before, now = mujoco.MjLogConfig.get(), mujoco.MjLogConfig.get()
            now.logto_console = now.logto_file = False
            mujoco.MjLogConfig.set(now)
        else:
            before = _inside[0]
        _inside.append(before)
    try:
        yield
    finally:
        with _lock:
            before = _inside.pop()
            if not _inside:
                mujoco.MjLogConfig.set(before)
