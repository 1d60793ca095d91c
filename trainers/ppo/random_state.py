"""Torch's random numbers, so that a resumed training draws what it would have drawn."""

from __future__ import annotations

from typing import Any, Dict

import torch


def random_state(generator: torch.Generator) -> Dict[str, Any]:
    """The state of a generator, and of torch's global ones, which an environment may use."""
    device = generator.device
    return {
        "device": device.type,
        "generator": generator.get_state(),
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


def restore_random_state(generator: torch.Generator, state: Dict[str, Any]) -> None:
    """Continue from what `random_state` returned."""
    torch.set_rng_state(state["cpu"])
    if state["device"] != generator.device.type:
        return  # generators of different devices have nothing in common
    generator.set_state(state["generator"])
    if state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"], generator.device)
