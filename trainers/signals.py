"""What Ctrl-C, SIGTERM and SIGHUP do to a program that trains: it saves, says how to go on, and ends."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional

if TYPE_CHECKING:
    from trainers.ppo.distributed import Workers

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Interrupted(KeyboardInterrupt):
    """One of these signals came."""


class Interruption:
    """As a context, ends the program after one of these signals: it is raised as Interrupted, at the end
    `farewell` is printed, and the exit code is 130, 143 or 129. A second Ctrl-C ends the program at once.

    As a callback of `PPO.learn`, on all workers, it stops training after the update in which a signal came;
    during the first, which may begin with a minute of compilation, there is nothing to wait for. A SIGHUP
    that is ignored, as by nohup, stays so. Not entered, or beside the main thread, it does nothing.
    """

    on_all_workers = True

    def __init__(self) -> None:
        self.farewell: Optional[Callable[[], str]] = lambda: "Stopped."
        """Gives the line that is printed at the end; None prints none."""
        self._received: Optional[int] = None
        self._saving = self._deferred = self._interrupted = self._raised = False
        self._before: Dict[int, Any] = {}
        self._terminals: List[int] = []

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]
            for number in _SIGNALS:
                if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, kind: Any, error: Optional[BaseException], trace: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
        # Whoever is interrupted may make another error of it, as an extension that is being imported does.
        if self._received is not None and (error is None or self._raised):
            if self.farewell is not None:
                _print(self.farewell())
            sys.exit(128 + self._received)

    @contextlib.contextmanager
    def saving(self, together: bool = False) -> Iterator[None]:
        """Raise nothing in the block, which saves what was trained, once it has called this as a callback:
        look at `came` behind it. together: nor before, since other workers would wait for this one."""
        self._saving, self._deferred = True, together
        try:
            yield
        finally:
            self._saving = self._deferred = False

    @property
    def came(self) -> bool:
        """Whether there was a signal."""
        return self._received is not None

    def agree(self, workers: Workers) -> None:
        """Have a signal that came to any of the workers count for all. Waits for all of them."""
        flags = workers.any([self._received == number for number in _SIGNALS])
        if self._received is None and True in flags:
            self._received = _SIGNALS[flags.index(True)]

    def __call__(self, trainer: object) -> Optional[bool]:
        """False once a signal came."""
        self._deferred = self._saving
        return False if self.came else None

    def _receive(self, number: int, frame: Optional[FrameType]) -> None:
        if number == signal.SIGINT:
            if self._interrupted:
                os._exit(128 + number)
            self._interrupted = True
            if self._deferred and self.farewell is not None and 2 in self._terminals:
                os.write(2, b"\nStopping after this update; Ctrl-C again ends at once.\n")
        elif number != signal.SIGTERM:
            for descriptor in self._terminals:
                _to_nowhere(descriptor)  # what is printed to a terminal that is gone fails
        if self._received is None:  # torchrun sends a SIGTERM after a Ctrl-C, too
            self._received = number
            if not self._deferred:
                self._raised = True
                raise Interrupted(signal.Signals(number).name)


def _print(line: str) -> None:
    try:
        print(line, flush=True)
    except OSError:  # whoever read it is gone, too
        _to_nowhere(1)


def _to_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
