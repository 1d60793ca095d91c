"""A teacher that sees all: what it would do, in the actions' space."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from humanoid_envs.errors import UserError
from trainers.dwl.targets import told_terms
from trainers.ppo.losses import AuxiliaryLoss, Losses, LossFunction
from trainers.ppo.policy import Policy
from trainers.ppo.rollout_buffer import Minibatch
from trainers.ppo.signature import EnvSignature


class Taught(nn.Module):
    """Mean square of the difference between a policy's mean actions and a teacher's, over joints."""

    def __init__(self, teacher: nn.Module) -> None:
        super().__init__()
        self.teacher = frozen(teacher)

    def forward(self, policy: Policy, batch: Minibatch) -> Tensor:
        difference = batch.features["outputs"] - self.teacher(batch.critic_obs)
        return batch.mean(difference.square().mean(-1))


@dataclass(frozen=True)
class Distillation(AuxiliaryLoss):
    """Mean square of the difference between a policy's mean actions and those of a teacher, whose observation
    is this one's privileged. With weight 1, PPO and teacher count for half each."""

    teacher: str = ""
    """The teacher's checkpoint. Only training needs it."""

    def build(self, policy: Policy, signature: EnvSignature) -> LossFunction:
        if not self.teacher or not Path(self.teacher).is_file():
            return self
        from trainers.ppo.ppo import PPO  # which imports this package

        ppo = PPO.load(self.teacher, device="cpu")
        seen = ppo.signature
        if ppo.policy.actor_state_size:
            raise UserError(f"The teacher {self.teacher} remembers: take one that sees all at once.")
        theirs, own = told_terms(seen, 0), told_terms(signature, 1)
        if (seen.obs_dim, theirs, seen.action_dim) != (signature.critic_dim, own, signature.action_dim):
            raise UserError(
                f"The teacher {self.teacher} sees {seen.obs_dim} numbers, which are not the "
                f"{signature.critic_dim} of this task's privileged observation: take one of method 'teacher'."
            )
        return Taught(ppo.policy.actor)

    def __call__(self, policy: Policy, batch: Minibatch) -> Tensor:
        raise UserError(f"Distillation.teacher must be a checkpoint that there is; got {self.teacher!r}.")


@dataclass(frozen=True)
class StudentLosses(Losses):
    """What a teacher would do."""

    distillation: Distillation = Distillation()


def frozen(network: nn.Module) -> nn.Module:
    """The network with its weights as buffers that no optimizer changes and no checkpoint repeats."""
    for module in network.modules():
        values: Any = {**module._parameters, **module._buffers}
        module._parameters.clear()
        for name, value in values.items():
            if isinstance(value, Tensor):
                module._buffers.pop(name, None)
                module.register_buffer(name, value.detach().clone(), persistent=False)
    return network.eval()
