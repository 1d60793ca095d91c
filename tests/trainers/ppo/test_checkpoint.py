from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces

from tests.trainers.ppo.counting_env import CountingEnv
from trainers.ppo import PPO, CheckpointCallback, PPOConfig
from trainers.ppo.checkpoint import read_checkpoint, write_checkpoint

CONFIG = PPOConfig(num_steps=10, num_minibatches=2, actor_hidden=(8,), critic_hidden=(8,), device="cpu")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "run" / "checkpoint.pt"
    PPO(CountingEnv(), CONFIG).learn(20).save(path)
    return path


def test_loads_without_an_environment_to_predict(checkpoint: Path) -> None:
    ppo = PPO.load(checkpoint)
    assert ppo.config == CONFIG
    assert ppo.num_updates == 1
    obs = np.ones((4, 2), dtype=np.float32)
    original = PPO.load(checkpoint, CountingEnv())
    np.testing.assert_array_equal(ppo.predict(obs)[0], original.predict(obs)[0])
    with pytest.raises(ValueError, match="without an environment"):
        ppo.learn(20)


def test_a_policy_loaded_alone_can_be_saved_again(checkpoint: Path, tmp_path: Path) -> None:
    PPO.load(checkpoint).save(tmp_path / "copy.pt")
    loaded = PPO.load(tmp_path / "copy.pt", CountingEnv())
    assert loaded.learn(20, reset_num_timesteps=False).num_updates == 2


def test_metadata_travels_along(tmp_path: Path) -> None:
    ppo = PPO(CountingEnv(), CONFIG)
    assert ppo.metadata == {}
    ppo.metadata["task"] = {"name": "count", "limits": [1, 2.5], "note": None}
    ppo.save(tmp_path / "a.pt")
    loaded = PPO.load(tmp_path / "a.pt")
    assert loaded.metadata == {"task": {"name": "count", "limits": [1, 2.5], "note": None}}
    loaded.save(tmp_path / "b.pt")
    assert PPO.load(tmp_path / "b.pt", CountingEnv()).metadata == loaded.metadata
    ppo.metadata["env"] = CountingEnv()
    with pytest.raises(TypeError, match=r"\['metadata'\]\['env'\] is a .*CountingEnv"):
        ppo.save(tmp_path / "a.pt")


def test_without_the_environments_state(checkpoint: Path, tmp_path: Path) -> None:
    ppo = PPO.load(checkpoint, CountingEnv())
    ppo.save(tmp_path / "small.pt", environment=False)
    assert read_checkpoint(tmp_path / "small.pt")["environment"] is None
    assert read_checkpoint(checkpoint)["environment"] is not None
    resumed = PPO.load(tmp_path / "small.pt", CountingEnv())
    assert resumed.learn(20, reset_num_timesteps=False).num_timesteps == 20 + 20  # in new episodes


def test_callback_keeps_copies_without_the_environments_state(tmp_path: Path) -> None:
    callback = CheckpointCallback(tmp_path, save_every=1, keep_every=2)
    PPO(CountingEnv(), CONFIG).learn(3 * 20, callback)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.pt", "update_000002.pt"]
    last, kept = read_checkpoint(tmp_path / "last.pt"), read_checkpoint(tmp_path / "update_000002.pt")
    assert (last["num_updates"], kept["num_updates"]) == (3, 2)
    assert last["environment"] is not None
    assert kept["environment"] is None


def test_equal_trainings_write_equal_files(tmp_path: Path) -> None:
    """Whatever else draws random numbers in the process."""
    for name in ("a", "b"):
        torch.rand(1)
        PPO(CountingEnv(noise=0.5), CONFIG).learn(40).save(tmp_path / name / "last.pt")
    assert (tmp_path / "a/last.pt").read_bytes() == (tmp_path / "b/last.pt").read_bytes()


def test_loading_leaves_the_global_random_numbers_alone(checkpoint: Path, tmp_path: Path) -> None:
    """Also from a checkpoint of an earlier version, which holds their state, and continues as another."""
    content = read_checkpoint(checkpoint)
    content["random"].update(cpu=torch.get_rng_state(), cuda=None)
    write_checkpoint(tmp_path / "earlier.pt", content)
    torch.rand(1)
    before, weights = torch.get_rng_state(), []
    for path in (checkpoint, tmp_path / "earlier.pt"):
        resumed = PPO.load(path, CountingEnv())
        assert torch.equal(torch.get_rng_state(), before)
        weights.append(resumed.learn(20, reset_num_timesteps=False).policy.state_dict())
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pt"):
        PPO.load(tmp_path / "nowhere.pt")


def test_not_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "notes.pt"
    for content in (b"these are notes", b""):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a PPO checkpoint"):
            PPO.load(path)
    torch.save({"weights": torch.zeros(3)}, str(path))
    with pytest.raises(ValueError, match="not a PPO checkpoint"):
        PPO.load(path)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.99])
def test_truncated(checkpoint: Path, fraction: float) -> None:
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(ValueError, match="damaged or incomplete"):
        PPO.load(checkpoint)


def test_another_version(checkpoint: Path) -> None:
    content = torch.load(str(checkpoint), weights_only=True)
    torch.save({**content, "version": 99}, str(checkpoint))
    with pytest.raises(ValueError, match="version 99"):
        PPO.load(checkpoint)
    torch.save({**content, "config": {**content["config"], "warmth": 3}}, str(checkpoint))
    with pytest.raises(ValueError, match=r"checkpoint\.pt: PPOConfig has no field 'warmth'"):
        PPO.load(checkpoint)


def test_other_observation(checkpoint: Path) -> None:
    env = CountingEnv()
    env.single_observation_space = spaces.Box(-1.0, 1.0, (7,), np.float32)
    with pytest.raises(ValueError, match=r"observation shape is \(2,\), the environment's is \(7,\)"):
        PPO.load(checkpoint, env)


def test_other_privileged_observation(checkpoint: Path) -> None:
    env = CountingEnv()
    del env.single_privileged_space
    with pytest.raises(ValueError, match=r"privileged .* shape is \(1,\), the environment's is None"):
        PPO.load(checkpoint, env)


def test_other_action(checkpoint: Path) -> None:
    env = CountingEnv()
    env.single_action_space = spaces.Discrete(3)  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ValueError, match="action shape"):
        PPO.load(checkpoint, env)


def test_other_robot(checkpoint: Path) -> None:
    env = CountingEnv()
    env.signature = {"robot": "abacus", "joints": ("a", "b", "c")}
    with pytest.raises(ValueError, match="its robot is counter, the environment's is abacus"):
        PPO.load(checkpoint, env)
    env.signature = {"robot": "counter", "joints": ("a", "c", "b")}
    with pytest.raises(ValueError, match="joints"):
        PPO.load(checkpoint, env)
    env.signature = {"robot": "counter", "joints": ("a", "b", "c")}
    PPO.load(checkpoint, env)


def test_other_networks(checkpoint: Path) -> None:
    with pytest.raises(ValueError, match="actor_hidden"):
        PPO.load(checkpoint, config=replace(CONFIG, actor_hidden=(16,)))


def test_other_hyper_parameters(checkpoint: Path) -> None:
    def learning_rate(config: PPOConfig) -> float:
        return PPO.load(checkpoint, config=config).learner.learning_rate.item()

    adapted = learning_rate(CONFIG)
    assert adapted != CONFIG.learning_rate
    assert learning_rate(replace(CONFIG, gamma=0.5)) == adapted
    assert learning_rate(replace(CONFIG, learning_rate=2e-3)) == 2e-3


def test_other_number_of_environments(checkpoint: Path) -> None:
    with pytest.warns(
        UserWarning, match=r"checkpoint\.pt goes on in new episodes.*num_envs is 2 there, 3 here"
    ):
        ppo = PPO.load(checkpoint, CountingEnv(lengths=(3, 4, 5)))
    assert ppo.learn(30, reset_num_timesteps=False).num_timesteps == 20 + 30
    ppo = PPO.load(checkpoint, CountingEnv(lengths=(3, 4, 5)), restore_env=False)
    assert ppo.learn(30, reset_num_timesteps=False).num_timesteps == 20 + 30


def test_a_failed_save_leaves_only_the_old_file(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = checkpoint.read_bytes()

    def full_disk(content: object, file: object) -> None:
        raise OSError("No space left on device")

    ppo = PPO.load(checkpoint, CountingEnv())
    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        ppo.save(checkpoint)
    assert checkpoint.read_bytes() == before
    assert list(checkpoint.parent.iterdir()) == [checkpoint]


def test_refuses_what_could_not_be_read_back(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"\['env'\]\['state'\]\[1\] is a numpy"):
        write_checkpoint(tmp_path / "x.pt", {"env": {"state": [1, np.zeros(3)]}})
    assert not (tmp_path / "x.pt").exists()


def test_round_trip(checkpoint: Path, tmp_path: Path) -> None:
    content = read_checkpoint(checkpoint)
    content["metadata"] = {"a": torch.arange(3), "b": {"c": [1, 2.5, "x", None, True]}, "d": (1, 2)}
    write_checkpoint(
        tmp_path / "x.pt", {name: content[name] for name in content if name not in ("format", "version")}
    )
    read, written = read_checkpoint(tmp_path / "x.pt")["metadata"], content["metadata"]
    assert torch.equal(read["a"], written["a"])
    assert (read["b"], read["d"]) == (written["b"], written["d"])
