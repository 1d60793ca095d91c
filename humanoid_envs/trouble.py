"""What goes wrong in a simulator: which kinds there are, and one warning of each."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Sequence, Set

import torch
from torch import Tensor

from humanoid_envs.simulators.simulator import Simulator


@dataclass(frozen=True)
class Trouble:
    """Which envs got into trouble in a step, (N,) bool each: see `Simulator`."""

    diverged: Tensor
    contacts_dropped: Tensor
    constraints_dropped: Tensor

    @classmethod
    def of(cls, simulator: Simulator) -> Trouble:
        """That of the last step, in the simulator's live tensors."""
        return cls(simulator.diverged, simulator.contacts_dropped, simulator.constraints_dropped)

    def table(self) -> Tensor:
        """(3, N) bool, a row for each of `KINDS`."""
        return torch.stack([self.diverged, self.contacts_dropped, self.constraints_dropped])


KINDS = ("diverged", "contacts_dropped", "constraints_dropped")
"""The names of the kinds, as in `info["simulator"]`."""

_COUNTED = "info['simulator'] and the metrics simulator/… count such steps."


def all_well(finite: Tensor, trouble: Tensor) -> Tensor:
    """(1 + 3,) bool, of `DeviceFlags`: actions are finite, () bool; no env is in trouble, (3, N)."""
    return torch.cat([finite[None], ~trouble.any(dim=1)])


class TroubleWarning(RuntimeWarning):
    """A simulation is not to be trusted everywhere."""


class Warner:
    """Warns once of each kind."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._told: Set[str] = set()

    def tell(self, occurred: Sequence[bool]) -> None:
        """occurred: for each of `KINDS`."""
        for kind, yes in zip(KINDS, occurred):
            if yes and kind not in self._told:
                self._told.add(kind)
                warnings.warn(self._message(kind), TroubleWarning, stacklevel=4)

    def _message(self, kind: str) -> str:
        if kind == "diverged":
            return (
                "The simulation of a robot diverged: not finite, or faster than anything real. Its episode "
                f"ended there with reward 0. {_COUNTED} Where it is often, take a shorter timestep, lower "
                "gains or a narrower randomization."
            )
        what, option = (
            ("contacts", "max_contacts") if kind == KINDS[1] else ("constraints", "max_constraints")
        )
        room = getattr(self._simulator, "room", None)
        remedy = (
            'give the MJCF more memory: <size memory="100M"/>'
            if room is None
            else f"make the environment with {option} larger than {getattr(room, what)}"
        )
        return (
            f"There was no room for all {what} of the robots, so that bodies sink into the ground or each "
            f"other. {_COUNTED} Remedy: {remedy}."
        )
