from __future__ import annotations

import torch
from torch import Tensor

from tests.trainers.ppo.counting_env import CountingEnv
from trainers.ppo.rollout_buffer import RolloutBuffer, generalized_advantages
from trainers.ppo.signature import EnvSignature


def advantages_by_definition(
    rewards: Tensor, values: Tensor, dones: Tensor, last_values: Tensor, gamma: float, gae_lambda: float
) -> Tensor:
    """Σ_k (γλ)^k δ_{t+k}, each sum written out up to the episode's end."""
    num_steps, num_envs = rewards.shape
    following = torch.cat([values[1:], last_values[None]])
    advantages = torch.zeros_like(rewards)
    for n in range(num_envs):
        for t in range(num_steps):
            for k in range(num_steps - t):
                next_value = 0.0 if dones[t + k, n] else following[t + k, n]
                delta = rewards[t + k, n] + gamma * next_value - values[t + k, n]
                advantages[t, n] += (gamma * gae_lambda) ** k * delta
                if dones[t + k, n]:
                    break
    return advantages


def random_rollout(masked: bool = False) -> RolloutBuffer:
    rollout = RolloutBuffer(7, 2, EnvSignature.of(CountingEnv()), torch.device("cpu"), masked=masked)
    generator = torch.Generator().manual_seed(0)
    observations = (rollout.obs.frames, rollout.critic_obs.frames)
    for field in (*observations, rollout.actions, rollout.rewards, rollout.values):
        field.copy_(torch.randn(field.shape, generator=generator))
    rollout.dones.copy_(torch.rand(7, 2, generator=generator) < 0.3)
    assert rollout.dones.any()
    return rollout


def test_generalized_advantages_against_their_definition() -> None:
    rollout, last_values = random_rollout(), torch.tensor([0.3, -0.7])
    arguments = (rollout.rewards, rollout.values, rollout.dones, last_values, 0.9, 0.8)
    torch.testing.assert_close(generalized_advantages(*arguments), advantages_by_definition(*arguments))


def test_lambda_one_gives_discounted_returns() -> None:
    rewards = torch.tensor([[1.0], [2.0], [4.0]])
    no = torch.zeros(3, 1, dtype=torch.bool)
    advantages = generalized_advantages(rewards, torch.zeros(3, 1), no, torch.tensor([8.0]), 0.5, 1.0)
    assert advantages.flatten().tolist() == [
        1 + 0.5 * (2 + 0.5 * (4 + 0.5 * 8)),
        2 + 0.5 * (4 + 0.5 * 8),
        8.0,
    ]


def test_bootstraps_count_as_rewards() -> None:
    with_bootstrap, with_reward = random_rollout(), random_rollout()
    with_bootstrap.bootstraps[3, 1] = 5.0
    with_reward.rewards[3, 1] += 5.0
    for rollout in (with_bootstrap, with_reward):
        rollout.finish(torch.zeros(2), 0.9, 0.8, normalize=False)
    assert torch.equal(with_bootstrap.returns, with_reward.returns)


def test_normalized_advantages_ignore_steps_that_do_not_count() -> None:
    rollout = random_rollout(masked=True)
    assert rollout.valid is not None
    rollout.valid.fill_(True)
    rollout.valid[2, 0] = rollout.valid[5, 1] = False
    rollout.finish(torch.zeros(2), 0.9, 0.8, normalize=True)
    counted = rollout.advantages[rollout.valid]
    torch.testing.assert_close(counted.mean(), torch.tensor(0.0), rtol=0.0, atol=1e-6)
    torch.testing.assert_close(counted.std(), torch.tensor(1.0))
    raw = rollout.returns - rollout.values
    expected = (raw[rollout.valid] - raw[rollout.valid].mean()) / raw[rollout.valid].std()
    torch.testing.assert_close(counted, expected)


def test_minibatch_takes_time_major_indices() -> None:
    rollout = random_rollout()
    batch = rollout.minibatch(torch.tensor([0, 1, 2, 13]))
    fields = {
        "obs": rollout.obs.frames,
        "critic_obs": rollout.critic_obs.frames,
        "actions": rollout.actions,
        "values": rollout.values,
    }
    for name, field in fields.items():
        ours = getattr(batch, name)
        assert torch.equal(ours, torch.stack([field[0, 0], field[0, 1], field[1, 0], field[6, 1]]))
    assert batch.valid is None
