"""One rollout and three updates recorded from the release's own PPO."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict

import numpy as np
import pytest
import torch
from torch import Tensor

from trainers.ppo.actor_critic import ActorCritic
from trainers.ppo.config import PPOConfig
from trainers.ppo.learner import Learner
from trainers.ppo.rollout_buffer import RolloutBuffer
from trainers.ppo.signature import EnvSignature

DIRECTORY = Path(os.environ.get("GOLDEN_DIR", Path(__file__).parents[2] / "golden"))
NUM_STEPS, NUM_ENVS = 8, 6


@pytest.fixture(scope="module")
def golden() -> Dict[str, Tensor]:
    with np.load(DIRECTORY / "ppo_golden.npz") as data:
        return {
            name: torch.from_numpy(np.asarray(data[name])) for name in data.files if name != "hp/schedule"
        }


def make_config(golden: Dict[str, Tensor], update: str) -> PPOConfig:
    return PPOConfig(
        num_steps=NUM_STEPS,
        num_epochs=int(golden[f"{update}/hp/num_learning_epochs"]),
        num_minibatches=int(golden[f"{update}/hp/num_mini_batches"]),
        learning_rate=float(golden[f"{update}/hp/learning_rate"]),
        gamma=float(golden["hp/gamma"]),
        gae_lambda=float(golden["hp/lam"]),
        clip_range=float(golden["hp/clip_param"]),
        value_coef=float(golden["hp/value_loss_coef"]),
        entropy_coef=float(golden["hp/entropy_coef"]),
        max_grad_norm=float(golden["hp/max_grad_norm"]),
        clip_value_loss=bool(golden["hp/use_clipped_value_loss"]),
        desired_kl=float(golden["hp/desired_kl"]),
        actor_hidden=(10, 8, 6),
        critic_hidden=(12, 8, 6),
        device="cpu",
    )


def weights(golden: Dict[str, Tensor], prefix: str) -> Dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in golden.items() if name.startswith(prefix)}


def make_policy(golden: Dict[str, Tensor], update: str = "A") -> ActorCritic:
    policy = ActorCritic(705, 219, 12, make_config(golden, update))
    policy.load_state_dict(weights(golden, "init/"))
    return policy


def make_rollout(golden: Dict[str, Tensor]) -> RolloutBuffer:
    """The recorded rollout. Its rewards include the release's bootstrap of time-outs."""
    signature = EnvSignature(
        obs_shape=(705,),
        critic_shape=(219,),
        action_shape=(12,),
        num_actions=None,
        action_start=0,
        action_low=(-18.0,) * 12,
        action_high=(18.0,) * 12,
    )
    rollout = RolloutBuffer(NUM_STEPS, NUM_ENVS, signature, torch.device("cpu"))
    rollout.obs.frames.copy_(golden["obs"][:-1])
    rollout.critic_obs.frames.copy_(golden["critic_obs"][:-1])
    rollout.actor_outputs.copy_(golden["rollout/mu"])
    rollout.actions.copy_(golden["rollout/actions"])
    rollout.dones.copy_(golden["dones"])
    for field, name in (
        (rollout.log_probs, "actions_log_prob"),
        (rollout.values, "values"),
        (rollout.rewards, "rewards"),
    ):
        field.copy_(golden[f"rollout/{name}"][..., 0])
    rollout.finish(golden["rollout/last_values"][:, 0], gamma=0.994, gae_lambda=0.9, normalize=True)
    return rollout


def test_networks_give_the_recorded_means_values_and_log_probabilities(golden: Dict[str, Tensor]) -> None:
    policy = make_policy(golden)
    with torch.no_grad():
        means = policy.actor(golden["obs"][:-1])
        values = policy.value(golden["critic_obs"])
        distribution = policy.distribution(means)
        log_probs = distribution.log_prob(golden["rollout/actions"])
    torch.testing.assert_close(means, golden["rollout/mu"], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(values[:-1], golden["rollout/values"][..., 0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(values[-1], golden["rollout/last_values"][:, 0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(log_probs, golden["rollout/actions_log_prob"][..., 0], rtol=1e-5, atol=1e-6)
    assert policy.std is not None
    torch.testing.assert_close(policy.std.expand(8, 6, 12), golden["rollout/sigma"], rtol=0.0, atol=0.0)


def test_returns_and_advantages(golden: Dict[str, Tensor]) -> None:
    rollout = make_rollout(golden)
    torch.testing.assert_close(rollout.returns, golden["rollout/returns"][..., 0], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(rollout.advantages, golden["rollout/advantages"][..., 0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("update", "weight_tolerance"), [("A", 1e-6), ("B", 3e-4), ("C", 3e-6)])
def test_update(golden: Dict[str, Tensor], update: str, weight_tolerance: float) -> None:
    policy = make_policy(golden, update)
    learner = Learner(policy, make_config(golden, update), torch.device("cpu"))
    record = learner.update(make_rollout(golden), golden[f"{update}/randperm"])

    tolerances = {
        # quantity: name in the recording, relative and absolute tolerance (of terms of size 1 that cancel)
        "surrogate_loss": ("surrogate_loss", 2e-5, 1e-6),
        "loss": ("loss", 2e-5, 1e-6),
        "value_loss": ("value_loss", 2e-5, 0.0),
        "entropy": ("entropy", 2e-5, 0.0),
        "grad_norm": ("grad_norm", 2e-5, 0.0),
        "kl": ("kl_mean", 5e-5, 0.0),
        "learning_rate": ("lr", 1e-15, 0.0),
    }
    for ours, (theirs, rtol, atol) in tolerances.items():
        np.testing.assert_allclose(
            record[ours].numpy(), golden[f"{update}/{theirs}"].numpy(), rtol=rtol, atol=atol, err_msg=ours
        )
    assert learner.learning_rate.item() == golden[f"{update}/final_lr"].item()
    for name in ("value_loss", "surrogate_loss"):
        expected = golden[f"{update}/mean_{name}"].item()
        assert record[name].double().mean().item() == pytest.approx(expected, rel=2e-5, abs=1e-6)
    assert_weights(policy, weights(golden, f"{update}/final/"), weight_tolerance)


def assert_weights(policy: ActorCritic, expected: Dict[str, Tensor], tolerance: float) -> None:
    assert policy.state_dict().keys() == expected.keys()
    for name, weight in policy.state_dict().items():
        np.testing.assert_allclose(
            weight.numpy(), expected[name].numpy(), rtol=0.0, atol=tolerance, err_msg=name
        )


def test_first_minibatch_alone(golden: Dict[str, Tensor]) -> None:
    policy = make_policy(golden)
    config = PPOConfig(**{**vars(make_config(golden, "A")), "num_epochs": 1, "num_minibatches": 1})
    size = NUM_STEPS * NUM_ENVS // 4
    Learner(policy, config, torch.device("cpu")).update(make_rollout(golden), golden["A/randperm"][:size])
    assert_weights(policy, weights(golden, "A/after1/"), 1e-6)
