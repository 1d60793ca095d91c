"""What signals do to a program; tests/trainers/test_survival.py has them in real training."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from trainers.signals import Interrupted, Interruption

SIGNALS = pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])


def send(name: str) -> None:
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(0.01)


@SIGNALS
def test_before_training_it_ends_at_once(name: str, code: int, capsys: pytest.CaptureFixture) -> None:
    before = signal.getsignal(signal.SIGTERM)
    reached = []
    with pytest.raises(SystemExit) as end, Interruption() as interruption:  # noqa: PT012
        interruption.farewell = lambda: "Go on with this."
        with interruption.saving():
            send(name)
            reached.append("the next line")
    assert end.value.code == code
    assert not reached
    assert capsys.readouterr().out == "Go on with this.\n"
    assert signal.getsignal(signal.SIGTERM) is before


@SIGNALS
def test_while_training_all_is_saved_first(name: str, code: int, capsys: pytest.CaptureFixture) -> None:
    answers = []
    with pytest.raises(SystemExit) as end, Interruption() as interruption:  # noqa: PT012
        with interruption.saving():
            for update in range(3):
                answers.append(interruption(None))
                if update == 1:
                    send(name)
                    send("SIGTERM")  # as torchrun does
        assert interruption.came
    assert answers == [None, None, False]
    assert end.value.code == code
    assert capsys.readouterr().out == "Stopped.\n"


def test_what_becomes_of_the_interruption_is_no_error() -> None:
    """Python's import of an extension makes an ImportError of it."""
    with pytest.raises(SystemExit) as end, Interruption():  # noqa: PT012
        try:
            send("SIGTERM")
        except Interrupted as error:
            raise ImportError("initialization failed") from error
    assert end.value.code == 143


def test_another_error_stays() -> None:
    with pytest.raises(ZeroDivisionError), Interruption() as interruption, interruption.saving():  # noqa: PT012
        interruption(None)
        send("SIGTERM")
        _ = 1 / 0


def test_without_a_signal_nothing_happens() -> None:
    with Interruption() as interruption, interruption.saving():
        assert interruption(None) is None
    assert not interruption.came


def test_a_second_ctrl_c_and_nohup() -> None:
    program = """
import os, signal, time
from trainers.signals import Interruption
signal.signal(signal.SIGHUP, signal.SIG_IGN)
with Interruption() as interruption, interruption.saving():
    interruption(None)
    os.kill(os.getpid(), signal.SIGHUP)
    assert not interruption.came
    os.kill(os.getpid(), signal.SIGINT)
    assert interruption.came
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60.0)
"""
    end = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)
    assert (end.returncode, end.stdout, end.stderr) == (130, "", "")


def test_a_terminal_that_is_gone(tmp_path: os.PathLike) -> None:
    """What is printed after the hang-up must not end the program before it has saved."""
    pty = pytest.importorskip("pty")
    saved = os.path.join(tmp_path, "saved")
    child, terminal = pty.fork()
    if child == 0:
        code = 1
        try:
            with Interruption() as interruption, interruption.saving():
                interruption(None)
                os.write(1, b"ready")
                while not interruption.came:
                    time.sleep(0.01)
                os.write(1, b"more")
                os.close(os.open(saved, os.O_CREAT))
        except SystemExit as end:
            code = int(end.code or 0)
        os._exit(code)
    assert os.read(terminal, 5) == b"ready"
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.WEXITSTATUS(status) == 129
    assert os.path.exists(saved)
