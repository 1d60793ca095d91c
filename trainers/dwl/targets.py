"""What is estimated: entries of the newest frame of what the critic sees."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from humanoid_envs.configs import nearest
from humanoid_envs.errors import UserError
from trainers.ppo.distributed import ALONE, Workers
from trainers.ppo.normalization import LIMIT, RunningNormalizer
from trainers.ppo.signature import EnvSignature

LEAST_STD = 0.01
"""Entries that vary by less, in the unit in which the critic sees them, count less: a number that stands
still until something first happens would outweigh all others then."""

Names = Optional[Tuple[str, ...]]
"""Of terms of the privileged observation; None for all of them."""


class Targets(nn.Module):
    """Entries of the privileged observation's newest frame, normalized by their running mean and standard
    deviation: forces and torques would drown heights otherwise.

    The newest frame is of the same instant as the observation that the actor has in the same row of a
    minibatch; where an episode has ended, both are the first of the next.
    """

    columns: Tensor
    """(E,) where they are in the privileged observation."""
    scales: Tensor
    """(E,) what the privileged observation has for 1 SI unit."""

    def __init__(self, signature: EnvSignature, names: Names = None) -> None:
        """names: those of terms that the environment's `signature["terms"]` has; None: all of the frame."""
        super().__init__()
        terms = told_terms(signature, 1)
        chosen = [term[0] for term in terms] if names is None else list(names)
        ends = torch.tensor([size for _, size, _ in terms]).cumsum(0) + signature.critic_dim
        ends = (ends - sum(size for _, size, _ in terms)).tolist()
        places = {name: range(end - size, end) for (name, size, _), end in zip(terms, ends)}
        scales = {name: scale or 1.0 for name, _, scale in terms}
        for name in chosen:
            if name not in places:
                raise UserError(f"The privileged observation has no term {name!r}{nearest(name, places)}")
        self.names = tuple(chosen)
        self.sizes = tuple(len(places[name]) for name in chosen)
        columns = [column for name in chosen for column in places[name]]
        self.register_buffer("columns", torch.tensor(columns), persistent=False)
        each = [scales[name] for name in chosen for _ in places[name]]
        self.register_buffer("scales", torch.tensor(each), persistent=False)
        self.statistics = RunningNormalizer(len(columns))

    @property
    def size(self) -> int:
        """E, number of entries."""
        return len(self.columns)

    def forward(self, critic_obs: Tensor) -> Tensor:
        """(B, critic_dim) -> (B, E) normalized, within ±10."""
        return ((self._entries(critic_obs) - self.statistics.mean) / self._std()).clamp(-LIMIT, LIMIT)

    def physical(self, estimate: Tensor) -> Tensor:
        """(B, E) normalized -> (B, E) in SI units."""
        return (estimate * self._std() + self.statistics.mean) / self.scales

    @torch.no_grad()
    def update(self, critic_obs: Tensor, workers: Workers = ALONE) -> None:
        """Take all workers' privileged observations (N, critic_dim) into the statistics, in place and without
        waiting for the device."""
        self.statistics.update(self._entries(critic_obs), workers)

    def _entries(self, critic_obs: Tensor) -> Tensor:
        return critic_obs.float().index_select(1, self.columns)

    def _std(self) -> Tensor:
        return (self.statistics.var + LEAST_STD**2).sqrt()


def told_terms(signature: EnvSignature, group: int) -> List[Tuple[str, int, float]]:
    """Names, sizes and scales of the terms at the end of what the actor (0) or the critic (1) sees, those of
    the newest frame. Of an environment that does not tell them it is one, `"observation"` or `"privileged"`.
    """
    group = group if signature.critic_shape is not None else 0
    terms: Any = signature.details.get("terms") if signature.wrapper is None else None
    if terms is not None:
        found: Sequence[Any] = list(terms.values())[group]
        return [(str(name), int(size), float(scale)) for name, size, scale in found]
    whole, tail = (signature.obs_dim, signature.critic_dim)[group], signature.tail()[group]
    frame = (whole - tail) // signature.history()[group]
    return [(("observation", "privileged")[group], frame + tail, 1.0)]


def newest_size(signature: EnvSignature, group: int) -> int:
    """How many entries those are."""
    return sum(size for _, size, _ in told_terms(signature, group))
