"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Iterator, List, Set, Union

from humanoid_envs.errors import StorageError

_TEMPORARY = re.compile(r".+\.(\d+)\.tmp")
_writing: Set[Path] = set()


@contextlib.contextmanager
def replacing(path: Union[str, Path]) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` once the block went well, and goes otherwise.

    It is `.<name>.<process id>.tmp` in the same folder, which is made if need be. What was written is on
    the disk before it is renamed, so that after a kill or a power cut there is the old file or the new one.

    Raises StorageError, which names the file and the cause, for an OSError while writing.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    _writing.add(temporary.absolute())
    try:
        with naming(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            _to_disk(temporary)
            temporary.replace(path)
            _folder_to_disk(path.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
        _writing.discard(temporary.absolute())


@contextlib.contextmanager
def naming(path: Union[str, Path]) -> Iterator[None]:
    """Raise StorageError for an OSError in the block: that `path` could not be written, and why."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        own = error.filename is None or _is_temporary(error.filename, Path(path))
        where = path if own else error.filename
        raise StorageError(f"{where} cannot be written: {error.strerror or error}.") from error


def remove_strays(folder: Path) -> List[Path]:
    """Remove what killed processes left half-written anywhere below a folder, and return what it was."""
    strays = [path for path in folder.rglob("*.tmp") if path.is_file() and _is_stray(path)]
    for path in strays:
        with contextlib.suppress(OSError):
            path.unlink()
    return strays


def _is_stray(path: Path) -> bool:
    match = _TEMPORARY.fullmatch(path.name)
    if match is None or path.absolute() in _writing:
        return False
    process = int(match.group(1))
    return process == os.getpid() or not is_running(process)


def is_running(process: int) -> bool:
    """Whether there is a process of that id on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError) as error:
        return isinstance(error, PermissionError)  # another user's
    return True


def _to_disk(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _folder_to_disk(folder: Path) -> None:
    if os.name != "posix":
        return
    # Some network file systems cannot do this for folders.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_temporary(name: Union[str, bytes, int], path: Path) -> bool:
    return (
        isinstance(name, str)
        and Path(name).parent == path.parent
        and _TEMPORARY.fullmatch(Path(name).name) is not None
    )
