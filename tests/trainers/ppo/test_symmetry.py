from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.trainers.ppo.counting_env import CountingEnv
from trainers.ppo import PPO, PPOConfig
from trainers.ppo.actor_critic import ActorCritic
from trainers.ppo.symmetry import Mirror

MIRRORS = {
    "policy": {"permutation": [0, 2, 1], "sign": [-1.0, 1.0, 1.0], "index": 0},
    "critic": {"permutation": [0, 2, 1], "sign": [-1.0, -1.0, -1.0], "index": 0},
    "action": {"permutation": [1, 0], "sign": [-1.0, -1.0]},
}
CONFIG = PPOConfig(actor_hidden=(8,), critic_hidden=(8,), symmetry=True)


def test_networks_are_symmetric_by_construction() -> None:
    policy = ActorCritic(3, 3, 2, CONFIG, symmetry=MIRRORS)
    obs, mirrors = torch.randn(20, 3), {name: Mirror(mirror) for name, mirror in MIRRORS.items()}
    actions = policy.actor(obs)
    torch.testing.assert_close(policy.actor(mirrors["policy"](obs)), mirrors["action"](actions))
    torch.testing.assert_close(policy.value(mirrors["critic"](obs)), policy.value(obs))
    assert not torch.allclose(actions, mirrors["action"](actions))


def test_padding_behind_the_last_entry_stays() -> None:
    policy = ActorCritic(3, 3, 2, CONFIG, symmetry=MIRRORS)
    obs = torch.randn(20, 3)
    torch.testing.assert_close(policy.actor(nn.functional.pad(obs, (0, 5))), policy.actor(obs))


def test_exploration_is_symmetric() -> None:
    policy = ActorCritic(3, 3, 2, CONFIG, symmetry=MIRRORS)
    assert policy.std is not None
    with torch.no_grad():
        policy.std.copy_(torch.tensor([0.2, 0.6]))
    samples = policy.distribution(torch.zeros(20_000, 2)).sample(torch.Generator().manual_seed(0))
    torch.testing.assert_close(samples.std(dim=0), torch.tensor([0.4, 0.4]), atol=0.01, rtol=0.0)


def test_checkpoint_names_are_those_of_plain_networks() -> None:
    symmetric = ActorCritic(3, 3, 2, CONFIG, symmetry=MIRRORS)
    plain = ActorCritic(3, 3, 2, dataclasses.replace(CONFIG, symmetry=False))
    assert symmetric.state_dict().keys() == plain.state_dict().keys()


def test_an_environment_without_mirrors_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tells its mirrors"):
        PPO(CountingEnv(), dataclasses.replace(CONFIG, num_steps=4))
    PPO(CountingEnv(), dataclasses.replace(CONFIG, symmetry=False)).save(tmp_path / "plain.pt")
    with pytest.raises(ValueError, match="its symmetry is False"):
        PPO.load(tmp_path / "plain.pt", config=CONFIG)
