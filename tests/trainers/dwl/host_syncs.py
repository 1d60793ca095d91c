"""Finds what would make the host wait for a GPU, without one."""

from __future__ import annotations

from typing import Any, List

from torch.utils._python_dispatch import TorchDispatchMode

_WAITS = ("_local_scalar_dense", "nonzero", "is_nonzero", "masked_select", "equal", "unique")


class HostSyncs(TorchDispatchMode):
    """Within it, `found` has the operations that read values back, by their names."""

    def __init__(self) -> None:
        super().__init__()
        self.found: List[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket.__name__ in _WAITS:
            self.found.append(str(func))
        return func(*args, **(kwargs or {}))
