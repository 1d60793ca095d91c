"""Auxiliary losses: what networks learn besides acting and valuing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Callable, ClassVar, Dict

from torch import Tensor

from humanoid_envs.configs import Config, NonNegative
from humanoid_envs.errors import UserError
from trainers.ppo.policy import Policy
from trainers.ppo.rollout_buffer import Minibatch
from trainers.ppo.signature import EnvSignature

LossFunction = Callable[[Policy, Minibatch], Tensor]
"""() what is to be small, of a policy and a minibatch of its experience, with gradients to its parameters.
Tensors only, nothing is read back from the device: on CUDA it becomes part of a graph. `Minibatch.mean`
leaves out the samples that do not count."""

RESERVED = ("surrogate_loss", "value_loss", "entropy", "loss", "kl", "learning_rate", "grad_norm", "updates")
"""Names of curves `train/…` that are the trainer's own."""


@dataclass(frozen=True)
class AuxiliaryLoss(Config):
    """One more loss as a value: subclasses, in any file, have parameters and compute it (see `LossFunction`)
    in `__call__(policy, batch)`, or in a module of their own that `build` returns."""

    weight: NonNegative = 1.0
    """Factor on it in the sum that is minimized."""

    sequences: ClassVar[bool] = False
    """Whether it needs minibatches of whole sequences, see `Minibatch.starts`."""

    def build(self, policy: Policy, signature: EnvSignature) -> LossFunction:
        """What computes it: this object, or a module with parameters of its own, which are learned together
        with the policy's, are saved with them and stay out of exports."""
        return self

    def __call__(self, policy: Policy, batch: Minibatch) -> Tensor:
        raise UserError(f"{type(self).__name__} computes nothing: it has no __call__(policy, batch).")


@dataclass(frozen=True)
class Losses(Config):
    """Auxiliary losses of a training: none. A subclass has them as fields; each is logged, without its
    weight, as `train/` and the field's name."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, loss in self.named().items():
            self.require(isinstance(loss, AuxiliaryLoss), name, "an AuxiliaryLoss")
            if name in RESERVED:
                raise UserError(
                    f"{type(self).__name__}.{name} is the name of a curve of PPO's own: choose another."
                )

    def named(self) -> Dict[str, AuxiliaryLoss]:
        """By the fields' names."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
