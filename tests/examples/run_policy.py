"""examples/run_policy.py within this process, and policies for it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, Tuple

from torch import Tensor, nn

from humanoid_envs.contract import PolicyContract
from humanoid_envs.tasks import preset
from tests.examples.script import ROOT
from trainers.export import export_network

V0 = PolicyContract.of(preset("v0"))


def run_policy_module() -> Any:
    """The script, imported."""
    spec = importlib.util.spec_from_file_location("run_policy", ROOT / "examples/run_policy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Stand(nn.Module):
    """A policy that asks for the default pose."""

    def forward(self, observation: Tensor) -> Tensor:
        return 0.0 * observation[:, :12]


class Integrator(nn.Module):
    """A recurrent policy: actions sum up what it has seen."""

    def forward(self, observation: Tensor, state: Tensor) -> Tuple[Tensor, Tensor]:
        state = state + observation[:, -12:]
        return 0.01 * state, state


def export(network: nn.Module, path: Path, **options: Any) -> Path:
    return export_network(network, path, V0, **options)
