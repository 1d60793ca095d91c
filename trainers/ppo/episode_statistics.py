"""Return and length of the episodes that end, and what else the environment reports about them."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import torch
from torch import Tensor

from humanoid_envs.saved_state import require_like
from trainers.ppo.distributed import ALONE, Workers
from trainers.ppo.tensor_env import TensorStep

_SIMULATOR = "simulator/"
"""Group of what is counted in every step, not averaged over episodes."""


class EpisodeStatistics:
    """Sums over the episodes that end, kept on the device and read once per rollout.

    Returns and lengths are summed here from the rewards, unless the environment reports its own in
    `final_info`: "episode_return", "episode_length" (N,), "reward_terms", a dict of (N,) sums per term, and
    "episode_metrics", a dict of anything else per episode (N,). What it reports in `simulator`, a dict of
    (N,) bool, is counted in every step.
    """

    def __init__(self, num_envs: int, device: torch.device, workers: Workers = ALONE) -> None:
        self._workers = workers
        self._returns = torch.zeros(num_envs, device=device)
        self._lengths = torch.zeros(num_envs, device=device)
        self._names: List[str] = []
        self._sums = torch.zeros(0, device=device)
        """Sum per name over the episodes that have ended since the last call of `take`."""
        self._each_step = torch.zeros(0, 1, dtype=torch.bool, device=device)
        """(names, 1) bool: what is summed over all steps instead."""
        self._agreed: List[str] = []
        """Names that a worker has, the same list in all."""

    def add(self, step: TensorStep) -> None:
        """Take in one step."""
        ended = step.terminated | step.truncated
        self._returns += step.reward
        self._lengths += 1.0 if step.valid is None else step.valid
        columns = {"episode/return": self._returns, "episode/length": self._lengths}
        columns.update(self._reported(step.final_info))
        # One stack and one sum for all quantities: dozens of small kernels per step would add up.
        counted = {f"{_SIMULATOR}{name}": self._column(mask) for name, mask in step.simulator.items()}
        values = torch.stack([*columns.values(), torch.ones_like(self._returns), *counted.values()])
        names = [*columns, "episode/count", *counted]
        if names != self._names:  # Gymnasium's own environments report terms only when there are any
            known = dict(zip(self._names, self._sums.unbind()))
            self._names = [*names, *(name for name in self._names if name not in names)]
            zero = torch.zeros_like(self._returns[0])
            self._sums = torch.stack([known.get(name, zero) for name in self._names])
            each_step = [[name.startswith(_SIMULATOR)] for name in self._names]
            self._each_step = torch.tensor(each_step, device=self._sums.device)
        summed = ended | self._each_step[: len(names)]
        self._sums[: len(names)] += torch.where(summed, values, 0.0).sum(1)
        self._returns.masked_fill_(ended, 0.0)
        self._lengths.masked_fill_(ended, 0.0)

    def reset(self) -> None:
        """Forget all episodes, the running ones too."""
        for tensor in (self._returns, self._lengths, self._sums):
            tensor.zero_()

    def restart(self) -> None:
        """All episodes begin anew."""
        self._returns.zero_()
        self._lengths.zero_()

    def take(self) -> Dict[str, float]:
        """Means over all workers' episodes that ended since the last call, nothing if none did, and how often
        simulators were in trouble. Waits for the device."""
        names, sums = (self._names, self._sums) if self._workers.world_size == 1 else self._over_workers()
        values = dict(zip(names, sums.tolist()))
        self._sums.zero_()
        count = values.pop("episode/count", 0.0)
        simulator = {name: values.pop(name) for name in [*values] if name.startswith(_SIMULATOR)}
        if count == 0.0:
            return simulator
        means = {name: total / count for name, total in values.items()}
        return {"episode/count": count, **means, **simulator}

    def _over_workers(self) -> Tuple[List[str], Tensor]:
        """Sums by name. A worker may lack names; which there are is agreed on when one has a new one."""
        sums = self._sum_agreed()
        if sums[-1] > 0.0:
            self._agreed = self._workers.union([*self._agreed, *self._names])
            sums = self._sum_agreed()
        return self._agreed, sums

    def _sum_agreed(self) -> Tensor:
        """Of the names agreed on, and the number of workers that have others."""
        own = dict(zip(self._names, self._sums.unbind()))
        zero, one = self._sums.new_zeros(()), self._sums.new_ones(())
        news = zero if set(self._names) <= set(self._agreed) else one
        return self._workers.sum(torch.stack([*(own.get(name, zero) for name in self._agreed), news]))

    def state_dict(self) -> Dict[str, Tensor]:
        """The running episodes."""
        return {"returns": self._returns.clone(), "lengths": self._lengths.clone()}

    def load_state_dict(self, state: Dict[str, Tensor]) -> None:
        """Continue from what `state_dict` returned. Raises UserError if it is damaged."""
        require_like(state, self.state_dict(), shapes=True)
        self._returns.copy_(state["returns"])
        self._lengths.copy_(state["lengths"])

    def _reported(self, final_info: Dict[str, Any]) -> Dict[str, Tensor]:
        reported = {}
        for key, name in (("episode_return", "episode/return"), ("episode_length", "episode/length")):
            if key in final_info:
                reported[name] = self._column(final_info[key])
        for key, group in (("reward_terms", "reward"), ("episode_metrics", "episode")):
            for name, values in final_info.get(key, {}).items():
                if not name.startswith("_"):  # Gymnasium's own environments add masks under such names
                    reported[f"{group}/{name}"] = self._column(values)
        return reported

    def _column(self, values: Any) -> Tensor:
        return torch.as_tensor(values, dtype=torch.float32, device=self._returns.device)
