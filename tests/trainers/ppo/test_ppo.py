from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Dict, Iterator, List

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.trainers.ppo.counting_env import CountingEnv
from trainers.ppo import PPO, CheckpointCallback, NonFiniteError, PPOConfig

CONFIG = PPOConfig(
    num_steps=10,
    num_minibatches=2,
    learning_rate=1e-3,
    actor_hidden=(8,),
    critic_hidden=(8,),
    device="cpu",
)
UPDATE = 10 * 2  # environment steps of one update in the counting environment


def cart_pole() -> gymnasium.vector.VectorEnv:
    return gymnasium.make_vec("CartPole-v1", num_envs=32, vectorization_mode="vector_entry_point")


def assert_same_weights(one: PPO, other: PPO) -> None:
    for (name, weight), theirs in zip(one.policy.state_dict().items(), other.policy.state_dict().values()):
        assert torch.equal(weight, theirs), name


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """Threads do not pay for tiny networks, and waiting for each other on a busy machine they cost a lot."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("_one_thread")
def test_solves_cart_pole() -> None:
    config = replace(
        CONFIG,
        num_steps=64,
        num_epochs=5,
        num_minibatches=4,
        gamma=0.99,
        gae_lambda=0.95,
        entropy_coef=0.0,
        clip_value_loss=False,
        actor_hidden=(64, 64),
        critic_hidden=(64, 64),
        activation="tanh",
    )
    ppo = PPO(cart_pole(), config)
    ppo.learn(400_000, lambda ppo: ppo.metrics.get("episode/return", 0.0) < 450.0)

    env = cart_pole()
    obs, _ = env.reset(seed=1)
    lengths, alive = np.zeros(32), np.ones(32, dtype=bool)
    for _ in range(500):
        actions, _ = ppo.predict(obs)
        obs, _, terminated, truncated, _ = env.step(actions)
        lengths += alive
        alive &= ~(terminated | truncated)
    assert lengths.mean() >= 400.0


def test_same_seed_same_weights() -> None:
    runs = [PPO(CountingEnv(noise=1.0), replace(CONFIG, seed=seed)).learn(3 * UPDATE) for seed in (5, 5, 6)]
    assert_same_weights(runs[0], runs[1])
    with pytest.raises(AssertionError):
        assert_same_weights(runs[0], runs[2])


def test_training_leaves_the_global_random_numbers_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    PPO(CountingEnv(), CONFIG).learn(UPDATE)
    assert torch.equal(torch.rand(4), expected)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_resume_is_bit_exact(mode: AutoresetMode, tmp_path: Path) -> None:
    def make_env() -> CountingEnv:
        # After two updates (20 steps) the first sub-environment has just ended in NEXT_STEP mode; otherwise
        # both are in the middle of an episode.
        return CountingEnv(mode, lengths=(6, 7), noise=1.0)

    straight, resumed = _History(), _History()
    one = PPO(make_env(), CONFIG).learn(4 * UPDATE, straight)
    PPO(make_env(), CONFIG).learn(2 * UPDATE, resumed).save(tmp_path / "half.pt")
    other = PPO.load(tmp_path / "half.pt", make_env())
    other.learn(2 * UPDATE, resumed, reset_num_timesteps=False)

    assert_same_weights(one, other)
    assert (other.num_updates, other.num_timesteps) == (4, 4 * UPDATE)
    assert resumed.metrics == straight.metrics


class _History:
    """Everything an update reports, but how long it took."""

    def __init__(self) -> None:
        self.metrics: List[Dict[str, float]] = []

    def __call__(self, ppo: PPO) -> None:
        self.metrics.append({name: x for name, x in ppo.metrics.items() if not name.startswith("speed/")})


def test_predictions_and_checkpoints_in_between_leave_training_as_it_is(tmp_path: Path) -> None:
    def disturb(ppo: PPO) -> None:
        ppo.predict(np.zeros((3, 2), dtype=np.float32), deterministic=False)
        ppo.save(tmp_path / "some.pt")

    disturbed = PPO(CountingEnv(noise=1.0), CONFIG).learn(3 * UPDATE, disturb)
    assert_same_weights(disturbed, PPO(CountingEnv(noise=1.0), CONFIG).learn(3 * UPDATE))


def test_learn_rounds_up_to_whole_updates_and_counts_on() -> None:
    ppo = PPO(CountingEnv(), CONFIG)
    ppo.learn(UPDATE + 1)
    assert (ppo.num_updates, ppo.num_timesteps) == (2, 2 * UPDATE)
    ppo.learn(UPDATE, reset_num_timesteps=False)
    assert (ppo.num_updates, ppo.num_timesteps) == (3, 3 * UPDATE)
    weights = ppo.get_parameters()["policy"]
    ppo.learn(UPDATE)
    assert (ppo.num_updates, ppo.num_timesteps) == (1, UPDATE)
    assert (
        0.0 < (ppo.policy.state_dict()["actor.0.weight"] - weights["actor.0.weight"]).abs().max() < 0.1
    )  # trained on


def test_callbacks_run_after_every_update_and_can_stop() -> None:
    seen: List[int] = []
    PPO(CountingEnv(), CONFIG).learn(
        10 * UPDATE, [lambda ppo: ppo.num_updates < 3, lambda ppo: seen.append(ppo.num_updates)]
    )
    assert seen == [1, 2, 3]


def test_checkpoint_callback(tmp_path: Path) -> None:
    ppo = PPO(CountingEnv(), CONFIG)
    ppo.learn(5 * UPDATE, CheckpointCallback(tmp_path, save_every=2, keep_every=3))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.pt", "update_000003.pt"]
    assert PPO.load(tmp_path / "last.pt").num_updates == 4
    with pytest.raises(ValueError, match="keep_every"):
        CheckpointCallback(tmp_path, keep_every=0)


def test_predict_keeps_kind_and_batch() -> None:
    ppo = PPO(CountingEnv(), CONFIG)
    single, state = ppo.predict(np.zeros(2, dtype=np.float32))
    assert state is None
    assert isinstance(single, np.ndarray)
    assert single.shape == (3,)
    batch, _ = ppo.predict(np.zeros((5, 2)))
    assert batch.shape == (5, 3)
    np.testing.assert_allclose(batch[0], single, rtol=1e-6)
    tensor, _ = ppo.predict(torch.zeros(5, 2))
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor.numpy(), batch)


def test_predict_is_the_mean_or_a_sample_within_the_bounds() -> None:
    ppo = PPO(CountingEnv(), CONFIG)
    obs = torch.zeros(1000, 2)
    assert torch.equal(ppo.predict(obs)[0], ppo.predict(obs)[0])
    samples, _ = ppo.predict(obs, deterministic=False)
    assert samples.std() > 0.3
    assert samples.abs().max() == 1.0


def test_predict_discrete() -> None:
    ppo = PPO(cart_pole(), CONFIG)
    assert ppo.predict(np.zeros(4))[0].shape == ()
    actions, _ = ppo.predict(np.zeros((200, 4)), deterministic=False)
    assert set(actions.tolist()) == {0, 1}


def test_predict_rejects_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"\(2,\).*\(5, 7\)"):
        PPO(CountingEnv(), CONFIG).predict(np.zeros((5, 7)))


class SickEnv(CountingEnv):
    """Env 1 gives NaN in one quantity from a step on."""

    def __init__(self, quantity: str, healthy_steps: int) -> None:
        super().__init__()
        self.quantity = quantity
        self.healthy_steps = healthy_steps

    def step(self, actions):
        if bool(actions.isnan().any()):
            raise ValueError("NaN actions")
        obs, reward, terminated, truncated, info = super().step(actions)
        self.healthy_steps -= 1
        if self.healthy_steps < 0:
            quantities: Dict[str, torch.Tensor] = {
                "observation": obs,
                "reward": reward,
                "privileged observation": info["privileged"],
            }
            quantities[self.quantity][1] = float("nan")
        return obs, reward, terminated, truncated, info


@pytest.mark.parametrize("quantity", ["observation", "privileged observation", "reward"])
@pytest.mark.parametrize("healthy_steps", [12, 19])
def test_a_nan_stops_training_and_keeps_the_last_checkpoint(
    quantity: str, healthy_steps: int, tmp_path: Path
) -> None:
    """Also on the last step of a rollout, and also where the environment itself refuses NaN actions."""
    ppo = PPO(SickEnv(quantity, healthy_steps), CONFIG)
    with pytest.raises(NonFiniteError, match=f"non-finite {quantity} in 1 of 2 .*environment 1"):
        ppo.learn(4 * UPDATE, CheckpointCallback(tmp_path, save_every=1))
    assert PPO.load(tmp_path / "last.pt").num_updates == 1


class GiantEnv(CountingEnv):
    """Its rewards are finite, their squares are not."""

    def step(self, actions):
        obs, reward, terminated, truncated, info = super().step(actions)
        return obs, 1e25 * reward, terminated, truncated, info


def test_a_non_finite_loss_stops_training() -> None:
    with pytest.raises(NonFiniteError, match="non-finite value_loss in minibatch 0"):
        PPO(GiantEnv(), CONFIG).learn(4 * UPDATE)


def test_non_finite_weights_are_not_saved(tmp_path: Path) -> None:
    ppo = PPO(CountingEnv(), CONFIG)
    ppo.save(tmp_path / "good.pt")
    before = (tmp_path / "good.pt").read_bytes()
    with torch.no_grad():
        ppo.policy.critic[0].bias[3] = float("nan")  # pyright: ignore[reportIndexIssue]
    with pytest.raises(ValueError, match=r"Not saved.*critic\.0\.bias"):
        ppo.save(tmp_path / "good.pt")
    assert (tmp_path / "good.pt").read_bytes() == before


def test_writes_tensorboard_curves(tmp_path: Path) -> None:
    ppo = PPO(CountingEnv(), CONFIG, log_dir=tmp_path)
    ppo.learn(3 * UPDATE)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    curves = set(events.Tags()["scalars"])
    assert {"episode/return", "episode/length", "reward/alive", "train/kl", "train/learning_rate"} <= curves
    assert {"train/std", "train/value_loss", "speed/collect_steps_per_s", "speed/steps_per_s"} <= curves
    points = events.Scalars("train/kl")
    assert [point.step for point in points] == [UPDATE, 2 * UPDATE, 3 * UPDATE]
    assert points[-1].value == pytest.approx(ppo.metrics["train/kl"], rel=1e-6)


def test_rejects_bad_arguments() -> None:
    with pytest.raises(ValueError, match="num_minibatches"):
        PPO(CountingEnv(), replace(CONFIG, num_minibatches=21))
    with pytest.raises(ValueError, match="total_timesteps"):
        PPO(CountingEnv(), CONFIG).learn(0)
    with pytest.raises(ValueError, match="gpu0"):
        PPO(CountingEnv(), replace(CONFIG, device="gpu0"))
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="CUDA"):
            PPO(CountingEnv(), replace(CONFIG, device="cuda"))
