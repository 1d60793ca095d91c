"""A network that remembers, and a loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Tuple

import torch
from torch import Tensor, nn

from humanoid_envs.configs import Count, NonNegative
from trainers.ppo import (
    AuxiliaryLoss,
    EnvSignature,
    Losses,
    Minibatch,
    Policy,
    PolicyConfig,
    PPOConfig,
    Recurrent,
    initial_std,
)


class Elman(Recurrent):
    """One layer that sees its own last output."""

    def __init__(self, inputs: int, state_size: int, outputs: int) -> None:
        super().__init__()
        self.state_size = state_size
        self.seen, self.remembered = nn.Linear(inputs, state_size), nn.Linear(state_size, state_size)
        self.head = nn.Linear(state_size, outputs)

    def forward(self, rows: Tensor, state: Tensor) -> Tuple[Tensor, Tensor]:
        state = torch.tanh(self.seen(rows) + self.remembered(state))
        return self.head(state), state


@dataclass(frozen=True)
class ElmanPolicy(PolicyConfig):
    """An actor that remembers, and a critic that sees all."""

    width: Count = 8

    def build(self, signature: EnvSignature, config: PPOConfig) -> Policy:
        actor = Elman(signature.obs_dim, self.width, signature.action_dim)
        return Policy(actor, nn.Linear(signature.critic_dim, 1), initial_std(signature, config))


@dataclass(frozen=True)
class Smooth(AuxiliaryLoss):
    """Mean square of the change of actions from step to step within an episode."""

    weight: NonNegative = 0.01
    sequences: ClassVar[bool] = True

    def __call__(self, policy: Policy, batch: Minibatch) -> Tensor:
        assert batch.starts is not None
        actions = batch.sequences(batch.features["outputs"])
        change = (actions[1:] - actions[:-1]).square().mean(-1)
        return change.masked_fill(batch.starts[1:], 0.0).mean()


@dataclass(frozen=True)
class SmoothLosses(Losses):
    """PPO's, and that of changing actions."""

    smooth: Smooth = Smooth()
