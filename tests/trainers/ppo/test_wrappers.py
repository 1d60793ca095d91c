"""Behind any wrapper PPO learns from the observations on which it acted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, List

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.wrappers import vector as wrappers
from torch import Tensor

pytest.importorskip("mujoco.batch")

from humanoid_envs.errors import UserError
from humanoid_envs.registration import make_mujoco
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.export import contract_of
from trainers.ppo import PPO, PPOConfig
from trainers.ppo.wrappers import action_wrapper, observation_wrapper

CONFIG = PPOConfig(
    num_steps=12, num_minibatches=2, actor_hidden=(8,), critic_hidden=(8,), device="cpu", init_std=0.1
)


class Changed(VectorWrapper):
    """Shows other observations: what users write, for any autoreset mode."""

    def __init__(self, env: VectorEnv, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__(env)
        self.change = change

    def reset(self, **options: Any) -> Any:
        observation, info = self.env.reset(**options)
        return self.change(observation), info

    def step(self, actions: Any) -> Any:
        observation, *rest = self.env.step(actions)
        return (self.change(observation), *rest)


class Flat(VectorWrapper):
    """Actor's and critic's observation in one row, the critic's first as Gymnasium sorts them."""

    def __init__(self, env: VectorEnv) -> None:
        super().__init__(env)
        size = 705 + 237
        self.single_observation_space = spaces.Box(-np.inf, np.inf, (size,), np.float32)

    def reset(self, **options: Any) -> Any:
        observation, info = self.env.reset(**options)
        return torch.cat([observation["critic"], observation["policy"]], dim=1), info

    def step(self, actions: Any) -> Any:
        observation, *rest = self.env.step(actions)
        return (torch.cat([observation["critic"], observation["policy"]], dim=1), *rest)


def make(**options: Any) -> HumanoidVectorEnv:
    return make_mujoco(4, "fast", num_threads=1, array=options.pop("array", "torch"), **options)


def noisy(env: VectorEnv) -> VectorEnv:
    generator = torch.Generator().manual_seed(0)
    return Changed(env, lambda seen: seen + torch.randn(seen.shape, generator=generator))


def fading(env: VectorEnv) -> VectorEnv:
    """With a scale that changes with every step, as running statistics do."""
    scales = iter(np.linspace(1.0, 3.0, 1000))
    return Changed(env, lambda seen: seen * float(next(scales)))


def gymnasium_noise() -> VectorEnv:
    generator = np.random.default_rng(0)
    return wrappers.TransformObservation(
        make(array="numpy", autoreset_mode="DISABLED"),
        lambda seen: seen + generator.normal(size=seen.shape).astype(np.float32),
    )


ENVIRONMENTS = {
    "bare": make,
    "noise": lambda: noisy(make()),
    "scale": lambda: fading(make()),
    "noise inside": lambda: wrappers.TransformReward(noisy(make()), lambda reward: reward),
    "Gymnasium's noise": gymnasium_noise,
    "Gymnasium's normalization": lambda: wrappers.NormalizeObservation(
        make(array="numpy", autoreset_mode="NEXT_STEP")
    ),
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_first_ratios_are_one(name: str) -> None:
    ppo = PPO(ENVIRONMENTS[name](), CONFIG)
    ratios: List[Tensor] = []
    losses = ppo.learner._losses

    def watched(batch: Any, *rest: Any) -> Any:
        distribution = ppo.policy.distribution(ppo.policy.actor(batch.obs))
        ratios.append((distribution.log_prob(batch.actions) - batch.log_probs).exp().detach())
        torch.testing.assert_close(ppo.policy.value(batch.critic_obs), batch.values)
        return losses(batch, *rest)

    def only_first(batch: Any, *rest: Any) -> Any:
        ppo.learner._losses = losses
        return watched(batch, *rest)

    ppo.learner._losses = only_first  # pyright: ignore[reportAttributeAccessIssue]
    ppo.learn(4 * 12, progress_bar=False)
    assert ratios[0].shape == (24,)
    torch.testing.assert_close(ratios[0], torch.ones(24), rtol=0.0, atol=3e-5)


def test_frames_are_stored_once_only_where_that_is_the_same() -> None:
    frames = {name: PPO(ENVIRONMENTS[name](), CONFIG)._rollout.obs.history for name in ("bare", "noise")}
    assert frames == {"bare": 15, "noise": 1}
    assert (
        PPO(wrappers.TransformReward(make(), lambda reward: 2.0 * reward), CONFIG)._rollout.obs.history == 15
    )


class Louder(wrappers.TransformReward):
    """A user's wrapper that changes rewards alone, by what it has from Gymnasium."""


def test_what_wrappers_may_change() -> None:
    env = make()
    rewards = Louder(wrappers.RecordEpisodeStatistics(env), lambda reward: 2.0 * reward)
    clipped = wrappers.ClipAction(make(array="numpy"))
    assert (observation_wrapper(env), action_wrapper(env)) == (None, None)
    assert (observation_wrapper(rewards), action_wrapper(rewards)) == (None, None)
    assert (observation_wrapper(clipped), action_wrapper(clipped)) == (None, "ClipAction")
    assert (observation_wrapper(noisy(env)), action_wrapper(noisy(env))) == ("Changed", "Changed")
    assert observation_wrapper(wrappers.RecordEpisodeStatistics(noisy(env))) == "Changed"


@pytest.mark.parametrize("wrap", [noisy, Flat])
def test_symmetry_behind_a_wrapper_is_refused(wrap: Callable[[VectorEnv], VectorEnv]) -> None:
    with pytest.raises(UserError, match=rf"the wrapper {'Flat' if wrap is Flat else 'Changed'} may change"):
        PPO(wrap(make(dict_obs=wrap is Flat)), replace(CONFIG, symmetry=True))


def test_symmetry_is_refused_where_a_policy_goes_on(tmp_path: Path) -> None:
    PPO(make(), replace(CONFIG, symmetry=True)).save(tmp_path / "walk.pt")
    PPO.load(tmp_path / "walk.pt", wrappers.TransformReward(make(), lambda reward: reward))
    with pytest.raises(UserError, match="the wrapper Changed may change"):
        PPO.load(tmp_path / "walk.pt", noisy(make()))
    ppo = PPO.load(tmp_path / "walk.pt", make())
    with pytest.raises(UserError, match="the wrapper Changed may change"):
        ppo.set_env(noisy(make()))
    ppo.learn(48, progress_bar=False)  # in the environment that it had


def test_a_policy_behind_such_a_wrapper_has_not_the_environments_contract(tmp_path: Path) -> None:
    ppo = PPO(noisy(make()), CONFIG)
    with pytest.raises(UserError, match="contract is not known: the wrapper Changed"):
        contract_of(ppo)
    ppo.metadata["task"] = {}
    ppo.save(tmp_path / "walk.pt")
    with pytest.raises(UserError, match="contract is not known: the wrapper Changed"):
        contract_of(PPO.load(tmp_path / "walk.pt"))
    with pytest.raises(UserError, match="the wrapper ClipAction"):
        contract_of(PPO(wrappers.ClipAction(make(array="numpy")), CONFIG))
    assert contract_of(PPO(make(), CONFIG)) == make().contract
