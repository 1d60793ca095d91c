"""`torch.compile` for functions of which many objects in a process each have their own."""

from __future__ import annotations

import os
import shutil
import sys
import types
from typing import Any, Callable, Dict, TypeVar

import torch

F = TypeVar("F", bound=Callable[..., Any])

# A step has dozens of kernels of a microsecond on small independent tensors: several of them make one.
_OPTIONS: Dict[str, Any] = {"combo_kernels": True, "benchmark_combo_kernel": False}


def can_compile() -> bool:
    """Whether `torch.compile` works here: it needs a C++ compiler, and the last torch for Python 3.8 does not
    understand `dataclasses.replace`."""
    return sys.version_info >= (3, 9) and shutil.which(os.environ.get("CXX", "g++")) is not None


def compiled(function: F, cpu_threads: int = -1) -> F:
    """The function or bound method with its operations fused, compiled at its first call.

    cpu_threads: on a CPU; -1: as many as torch has. More than one are not worth waking up for a step of few
    robots, and fight with the physics' for the cores.

    The compiler counts variants per code object and refuses the ninth; a code object of its own keeps the one
    variant of this caller apart from those of others in the process.
    """
    plain = getattr(function, "__func__", function)
    own = types.FunctionType(
        plain.__code__.replace(), plain.__globals__, plain.__name__, plain.__defaults__, plain.__closure__
    )
    bound = types.MethodType(own, function.__self__) if hasattr(function, "__self__") else own  # pyright: ignore[reportFunctionMemberAccess]
    options = {**_OPTIONS, "cpp.threads": cpu_threads}
    return torch.compile(bound, fullgraph=True, dynamic=False, options=options)  # pyright: ignore[reportReturnType]
