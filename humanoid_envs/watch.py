"""Telling the caller what goes wrong in a step: on a CPU at once, on a GPU without waiting for it."""

from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

import numpy as np
from torch import Tensor

from humanoid_envs import checks
from humanoid_envs.device_flags import DeviceFlags
from humanoid_envs.simulators.simulator import Simulator
from humanoid_envs.trouble import KINDS, Warner, all_well


class Watch:
    """Watches over the actions of an environment and over its simulator.

    fused: fuses the operations of a function of tensors, or leaves it as it is.
    """

    def __init__(
        self, simulator: Simulator, fused: Callable[[Callable[..., Any]], Callable[..., Any]]
    ) -> None:
        self._on_gpu = simulator.device.type != "cpu"
        self._flags, self._warner = DeviceFlags(simulator.device, 1 + len(KINDS)), Warner(simulator)
        self._sanitize, self._all_well = fused(checks.sanitized), fused(all_well)

    # Part of the captured step

    def sanitized(self, action: Tensor) -> Tuple[Tensor, Optional[Tensor]]:
        """The action to execute, and () bool whether it is the one given; on a CPU it has been checked."""
        return self._sanitize(action) if self._on_gpu else (action, None)

    def look(self, finite: Optional[Tensor], trouble: Tensor) -> None:
        """finite: from `sanitized`. trouble: (3, N) bool, see `Trouble.table`."""
        if finite is not None:
            self._flags.check(self._all_well(finite, trouble))

    # Around it

    def before(self, action: Tensor) -> None:
        """Raise UserError if actions are not finite, on a GPU those of an earlier step; there also warn of
        trouble in the simulator."""
        if self._on_gpu:
            bad, *trouble = self._flags.raised()
            self._warner.tell(trouble)
        else:
            bad = not np.isfinite(action.numpy()).all()
        checks.require_finite(not bad)

    def started(self) -> None:
        """Call once a step runs on the device."""
        self._flags.send()

    def after(self, trouble: Tensor) -> None:
        """On a CPU, warn of trouble; (3, N) bool."""
        if not self._on_gpu and trouble.numpy().any():
            self._warner.tell(trouble.any(1).tolist())

    def reset(self) -> None:
        """Forget what was wrong."""
        self._flags.reset()
