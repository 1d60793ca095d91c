"""Where the scalars of a training go. A logger is any object with `write`, `flush` and `close`."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import socket
import time
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, Optional, Protocol, Sequence, Tuple, Union

from tqdm import tqdm

from humanoid_envs.errors import MissingPackage, StorageError, UserError
from humanoid_envs.files import naming, replacing

Scalars = Dict[str, float]

_EVENTS = "events.out.tfevents."  # TensorBoard's prefix, which the second of the start follows


class Logger(Protocol):
    """Takes the scalars of every update. A step that is not after the last one discards what was written
    from there on: it is written anew, after a resume for instance."""

    def write(self, scalars: Scalars, step: int) -> None:
        """Add one point to every curve. step: environment steps so far, over all environments."""

    def flush(self) -> None:
        """Put on disk what was written so far."""

    def close(self) -> None:
        """Finish. Idempotent."""


class Log:
    """What goes to several loggers, each update's scalars when there is time for them. As a context, it has
    written everything at its end, also if that is an error."""

    def __init__(self, loggers: Sequence[Logger]) -> None:
        self._loggers = loggers
        self._waiting: List[Tuple[Scalars, int]] = []
        self._newest: Optional[Tuple[Scalars, int]] = None

    def add(self, scalars: Scalars, step: int) -> None:
        """To be written next time. What is added last of a step replaces what was there."""
        if (scalars, step) == self._newest:
            return
        self._newest = (dict(scalars), step)
        self._waiting = [(earlier, at) for earlier, at in self._waiting if at != step] + [self._newest]

    def complete(self, scalars: Scalars, step: int) -> None:
        """Put on disk all that was added, and these, if there are any."""
        if scalars:
            self.add(scalars, step)
        self.write()
        for logger in self._loggers:
            logger.flush()

    def write(self) -> None:
        """Write what was added."""
        waiting, self._waiting = self._waiting, []
        for scalars, step in waiting:
            for logger in self._loggers:
                logger.write(scalars, step)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        self.write()
        for logger in self._loggers:
            logger.flush()


class TensorBoardLogger:
    """A folder of TensorBoard events, made at the first write."""

    def __init__(self, directory: Union[str, Path]) -> None:
        self._directory = Path(directory)
        self._file: Optional[BinaryIO] = None
        self._path = self._directory
        self._last_step = -1

    def write(self, scalars: Scalars, step: int) -> None:
        """See `Logger`. Raises StorageError if that is not possible."""
        if step <= self._last_step:
            self.close()
        if self._file is None:
            self._open(step)
        self._last_step = step
        self._add(step=step, summary={"value": [_point(name, value) for name, value in scalars.items()]})

    def flush(self) -> None:
        """See `Logger`. Raises StorageError if that is not possible."""
        if self._file is not None:
            with naming(self._path):
                self._file.flush()
            _require_there(self._path)

    def close(self) -> None:
        """See `Logger`."""
        file, self._file = self._file, None
        if file is not None:
            with naming(self._path):
                file.close()

    def _open(self, step: int) -> None:
        """A new file, which hides what others hold from this step on."""
        name = f"{_next_second(self._directory):010d}.{socket.gethostname()}.{os.getpid()}"
        self._path = self._directory / f"{_EVENTS}{name}"
        with naming(self._path):
            self._directory.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("wb")
        self._add(file_version="brain.Event:2")
        self._add(step=step, session_log={"status": "START"})

    def _add(self, **event: Any) -> None:
        # Not by TensorBoard's own writer: that fails in a thread of its own, where no one catches it.
        from tensorboard.compat.proto.event_pb2 import Event  # slow to import: only where it is used
        from tensorboard.summary.writer.record_writer import RecordWriter

        record = Event(wall_time=time.time(), **event).SerializeToString()
        with naming(self._path):
            RecordWriter(self._file).write(record)


class CSVLogger:
    """A table with a column for each scalar that was ever written, empty where there was none.

    Every row is on disk once it is written. `timesteps` is the step.
    """

    def __init__(self, path: Union[str, Path]) -> None:
        self._path = Path(path)
        self._columns: List[str] = []
        self._last_step: Optional[int] = None

    def write(self, scalars: Scalars, step: int) -> None:
        """See `Logger`. Raises UserError if the file is another kind of table, StorageError if it cannot be
        written or was deleted meanwhile."""
        if self._last_step is not None:
            _require_there(self._path)
        rows = None
        if self._last_step is None or step <= self._last_step:
            rows = [row for row in self._read() if int(row["timesteps"]) < step]
        new = [name for name in ("timesteps", *scalars) if name not in self._columns]
        if new:
            rows = self._read() if rows is None else rows
            self._columns += new
        if rows is not None:
            self._write_anew(rows)
        with naming(self._path), self._path.open("a", newline="") as file:
            self._writer(file).writerow({"timesteps": step, **scalars})
        self._last_step = step

    def flush(self) -> None:
        """See `Logger`."""

    def close(self) -> None:
        """See `Logger`."""

    def _read(self) -> List[Dict[str, str]]:
        if not self._path.is_file():
            return []
        with self._path.open(newline="") as file:
            # A last line without an end was cut off when the program was.
            reader = csv.DictReader(line for line in file if line.endswith("\n"))
            rows, columns = list(reader), list(reader.fieldnames or [])
        if columns and columns[0] != "timesteps":
            raise UserError(f"{self._path} is no progress table of this trainer: move it away.")
        self._columns = self._columns or columns
        return rows

    def _write_anew(self, rows: Sequence[Dict[str, str]]) -> None:
        with replacing(self._path) as temporary, temporary.open("w", newline="") as file:
            writer = self._writer(file)
            writer.writeheader()
            writer.writerows(rows)

    def _writer(self, file: Any) -> csv.DictWriter:
        return csv.DictWriter(file, self._columns, restval="", lineterminator="\n")


class TableLogger:
    """Prints a table to standard output from time to time."""

    def __init__(self, seconds: float = 10.0) -> None:
        """seconds: at least between two tables; the first comes with the first write."""
        if seconds < 0.0:
            raise UserError(f"TableLogger's seconds between tables cannot be negative; got {seconds}.")
        self._seconds = seconds
        self._last: Optional[float] = None

    def write(self, scalars: Scalars, step: int) -> None:
        """See `Logger`."""
        now = time.monotonic()
        if self._last is None or now - self._last >= self._seconds:
            self._last = now
            with contextlib.suppress(OSError):  # a terminal or pipe that is gone is no reason to stop
                tqdm.write(format_table(scalars, step))  # a progress bar stays below it

    def flush(self) -> None:
        """See `Logger`."""

    def close(self) -> None:
        """See `Logger`."""


class WandbLogger:
    """A run on Weights & Biases, which starts with the first write."""

    def __init__(
        self,
        project: str,
        name: Optional[str] = None,
        config: Optional[Dict[str, Any]] = None,
        directory: Optional[Union[str, Path]] = None,
    ) -> None:
        """name: of the run, for people. config: what the run was started with, plain values. directory: where
        wandb keeps its files; the run that was logged from there before is gone on with.

        Raises MissingPackage, an ImportError, where wandb is not installed.
        """
        try:
            import wandb  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise MissingPackage(
                "Logging to Weights & Biases needs its package: pip install wandb, then wandb login."
            ) from error
        self._init, self._project = wandb.init, project
        self._settings = {"name": name, "config": config}
        self._directory = None if directory is None else Path(directory)
        self._run: Optional[Any] = None

    def write(self, scalars: Scalars, step: int) -> None:
        """See `Logger`; but Weights & Biases keeps what it has, and ignores earlier steps."""
        run = self._run = self._run or self._start()
        run.log(scalars, step=step)

    def flush(self) -> None:
        """See `Logger`."""

    def close(self) -> None:
        """See `Logger`."""
        if self._run is not None:
            self._run.finish()
            self._run = None

    def _start(self) -> Any:
        """Names are not unique on Weights & Biases, and it never gives the id of a deleted run again: it
        chooses the id, which is kept beside the run."""
        settings = {"project": self._project, **self._settings}
        if self._directory is None:
            return self._init(**settings)
        settings["dir"] = str(self._directory)
        path = self._directory / "wandb_run.json"
        known = json.loads(path.read_text()) if path.is_file() else {}
        if known.get("project") == self._project:
            return self._init(**settings, id=known["id"], resume="allow")
        run = self._init(**settings)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps({"project": self._project, "id": run.id}))
        return run


def folder_loggers(directory: Optional[Union[str, Path]]) -> List[Logger]:
    """TensorBoard events and `progress.csv` in a folder; nothing without one."""
    return (
        []
        if directory is None
        else [TensorBoardLogger(directory), CSVLogger(Path(directory) / "progress.csv")]
    )


def _next_second(directory: Path) -> int:
    """Now, or the second after the newest file of events. TensorBoard reads files in the order of their
    names, so that of a new one is after all others, also after one of the same second or of a clock that
    was set back since."""
    matches = (re.match(r"\d{10}", path.name[len(_EVENTS) :]) for path in directory.glob(f"{_EVENTS}*"))
    seconds = [int(match.group()) for match in matches if match is not None]
    return max([int(time.time()), *(second + 1 for second in seconds)])


def _point(name: str, value: float) -> Dict[str, Any]:
    return {"tag": name, "simple_value": value}


def _require_there(path: Path) -> None:
    """Raise StorageError if a file that was written is gone: what is added to it now would be lost."""
    if not path.is_file():
        raise StorageError(f"{path} is gone: it or its folder was deleted or moved while training.")


def format_table(scalars: Scalars, step: int) -> str:
    """The scalars by group, which is what stands before the first slash of their names."""
    names = [name.partition("/")[::2] if "/" in name else ("", name) for name in scalars]
    widths = [max([8, *map(len, column)]) for column in zip(*names)] if names else [8, 8]
    title = f"── {step:,} steps "
    lines, last = [title.ljust(sum(widths) + 16, "─")], None
    for (group, name), value in sorted(zip(names, scalars.values())):
        heading = "" if group == last else group
        lines.append(f"  {heading:{widths[0]}}  {name:{widths[1]}}  {_number(value):>10}")
        last = group
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
