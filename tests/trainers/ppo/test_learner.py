from __future__ import annotations

import copy
from dataclasses import replace
from typing import Dict

import pytest
import torch
from torch import Tensor

from tests.trainers.ppo.counting_env import CountingEnv
from trainers.ppo.actor_critic import ActorCritic
from trainers.ppo.config import PPOConfig
from trainers.ppo.learner import Learner
from trainers.ppo.policy import Policy
from trainers.ppo.rollout_buffer import RolloutBuffer
from trainers.ppo.signature import EnvSignature

CPU = torch.device("cpu")
CONFIG = PPOConfig(num_epochs=2, num_minibatches=2, learning_rate=1e-3, actor_hidden=(8,), critic_hidden=(8,))


def make_policy(config: PPOConfig) -> ActorCritic:
    torch.manual_seed(0)
    return ActorCritic(2, 1, 3, config)


def make_rollout(policy: Policy) -> RolloutBuffer:
    """Random experience of the policy."""
    rollout = RolloutBuffer(6, 4, EnvSignature.of(CountingEnv()), CPU)
    generator = torch.Generator().manual_seed(1)
    rollout.obs.frames.normal_(generator=generator)
    rollout.critic_obs.frames.normal_(generator=generator)
    rollout.rewards.normal_(generator=generator)
    with torch.no_grad():
        rollout.actor_outputs.copy_(policy.actor(rollout.obs.frames))
        rollout.actions.normal_(generator=generator).add_(rollout.actor_outputs)
        rollout.log_probs.copy_(policy.distribution(rollout.actor_outputs).log_prob(rollout.actions))
        rollout.values.copy_(policy.value(rollout.critic_obs.frames))
    rollout.finish(torch.zeros(4), 0.9, 0.9, normalize=True)
    return rollout


def update(config: PPOConfig, learner: Learner) -> Dict[str, Tensor]:
    return learner.update(make_rollout(learner.policy), torch.arange(24))


@pytest.mark.parametrize("updates_before", [0, 1])
def test_rewinding_undoes_updates(updates_before: int) -> None:
    """In place, so that a graph which works on these tensors can go on."""
    learner, twin = (Learner(make_policy(CONFIG), CONFIG, CPU) for _ in range(2))
    for each in (learner, twin):
        for _ in range(updates_before):
            update(CONFIG, each)
    weights, state = copy.deepcopy((learner.policy.state_dict(), learner.state_dict()))
    update(CONFIG, learner)
    moments = [moment for each in learner.optimizer.state.values() for moment in each.values()]
    learner.policy.load_state_dict(weights)
    learner.rewind(state)
    after = [moment for each in learner.optimizer.state.values() for moment in each.values()]
    assert all(one is other for one, other in zip(moments, after))
    losses, expected = update(CONFIG, learner), update(CONFIG, twin)
    for name, values in expected.items():
        assert torch.equal(losses[name], values), name
    for mine, other in zip(learner.policy.parameters(), twin.policy.parameters()):
        assert torch.equal(mine, other)


def test_fixed_learning_rate() -> None:
    config = replace(CONFIG, desired_kl=None, learning_rate=3e-3)
    record = update(config, Learner(make_policy(config), config, CPU))
    assert record["learning_rate"].tolist() == [3e-3] * 4


def test_learning_rate_falls_to_its_lower_bound_when_the_policy_runs_away() -> None:
    config = replace(CONFIG, desired_kl=1e-9, min_learning_rate=5e-4)
    record = update(config, Learner(make_policy(config), config, CPU))
    assert record["learning_rate"].tolist() == pytest.approx([1e-3 / 1.5, 5e-4, 5e-4, 5e-4])


def test_learning_rate_rises_to_its_upper_bound_while_the_policy_stays() -> None:
    config = replace(CONFIG, desired_kl=1e3, max_learning_rate=2e-3)
    record = update(config, Learner(make_policy(config), config, CPU))
    assert record["learning_rate"].tolist() == pytest.approx([1.5e-3, 2e-3, 2e-3, 2e-3])


def test_decay_of_entropy_bonus_and_learning_rate_bound() -> None:
    config = replace(
        CONFIG,
        desired_kl=None,
        learning_rate=1e-2,
        max_learning_rate=1e-2,
        final_max_learning_rate=2e-3,
        entropy_coef=0.1,
        final_entropy_coef=0.02,
        decay_updates=(10, 14),
    )
    halfway = (1e-2 * 2e-3) ** 0.5  # the geometric mean
    for number, rate, coefficient in ((0, 1e-2, 0.1), (10, 1e-2, 0.1), (12, halfway, 0.06), (99, 2e-3, 0.02)):
        learner = Learner(make_policy(config), config, CPU)
        learner.schedule(number)
        record = update(config, learner)
        assert record["learning_rate"][-1].item() == pytest.approx(rate)
        bonus = record["surrogate_loss"] + record["value_loss"] - record["loss"]
        torch.testing.assert_close(bonus, coefficient * record["entropy"], rtol=1e-4, atol=1e-6)


def test_std_stays_positive_when_a_step_would_take_it_past_zero() -> None:
    config = replace(CONFIG, num_epochs=1, num_minibatches=1, learning_rate=1e-2, desired_kl=None)
    config = replace(config, init_std=0.008, min_std=0.005)
    policy = make_policy(config)
    rollout = make_rollout(policy)
    # Good at the mean, bad away from it: the gradient asks for a smaller std, and Adam steps by 0.01.
    rollout.actions[::2] = rollout.actor_outputs[::2]
    rollout.actions[1::2] = rollout.actor_outputs[1::2] + 0.02
    rollout.log_probs.copy_(policy.distribution(rollout.actor_outputs).log_prob(rollout.actions).detach())
    rollout.advantages[::2], rollout.advantages[1::2] = 1.0, -1.0
    Learner(policy, config, CPU).update(rollout, torch.arange(24))
    assert policy.std is not None
    assert policy.std.tolist() == pytest.approx([0.005] * 3)


def test_the_bound_on_the_std_comes_down_with_the_decay() -> None:
    config = replace(CONFIG, init_std=1.0, final_max_std=0.01, decay_updates=(10, 14))
    for number, bound in ((10, 1.1), (12, 0.1), (99, 0.01)):  # halfway: the geometric mean
        learner = Learner(make_policy(config), config, CPU)
        learner.schedule(number)
        update(config, learner)
        assert learner.policy.std is not None
        assert bool((0.8 * bound < learner.policy.std).all())
        assert bool((learner.policy.std <= bound).all())


def test_steps_that_do_not_count_have_no_influence() -> None:
    policies = []
    for garbage in (0.0, 50.0):
        policy = make_policy(CONFIG)
        rollout = make_rollout(policy)
        rollout.valid = torch.ones(6, 4, dtype=torch.bool)
        rollout.valid[1:3, 2] = False
        for field in (rollout.actions, rollout.returns, rollout.advantages, rollout.obs.frames):
            field[1:3, 2] += garbage
        Learner(policy, CONFIG, CPU).update(rollout, torch.arange(24))
        policies.append(policy)
    for one, other in zip(policies[0].parameters(), policies[1].parameters()):
        assert torch.equal(one, other)


def test_a_mask_that_counts_everything_changes_nothing() -> None:
    policies = []
    for masked in (False, True):
        policy = make_policy(CONFIG)
        rollout = make_rollout(policy)
        if masked:
            rollout.valid = torch.ones(6, 4, dtype=torch.bool)
        Learner(policy, CONFIG, CPU).update(rollout, torch.arange(24))
        policies.append(policy)
    for one, other in zip(policies[0].parameters(), policies[1].parameters()):
        torch.testing.assert_close(one, other, rtol=0.0, atol=1e-6)


def test_samples_that_do_not_fill_a_minibatch_are_dropped() -> None:
    policies = []
    for permutation in (torch.arange(24), torch.arange(20)):
        policy = make_policy(CONFIG)
        config = replace(CONFIG, num_minibatches=5)
        rollout = make_rollout(policy)
        record = Learner(policy, config, CPU).update(rollout, permutation)
        assert record["loss"].shape == (10,)
        policies.append(policy)
    for one, other in zip(policies[0].parameters(), policies[1].parameters()):
        assert torch.equal(one, other)
