"""Policies from the trainer to Stable-Baselines3 and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("mujoco")
pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")

import stable_baselines3
from sb3_contrib import TRPO, RecurrentPPO

from humanoid_envs.assets import asset_path
from humanoid_envs.errors import UserError
from humanoid_envs.tasks import preset
from tests.trainers.sb3.robots import make, make_ppo, make_vec, observations
from trainers.ppo import PPO, GRUPolicy
from trainers.sb3 import from_ppo, load_model, to_ppo

SHORT = {"n_steps": 8, "batch_size": 8, "device": "cpu"}
SEEN = {"policy": observations(16), "critic": observations(16, 237, seed=1)}


def values_of(ppo: PPO) -> np.ndarray:
    with torch.no_grad():
        return ppo.policy.value(torch.from_numpy(SEEN["critic"])).numpy()


def assert_equal(model: Any, ppo: PPO, seen: Any = SEEN) -> None:
    """Of actions, values and standard deviations."""
    actions = ppo.predict(seen["policy"])[0]
    assert actions.std() > 1e-3
    np.testing.assert_allclose(model.predict(seen, deterministic=True)[0], actions, atol=1e-6)
    tensors = {name: torch.from_numpy(value) for name, value in seen.items()}
    with torch.no_grad():
        values = model.policy.predict_values(tensors)[:, 0]
        np.testing.assert_allclose(values, ppo.policy.value(tensors["critic"]), atol=1e-6)
        distribution = ppo.policy.distribution(ppo.policy.actor(tensors["policy"]))
        std = model.policy.get_distribution(tensors).distribution.stddev[0]
        np.testing.assert_allclose(std, distribution.std, rtol=1e-6)  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("algorithm", [stable_baselines3.PPO, stable_baselines3.A2C, TRPO])
@pytest.mark.parametrize("networks", [{}, {"symmetry": True}, {"normalize_observations": True}])
def test_acts_and_values_as_the_policy(networks: Any, algorithm: Any) -> None:
    ppo = make_ppo(gamma=0.97, gae_lambda=0.8, **networks)
    options = {} if algorithm is stable_baselines3.A2C else {"batch_size": 8}
    model = from_ppo(ppo, make(dict_obs=True), algorithm, n_steps=8, device="cpu", **options)
    assert_equal(model, ppo)
    assert (model.gamma, model.gae_lambda) == (0.97, 0.8)
    assert model.learning_rate == ppo.learner.learning_rate.item()
    assert not model.policy.optimizer.state


def test_actions_are_clipped_as_there() -> None:
    ppo = make_ppo(symmetry=True)
    with torch.no_grad():
        list(ppo.policy.actor.parameters())[-2].mul_(100.0)
    actions = from_ppo(ppo, make(dict_obs=True), **SHORT).predict(SEEN, deterministic=True)[0]
    np.testing.assert_allclose(actions, ppo.predict(SEEN["policy"])[0], atol=1e-6)
    assert np.abs(actions).max() == 18.0


def test_the_policy_that_is_given_away() -> None:
    path = asset_path("xbot_l/policies/walk.pt")
    ppo = PPO.load(path, device="cpu")
    model = from_ppo(path, make(2, "fast", dict_obs=True), **SHORT)
    env: Any = model.get_env()
    observation = env.reset()
    for _ in range(3):  # what it sees at work
        assert_equal(model, ppo, observation)
        observation = env.step(model.predict(observation, deterministic=True)[0])[0]
    assert_equal(model, ppo)


def test_learns_further_and_comes_back(tmp_path: Path) -> None:
    ppo = make_ppo(symmetry=True)
    ppo.save(tmp_path / "mine.pt")
    model = from_ppo(tmp_path / "mine.pt", make(dict_obs=True), learning_rate=1e-3, **SHORT)
    assert_equal(model, ppo)
    assert_equal(model, to_ppo(model))
    model.learn(64)
    back = to_ppo(model)
    assert not np.array_equal(values_of(back), values_of(ppo))
    assert_equal(model, back)
    assert back.metadata["task"] == ppo.metadata["task"]
    assert back.signature == ppo.signature

    back.save(tmp_path / "back.pt")  # a checkpoint as any other
    again = PPO.load(tmp_path / "back.pt", make())
    again.learn(8, progress_bar=False)
    trained = to_ppo(model, make(), device="cpu").learn(8, progress_bar=False)
    assert trained.num_updates == 1
    np.testing.assert_allclose(values_of(trained), values_of(again), atol=1e-6)


def test_a_model_of_a_file_comes_back_too(tmp_path: Path) -> None:
    ppo = make_ppo()
    from_ppo(ppo, make(dict_obs=True), TRPO, seed=0, **SHORT).learn(32).save(tmp_path / "model.zip")
    model: Any = load_model(tmp_path / "model.zip", trust=True)
    assert isinstance(model, TRPO)
    assert model.get_env() is None
    back = to_ppo(model)
    assert_equal(model, back)
    assert not np.array_equal(values_of(back), values_of(ppo))
    assert not np.array_equal(back.predict(SEEN["policy"])[0], ppo.predict(SEEN["policy"])[0])


def test_makes_an_environment_of_the_policys_task() -> None:
    ppo = make_ppo()
    model: Any = from_ppo(ppo, **SHORT)
    assert model.env.get_attr("config")[0].plain() == ppo.metadata["task"]
    assert model.env.num_envs == 64


def test_networks_that_remember_stay_here() -> None:
    with pytest.raises(UserError, match=r"no place for the networks of GRUPolicy"):
        from_ppo(make_ppo(policy=GRUPolicy(hidden=4), num_minibatches=2), make(dict_obs=True), **SHORT)


def test_standard_deviations_stay_within_the_trainers_bound() -> None:
    model = from_ppo(make_ppo(min_std=0.2), make(dict_obs=True), **SHORT)
    with torch.no_grad():
        model.policy.log_std.fill_(-4.0)
    std = to_ppo(model).policy.std
    assert std is not None
    torch.testing.assert_close(std.detach(), torch.full((12,), 0.2))


def test_what_does_not_fit_is_refused() -> None:
    ppo = make_ppo()
    with pytest.raises(ValueError, match="RecurrentPPO has networks of another kind"):
        from_ppo(ppo, make(dict_obs=True), RecurrentPPO)
    with pytest.raises(ValueError, match="make the environment with dict_obs=True"):
        from_ppo(ppo, make(), **SHORT)
    other = preset("fast").replace({"observations.policy.history": 3})
    with pytest.raises(ValueError, match=r"its observation shape is \(705,\), the environment's is \(141,\)"):
        from_ppo(ppo, make(2, other, dict_obs=True), **SHORT)
    with pytest.raises(ValueError, match=r"its privileged observation shape is \(237,\), .* \(219,\)"):
        from_ppo(ppo, make_vec(2, "v0", dict_obs=True), **SHORT)
    with pytest.raises(FileNotFoundError, match=r"There is no checkpoint nowhere\.pt"):
        from_ppo("nowhere.pt")
    model = stable_baselines3.PPO("MlpPolicy", make_vec(), **SHORT)
    with pytest.raises(TypeError, match="ActorCriticPolicy is no AsymmetricPolicy"):
        to_ppo(model)
