from __future__ import annotations

import pytest
import torch
from gymnasium.vector import AutoresetMode

from tests.trainers.ppo.counting_env import LENGTHS, CountingEnv, gymnasium_counting_env
from trainers.ppo.episode_statistics import EpisodeStatistics
from trainers.ppo.tensor_env import TensorEnv, TensorStep

CPU = torch.device("cpu")


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_means_over_the_episodes_that_ended(mode: AutoresetMode) -> None:
    """Lengths are counted here; the counting environment reports its own returns and reward terms."""
    num_steps = 12
    env = TensorEnv(CountingEnv(mode), CPU)
    env.reset(seed=0)
    statistics = EpisodeStatistics(env.num_envs, CPU)
    for _ in range(num_steps):
        statistics.add(env.step(torch.zeros(2, 3)))
    reset_steps = 1 if mode is AutoresetMode.NEXT_STEP else 0
    episodes = [
        length for length in LENGTHS for _ in range((num_steps + reset_steps) // (length + reset_steps))
    ]
    mean_length = sum(episodes) / len(episodes)
    assert statistics.take() == pytest.approx(
        {
            "episode/count": len(episodes),
            "episode/length": mean_length,
            "episode/return": 100.0 * mean_length,
            "reward/alive": 7.0 * mean_length,
            "episode/fall_rate": episodes.count(LENGTHS[1]) / len(episodes),
        }
    )
    assert statistics.take() == {}


def test_returns_are_summed_where_the_environment_reports_none() -> None:
    env = TensorEnv(gymnasium_counting_env(AutoresetMode.NEXT_STEP), CPU)
    env.reset(seed=0)
    statistics = EpisodeStatistics(env.num_envs, CPU)
    for _ in range(
        9
    ):  # two whole episodes of the first, of which each takes a step to reset; one of the other
        statistics.add(env.step(torch.zeros(2, 3)))
    returns, lengths = [1 + 2 + 3, 1 + 2 + 3, 1 + 2 + 3 + 4, 1 + 2 + 3 + 4], [3, 3, 4, 4]
    assert statistics.take() == pytest.approx(
        {"episode/count": 4, "episode/return": sum(returns) / 4, "episode/length": sum(lengths) / 4}
    )


def test_trouble_is_counted_in_every_step() -> None:
    statistics = EpisodeStatistics(3, CPU)
    no, yes = torch.zeros(3, dtype=torch.bool), torch.tensor([False, True, True])
    zero = torch.zeros(3)
    terms = {"reward_terms": {"alive": torch.ones(3)}}
    for done, info, diverged in (
        (no, {}, yes),
        (no, {}, no),
        (yes, terms, yes),
        (no, {}, no),
        (yes, terms, no),
    ):
        simulator = {"diverged": diverged, "contacts_dropped": no}
        statistics.add(TensorStep(zero, done, no, None, None, info, simulator))
    taken = statistics.take()
    assert (taken["simulator/diverged"], taken["simulator/contacts_dropped"]) == (4.0, 0.0)
    assert (taken["episode/count"], taken["reward/alive"]) == (4.0, 1.0)
    statistics.add(TensorStep(zero, no, no, None, None, {}, {"diverged": yes, "contacts_dropped": yes}))
    assert statistics.take() == {"simulator/diverged": 2.0, "simulator/contacts_dropped": 2.0}
