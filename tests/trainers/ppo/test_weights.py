"""Weights and environments exchanged under a trainer."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.trainers.ppo.counting_env import CountingEnv
from trainers.ppo import PPO, PPOConfig

CONFIG = PPOConfig(num_steps=10, num_minibatches=2, actor_hidden=(8,), critic_hidden=(8,), device="cpu")
UPDATE = 10 * 2


def same(one: PPO, other: PPO) -> bool:
    weights, others = one.policy.state_dict(), other.policy.state_dict()
    return all(torch.equal(value, others[name]) for name, value in weights.items())


def trained(seed: int = 1) -> PPO:
    return PPO(CountingEnv(noise=1.0), replace(CONFIG, seed=seed)).learn(2 * UPDATE)


# Parameters


def test_parameters_make_another_trainer_go_on_alike() -> None:
    """Weights, moments and learning rate: from the same experience, the same next update."""
    one, other = trained(), PPO(CountingEnv(), CONFIG).learn(UPDATE)
    other.set_parameters(one.get_parameters())
    assert same(one, other)
    assert other.learner.learning_rate == one.learner.learning_rate
    for ppo in (one, other):
        ppo.set_env(CountingEnv())
        ppo._generator.manual_seed(5)
        ppo.learn(UPDATE)
    assert same(one, other)


def test_get_parameters_are_copies() -> None:
    ppo = trained()
    parameters = ppo.get_parameters()
    before = copy.deepcopy(parameters)
    ppo.learn(UPDATE)
    for name, weight in before["policy"].items():
        assert torch.equal(parameters["policy"][name], weight)
    moments, expected = parameters["learner"]["optimizer"][0], before["learner"]["optimizer"][0]
    assert torch.equal(moments["exp_avg"], expected["exp_avg"])
    assert not same(ppo, trained())


def test_parameters_of_a_checkpoint(tmp_path: Path) -> None:
    one, other = trained(), PPO(CountingEnv(), CONFIG)
    one.save(tmp_path / "one.pt")
    other.set_parameters(tmp_path / "one.pt")
    assert same(one, other)
    assert other.num_timesteps == 0


def test_only_some_of_them() -> None:
    one, other = trained(), PPO(CountingEnv(), CONFIG)
    weights = one.get_parameters()["policy"]
    with pytest.raises(ValueError, match="These parameters: 'learner' is missing; exact_match=False"):
        other.set_parameters({"policy": weights})
    actor = {name: value for name, value in weights.items() if name.startswith("actor")}
    with pytest.raises(ValueError, match=r"weight 'critic\.0\.bias' is missing"):
        other.set_parameters({"policy": actor, "learner": one.get_parameters()["learner"]})
    untrained = other.get_parameters()["policy"]
    other.set_parameters({"policy": actor}, exact_match=False)
    now = other.policy.state_dict()
    assert torch.equal(now["actor.0.weight"], weights["actor.0.weight"])
    assert torch.equal(now["critic.0.weight"], untrained["critic.0.weight"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"actor_hidden": (16,)}, r"weight 'actor\.0\.\w+' has shape \(16.*this policy's has \(8"),
        ({"actor_hidden": (8, 8)}, r"weight 'actor\.4\.bias' is unknown"),
    ],
)
def test_other_networks_are_refused_and_nothing_changes(changes: dict, message: str) -> None:
    ppo, twin = trained(), trained()
    other = PPO(CountingEnv(), replace(CONFIG, **changes)).learn(UPDATE)
    with pytest.raises(ValueError, match=message):
        ppo.set_parameters(other.get_parameters())
    assert same(ppo, twin)


def test_other_moments_are_refused_and_nothing_changes() -> None:
    ppo, twin = trained(), trained()
    other = PPO(CountingEnv(), replace(CONFIG, actor_hidden=(16,))).learn(UPDATE).get_parameters()
    untrained = PPO(CountingEnv(), CONFIG).get_parameters()
    with pytest.raises(ValueError, match=r"Adam's moment of weight \d+ has shape \(16"):
        ppo.set_parameters({"policy": untrained["policy"], "learner": other["learner"]})
    assert same(ppo, twin)


# Environments


def test_set_env() -> None:
    ppo = PPO(CountingEnv(), CONFIG)
    first = ppo.get_env()
    assert isinstance(first, CountingEnv)
    ppo.learn(UPDATE)
    wider = CountingEnv(lengths=(3, 4, 5))
    ppo.set_env(wider)
    assert ppo.get_env() is wider
    ppo.learn(30, reset_num_timesteps=False)
    assert (ppo.num_updates, ppo.num_timesteps) == (2, UPDATE + 30)


def test_an_environment_for_a_policy_loaded_alone(tmp_path: Path) -> None:
    trained().save(tmp_path / "a.pt")
    ppo = PPO.load(tmp_path / "a.pt")
    assert ppo.get_env() is None
    with pytest.raises(ValueError, match=r"without an environment.*set_env"):
        ppo.learn(UPDATE)
    ppo.set_env(CountingEnv())
    assert ppo.learn(UPDATE).num_updates == 1


def test_set_env_refuses_another_robot() -> None:
    ppo = PPO(CountingEnv(), CONFIG)
    env, before = CountingEnv(), ppo.get_env()
    env.signature = {"robot": "abacus"}
    with pytest.raises(ValueError, match="its robot is counter, the environment's is abacus"):
        ppo.set_env(env)
    assert ppo.get_env() is before


def test_every_training_starts_new_episodes() -> None:
    """Unless it is to go on: then the running ones do."""
    lengths = []
    for reset in (True, False):
        ppo = PPO(CountingEnv(lengths=(7, 7)), replace(CONFIG, num_steps=4)).learn(8)
        ppo.learn(8, reset_num_timesteps=reset)
        lengths.append(ppo.metrics.get("episode/length"))
    assert lengths == [None, 7.0]
