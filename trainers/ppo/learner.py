"""The update: from a rollout to new weights."""

from __future__ import annotations

import dataclasses
import math
from typing import Dict, List, Mapping, Optional

import torch
from torch import Tensor, nn

from humanoid_envs.compilation import compiled
from trainers.ppo import schedules
from trainers.ppo.config import PPOConfig
from trainers.ppo.distributed import ALONE, Workers
from trainers.ppo.losses import LossFunction
from trainers.ppo.policy import Policy
from trainers.ppo.rollout_buffer import Minibatch, RolloutBuffer


class Learner:
    """Clipped PPO losses, Adam, and a learning rate that follows the KL divergence.

    `update` is a fixed sequence of tensor operations: nothing is read back from the device.

    auxiliary: functions of the config's auxiliary losses, by name. fused: fuse the losses' many small
    operations, and those of their gradients, with `torch.compile`.
    workers: they learn as one from all their rollouts, minibatch k being the union of their minibatches k, in
    which each worker's part weighs the same.
    """

    def __init__(
        self,
        policy: Policy,
        config: PPOConfig,
        device: torch.device,
        fused: bool = False,
        workers: Workers = ALONE,
        auxiliary: Optional[Mapping[str, LossFunction]] = None,
    ) -> None:
        self.policy = policy
        self.workers = workers
        self._auxiliary = dict(auxiliary or {})
        self._losses = compiled(self.losses) if fused else self.losses
        self.config = config
        self.learning_rate = torch.tensor(config.learning_rate, dtype=torch.float64, device=device)
        """() current learning rate, kept across updates."""
        self._max_learning_rate = torch.tensor(config.max_learning_rate, dtype=torch.float64, device=device)
        self._entropy_coef = torch.tensor(config.entropy_coef, device=device)
        self.weights: Dict[str, Tensor] = {
            name: torch.tensor(config.losses.named()[name].weight, device=device) for name in self._auxiliary
        }
        """() of the auxiliary losses, by name; what is written here counts from the next minibatch on."""
        self._min_std = torch.tensor(config.min_std, device=device)
        self._max_std = torch.tensor(math.inf, device=device)
        on_cuda = device.type == "cuda"
        # The fused kernel wants the learning rate as a float32 tensor on its device.
        rate = self.learning_rate.to(torch.float32 if on_cuda else torch.float64, copy=True)
        self.optimizer = torch.optim.Adam(policy.parameters(), lr=rate, fused=on_cuda, capturable=on_cuda)

    def schedule(self, update: int) -> None:
        """Set what decays over training (see `PPOConfig.decay_updates`) for an update."""
        config, done = self.config, schedules.progress(update, self.config.decay_updates)
        bound = schedules.geometric(config.max_learning_rate, config.final_max_learning_rate, done)
        self._entropy_coef.fill_(schedules.linear(config.entropy_coef, config.final_entropy_coef, done))
        self._max_learning_rate.fill_(bound)
        if config.final_max_std is not None and done > 0.0:
            self._max_std.fill_(schedules.geometric(config.init_std, config.final_max_std, done))

    def update(self, rollout: RolloutBuffer, permutation: Tensor) -> Dict[str, Tensor]:
        """Improve the policy on a finished rollout.

        permutation: (S,) indices of samples, t·N + n, or where networks remember (N,) of environments, in
        the order in which the minibatches take them; every epoch uses the same. Its tail is dropped if it
        does not fill a minibatch.
        Returns (num_epochs · num_minibatches,) per quantity: surrogate_loss, value_loss, entropy, loss, kl
        (from the rollout's policy, before the step), learning_rate, grad_norm (before clipping), and each
        auxiliary loss without its weight.
        """
        size = permutation.shape[0] // self.config.num_minibatches
        minibatches = [permutation[i * size : (i + 1) * size] for i in range(self.config.num_minibatches)]
        old_std = None if self.policy.std is None else self.policy.std.detach().clone()
        steps: List[Dict[str, Tensor]] = []
        for _ in range(self.config.num_epochs):
            steps += [self._step(rollout.minibatch(indices), old_std) for indices in minibatches]
        return {name: torch.stack([step[name] for step in steps]) for name in steps[0]}

    def losses(
        self,
        batch: Minibatch,
        old_std: Optional[Tensor],
        entropy_coef: Tensor,
        weights: Mapping[str, Tensor],
    ) -> Dict[str, Tensor]:
        """() each by name: "loss", the sum that is minimized; "surrogate_loss", "value_loss", "entropy";
        "kl", the divergence from the rollout's policy, without gradient; and the auxiliary losses."""
        policy, config = self.policy, self.config
        seen = policy.evaluate(batch)
        distribution = policy.distribution(seen.outputs)
        kl = batch.mean(distribution.kl_from(policy.distribution(batch.actor_outputs, old_std)))
        ratio = torch.exp(distribution.log_prob(batch.actions) - batch.log_probs)
        clipped_ratio = ratio.clamp(1.0 - config.clip_range, 1.0 + config.clip_range)
        gain = torch.minimum(batch.advantages * ratio, batch.advantages * clipped_ratio)
        surrogate_loss = -batch.mean(gain)
        value_loss = batch.mean(self._value_error(seen.values, batch))
        entropy = batch.mean(distribution.entropy())
        loss = surrogate_loss + config.value_coef * value_loss - entropy_coef * entropy
        if self._auxiliary:
            features = {"outputs": seen.outputs, "values": seen.values, **seen.features}
            batch = dataclasses.replace(batch, features=features)
        auxiliary = {name: function(policy, batch) for name, function in self._auxiliary.items()}
        for name, value in auxiliary.items():
            loss = loss + weights[name] * value
        own = {"surrogate_loss": surrogate_loss, "value_loss": value_loss, "entropy": entropy, "loss": loss}
        return {**own, "kl": kl.detach(), **auxiliary}

    def _step(self, batch: Minibatch, old_std: Optional[Tensor]) -> Dict[str, Tensor]:
        policy, config = self.policy, self.config
        losses = self._losses(batch, old_std, self._entropy_coef, self.weights)
        self.optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        means = self.workers.average_gradients(policy.parameters(), list(losses.values()))
        losses = {name: mean.detach() for name, mean in zip(losses, means)}
        self._adapt_learning_rate(losses["kl"])
        grad_norm = nn.utils.clip_grad_norm_(policy.parameters(), config.max_grad_norm)
        self.optimizer.step()
        policy.bound_std(self._min_std, self._max_std)
        return {**losses, "learning_rate": self.learning_rate.clone(), "grad_norm": grad_norm}

    def _value_error(self, values: Tensor, batch: Minibatch) -> Tensor:
        error = (values - batch.returns).square()
        if not self.config.clip_value_loss:
            return error
        clip = self.config.clip_range
        clipped = batch.values + (values - batch.values).clamp(-clip, clip)
        return torch.maximum(error, (clipped - batch.returns).square())

    def _adapt_learning_rate(self, kl: Tensor) -> None:
        config, rate = self.config, self.learning_rate
        if config.desired_kl is not None:
            rate = schedules.kl_adaptive(rate, kl, config.desired_kl, config.learning_rate_factor)
        rate = torch.minimum(rate.clamp(min=config.min_learning_rate), self._max_learning_rate)
        self.learning_rate.copy_(rate)
        self.optimizer.param_groups[0]["lr"].copy_(rate)

    def state_dict(self) -> Dict[str, object]:
        """Moments of Adam and the learning rate."""
        return {
            "optimizer": self.optimizer.state_dict()["state"],
            "learning_rate": self.learning_rate.item(),
        }

    def rewind(self, state: Dict) -> None:
        """Go back to what `state_dict` returned earlier, in the tensors that a captured update works on."""
        before = state["optimizer"]
        for index, parameter in enumerate(self.optimizer.param_groups[0]["params"]):
            for name, value in self.optimizer.state.get(parameter, {}).items():
                if index in before:
                    value.copy_(before[index][name])
                else:
                    value.zero_()
        self.learning_rate.fill_(state["learning_rate"])

    def load_state_dict(self, state: Dict) -> None:
        """Continue from what `state_dict` returned, on any device."""
        # Only the moments are taken over: how Adam runs (fused or not) belongs to this device.
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state["optimizer"]})
        self.learning_rate.fill_(state["learning_rate"])
