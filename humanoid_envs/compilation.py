"""Functions of tensors with their operations fused into few kernels."""

from __future__ import annotations

import dataclasses
import itertools
import os
import shutil
import sys
import types
from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple, TypeVar

import torch
from torch import Tensor

F = TypeVar("F", bound=Callable[..., Any])

# A step has dozens of kernels of a microsecond on small independent tensors: several of them make one.
_OPTIONS: Dict[str, Any] = {"combo_kernels": True, "benchmark_combo_kernel": False}


def can_compile() -> bool:
    """Whether `torch.compile` works here: it needs a C++ compiler, and the last torch for Python 3.8 does not
    understand `dataclasses.replace`."""
    return sys.version_info >= (3, 9) and shutil.which(os.environ.get("CXX", "g++")) is not None


def compiled(function: F) -> F:
    """The function or bound method with its operations fused, compiled at its first call.

    The compiler counts variants per code object and refuses the ninth; a code object of its own keeps the one
    variant of this caller apart from those of others in the process.
    """
    plain = getattr(function, "__func__", function)
    own = types.FunctionType(
        plain.__code__.replace(), plain.__globals__, plain.__name__, plain.__defaults__, plain.__closure__
    )
    bound = types.MethodType(own, function.__self__) if hasattr(function, "__self__") else own  # pyright: ignore[reportFunctionMemberAccess]
    return torch.compile(bound, fullgraph=True, dynamic=False, options=_OPTIONS)  # pyright: ignore[reportReturnType]


def compiled_step(function: F, device: torch.device) -> F:
    """`compiled` for what steps the environments on that device: called often, on little data.

    On a CPU the function must be pure. It takes tensors, tuples and dataclasses of them, and constants, which
    are the same in each call; of shapes only the number of rows may vary, and of all at once; other tensors
    that it uses never change. It returns tuples or dataclasses.
    """
    import torch._inductor  # with dozens of modules

    straight = device.type == "cpu" and hasattr(torch._inductor, "standalone_compile")  # since torch 2.8
    return _StraightCall(function) if straight else compiled(function)  # pyright: ignore[reportReturnType]


class _StraightCall:
    """A pure function on the CPU, compiled to one kernel on one thread that is called without detours.

    `torch.compile` looks at all that the function depends on before each call, which takes several times as
    long as the arithmetic of a step of 64 robots. Here only the strides of the tensors that the function
    uses are looked at, and the number of rows; those that it hands through stay out of the kernel.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._kernels: Dict[Any, Callable[..., Any]] = {}
        self._variable: List[int] = []
        self._used: List[int] = []
        self._handed_through: List[Tuple[int, int]] = []
        self._result: Any = None

    def __call__(self, *arguments: Any) -> Any:
        if not self._kernels:
            self._variable = [i for i, value in enumerate(arguments) if _tensors(value)]
        tensors = _tensors(tuple([arguments[i] for i in self._variable]))
        inputs = [tensors[i] for i in self._used]
        kernel = self._kernels.get(_layout(inputs))
        if kernel is None:
            return self._first_call(arguments, tensors)
        outputs = [*kernel(*inputs)]
        for position, source in self._handed_through:
            outputs.insert(position, tensors[source])
        return _with_tensors(self._result, iter(outputs))

    def _first_call(self, arguments: Tuple[Any, ...], tensors: List[Tensor]) -> Any:
        from torch.fx.experimental.proxy_tensor import make_fx

        def flat(*inputs: Tensor) -> List[Tensor]:
            result = self._function(*_with_tensors(arguments, iter(inputs)))
            self._result = _with_tensors(result, itertools.repeat(torch.empty(0)))
            return _tensors(result)

        traced = make_fx(flat)(*tensors)
        self._leave_out_unused(traced.graph)
        traced.recompile()
        inputs = [tensors[i] for i in self._used]
        self._kernels[_layout(inputs)] = torch._inductor.standalone_compile(
            traced,
            [*inputs],
            dynamic_shapes="from_example_inputs",
            options={"config_patches": {**_OPTIONS, "cpp.threads": 1, "cpp_wrapper": True}},
        )
        return self(*arguments)

    def _leave_out_unused(self, graph: torch.fx.Graph) -> None:
        """Strip a graph of the inputs that it hands through or ignores."""
        output = next(iter(reversed(graph.nodes)))
        sources = {node: i for i, node in enumerate(graph.nodes) if node.op == "placeholder"}
        results = output.args[0]
        self._handed_through = [(i, sources[node]) for i, node in enumerate(results) if node in sources]
        output.args = ([node for node in results if node not in sources],)
        self._used = [i for node, i in sources.items() if node.users]
        for node in [node for node in sources if not node.users]:
            graph.erase_node(node)


def _layout(tensors: List[Tensor]) -> Any:
    """What a kernel is bound to. Of the shapes the first tells all: only the number of rows may vary."""
    strides = tuple([tensor.stride() for tensor in tensors])
    return (tensors[0].shape, strides) if tensors else strides


def _tensors(value: Any) -> List[Tensor]:
    """Those in tuples and dataclasses, in order."""
    if isinstance(value, Tensor):
        return [value]
    found: List[Tensor] = []
    for part in _parts(value):
        if isinstance(part, Tensor):
            found.append(part)
        else:
            found += _tensors(part)
    return found


def _with_tensors(value: Any, tensors: Iterator[Tensor]) -> Any:
    """The same tuples and dataclasses with other tensors."""
    if isinstance(value, Tensor):
        return next(tensors)
    parts = [
        next(tensors) if isinstance(part, Tensor) else _with_tensors(part, tensors) for part in _parts(value)
    ]
    if isinstance(value, tuple):
        return tuple(parts)
    return type(value)(*parts) if parts else value


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, tuple):
        return value
    return vars(value).values() if dataclasses.is_dataclass(value) else ()
