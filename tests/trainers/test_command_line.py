"""Which errors end a script without a traceback."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
import torch

from humanoid_envs import preset
from humanoid_envs.errors import MissingPackage, UnfitMachine
from trainers.command_line import ROLLOUTS, SCORED_SECONDS, concise_errors, integer, number
from trainers.ppo.nan_guard import NonFiniteError
from trainers.runs import find_checkpoint


def raise_error(error: Exception) -> None:
    raise error


def test_our_errors_become_the_exit_message() -> None:
    for refused, message in (
        (lambda: preset("v9"), "Error: Unknown preset 'v9'"),
        (lambda: find_checkpoint("nowhere"), "Error: 'nowhere' is neither"),
        (lambda: Path("no/such").read_text(), "Error: no/such: No such file or directory.$"),
        (lambda: raise_error(MissingPackage("pip install wandb")), "Error: pip install wandb$"),
        (lambda: raise_error(UnfitMachine("no display")), "Error: no display$"),
        (lambda: raise_error(NonFiniteError("a NaN")), "Error: a NaN$"),
    ):
        with pytest.raises(SystemExit, match=message), concise_errors():
            refused()


def test_other_errors_pass() -> None:
    """Also those that our code lets happen."""
    for error in (
        ValueError("a"),
        ImportError("a"),
        RuntimeError("a"),
        OSError(5, "a"),
        FileNotFoundError(2, "a"),
    ):
        with pytest.raises(type(error)), concise_errors():
            raise_error(error)
    with pytest.raises(RuntimeError, match="size"), concise_errors():
        _ = torch.zeros(2) + torch.zeros(3)
    with pytest.raises(KeyError), concise_errors():
        raise KeyError("a")


def test_the_whole_traceback_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUMANOID_TRACEBACK", "1")
    with pytest.raises(MissingPackage), concise_errors():
        raise_error(MissingPackage("pip install wandb"))


def test_decorates_a_function() -> None:
    @concise_errors()
    def main() -> int:
        return 3

    assert main() == 3


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "3.9", "1e7", "four", ""])
def test_numbers_out_of_bounds_are_refused(text: str, capsys: pytest.CaptureFixture) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=SCORED_SECONDS)
    assert parser.parse_args(["--seconds", "4"]).seconds == 4.0
    with pytest.raises(SystemExit):
        parser.parse_args([f"--seconds={text}"])
    expected = f"argument --seconds: must be a finite number, at least 4, at most 1e+06, not {text!r}"
    assert expected in capsys.readouterr().err


def test_any_finite_number_and_integers() -> None:
    assert number()("-1e3") == -1e3
    assert (integer(1)("3"), ROLLOUTS("64")) == (3, 64)
    for read, text in ((number(), "nan"), (number(), "1e999"), (integer(1), "0"), (integer(1), "2.5")):
        with pytest.raises(argparse.ArgumentTypeError, match=f"not '{text}'"):
            read(text)


def test_ctrl_c_is_a_line(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as end, concise_errors():
        raise KeyboardInterrupt
    assert end.value.code == 130
    assert capsys.readouterr().out == "Stopped.\n"
