from __future__ import annotations

from typing import List, Tuple

import pytest
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

from humanoid_envs.registration import make_mujoco
from humanoid_envs.tasks import preset as task_preset
from tests.trainers.ppo.counting_env import LENGTHS, CountingEnv, gymnasium_counting_env
from tests.trainers.ppo.test_rollout_buffer import advantages_by_definition
from trainers.ppo.actor_critic import ActorCritic
from trainers.ppo.collector import Collector, truncation_bootstrap
from trainers.ppo.config import PPOConfig
from trainers.ppo.episode_statistics import EpisodeStatistics
from trainers.ppo.rollout_buffer import RolloutBuffer
from trainers.ppo.tensor_env import TensorEnv, TensorStep

CPU = torch.device("cpu")
GAMMA, LAMBDA = 0.9, 0.8
CONFIG = PPOConfig(
    gamma=GAMMA, gae_lambda=LAMBDA, normalize_advantages=False, actor_hidden=(), critic_hidden=()
)


def linear_policy(env: TensorEnv) -> ActorCritic:
    """Its critic says V = 2 · steps."""
    policy = ActorCritic(env.signature.obs_dim, env.signature.critic_dim, env.signature.action_dim, CONFIG)
    weight, bias = policy.critic.parameters()
    weight.data = torch.tensor([[0.2]] if env.signature.critic_shape else [[2.0, 0.0]])
    bias.data.zero_()
    return policy


def rollout_of(vector_env: VectorEnv, num_steps: int) -> RolloutBuffer:
    env = TensorEnv(vector_env, CPU)
    rollout = RolloutBuffer(num_steps, env.num_envs, env.signature, CPU, masked=env.has_reset_steps)
    env.reset(seed=0)
    statistics = EpisodeStatistics(env.num_envs, CPU)
    generator = torch.Generator().manual_seed(0)
    Collector(linear_policy(env), CONFIG, env, rollout, statistics, generator).collect()
    return rollout


def test_stacked_frames_come_back_as_the_environment_showed_them() -> None:
    """A rollout of XBot-L over ends of episodes: the minibatch against the observations that were seen."""
    pytest.importorskip("mujoco.batch")
    config = task_preset("v0").replace({"terminations.episode_length": 0.07})
    env = TensorEnv(make_mujoco(3, config, array="torch", stagger_episodes=True), CPU)
    seen: List[Tuple[Tensor, Tensor]] = []
    step = env.step

    def watched(actions: Tensor) -> TensorStep:
        seen.append((env.obs.clone(), env.critic_obs.clone()))
        return step(actions)

    env.step = watched  # pyright: ignore[reportAttributeAccessIssue]
    policy = ActorCritic(705, 219, 12, CONFIG)
    rollout = RolloutBuffer(20, 3, env.signature, CPU)
    env.reset(seed=0)
    collector = Collector(policy, CONFIG, env, rollout, EpisodeStatistics(3, CPU), torch.Generator())
    for _ in range(2):
        seen.clear()
        collector.collect()
        batch = rollout.minibatch(torch.arange(60))
        assert bool(rollout.dones.any())
        assert torch.equal(batch.obs, torch.cat([obs for obs, _ in seen]))
        assert torch.equal(batch.critic_obs, torch.cat([critic_obs for _, critic_obs in seen]))


def expected_steps(env: int, mode: AutoresetMode, num_steps: int) -> List[int]:
    """Steps in the episode that each observation shows: 0, 1, … and, in NEXT_STEP mode, the final one too."""
    period = LENGTHS[env] + (1 if mode is AutoresetMode.NEXT_STEP else 0)
    return [t % period for t in range(num_steps + 1)]


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("make", [CountingEnv, gymnasium_counting_env])
def test_truncation_is_valued_at_the_true_final_observation(make, mode: AutoresetMode) -> None:
    num_steps = 12
    rollout = rollout_of(make(mode), num_steps)
    for n, length in enumerate(LENGTHS):
        steps = expected_steps(n, mode, num_steps)
        values = [2.0 * s for s in steps]
        ends = [s == length - 1 for s in steps[:-1]]
        resets = [s == length for s in steps[:-1]]
        rewards = [0.0 if reset else s + 1.0 for s, reset in zip(steps, resets)]
        # Only the first sub-environment is cut off; the other terminates.
        bootstraps = [GAMMA * 2.0 * length if end and n == 0 else 0.0 for end in ends]

        assert rollout.obs.frames[:, n, 0].tolist() == steps[:-1]
        assert rollout.values[:, n].tolist() == pytest.approx(values[:-1])
        assert rollout.rewards[:, n].tolist() == rewards
        assert rollout.dones[:, n].tolist() == ends
        assert rollout.bootstraps[:, n].tolist() == pytest.approx(bootstraps)
        if rollout.valid is not None:
            assert rollout.valid[:, n].tolist() == [not reset for reset in resets]
        expected = advantages_by_definition(
            torch.tensor(rewards)[:, None] + torch.tensor(bootstraps)[:, None],
            torch.tensor(values[:-1])[:, None],
            torch.tensor(ends)[:, None],
            torch.tensor(values[-1:]),
            GAMMA,
            LAMBDA,
        )
        torch.testing.assert_close(rollout.advantages[:, n], expected[:, 0])


def test_every_mode_learns_from_the_same_episodes() -> None:
    """The first episode's advantages do not depend on how the environment resets afterwards."""
    first = [rollout_of(CountingEnv(mode), 8).advantages[: LENGTHS[0], 0] for mode in AutoresetMode]
    torch.testing.assert_close(first[1], first[0])
    torch.testing.assert_close(first[2], first[0])


def test_an_episode_that_ends_and_is_cut_off_at_once_has_ended() -> None:
    yes, no = True, False
    step = TensorStep(
        reward=torch.zeros(4),
        terminated=torch.tensor([yes, no, yes, no]),
        truncated=torch.tensor([yes, yes, no, no]),
        final_critic_obs=torch.full((4, 1), 10.0),
        valid=None,
        final_info={},
    )
    policy = linear_policy(TensorEnv(CountingEnv(), CPU))
    torch.testing.assert_close(
        truncation_bootstrap(policy.value, step, GAMMA), torch.tensor([0.0, 1.8, 0.0, 0.0])
    )


def test_what_is_stored_is_what_the_policy_did() -> None:
    env = TensorEnv(CountingEnv(), CPU)
    rollout = rollout_of(CountingEnv(), 6)
    distribution = linear_policy(env).distribution(rollout.actor_outputs)
    torch.testing.assert_close(distribution.log_prob(rollout.actions), rollout.log_probs)
    assert rollout.actions.abs().max() > 1.0, "stored before they are clipped to the space's bounds"
