"""What each update of a training begins with: seeds, the order of samples, what has decayed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List

import pytest
import torch
from torch import Tensor

from tests.trainers.ppo.counting_env import CountingEnv
from trainers.ppo import PPO, PPOConfig
from trainers.ppo.learner import Learner
from trainers.ppo.rollout_buffer import RolloutBuffer

CONFIG = PPOConfig(num_steps=16, num_minibatches=2, actor_hidden=(8,), critic_hidden=(8,), device="cpu")


def test_a_second_training_draws_other_random_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    env, seeds = CountingEnv(), []
    reset = env.reset

    def noted(**options: Any) -> Any:
        seeds.append(options.get("seed"))
        return reset(**options)

    monkeypatch.setattr(env, "reset", noted)
    ppo = PPO(env, replace(CONFIG, seed=7))
    ppo.learn(32).learn(32)
    assert [seed is None for seed in seeds] == [False, True]


def test_samples_are_shuffled_and_entropy_decays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anew in every update, all of them; the first one is before any decay."""
    orders: List[Tensor] = []
    bonuses: List[float] = []
    update = Learner.update

    def noted(learner: Learner, rollout: RolloutBuffer, permutation: Tensor) -> Dict[str, Tensor]:
        orders.append(permutation.clone())
        bonuses.append(learner._entropy_coef.item())
        return update(learner, rollout, permutation)

    monkeypatch.setattr(Learner, "update", noted)
    config = replace(CONFIG, entropy_coef=0.4, final_entropy_coef=0.0, decay_updates=(0, 4))
    PPO(CountingEnv(), config).learn(3 * 32)
    assert bonuses == pytest.approx([0.4, 0.3, 0.2])
    assert all(torch.equal(order.sort().values, torch.arange(32)) for order in orders)
    for one, other in zip(orders, [torch.arange(32), *orders]):
        assert not torch.equal(one, other)
