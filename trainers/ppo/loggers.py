"""Where the scalars of a training go. A logger is any object with `write`, `flush` and `close`."""

from __future__ import annotations

import csv
import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Protocol, Sequence, Tuple, Union

from tqdm import tqdm

from humanoid_envs.errors import MissingPackage, UserError
from humanoid_envs.files import replacing

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter

Scalars = Dict[str, float]


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

    def add(self, scalars: Scalars, step: int) -> None:
        """To be written next time."""
        self._waiting.append((scalars, step))

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
        self._directory = directory
        self._writer: Optional[SummaryWriter] = None
        self._last_step = -1

    def write(self, scalars: Scalars, step: int) -> None:
        """See `Logger`."""
        if step <= self._last_step:
            self.close()
        if self._writer is None:
            from torch.utils.tensorboard.writer import SummaryWriter  # slow to import: only where it is used

            self._writer = SummaryWriter(str(self._directory), purge_step=step)
        self._last_step = step
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, step)

    def flush(self) -> None:
        """See `Logger`."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """See `Logger`."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class CSVLogger:
    """A table with a column for each scalar that was ever written, empty where there was none.

    Every row is on disk once it is written. `timesteps` is the step.
    """

    def __init__(self, path: Union[str, Path]) -> None:
        self._path = Path(path)
        self._columns: List[str] = []
        self._last_step: Optional[int] = None

    def write(self, scalars: Scalars, step: int) -> None:
        """See `Logger`. Raises ValueError if the file is another kind of table."""
        rows = None
        if self._last_step is None or step <= self._last_step:
            rows = [row for row in self._read() if int(row["timesteps"]) < step]
        new = [name for name in ("timesteps", *scalars) if name not in self._columns]
        if new:
            rows = self._read() if rows is None else rows
            self._columns += new
        if rows is not None:
            self._write_anew(rows)
        with self._path.open("a", newline="") as file:
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
        """name: of the run; one of the same name in the project is gone on with. config: what the run was
        started with, plain values. directory: where wandb keeps its files.

        Raises ImportError where wandb is not installed.
        """
        try:
            import wandb  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise MissingPackage(
                "Logging to Weights & Biases needs its package: pip install wandb, then wandb login."
            ) from error
        where = None if directory is None else str(directory)
        self._start: Callable[[], Any] = functools.partial(
            wandb.init, project=project, name=name, id=name, resume="allow", config=config, dir=where
        )
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


def folder_loggers(directory: Optional[Union[str, Path]]) -> List[Logger]:
    """TensorBoard events and `progress.csv` in a folder; nothing without one."""
    return (
        []
        if directory is None
        else [TensorBoardLogger(directory), CSVLogger(Path(directory) / "progress.csv")]
    )


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
