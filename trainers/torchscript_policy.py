"""Policies in TorchScript files, of ours and of others. Loading one runs code, see `trainers.trust`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

import torch
from torch import Tensor

from humanoid_envs.errors import UserError
from trainers.onnx_policy import Network, row_by_row
from trainers.ppo.weights import require_finite
from trainers.trust import require_trust

RESETS = ("reset_memory", "reset")
"""Methods by which a module forgets; the first is that of legged_gym's and Humanoid-Gym's exports."""


def read_torchscript(path: Path, trust: bool, *files: str) -> Tuple[Any, ...]:
    """The module in a file, on the CPU, and the texts of files within it, empty where there is none.

    Raises UserError if the file is not to be trusted, cannot be read, or has weights that are not finite.
    """
    require_trust(path, trust)
    extra = dict.fromkeys(files, "")
    try:
        module = torch.jit.load(str(path), map_location="cpu", _extra_files=extra).eval()
    except RuntimeError as error:
        raise UserError(f"{path} cannot be read: it is damaged, or of a later torch. {error}") from error
    require_finite({**module.state_dict(), **_constants(module)}, f"{path} cannot act")
    texts: List[Any] = [extra[name] for name in files]
    return (module, *(text.decode() if isinstance(text, bytes) else text for text in texts))


def as_network(
    module: Any, observation_size: int, path: Path, state_shape: Optional[Tuple[int, ...]] = None
) -> Tuple[Network, Optional[Tuple[int, ...]]]:
    """A module's network, and the shape of its state if it remembers.

    state_shape: of a module that takes its state and returns the next one. What a module remembers in its
    buffers, as legged_gym's exports do for a single robot, is taken out after each step and put back before
    the next, for each robot its own.

    Raises UserError if it remembers in a way that cannot be followed.
    """
    if state_shape is not None:
        return module, state_shape
    probe = torch.randn(2, observation_size, generator=torch.Generator().manual_seed(0))
    memory = _Memory(module, probe[:1], path)
    if memory.names:
        return row_by_row(memory.step), memory.shape
    first, _, again = (module(row) for row in (probe[:1], probe[1:], probe[:1]))
    if isinstance(first, Tensor) and not torch.allclose(first, again, rtol=1e-4, atol=1e-5):
        raise UserError(
            f"{path} gives another action when it sees the same again: it draws random numbers, or remembers "
            "elsewhere than in its buffers, where nobody can reset it. Register what it remembers as "
            "buffers, or export it as ONNX with a state (docs/policies.md)."
        )

    def network(observation: Tensor) -> Tuple[Tensor, ...]:
        return (module(observation),)

    return (row_by_row(network) if _takes_one_row_only(module, probe, first) else network), None


class _Memory:
    """The buffers of a module that change while it acts."""

    def __init__(self, module: Any, observation: Tensor, path: Path) -> None:
        """observation: (1, D) to try it with."""
        self._module = module
        reset = next((getattr(module, name) for name in RESETS if hasattr(module, name)), None)
        if reset is not None:
            reset()
        self._start = {name: value.clone() for name, value in module.named_buffers()}
        module(observation)
        self.names: List[str] = [
            name for name, value in self._buffers().items() if not torch.equal(value, self._start[name])
        ]
        if reset is None and any(bool(self._start[name].any()) for name in self.names):
            raise UserError(
                f"{path} remembers ({', '.join(self.names)}), was saved in the midst of an episode, and has "
                "no method reset_memory() to forget it: export it with one."
            )
        self._write(self._start)
        self._sizes = [self._start[name].numel() for name in self.names]
        self.shape = (1 + sum(self._sizes),)
        """Whether the episode has begun, and the buffers one after the other."""

    def step(self, observation: Tensor, state: Tensor) -> Tuple[Tensor, Tensor]:
        """(1, D), (1, *shape) -> (1, A), (1, *shape)"""
        self._write(self._start if state[0, 0] == 0.0 else self._unpacked(state[0, 1:]))
        action = self._module(observation).clone()
        buffers = self._buffers()
        after = [buffers[name].reshape(-1).float() for name in self.names]
        return action, torch.cat([torch.ones(1), *after])[None]

    def _unpacked(self, values: Tensor) -> Dict[str, Tensor]:
        parts = values.split(self._sizes)
        return {name: part.view_as(self._start[name]) for name, part in zip(self.names, parts)}

    def _write(self, values: Mapping[str, Tensor]) -> None:
        buffers = self._buffers()
        for name in self.names:
            buffers[name].copy_(values[name])

    def _buffers(self) -> Dict[str, Tensor]:
        return dict(self._module.named_buffers())


def _takes_one_row_only(module: Any, probe: Tensor, one: Any) -> bool:
    """Whether it gives one action (1, A) for one row, and for several fails or does not act on each alone."""
    if not isinstance(one, Tensor) or one.dim() != 2 or len(one) != 1:
        return False
    try:
        both = module(probe)
    except RuntimeError:
        return True
    return both.shape != (2, one.shape[1]) or not torch.allclose(both[:1], one, rtol=1e-4, atol=1e-5)


def _constants(module: Any) -> Dict[str, Tensor]:
    """Weights of a frozen module. Bounds, of one element, may be infinite."""
    try:
        constants = module.code_with_constants[1].const_mapping
    except (AttributeError, RuntimeError):  # a module without code of its own
        return {}
    return {name: value for name, value in constants.items() if isinstance(value, Tensor) and value.dim()}
