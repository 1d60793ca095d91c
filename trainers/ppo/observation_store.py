"""The observations of a rollout, without storing stacked frames over and over."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from humanoid_envs.errors import UserError


class ObservationStore:
    """Observations (T, N, D) that are stacks of `history` frames, oldest first, and behind them a tail of
    entries that do not stack: each frame is stored once, and so is each tail.

    After each step the newest frame is appended and the oldest dropped; an episode starts with all frames
    zero but the newest. So the stack of step t is frames t to t + history − 1, those before its episode's
    start taken as zero. With a history of 1 this is plain storage, whatever the tail.
    """

    def __init__(
        self,
        num_steps: int,
        num_envs: int,
        size: int,
        history: int,
        device: torch.device,
        dtype: torch.dtype,
        padded: bool = True,
        tail: int = 0,
    ) -> None:
        """size: D, the tail included. padded: on CUDA, gathered observations have zeros behind their last
        entry, up to a multiple of 8 entries, see `InputLinear`. Raises ValueError if D without the tail is
        not a multiple of the history."""
        if (size - tail) % history or size < tail:
            behind = f" and {tail} more" if tail else ""
            raise UserError(
                f"An observation of {size} entries cannot be a stack of {history} equal frames{behind}."
            )
        if history == 1:
            tail = 0  # frames stack no more than it does
        self.num_steps, self.num_envs, self.history = num_steps, num_envs, history
        self._stacked = size - tail
        shape = (history - 1 + num_steps, num_envs, self._stacked // history)
        self.frames = torch.zeros(shape, dtype=dtype, device=device)
        """(history − 1 + T, N, (D − tail) / history)"""
        self.tails = torch.zeros((num_steps, num_envs, tail), dtype=dtype, device=device)
        """(T, N, tail)"""
        self._ages = torch.full((num_steps, num_envs), history, dtype=torch.int32, device=device)
        self._lags = torch.arange(history - 1, -1, -1, device=device)
        self._steps = torch.arange(num_steps, dtype=torch.int32, device=device)
        self._padding = -size % 8 if padded and device.type == "cuda" else 0

    def begin(self, obs: Tensor) -> None:
        """Take in the whole stacks of the first step. obs: (N, D)"""
        stacks = obs[:, : self._stacked].unflatten(1, (self.history, -1))
        self.frames[: self.history] = stacks.transpose(0, 1)

    def write(self, step: Tensor, obs: Tensor) -> None:
        """Take in the newest frames of a step. step: (1,) its number; obs: (N, D)"""
        newest = obs[:, self._stacked - self.frames.shape[-1] : self._stacked].to(self.frames.dtype)
        self.frames.index_copy_(0, step + self.history - 1, newest[None])
        if self.tails.shape[-1]:
            self.tails.index_copy_(0, step, obs[None, :, self._stacked :].to(self.tails.dtype))

    def finish(self, dones: Tensor) -> None:
        """Learn from dones (T, N) which frames belong to which episode; an env that is done at a step starts
        a new episode with the next one."""
        if self.history == 1:
            return
        starts = torch.where(dones[:-1], self._steps[1:, None], -self.history)
        self._ages[1:] = self._steps[1:, None] - starts.cummax(0).values

    def all(self) -> Tensor:
        """(T·N, D + padding) every observation, time-major."""
        return self.gather(torch.arange(self.num_steps * self.num_envs, device=self.frames.device))

    def gather(self, indices: Tensor) -> Tensor:
        """(B, D + padding) observations with these indices t·N + n, in float32 or the store's dtype."""
        frames = self.frames.flatten(0, 1)
        if self.history == 1:
            stacks = frames[indices]
        else:
            offsets = self.num_envs * torch.arange(self.history, device=indices.device)
            stacks = frames[indices[:, None] + offsets]
            known = self._lags <= self._ages.flatten()[indices][:, None]
            stacks = torch.where(known[..., None], stacks, 0.0).flatten(1)
        if self.tails.shape[-1]:
            stacks = torch.cat([stacks, self.tails.flatten(0, 1)[indices]], dim=1)
        return functional.pad(stacks, (0, self._padding))
