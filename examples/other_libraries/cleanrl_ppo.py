"""PPO in one file, in the manner of CleanRL: what an algorithm of one's own needs of these environments.

python examples/other_libraries/cleanrl_ppo.py --num-envs 128 --updates 200
"""

from __future__ import annotations

import argparse
import time
from typing import Any, List, NamedTuple

import humanoid_envs  # noqa: F401  before torch; registers the ids
from trainers.command_line import concise_errors

import gymnasium
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor, nn

STEPS, EPOCHS, MINIBATCHES = 32, 4, 4
GAMMA, LAMBDA, CLIP, ENTROPY, MAX_GRAD_NORM = 0.99, 0.95, 0.2, 0.002, 1.0


class Agent(nn.Module):
    """The actor sees the observation, the critic the privileged one."""

    def __init__(self, observations: int, privileged: int, actions: int) -> None:
        super().__init__()
        self.actor = mlp(observations, actions)
        self.critic = mlp(privileged, 1)
        self.log_std = nn.Parameter(torch.full((actions,), -0.5))
        with torch.no_grad():
            list(self.actor.parameters())[-2].mul_(0.1)  # starts near the default pose

    def distribution(self, observation: Tensor) -> torch.distributions.Distribution:
        """Over actions (B, A)."""
        normal = torch.distributions.Normal(self.actor(observation), self.log_std.exp())
        return torch.distributions.Independent(normal, 1)

    def value(self, privileged: Tensor) -> Tensor:
        """(B,)"""
        return self.critic(privileged).squeeze(-1)


def mlp(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 128), nn.ELU(), nn.Linear(128, 64), nn.ELU(), nn.Linear(64, outputs)
    )


class Batch(NamedTuple):
    """Samples of a rollout, first axis T·N."""

    observations: Tensor
    privileged: Tensor
    actions: Tensor
    log_probs: Tensor
    advantages: Tensor
    returns: Tensor


class Collector:
    """Steps the environment and remembers where it is."""

    def __init__(self, env: VectorEnv, seed: int) -> None:
        self._env: Any = env  # on torch tensors
        self._observation, info = env.reset(seed=seed)
        self._privileged = info["privileged"]
        self.episode_returns: List[float] = []

    @torch.no_grad()
    def collect(self, agent: Agent) -> Batch:
        """A rollout of STEPS steps of all robots."""
        rows = []
        for _ in range(STEPS):
            distribution = agent.distribution(self._observation)
            action = distribution.sample()
            observation, reward, terminated, truncated, info = self._env.step(action)
            done, next_privileged = terminated | truncated, info["privileged"]
            if "final_info" in info:  # what is done has been reset: this is how it ended
                final = info["final_info"]
                next_privileged = torch.where(done[:, None], final["privileged"], next_privileged)
                self.episode_returns += final["episode_return"][done].tolist()
            value, next_value = agent.value(self._privileged), agent.value(next_privileged)
            sample = (self._observation, self._privileged, action, distribution.log_prob(action))
            rows.append((*sample, reward, value, next_value, terminated, done))
            self._observation, self._privileged = observation, info["privileged"]
        *samples, rewards, values, next_values, fell, ended = (torch.stack(part) for part in zip(*rows))
        advantages = estimate_advantages(rewards, values, next_values, fell, ended)
        return Batch(*(part.flatten(0, 1) for part in (*samples, advantages, advantages + values)))


def estimate_advantages(
    rewards: Tensor, values: Tensor, next_values: Tensor, fell: Tensor, ended: Tensor
) -> Tensor:
    """Generalized advantage estimation over (T, N). next_values: of the state to which a step led, before any
    reset. After a fall nothing more is gained; where time ran out, as much as without that."""
    errors = rewards + GAMMA * next_values * ~fell - values
    advantages, carried = torch.zeros_like(errors), torch.zeros_like(errors[0])
    for step in reversed(range(len(errors))):
        carried = errors[step] + GAMMA * LAMBDA * carried * ~ended[step]
        advantages[step] = carried
    return advantages


def update(agent: Agent, optimizer: torch.optim.Optimizer, rollout: Batch) -> None:
    """Improve the agent on a rollout."""
    for _ in range(EPOCHS):
        for indices in torch.randperm(len(rollout.actions), device=rollout.actions.device).chunk(MINIBATCHES):
            batch = Batch(*(part[indices] for part in rollout))
            gains = (batch.advantages - batch.advantages.mean()) / (batch.advantages.std() + 1e-8)
            distribution = agent.distribution(batch.observations)
            ratio = (distribution.log_prob(batch.actions) - batch.log_probs).exp()
            surrogate = torch.minimum(ratio * gains, ratio.clamp(1.0 - CLIP, 1.0 + CLIP) * gains).mean()
            value_loss = (agent.value(batch.privileged) - batch.returns).square().mean()
            loss = value_loss - surrogate - ENTROPY * distribution.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), MAX_GRAD_NORM)
            optimizer.step()


@concise_errors()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", default="HumanoidXBotL-MuJoCo-v0", help="or HumanoidXBotL-MuJoCoWarp-v0")
    parser.add_argument("--num-envs", type=int, default=128)
    parser.add_argument("--updates", type=int, default=200)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()

    torch.manual_seed(chosen.seed)
    env: Any = gymnasium.make_vec(
        chosen.env, num_envs=chosen.num_envs, config="fast", array="torch", stagger_episodes=True
    )
    spaces = (env.single_observation_space, env.single_privileged_space, env.single_action_space)
    agent = Agent(*(space.shape[0] for space in spaces)).to(env.device)
    optimizer = torch.optim.Adam(agent.parameters(), lr=chosen.learning_rate, eps=1e-5)
    collector, start = Collector(env, chosen.seed), time.perf_counter()
    for number in range(1, chosen.updates + 1):
        update(agent, optimizer, collector.collect(agent))
        if number % 10 == 0 or number == chosen.updates:
            steps, latest = number * STEPS * chosen.num_envs, collector.episode_returns[-100:]
            mean = f"return {sum(latest) / len(latest):.2f}" if latest else "no episode has ended"
            rate = steps / (time.perf_counter() - start)
            print(f"update {number}: {steps:,} env-steps, {mean}, {rate:,.0f} env-steps/s", flush=True)
    env.close()


if __name__ == "__main__":
    main()
