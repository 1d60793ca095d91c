"""The fastest way to call a function of tensors. Graphs themselves are compared in tests/simulators and
tests/trainers/ppo, on a GPU."""

from __future__ import annotations

import pytest
import torch

from humanoid_envs.capture import accelerated
from tests.scripted_simulator import ScriptedSimulator, standing


@pytest.mark.parametrize("fails", [False, True])
def test_on_a_cpu_torch_has_one_thread_in_it_and_as_many_as_before_afterwards(fails: bool) -> None:
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(3)

    def function() -> None:
        seen.append(torch.get_num_threads())
        if fails:
            raise RuntimeError("not today")

    try:
        advance = accelerated(ScriptedSimulator(standing(1)), function)
        assert not seen  # nothing has run yet
        if fails:
            with pytest.raises(RuntimeError, match="not today"):
                advance()
        else:
            advance()
        assert seen == [1]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
