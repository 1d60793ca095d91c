"""The trainer's random numbers, so that a resumed training draws what it would have drawn."""

from __future__ import annotations

from typing import Any, Dict

import torch

from humanoid_envs.errors import UserError
from humanoid_envs.saved_state import require_like


def random_state(generator: torch.Generator) -> Dict[str, Any]:
    """The state of a generator. Torch's global ones stay out: nothing here draws from them or seeds them, so
    that with them equal trainings would write different checkpoints."""
    return {"device": generator.device.type, "generator": generator.get_state()}


def restore_random_state(generator: torch.Generator, state: Dict[str, Any]) -> None:
    """Continue from what `random_state` returned; what earlier versions saved besides is left aside.

    Raises UserError if it is damaged."""
    own = random_state(generator)
    require_like(state, own, "the state of the random numbers")
    if state["device"] == own["device"]:  # those of different devices have nothing in common
        if state["generator"].shape != own["generator"].shape:
            raise UserError("The state of the random numbers is damaged.")
        generator.set_state(state["generator"])
