"""Which errors end a script without a traceback."""

from __future__ import annotations

import pytest
import torch

from humanoid_envs import preset
from trainers.command_line import concise_errors
from trainers.runs import find_checkpoint


def test_our_errors_become_the_exit_message() -> None:
    for refused, message in (
        (lambda: preset("v9"), "Error: Unknown preset 'v9'"),
        (lambda: find_checkpoint("nowhere"), "Error: 'nowhere' is neither"),
    ):
        with pytest.raises(SystemExit, match=message), concise_errors():
            refused()


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="size"), concise_errors():
        _ = torch.zeros(2) + torch.zeros(3)
    with pytest.raises(KeyError), concise_errors():
        raise KeyError("a")


def test_decorates_a_function() -> None:
    @concise_errors()
    def main() -> int:
        return 3

    assert main() == 3
