"""A file as a lock: one process at a time."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import warnings
from pathlib import Path
from typing import Any, Iterator, Set

from humanoid_envs.errors import StorageError
from humanoid_envs.files import naming

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_held: Set[int] = set()


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a file as a lock, which the operating system releases when the process ends, however it does. It
    goes with the block. On Windows, and where a file system has no locks, nothing is locked.

    Raises StorageError, which says that `what` is in use and by which process, if another has the lock.
    """
    if fcntl is None:
        yield
        return
    descriptor = _acquire(fcntl, path, what)
    _held.add(descriptor)
    try:
        os.truncate(descriptor, 0)
        with contextlib.suppress(OSError):  # who holds it is not that important
            os.write(descriptor, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        _held.discard(descriptor)
        os.close(descriptor)


def _acquire(fcntl: Any, path: Path, what: str) -> int:
    while True:
        with naming(path):
            descriptor = os.open(str(path), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                owner = _owner(descriptor)
                os.close(descriptor)
                raise StorageError(
                    f"{what} is in use by {owner}: wait for its end, stop it, or choose another name."
                ) from None
            warnings.warn(
                f"{what} cannot be locked: {error.strerror}. Start no second process there.", stacklevel=4
            )
            return descriptor
        # Its last owner may have removed it in between.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(str(path))):
                return descriptor
        os.close(descriptor)


def _owner(descriptor: int) -> str:
    try:
        owner = json.loads(os.pread(descriptor, 1000, 0))
        return f"process {owner['pid']} on {owner['host']}"
    except (ValueError, KeyError, TypeError):
        return "another process"


def _let_go() -> None:
    """A forked child, such as a worker of a pool, does not hold the lock any longer than its parent."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
