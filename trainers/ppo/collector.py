"""Collecting a rollout: act, step, record."""

from __future__ import annotations

from typing import Callable

import torch
from torch import Tensor

from humanoid_envs.compilation import compiled
from trainers.ppo.actor_critic import ActorCritic
from trainers.ppo.config import PPOConfig
from trainers.ppo.episode_statistics import EpisodeStatistics
from trainers.ppo.rollout_buffer import RolloutBuffer
from trainers.ppo.tensor_env import StepResult, TensorEnv


class Collector:
    """Fills rollouts with a policy's experience.

    generator: draws the actions. fused: fuse the networks' small operations with `torch.compile`.
    """

    def __init__(
        self, policy: ActorCritic, config: PPOConfig, generator: torch.Generator, fused: bool = False
    ) -> None:
        self._policy, self._config, self._generator = policy, config, generator
        self._forward = compiled(policy.forward) if fused else policy.forward
        self._value = compiled(policy.value) if fused else policy.value

    @torch.no_grad()
    def collect(self, env: TensorEnv, rollout: RolloutBuffer, statistics: EpisodeStatistics) -> None:
        """Fill a rollout by acting in the environment from where it stands, and finish it."""
        config = self._config
        for t in range(rollout.num_steps):
            # The rollout takes its copy first: the environment may overwrite its observation when it steps.
            obs, critic_obs = rollout.obs[t], rollout.critic_obs[t]
            obs[:, : env.obs.shape[1]] = env.obs
            if rollout.critic_obs is not rollout.obs:
                critic_obs[:, : env.critic_obs.shape[1]] = env.critic_obs
            actor_outputs, rollout.values[t] = self._forward(obs, critic_obs)
            distribution = self._policy.distribution(actor_outputs)
            actions = distribution.sample(self._generator)
            rollout.actor_outputs[t] = actor_outputs
            rollout.actions[t] = actions
            rollout.log_probs[t] = distribution.log_prob(actions)

            step = env.step(actions)
            rollout.rewards[t] = step.reward
            rollout.bootstraps[t] = truncation_bootstrap(self._value, step, config.gamma)
            rollout.dones[t] = step.terminated | step.truncated
            if rollout.valid is not None and step.valid is not None:
                rollout.valid[t] = step.valid
            statistics.add(step)
        last_values = self._value(env.critic_obs)
        rollout.finish(last_values, config.gamma, config.gae_lambda, config.normalize_advantages)


def truncation_bootstrap(value: Callable[[Tensor], Tensor], step: StepResult, gamma: float) -> Tensor:
    """(N,) γ·V of the true final observation where an episode was cut off by time and not ended by the task,
    in the step in which it happens; 0 elsewhere."""
    if step.final_critic_obs is None:
        return torch.zeros_like(step.reward)
    cut_off = step.truncated & ~step.terminated
    return torch.where(cut_off, gamma * value(step.final_critic_obs), 0.0)
