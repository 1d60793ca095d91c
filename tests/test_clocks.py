"""Clocks and streams of an environment: durations, staggered episodes, random numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from humanoid_envs import HumanoidVectorEnv, VelocityConfig
from humanoid_envs.errors import UserError
from humanoid_envs.simulators.simulator import PhysicsConfig
from humanoid_envs.tasks import preset
from tests.test_vector_env import actions, make, short_episodes

pytest.importorskip("mujoco")

_FRAME = 47


# Durations


def test_steps_last_at_least_as_long() -> None:
    config = VelocityConfig()
    assert [config.steps(seconds) for seconds in (0.0, 0.004, 0.01, 0.011, 0.025, 0.0299)] == [
        0,
        1,
        1,
        2,
        3,
        3,
    ]


@pytest.mark.parametrize("physics", [PhysicsConfig(), preset("fast").physics, PhysicsConfig(0.002, 7)])
def test_multiples_of_the_period_are_exact(physics: PhysicsConfig) -> None:
    config = VelocityConfig(physics=physics)
    for k in range(5000):
        assert config.steps(k * config.policy_period) == k
        assert config.steps(round(k * config.policy_period, 6)) == k


@pytest.mark.parametrize("seconds", [-0.01, math.nan, math.inf])
def test_no_steps_last_no_duration(seconds: float) -> None:
    with pytest.raises(UserError, match="finite and not negative"):
        VelocityConfig().steps(seconds)


# Staggered episodes


def staggered(num_envs: int = 16, seconds: float = 0.5, **kwargs: Any) -> HumanoidVectorEnv:
    return make(num_envs, config=short_episodes(seconds), stagger_episodes=True, **kwargs)


def test_staggered_episodes_end_at_different_times_and_say_how_long_they_were() -> None:
    env = staggered(24, seconds=0.3)
    env.reset(seed=0)
    played, first_lengths = torch.zeros(24, dtype=torch.int64), {}
    for seed in range(65):
        *_, terminated, truncated, info = env.step(actions(24, seed, scale=0.05))
        done = torch.as_tensor(terminated) | torch.as_tensor(truncated)
        played += 1
        if done.any():
            assert torch.equal(info["final_info"]["episode_length"][done], played[done])
        for index in done.nonzero().flatten().tolist():
            if index in first_lengths and truncated[index]:
                assert played[index] == 31  # later episodes last the whole time
            first_lengths.setdefault(index, int(played[index]))
        played[done] = 0
    assert len(first_lengths) == 24
    assert len(set(first_lengths.values())) > 12
    env.close()


@pytest.mark.parametrize("mode", ["SAME_STEP", "NEXT_STEP", "DISABLED"])
def test_the_gait_clock_begins_with_each_episode(mode: str) -> None:
    env = staggered(autoreset_mode=mode)
    observation, info = env.reset(seed=0)
    age = torch.zeros(16)
    ending = torch.zeros(16, dtype=torch.bool)
    for seed in range(20):
        angle = 2.0 * math.pi * age * 0.01 / 0.64
        expected = torch.stack([angle.sin(), angle.cos()], dim=1)
        for seen, size in ((observation, _FRAME), (info["privileged"], 73)):
            torch.testing.assert_close(seen[:, -size : -size + 2], expected, atol=1e-5, rtol=0.0)
        observation, _, terminated, truncated, info = env.step(actions(16, seed, scale=0.05))
        done = torch.as_tensor(terminated) | torch.as_tensor(truncated)
        restarted = done if mode == "SAME_STEP" else ending
        age = torch.where(restarted, torch.zeros_like(age), age + 1.0)
        ending = done
        if mode == "DISABLED" and done.any():
            observation, info = env.reset(options={"reset_mask": done})
            age, ending = age.masked_fill(done, 0.0), torch.zeros_like(done)
    env.close()


def test_states_saved_before_episodes_had_a_first_step_load() -> None:
    env, other = make(2), make(2)
    env.reset(seed=0)
    env.step(actions(2))
    state = env.state_dict()
    del state["memory"]["first_step"]
    other.load_state_dict(state)
    assert torch.equal(other.step(actions(2))[0], env.step(actions(2))[0])
    env.close()
    other.close()


def test_staggered_episodes_continue_bit_for_bit() -> None:
    env, other = staggered(4), staggered(4)
    env.reset(seed=0)
    other.load_state_dict(env.state_dict())
    for seed in range(30):
        one, two = (each.step(actions(4, seed)) for each in (env, other))
        assert torch.equal(one[0], two[0])
        assert torch.equal(torch.as_tensor(one[3]), torch.as_tensor(two[3]))
    env.close()
    other.close()


# Random numbers


def test_np_random_follows_the_seed() -> None:
    env = make(1)
    env.reset(seed=3)
    assert env.np_random_seed == 3
    drawn = env.np_random.random(4)
    np.testing.assert_array_equal(drawn, np.random.Generator(np.random.PCG64(3)).random(4))
    env.reset()
    assert env.np_random_seed == 3
    assert not np.array_equal(env.np_random.random(4), drawn)
    env.reset(seed=3)
    np.testing.assert_array_equal(env.np_random.random(4), drawn)
    env.close()


@pytest.mark.parametrize("seed", [0, 1, 2**32 + 5])
def test_the_environments_stream_is_not_that_of_a_trainer_with_the_same_seed(seed: int) -> None:
    """A trainer that seeds torch with the same number draws its action noise from another stream."""
    noisy = preset("v0").replace({"observations.policy.joint_pos.noise": 1.0})
    env = make(256, config=noisy)
    env.reset(seed=seed)
    own = env._generator.get_state()
    assert not torch.equal(own, torch.Generator().manual_seed(seed).get_state())
    for kind in (torch.rand, torch.randn):
        trainers = torch.Generator().manual_seed(seed)
        theirs = kind(20_000, generator=trainers)
        env.reset(seed=seed)
        ours = kind(20_000, generator=env._generator)
        at_reset = torch.Generator().manual_seed(env._generator.initial_seed())
        for mine in (ours, kind(20_000, generator=at_reset)):
            assert torch.corrcoef(torch.stack([mine, theirs]))[0, 1].abs() < 0.04
    env.close()
