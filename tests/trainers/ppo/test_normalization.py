from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.trainers.ppo.counting_env import CountingEnv
from tests.trainers.ppo.test_symmetry import MIRRORS
from trainers.ppo import PPO, PPOConfig
from trainers.ppo.actor_critic import ActorCritic
from trainers.ppo.normalization import RunningNormalizer
from trainers.ppo.symmetry import CanonicalMLP, Mirror

CONFIG = PPOConfig(
    num_steps=10,
    num_minibatches=2,
    actor_hidden=(8,),
    critic_hidden=(8,),
    normalize_observations=True,
    device="cpu",
)


def inputs(count: int, seed: int = 0) -> Tensor:
    """Entries of very different means and spreads."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, generator=generator) * torch.tensor([1.0, 30.0, 0.01]) + torch.tensor(
        [0.0, 100.0, -5.0]
    )


def normalizer_of(network: nn.Module) -> RunningNormalizer:
    normalizer = network.get_submodule("normalizer")
    assert isinstance(normalizer, RunningNormalizer)
    return normalizer


# The normalizer


def test_statistics_are_those_of_all_inputs_together() -> None:
    normalizer, rows = RunningNormalizer(3), inputs(1000)
    for part in rows.split([7, 300, 1, 692]):
        normalizer.update(part)
    everything = rows.double()
    assert normalizer.count.item() == 1000
    torch.testing.assert_close(normalizer.mean.double(), everything.mean(0), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(normalizer.var.double(), everything.var(0, correction=0), rtol=1e-3, atol=1e-8)
    normalized = normalizer(rows)
    torch.testing.assert_close(normalized.mean(0), torch.zeros(3), rtol=0.0, atol=2e-3)
    torch.testing.assert_close(normalized.std(0), torch.ones(3), rtol=0.0, atol=2e-3)


def test_statistics_stay_exact_over_a_long_training() -> None:
    normalizer = RunningNormalizer(3)
    for seed in range(2000):
        normalizer.update(inputs(64, seed))
    everything = torch.cat([inputs(64, seed) for seed in range(2000)]).double()
    torch.testing.assert_close(normalizer.mean.double(), everything.mean(0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(normalizer.var.double(), everything.var(0, correction=0), rtol=1e-3, atol=1e-6)


def test_before_any_input_it_only_bounds() -> None:
    rows = torch.tensor([[0.5, -3.0, 400.0]])
    assert RunningNormalizer(3)(rows).tolist() == [[0.5, -3.0, 10.0]]


def test_an_entry_that_never_changes_stays_finite() -> None:
    normalizer = RunningNormalizer(1)
    normalizer.update(torch.full((5, 1), 3.0))
    assert normalizer(torch.tensor([[3.0], [4.0], [-4.0]])).tolist() == [[0.0], [10.0], [-10.0]]


def test_padding_behind_the_last_entry_stays_zero() -> None:
    plain, padded = RunningNormalizer(3), RunningNormalizer(3)
    plain.update(inputs(50))
    padded.update(functional.pad(inputs(50), (0, 5)))
    rows = inputs(4, seed=1)
    expected = functional.pad(plain(rows), (0, 5))
    assert torch.equal(padded(functional.pad(rows, (0, 5))), expected)


def test_statistics_change_in_place() -> None:
    """What a captured CUDA graph reads is where it was."""
    normalizer = RunningNormalizer(3)
    places = {name: buffer.data_ptr() for name, buffer in normalizer.named_buffers()}
    normalizer.update(inputs(10))
    normalizer.load_state_dict(RunningNormalizer(3).state_dict())
    assert {name: buffer.data_ptr() for name, buffer in normalizer.named_buffers()} == places


# In the networks


def test_actor_and_critic_see_normalized_observations() -> None:
    torch.manual_seed(0)
    policy = ActorCritic(3, 2, 2, CONFIG)
    plain = ActorCritic(3, 2, 2, replace(CONFIG, normalize_observations=False))
    weights = {name: value for name, value in policy.state_dict().items() if "normalizer" not in name}
    plain.load_state_dict(weights)
    obs, critic_obs = inputs(40).view(5, 8, 3), inputs(40, seed=1)[:, :2].reshape(5, 8, 2)
    policy.update_normalization(obs, critic_obs)
    rows, critic_rows = obs.flatten(0, 1), critic_obs.flatten(0, 1)
    outputs, values, _ = policy(rows, critic_rows)
    expected, expected_values, _ = plain(
        (rows - rows.mean(0)) / rows.std(0, correction=0),
        (critic_rows - critic_rows.mean(0)) / critic_rows.std(0, correction=0),
    )
    # A mean of 5 has an ulp of 5e-7, which a spread of 0.01 makes 5e-5.
    torch.testing.assert_close(outputs, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(values, expected_values, rtol=1e-4, atol=1e-4)


def test_symmetric_networks_stay_symmetric() -> None:
    """Whatever one-sided experience the statistics come from."""
    policy = ActorCritic(3, 3, 2, replace(CONFIG, symmetry=True), symmetry=MIRRORS)
    rows, mirrors = inputs(50), {name: Mirror(mirror) for name, mirror in MIRRORS.items()}
    policy.update_normalization(rows, rows)
    assert isinstance(policy.actor, CanonicalMLP)
    torch.testing.assert_close(normalizer_of(policy.actor).mean, policy.actor.canonical(rows).mean(0))
    outputs = policy.actor(rows)
    assert not torch.allclose(outputs, mirrors["action"](outputs))
    torch.testing.assert_close(policy.actor(mirrors["policy"](rows)), mirrors["action"](outputs))
    torch.testing.assert_close(policy.value(mirrors["critic"](rows)), policy.value(rows))


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_networks_see_new_statistics() -> None:
    policy = ActorCritic(3, 3, 2, CONFIG)
    compiled = torch.compile(policy.forward)
    rows = inputs(16)
    for seed in (1, 2):
        torch.testing.assert_close(compiled(rows, rows), policy(rows, rows))
        policy.update_normalization(inputs(30, seed), inputs(30, seed))
    torch.testing.assert_close(compiled(rows, rows), policy(rows, rows))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_captured_graph_sees_new_statistics_and_none_waits_for_the_device() -> None:
    policy = ActorCritic(3, 3, 2, CONFIG).cuda()
    rows = inputs(16).cuda()
    side = torch.cuda.Stream()
    with torch.cuda.stream(side), torch.no_grad():
        policy(rows, rows)  # cuBLAS needs its workspaces
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph), torch.no_grad():
        captured = policy.actor(rows)
    experience = inputs(30, seed=1).cuda()
    torch.cuda.set_sync_debug_mode("error")
    try:
        policy.update_normalization(experience, experience)
        graph.replay()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    torch.testing.assert_close(captured, policy.actor(rows))
    torch.testing.assert_close(normalizer_of(policy.actor).mean, experience.mean(0))


# In training


def test_rollout_and_update_share_their_statistics() -> None:
    """The first minibatch of each update sees the policy of the rollout: its KL divergence is the release's
    offset of 1e-5 an action, however much the statistics move between two updates."""
    kls = []
    config = replace(CONFIG, num_epochs=1, num_minibatches=1)
    ppo = PPO(CountingEnv(), config).learn(5 * 20, lambda ppo: kls.append(ppo.metrics["train/kl"]))
    assert kls == pytest.approx([3e-5] * 5, rel=0.05)
    assert normalizer_of(ppo.policy.actor).count.item() == 100


def test_statistics_are_those_of_the_rollouts() -> None:
    """Steps of an episode: 0, 1, 2 in the first sub-environment, 0 … 3 in the other; 12 of each."""
    ppo = PPO(CountingEnv(), replace(CONFIG, num_steps=12)).learn(24)
    actor, critic = normalizer_of(ppo.policy.actor), normalizer_of(ppo.policy.critic)
    assert actor.mean.tolist() == pytest.approx([(1.0 + 1.5) / 2, 0.5])
    assert critic.mean.tolist() == pytest.approx([10.0 * (1.0 + 1.5) / 2])


def test_statistics_travel_with_the_policy(tmp_path: Path) -> None:
    ppo = PPO(CountingEnv(), CONFIG).learn(40)
    ppo.save(tmp_path / "a.pt")
    loaded = PPO.load(tmp_path / "a.pt")
    obs = np.array([[2.0, 1.0], [0.0, 0.0]], dtype=np.float32)
    np.testing.assert_array_equal(loaded.predict(obs)[0], ppo.predict(obs)[0])
    assert torch.equal(normalizer_of(loaded.policy.actor).mean, normalizer_of(ppo.policy.actor).mean)
    with pytest.raises(ValueError, match="its normalize_observations is True"):
        PPO.load(tmp_path / "a.pt", config=replace(CONFIG, normalize_observations=False))


def test_the_same_with_and_without_a_break(tmp_path: Path) -> None:
    straight = PPO(CountingEnv(noise=1.0), CONFIG).learn(80)
    PPO(CountingEnv(noise=1.0), CONFIG).learn(40).save(tmp_path / "half.pt")
    resumed = PPO.load(tmp_path / "half.pt", CountingEnv(noise=1.0)).learn(40, reset_num_timesteps=False)
    for mine, other in zip(straight.policy.state_dict().values(), resumed.policy.state_dict().values()):
        assert torch.equal(mine, other)
