"""Collecting a rollout: act, step, record."""

from __future__ import annotations

from typing import Callable, Dict, Optional

import torch
from torch import Tensor
from torch.nn import functional

from humanoid_envs.compilation import compiled
from trainers.ppo.config import PPOConfig
from trainers.ppo.episode_statistics import EpisodeStatistics
from trainers.ppo.policy import Policy
from trainers.ppo.recurrent import forgotten
from trainers.ppo.rollout_buffer import RolloutBuffer, starts_after
from trainers.ppo.stopwatch import Stopwatch
from trainers.ppo.tensor_env import TensorEnv, TensorStep


class Collector:
    """Fills a rollout with a policy's experience in an environment.

    An environment may offer `accelerate(function, generators)`: it returns what does the same as `function`,
    which calls its `step_tensors` and only works on tensors that stay where they are, as one CUDA graph. Then
    all of a step, policy included, runs without Python.

    generator: draws the actions. fused: fuse the networks' small operations with `torch.compile`.
    """

    def __init__(
        self,
        policy: Policy,
        config: PPOConfig,
        env: TensorEnv,
        rollout: RolloutBuffer,
        statistics: EpisodeStatistics,
        generator: torch.Generator,
        fused: bool = False,
    ) -> None:
        """The environment is reset here where it is accelerated, and must be again before collecting."""
        self._policy, self._config, self._generator = policy, config, generator
        self._env, self._rollout, self._statistics = env, rollout, statistics
        self._forward = compiled(self.forward) if fused else self.forward
        self._value = compiled(self.value) if fused else self.value
        self._log_probs = compiled(self.log_probs) if fused else self.log_probs
        device, signature = env.device, env.signature
        self._obs = torch.zeros(env.num_envs, signature.obs_dim, device=device)
        shared = signature.critic_shape is None
        self._critic_obs = (
            self._obs if shared else torch.zeros(env.num_envs, signature.critic_dim, device=device)
        )
        self.state = (
            torch.zeros(env.num_envs, policy.state_size, device=device) if policy.state_size else None
        )
        """(N, S) what the policy remembers of the running episodes; None if it remembers nothing."""
        self._t = torch.zeros(1, dtype=torch.int64, device=device)
        self._stopwatch = Stopwatch(device, ("infer", "simulate", "record"))
        self._advance: Callable[[], None] = self._step
        if env.can_accelerate:
            self._accelerate()

    @torch.no_grad()
    def collect(self) -> Dict[str, float]:
        """Fill the rollout by acting in the environment from where it stands, and finish it.

        Returns the seconds that went into "infer", "simulate" and "record": on CUDA without waiting for the
        device, from the last step of the rollout before.
        """
        env, rollout, config = self._env, self._rollout, self._config
        self._keep_observation()
        env.obs, env.critic_obs = self._obs, self._critic_obs
        rollout.begin(env.obs, env.critic_obs, self.state)
        self._t.zero_()
        seconds = self._stopwatch.take()
        for _ in range(rollout.num_steps):
            self._advance()
        env.obs, env.critic_obs = self._obs, self._critic_obs
        last_values = self._value(env.critic_obs, self.state)
        rollout.finish(last_values, config.gamma, config.gae_lambda, config.normalize_advantages)
        return {name: rollout.num_steps * value for name, value in seconds.items()}

    def forget(self) -> None:
        """All episodes begin anew."""
        if self.state is not None:
            self.state.zero_()

    def forward(self, obs: Tensor, critic_obs: Tensor, state: Optional[Tensor]) -> tuple:
        """Actor's outputs, values and next state of observations that are not padded."""
        return self._policy(self._aligned(obs), self._aligned(critic_obs), state)

    def value(self, critic_obs: Tensor, state: Optional[Tensor]) -> Tensor:
        """Values of observations that are not padded."""
        return self._policy.value(self._aligned(critic_obs), state)

    def log_probs(self, actor_outputs: Tensor, actions: Tensor) -> Tensor:
        """Log probabilities of actions."""
        return self._policy.distribution(actor_outputs).log_prob(actions)

    def _step(self) -> None:
        env, rollout, lap = self._env, self._rollout, self._stopwatch.lap
        lap(None)
        actor_outputs, values, state = self._forward(self._obs, self._critic_obs, self.state)
        actions = self._policy.distribution(actor_outputs).sample(self._generator)
        lap("infer")
        step = env.step(actions)
        lap("simulate")
        fields = {
            "actor_outputs": actor_outputs,
            "values": values,
            "actions": actions,
            "log_probs": self._log_probs(actor_outputs, actions),
            "rewards": step.reward,
            "bootstraps": truncation_bootstrap(
                lambda final: self._value(final, state), step, self._config.gamma
            ),
            "dones": step.terminated | step.truncated,
        }
        if step.valid is not None:
            fields["valid"] = step.valid
        rollout.write(self._t, self._obs, self._critic_obs, fields)
        self._statistics.add(step)
        if self.state is not None:
            self.state.copy_(forgotten(state, starts_after(fields["dones"], step.valid)))
        self._keep_observation()
        self._t += 1
        lap("record")

    def _keep_observation(self) -> None:
        """Where the next step looks for it, always the same tensors."""
        self._obs.copy_(self._env.obs)
        if self._critic_obs is not self._obs:
            self._critic_obs.copy_(self._env.critic_obs)

    def _aligned(self, obs: Tensor) -> Tensor:
        """On CUDA with zeros behind the last entry, see `InputLinear`."""
        padding = -obs.shape[1] % 8 if obs.is_cuda and self._policy.takes_stored_rows else 0
        return functional.pad(obs, (0, padding)) if padding else obs

    def _accelerate(self) -> None:
        before = self._generator.get_state()
        self._env.reset(seed=0)
        self._keep_observation()
        with torch.no_grad():
            self._advance = self._env.accelerate(self._step, [self._generator])
        self.collect()  # compiles what is not part of a step, so that no training time goes into that
        self._generator.set_state(before)
        self._statistics.reset()
        self.forget()


def truncation_bootstrap(value: Callable[[Tensor], Tensor], step: TensorStep, gamma: float) -> Tensor:
    """(N,) γ·V of the true final observation where an episode was cut off by time and not ended by the task,
    in the step in which it happens; 0 elsewhere."""
    if step.final_critic_obs is None:
        return torch.zeros_like(step.reward)
    cut_off = step.truncated & ~step.terminated
    return torch.where(cut_off, gamma * value(step.final_critic_obs), 0.0)
