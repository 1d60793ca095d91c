"""The trainer's random numbers, so that a resumed training draws what it would have drawn."""

from __future__ import annotations

from typing import Any, Dict

import torch


def random_state(generator: torch.Generator) -> Dict[str, Any]:
    """The state of a generator. Torch's global ones stay out: nothing here draws from them or seeds them, so
    that with them equal trainings would write different checkpoints."""
    return {"device": generator.device.type, "generator": generator.get_state()}


def restore_random_state(generator: torch.Generator, state: Dict[str, Any]) -> None:
    """Continue from what `random_state` returned; what earlier versions saved besides is left aside."""
    if state["device"] == generator.device.type:  # those of different devices have nothing in common
        generator.set_state(state["generator"])
