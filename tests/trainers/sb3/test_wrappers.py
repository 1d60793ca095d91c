"""Behind wrappers of Stable-Baselines3 a policy acts as its model does, or is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
import torch

pytest.importorskip("mujoco")
pytest.importorskip("stable_baselines3")

from gymnasium.vector import VectorWrapper
from gymnasium.wrappers import vector as gymnasium_wrappers
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.vec_env import (
    VecCheckNan,
    VecEnv,
    VecEnvWrapper,
    VecExtractDictObs,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
)

from humanoid_envs.errors import UserError
from tests.trainers.sb3.robots import actions, make, make_ppo, make_vec, observations
from trainers.ppo import PPO as OurPPO
from trainers.ppo import PPOConfig
from trainers.sb3 import (
    AsymmetricPolicy,
    EvaluationCallback,
    HumanoidVecEnv,
    as_policy,
    describe,
    from_ppo,
    load_model,
    policy_kwargs,
    save_model,
    to_ppo,
)
from trainers.sb3.wrappers import load_normalization

TINY = PPOConfig(actor_hidden=(8,), critic_hidden=(8,))
ROLLOUT: Dict[str, Any] = {"n_steps": 8, "batch_size": 8, "n_epochs": 1, "device": "cpu", "seed": 0}


def normalized(**options: Any) -> VecNormalize:
    """With statistics of a few steps."""
    env = VecNormalize(VecCheckNan(make_vec(dict_obs=options.pop("dict_obs", True))), **options)
    env.reset()
    for step in range(3):
        env.step(actions(2, step))
    return env


def asymmetric(env: VecEnv) -> PPO:
    return PPO(AsymmetricPolicy, env, policy_kwargs=policy_kwargs(env, TINY), **ROLLOUT)


def as_trained(model: Any, seen: np.ndarray) -> torch.Tensor:
    """What the model does in its own, normalized environment."""
    env = model.get_vec_normalize_env()
    both = {"policy": seen, "critic": np.zeros((len(seen), 237), np.float32)}
    shown = env.normalize_obs(both if isinstance(env.observation_space.spaces, dict) else seen)
    return torch.from_numpy(model.predict(shown, deterministic=True)[0])


def test_a_policy_sees_what_vec_normalize_makes_of_observations() -> None:
    model, seen = asymmetric(normalized()), observations(6)
    policy = as_policy(model)
    expected = as_trained(model, seen)
    torch.testing.assert_close(policy(torch.from_numpy(seen)), expected, rtol=0.0, atol=1e-6)
    raw = model.predict({"policy": seen, "critic": np.zeros((6, 237), np.float32)}, deterministic=True)[0]
    assert np.abs(raw - expected.numpy()).max() > 0.05  # it matters
    model.learn(16)  # so do the statistics of today
    torch.testing.assert_close(policy(torch.from_numpy(seen)), as_trained(model, seen), rtol=0.0, atol=1e-6)


def test_other_algorithms_as_well() -> None:
    env = normalized(dict_obs=False)
    model, seen = SAC("MlpPolicy", env, policy_kwargs={"net_arch": [8]}, buffer_size=50), observations(6)
    expected = model.predict(env.normalize_obs(seen), deterministic=True)[0]
    np.testing.assert_allclose(as_policy(model)(torch.from_numpy(seen)), expected, atol=1e-6)


def test_a_file_carries_the_statistics(tmp_path: Path) -> None:
    model, seen = asymmetric(normalized()).learn(16), observations(6)
    save_model(model, tmp_path / "model.zip")
    again: Any = load_model(tmp_path / "model.zip", device="cpu")
    expected = as_trained(model, seen)
    torch.testing.assert_close(as_policy(again)(torch.from_numpy(seen)), expected, rtol=0.0, atol=1e-6)
    torch.testing.assert_close(
        to_ppo(again).predict(torch.from_numpy(seen))[0], expected, rtol=0.0, atol=1e-5
    )


def test_statistics_of_an_earlier_day_are_refused(tmp_path: Path) -> None:
    env, seen = normalized(), observations(6)
    model = asymmetric(env)
    describe(model)
    model.learn(16)
    model.save(tmp_path / "model.zip")
    env.save(str(tmp_path / "normalize.pkl"))
    again: Any = load_model(tmp_path / "model.zip", trust=True, device="cpu")
    with pytest.raises(
        UserError, match=r"after 16 env-steps carries VecNormalize's statistics of env-step 0"
    ):
        as_policy(again)
    with pytest.raises(UserError, match="statistics of env-step 0"):
        to_ppo(again)
    with pytest.raises(UserError, match=r"normalize\.pkl is a pickle of VecNormalize: it runs code"):
        load_normalization(tmp_path / "normalize.pkl")
    statistics = load_normalization(tmp_path / "normalize.pkl", trust=True)
    policy = as_policy(again, normalization=statistics)
    torch.testing.assert_close(policy(torch.from_numpy(seen)), as_trained(model, seen), rtol=0.0, atol=1e-6)


def test_a_normalized_model_goes_on_in_a_normalized_environment_alone(tmp_path: Path) -> None:
    save_model(asymmetric(normalized()), tmp_path / "model.zip")
    with pytest.raises(UserError, match=r"model\.zip was trained behind VecNormalize.*VecNormalize\.load"):
        load_model(tmp_path / "model.zip", make_vec(dict_obs=True))
    load_model(tmp_path / "model.zip", normalized(), device="cpu").learn(16)


def test_the_trainer_takes_the_normalization_over(tmp_path: Path) -> None:
    env = normalized(epsilon=1e-4)
    model, seen = asymmetric(env), observations(6)
    ppo = to_ppo(model)
    expected = as_trained(model, seen)
    torch.testing.assert_close(ppo.predict(torch.from_numpy(seen))[0], expected, rtol=0.0, atol=1e-5)
    privileged = observations(6, 237, seed=1)
    shown = env.normalize_obs({"policy": seen, "critic": privileged})
    values = model.policy.predict_values(model.policy.obs_to_tensor(shown)[0])  # pyright: ignore[reportArgumentType]
    torch.testing.assert_close(
        ppo.policy.value(torch.from_numpy(privileged)), values[:, 0], rtol=0.0, atol=1e-5
    )
    ppo.save(tmp_path / "walk.pt")
    again = OurPPO.load(tmp_path / "walk.pt")
    torch.testing.assert_close(again.predict(torch.from_numpy(seen))[0], expected, rtol=0.0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "obstacle"),
    [
        ({"norm_obs_keys": ["policy"]}, "does not normalize critic"),
        ({"clip_obs": 5.0}, "bounds observations to ±5, not ±10"),
        ({"epsilon": 1e-12}, "has an epsilon below 1e-08"),
    ],
)
def test_what_the_trainers_normalizer_cannot_do(options: Dict[str, Any], obstacle: str) -> None:
    model, seen = asymmetric(normalized(**options)), observations(6)
    with pytest.raises(UserError, match=f"VecNormalize {obstacle}"):
        to_ppo(model)
    torch.testing.assert_close(
        as_policy(model)(torch.from_numpy(seen)), as_trained(model, seen), rtol=0.0, atol=1e-6
    )


def test_normalized_rewards_do_not_matter() -> None:
    model, seen = asymmetric(normalized(norm_obs=False)), torch.from_numpy(observations(6))
    raw = {"policy": seen.numpy(), "critic": np.zeros((6, 237), np.float32)}
    expected = torch.from_numpy(model.predict(raw, deterministic=True)[0])
    torch.testing.assert_close(as_policy(model)(seen), expected)
    torch.testing.assert_close(to_ppo(model).predict(seen)[0], expected)


class Halved(VecEnvWrapper):
    """A user's own."""

    def reset(self) -> Any:
        observation: Any = self.venv.reset()
        return 0.5 * observation

    def step_wait(self) -> Any:
        observation: Any
        observation, *rest = self.venv.step_wait()
        return (0.5 * observation, *rest)


class Quiet(VectorWrapper):
    """A user's own around the environment itself."""

    def step(self, actions: Any) -> Any:
        observation, *rest = self.env.step(actions)
        return (0.0 * observation, *rest)


WRAPPED = {
    "VecFrameStack": lambda: VecFrameStack(make_vec(), 2),
    "VecExtractDictObs": lambda: VecExtractDictObs(make_vec(dict_obs=True), "policy"),
    "Halved": lambda: VecMonitor(Halved(make_vec())),
    "Quiet": lambda: HumanoidVecEnv(Quiet(make())),
    "RescaleAction": lambda: HumanoidVecEnv(gymnasium_wrappers.RescaleAction(make(), -1.0, 1.0)),
    "VecNormalize": lambda: VecNormalize(VecNormalize(make_vec())),
}


@pytest.mark.filterwarnings("ignore:The environment is already wrapped with a `Monitor`")
@pytest.mark.parametrize("name", WRAPPED)
def test_what_other_wrappers_change_is_refused(name: str, tmp_path: Path) -> None:
    model = PPO("MlpPolicy", WRAPPED[name](), policy_kwargs={"net_arch": [8]}, **ROLLOUT)
    with pytest.raises(UserError, match=f"the wrapper {name} may change"):
        as_policy(model)
    with pytest.raises(UserError, match=f"the wrapper {name} may change"):
        model.learn(16, callback=EvaluationCallback(10_000, lambda policy: {}))
    save_model(model, tmp_path / "model.zip")
    with pytest.raises(UserError, match=f"the wrapper {name} may change"):
        as_policy(load_model(tmp_path / "model.zip", device="cpu"))


def test_stacked_frames_have_a_remedy() -> None:
    model = PPO("MlpPolicy", WRAPPED["VecFrameStack"](), policy_kwargs={"net_arch": [8]}, **ROLLOUT)
    with pytest.raises(
        UserError, match=r"let the task stack frames, with a config whose observations\.policy\.history"
    ):
        as_policy(model)


def test_our_policies_are_not_put_behind_them() -> None:
    ppo = make_ppo()
    for env, name in (
        (normalized(), "VecNormalize"),
        (VecFrameStack(make_vec(dict_obs=True), 2), "VecFrameStack"),
    ):
        with pytest.raises(UserError, match=f"has learned from observations as they are: .* without {name}"):
            from_ppo(ppo, env, n_steps=8, batch_size=8)
    from_ppo(ppo, normalized(norm_obs=False), n_steps=8, batch_size=8, device="cpu")


def test_symmetric_networks_are_not_put_behind_them() -> None:
    symmetric = dataclasses.replace(TINY, symmetry=True)
    for env, name in ((normalized(), "VecNormalize"), (WRAPPED["Halved"](), "Halved")):
        with pytest.raises(UserError, match=f"PPOConfig.symmetry .* which {name} changes"):
            policy_kwargs(env, symmetric)
        assert policy_kwargs(env, TINY)["symmetry"] is None
    assert policy_kwargs(normalized(norm_obs=False), symmetric)["symmetry"] is not None
