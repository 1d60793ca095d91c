"""Networks that remember: what was seen earlier in an episode goes into what is done now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence, Tuple

import torch
from torch import Tensor, nn

from trainers.ppo.actor_critic import PolicyConfig, layers, scale_output
from trainers.ppo.config import PPOConfig, Width
from trainers.ppo.mlp import MLP
from trainers.ppo.normalization import RunningNormalizer
from trainers.ppo.policy import Policy, initial_std
from trainers.ppo.signature import EnvSignature


class Recurrent(nn.Module):
    """A network with a state: base of actors and critics that remember. Subclasses have `forward`."""

    state_size: int
    """M, entries of its state, which is zero when an episode begins."""

    def forward(self, rows: Tensor, state: Tensor) -> Tuple[Tensor, Tensor]:
        """One step: (B, D) inputs and (B, M) state to (B, A) outputs and (B, M) next state."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(rows, state).")

    def unroll(self, sequences: Tensor, state: Tensor, starts: Tensor) -> Tensor:
        """(T, E, A) outputs over T steps, as `forward` would give them one after the other: no less, no more,
        and nothing is read back from the device. Subclasses may be quicker.

        sequences: (T, E, D) inputs. state: (E, M) before the first. starts: (T, E) bool, where an episode
        begins and the state is zero.
        """
        outputs = []
        for rows, begins in zip(sequences.unbind(), starts.unbind()):
            output, state = self(rows, forgotten(state, begins))
            outputs.append(output)
        return torch.stack(outputs)


class GatedUnit(Recurrent):
    """A gated recurrent unit (Cho et al., arXiv 1406.1078; torch's equations). What it gives is its state."""

    def __init__(self, input_dim: int, state_size: int, normalize: bool = False) -> None:
        """state_size: M. normalize: what it sees, see `RunningNormalizer`."""
        super().__init__()
        self.state_size = state_size
        self.normalizer = RunningNormalizer(input_dim) if normalize else None
        self.input = nn.Linear(input_dim, 3 * state_size)
        self.memory = nn.Linear(state_size, 3 * state_size)
        for parameter in (*self.input.parameters(), *self.memory.parameters()):
            nn.init.uniform_(parameter, -(state_size**-0.5), state_size**-0.5)

    def forward(self, rows: Tensor, state: Tensor) -> Tuple[Tensor, Tensor]:
        state = self._next(self._seen(rows), state)
        return state, state

    def unroll(self, sequences: Tensor, state: Tensor, starts: Tensor) -> Tensor:
        """See `Recurrent`: only the states come one after the other, what is before them at once."""
        states = []
        for seen, begins in zip(self._seen(sequences).unbind(), starts.unbind()):
            state = self._next(seen, forgotten(state, begins))
            states.append(state)
        return torch.stack(states)

    def _seen(self, inputs: Tensor) -> Tensor:
        """(…, D) -> (…, 3 M), before the gates."""
        inputs = inputs.float()
        return self.input(inputs if self.normalizer is None else self.normalizer(inputs))

    def _next(self, seen: Tensor, state: Tensor) -> Tensor:
        """(E, M) the state after inputs (E, 3 M)."""
        reset, update, new = seen.chunk(3, dim=1)
        remembered_reset, remembered_update, remembered_new = self.memory(state).chunk(3, dim=1)
        reset = torch.sigmoid(reset + remembered_reset)
        update = torch.sigmoid(update + remembered_update)
        new = torch.tanh(new + reset * remembered_new)
        return new + update * (state - new)


class GRU(GatedUnit):
    """A gated recurrent unit, and a multilayer perceptron that sees its state."""

    def __init__(
        self, input_dim: int, state_size: int, hidden: Sequence[int], output_dim: int, config: PPOConfig
    ) -> None:
        """state_size: M. hidden: widths of the perceptron's hidden layers."""
        super().__init__(input_dim, state_size, config.normalize_observations)
        self.head = MLP(layers(state_size, hidden, output_dim, config, normalized=False), config.bfloat16)

    def forward(self, rows: Tensor, state: Tensor) -> Tuple[Tensor, Tensor]:
        state, _ = super().forward(rows, state)
        return self.head(state), state

    def unroll(self, sequences: Tensor, state: Tensor, starts: Tensor) -> Tensor:
        """See `Recurrent`."""
        states = super().unroll(sequences, state, starts)
        return self.head(states.flatten(0, 1)).unflatten(0, starts.shape)


@dataclass(frozen=True)
class GRUPolicy(PolicyConfig):
    """Actor and critic with a memory each, a gated recurrent unit before the multilayer perceptrons of
    `actor_hidden` and `critic_hidden`. Learns from whole rollouts, so `PPOConfig.num_steps` is how far back
    a gradient goes."""

    hidden: Width = 128
    """Entries of each memory."""
    critic: bool = True
    """Give the critic a memory as well; without, it values what it sees at the moment, which is enough where
    a privileged observation tells all."""

    def build(self, signature: EnvSignature, config: PPOConfig) -> Policy:
        actor = GRU(signature.obs_dim, self.hidden, config.actor_hidden, signature.action_dim, config)
        scale_output(actor, config)
        if self.critic:
            critic: nn.Module = GRU(signature.critic_dim, self.hidden, config.critic_hidden, 1, config)
        else:
            critic = MLP(layers(signature.critic_dim, config.critic_hidden, 1, config), config.bfloat16)
        return Policy(actor, critic, initial_std(signature, config))


def forgotten(state: Tensor, starts: Tensor) -> Tensor:
    """(E, M) a state with zeros where episodes begin, starts (E,)."""
    return state.masked_fill(starts[:, None], 0.0)
