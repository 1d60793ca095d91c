"""Models that say what they were trained on, as files and as policies for evaluation."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
import torch

pytest.importorskip("mujoco")
pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")

from sb3_contrib import TQC, CrossQ, RecurrentPPO
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize

from humanoid_envs.errors import UserError
from humanoid_envs.tasks import preset
from tests.trainers.sb3.robots import make, make_ppo, make_vec, observations, short_task
from trainers.evaluation import evaluate_commands
from trainers.ppo import PPOConfig
from trainers.sb3 import (
    AsymmetricPolicy,
    as_policy,
    describe,
    from_ppo,
    load_model,
    policy_kwargs,
    save_model,
)
from trainers.trust import remember

TINY = PPOConfig(actor_hidden=(8,), critic_hidden=(8,))
ROLLOUT: Dict[str, Any] = {"n_steps": 8, "batch_size": 8, "n_epochs": 1}


def small(**networks: Any) -> Dict[str, Any]:
    """Anew for each model, which changes them."""
    return {"policy_kwargs": {"net_arch": [8], **networks}, "device": "cpu", "seed": 0}


def recurrent() -> RecurrentPPO:
    return RecurrentPPO("MlpLstmPolicy", make_vec(), **ROLLOUT, **small(lstm_hidden_size=6, n_lstm_layers=2))


def trained(algorithm: Any) -> Any:
    if algorithm is RecurrentPPO:
        return recurrent().learn(16)
    if algorithm is PPO:
        return PPO("MlpPolicy", make_vec(), **ROLLOUT, **small()).learn(16)
    off_policy = {"buffer_size": 50, "learning_starts": 4, "n_steps": 3}
    return algorithm("MlpPolicy", make_vec(), **off_policy, **small()).learn(8)


@pytest.mark.parametrize("algorithm", [PPO, TQC, CrossQ, RecurrentPPO])
def test_any_algorithm_is_saved_and_loaded_without_its_name(tmp_path: Path, algorithm: Any) -> None:
    model = trained(algorithm)
    save_model(model, tmp_path / "model.zip")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again: Any = load_model(tmp_path / "model.zip", device="cpu")
    assert type(again) is algorithm
    if algorithm in (TQC, CrossQ):
        assert again.replay_buffer.n_steps == 3
    one, other = as_policy(model), as_policy(again)
    assert one.task == other.task == short_task()
    assert one.contract == other.contract == make().contract
    seen = torch.from_numpy(observations(5))
    action = one(seen)
    assert action.shape == (5, 12)
    assert action.dtype == torch.float32
    torch.testing.assert_close(other(seen), action, rtol=0.0, atol=0.0)

    resumed: Any = load_model(tmp_path / "model.zip", make_vec())
    steps = resumed.num_timesteps
    resumed.learn(4, reset_num_timesteps=False)
    assert resumed.num_timesteps >= steps + 4


def test_acts_as_predict_does() -> None:
    model = trained(TQC)
    expected, _ = model.predict(observations(4), deterministic=True)
    np.testing.assert_array_equal(as_policy(model)(torch.from_numpy(observations(4))), expected)


def test_a_recurrent_policy_remembers_until_it_is_reset() -> None:
    model, seen = recurrent(), [observations(3, seed=step) for step in range(4)]
    policy = as_policy(model)
    state: Any = None
    expected = np.empty(0)
    start = np.ones(3, dtype=bool)
    for step, observation in enumerate(seen):
        if step == 2:
            start = np.array([False, True, False])
            policy.reset(torch.from_numpy(start))
        expected, state = model.predict(observation, state, start, deterministic=True)
        start = np.zeros(3, dtype=bool)
        torch.testing.assert_close(policy(torch.from_numpy(observation)), torch.from_numpy(expected))
    forgetful = as_policy(model)(torch.from_numpy(seen[-1]))
    assert not torch.allclose(forgetful, torch.from_numpy(expected))


def test_the_critics_observation_does_not_matter_at_work() -> None:
    ppo = make_ppo()
    model = from_ppo(ppo, make(dict_obs=True), n_steps=8, batch_size=8, device="cpu")
    seen = torch.from_numpy(observations(4))
    torch.testing.assert_close(as_policy(model)(seen), ppo.predict(seen)[0])


def test_walks_in_the_evaluation() -> None:
    policy = as_policy(recurrent())
    scores = evaluate_commands(policy, config=policy.task, episodes=1, seconds=0.1, start_up=0.0)
    assert [score.falls for score in scores] == [0] * 9


def test_a_task_can_be_named() -> None:
    model = PPO("MlpPolicy", make_vec(config="v0"), **ROLLOUT, **small())
    model.env = None
    with pytest.raises(TypeError, match="needs a HumanoidVecEnv"):
        as_policy(model)
    assert as_policy(model, preset("v0")).task == preset("v0")


def test_describes_the_environment_inside_wrappers() -> None:
    env = VecNormalize(make_vec(dict_obs=True), norm_obs=False)
    model = PPO(AsymmetricPolicy, env, policy_kwargs=policy_kwargs(env, TINY), **ROLLOUT)
    metadata = describe(model)
    assert metadata["algorithm"] == "stable_baselines3.PPO"
    assert metadata["engine"] == "mujoco"
    assert metadata["task"] == short_task().plain()


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="There is no model"):
        load_model(tmp_path / "model.zip")
    (tmp_path / "model.zip").write_text("nothing")
    with pytest.raises(ValueError, match=r"model.zip is no model of Stable-Baselines3"):
        load_model(tmp_path / "model.zip")
    torch.save({}, tmp_path / "model.zip")
    with pytest.raises(ValueError, match=r"model.zip is no model of Stable-Baselines3"):
        load_model(tmp_path / "model.zip")

    model = PPO("MultiInputPolicy", make_vec(dict_obs=True), **ROLLOUT, **small())
    model.save(tmp_path / "model.zip")
    remember(tmp_path / "model.zip")
    with pytest.raises(ValueError, match="does not say by which algorithm it was trained"):
        load_model(tmp_path / "model.zip")
    assert isinstance(load_model(tmp_path / "model.zip", algorithm=PPO), PPO)

    with pytest.raises(ValueError, match="The actor of this PPO sees the critic's privileged observation"):
        as_policy(model)
    save_model(model, tmp_path / "model.zip")
    other = preset("fast").replace({"observations.policy.history": 3})
    with pytest.raises(ValueError, match=r"its observation shape is \(705,\), the environment's is \(141,\)"):
        load_model(tmp_path / "model.zip", make_vec(2, other, dict_obs=True))
    with pytest.raises(ValueError, match="Observation spaces do not match"):
        load_model(tmp_path / "model.zip", make_vec())  # no dict_obs


class Bomb:
    """A pickle that does something when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_models_of_others_are_not_loaded_without_trust(tmp_path: Path) -> None:
    model = PPO("MlpPolicy", make_vec(), **ROLLOUT, **small())
    model.surprise = Bomb(tmp_path / "code has run")  # pyright: ignore[reportAttributeAccessIssue]
    describe(model)
    model.save(tmp_path / "theirs.zip")
    with pytest.raises(
        UserError, match=r"theirs\.zip is a model of Stable-Baselines3: it runs code .* --trust"
    ):
        load_model(tmp_path / "theirs.zip")
    assert not (tmp_path / "code has run").exists()
    load_model(tmp_path / "theirs.zip", trust=True, device="cpu")
    assert (tmp_path / "code has run").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[1, 2]", "does not say by which algorithm"),
        (b"[" * 100_000, "is no model of Stable-Baselines3"),
        (b'{"metadata": [3]}', "does not say by which algorithm"),
        (b'{"metadata": {"algorithm": 7}}', "names the algorithm 7, which is none"),
        (b'{"metadata": {"algorithm": "os.system"}}', "names the algorithm 'os.system', which is none"),
        (b'{"metadata": {"algorithm": "PPO"}}', "names the algorithm 'PPO', which is none"),
        (b'{"metadata": {"algorithm": "stable_baselines3.XXX"}}', "'stable_baselines3.XXX', which is none"),
        (b'{"metadata": {"algorithm": "stable_baselines3.PPO"}}', "cannot be loaded as a model of PPO"),
    ],
)
def test_foreign_zips_are_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.writestr("data", content)
    with pytest.raises(UserError, match=message):
        load_model(tmp_path / "model.zip", trust=True)


def test_an_algorithm_whose_package_is_missing(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.writestr("data", b'{"metadata": {"algorithm": "not_installed.PPO"}}')
    with pytest.raises(
        ImportError, match=r"names the algorithm not_installed\.PPO, whose package is missing"
    ):
        load_model(tmp_path / "model.zip", trust=True)


def test_a_model_of_another_task_is_refused() -> None:
    model = PPO("MlpPolicy", "CartPole-v1", **ROLLOUT, **small())
    with pytest.raises(
        UserError, match=r"maps observations of shape \(4,\) to actions of shape \(\), the task's"
    ):
        as_policy(model, preset("v0"))
