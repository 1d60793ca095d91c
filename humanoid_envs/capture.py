"""Functions as CUDA graphs, in which Python takes no part."""

from __future__ import annotations

import contextlib
from typing import Callable, ContextManager, Optional, Sequence

import torch

from humanoid_envs.simulators.simulator import Simulator

_WARM_UPS = 2
"""Kernels must have been loaded before a capture, what torch compiles have been compiled, and what libraries
and optimizers make at their first calls be there."""


def capture(
    function: Callable[[], None],
    generators: Sequence[torch.Generator] = (),
    within: Optional[ContextManager[None]] = None,
    device: Optional[torch.device] = None,
) -> torch.cuda.CUDAGraph:
    """A graph that does what `function` does: operations on tensors that stay where they are.

    It runs `function` a few times, so that afterwards the tensors hold anything.

    generators: those that it draws from. within: a context for the capture itself.
    """
    with torch.cuda.device(device):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                function()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        for generator in generators:
            graph.register_generator_state(generator)
        captured = torch.cuda.graph(graph, stream=side, capture_error_mode="thread_local")
        with captured, within or contextlib.nullcontext():
            function()
    return graph


def accelerated(
    simulator: Simulator, function: Callable[[], None], generators: Sequence[torch.Generator] = ()
) -> Callable[[], None]:
    """The fastest way to call a fixed sequence of operations on fixed tensors, calls of the simulator
    included: a CUDA graph where the engine can be captured; on a CPU torch on one thread, for its own would
    fight with the physics' for the cores, over small tensors.

    generators: those that `function` draws from. See `capture` for what state it leaves on a GPU.
    """
    within = simulator.capturing()
    if within is not None:
        return capture(function, generators, within, simulator.device).replay
    return function if simulator.device.type == "cuda" else _on_one_thread(function)


def _on_one_thread(function: Callable[[], None]) -> Callable[[], None]:
    def on_one_thread() -> None:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            function()
        finally:
            torch.set_num_threads(threads)

    return on_one_thread
