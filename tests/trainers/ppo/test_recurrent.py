"""Networks that remember: stepping, unrolling, learning, resuming."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, List, Tuple

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor, nn

from humanoid_envs.errors import UserError
from tests.trainers.ppo.counting_env import LENGTHS, CountingEnv
from tests.trainers.ppo.memory_env import MemoryEnv
from tests.trainers.ppo.test_collector import expected_steps
from trainers.ppo import PPO, GRUPolicy, Policy, PolicyConfig, PPOConfig, Recurrent
from trainers.ppo.checkpoint import read_checkpoint
from trainers.ppo.collector import Collector
from trainers.ppo.episode_statistics import EpisodeStatistics
from trainers.ppo.recurrent import GRU
from trainers.ppo.rollout_buffer import RolloutBuffer
from trainers.ppo.tensor_env import TensorEnv

CPU = torch.device("cpu")
CONFIG = PPOConfig(
    num_steps=7,
    num_epochs=2,
    num_minibatches=2,
    learning_rate=1e-3,
    actor_hidden=(8,),
    critic_hidden=(8,),
    device="cpu",
    policy=GRUPolicy(hidden=6),
)
ROBOTS = (3, 4, 10, 5)


pytestmark = pytest.mark.usefixtures("one_thread")


def make_gru(config: PPOConfig = CONFIG) -> GRU:
    torch.manual_seed(0)
    return GRU(5, 6, (8,), 2, config)


def draw(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# Networks


def test_the_state_follows_torchs_equations() -> None:
    gru, cell = make_gru(), nn.GRUCell(5, 6)
    for name, layer in (("ih", gru.input), ("hh", gru.memory)):
        getattr(cell, f"weight_{name}").data = layer.weight.data
        getattr(cell, f"bias_{name}").data = layer.bias.data
    rows, state = draw(4, 5), draw(4, 6, seed=2)
    outputs, after = gru(rows, state)
    torch.testing.assert_close(after, cell(rows, state))
    torch.testing.assert_close(outputs, gru.head(after))


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("unroll", [GRU.unroll, Recurrent.unroll], ids=["at once", "step by step"])
def test_unrolling_is_stepping(unroll: Any, normalize: bool) -> None:
    gru = make_gru(replace(CONFIG, normalize_observations=normalize))
    if gru.normalizer is not None:
        gru.normalizer.update(3.0 + draw(50, 5))
    sequences, first, starts = draw(9, 4, 5), draw(4, 6, seed=2), draw(9, 4, seed=3) > 0.5
    state, expected = first, []
    for rows, begins in zip(sequences, starts):
        output, state = gru(rows, torch.where(begins[:, None], 0.0, state))
        expected.append(output)
    torch.testing.assert_close(
        unroll(gru, sequences, first, starts), torch.stack(expected), rtol=0.0, atol=1e-6
    )


def test_gradients_do_not_pass_the_start_of_an_episode() -> None:
    gru, sequences = make_gru(), draw(5, 2, 5).requires_grad_()
    starts = torch.zeros(5, 2, dtype=torch.bool)
    starts[3, 0] = True
    gru.unroll(sequences, torch.zeros(2, 6), starts)[4].sum().backward()
    assert sequences.grad is not None
    reached = sequences.grad.abs().sum(-1) > 0.0
    assert reached.tolist() == [[False, True], [False, True], [False, True], [True, True], [True, True]]


# Rollouts


class Counter(Recurrent):
    """Says which observation of its episode it sees, from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.state_size = 1

    def forward(self, rows: Tensor, state: Tensor) -> Tuple[Tensor, Tensor]:
        return state + 1.0, state + 1.0


def counted(mode: AutoresetMode, num_steps: int, rollouts: int = 1) -> RolloutBuffer:
    """The last of some rollouts with a critic that counts, in an environment that does."""
    env = TensorEnv(CountingEnv(mode), CPU)
    policy = Policy(nn.Linear(2, 3), Counter(), torch.ones(3))
    masked = env.has_reset_steps
    rollout = RolloutBuffer(num_steps, 2, env.signature, CPU, masked, sequences=True, state_size=1)
    statistics = EpisodeStatistics(2, CPU)
    env.reset(seed=0)
    collector = Collector(policy, CONFIG, env, rollout, statistics, torch.Generator())
    for _ in range(rollouts):
        collector.collect()
    return rollout


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_what_is_cut_off_is_valued_with_what_is_remembered(mode: AutoresetMode) -> None:
    num_steps = 12
    rollout = counted(mode, num_steps)
    for n, length in enumerate(LENGTHS):
        steps = expected_steps(n, mode, num_steps)[:-1]
        ends = [s == length - 1 for s in steps]
        bootstraps = [CONFIG.gamma * (length + 1.0) if end and n == 0 else 0.0 for end in ends]
        assert rollout.values[:, n].tolist() == [s + 1.0 for s in steps]
        assert rollout.bootstraps[:, n].tolist() == pytest.approx(bootstraps)


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("critic", [True, False])
def test_a_minibatch_is_what_was_collected(mode: AutoresetMode, critic: bool) -> None:
    """Before anything is learned: over ends of episodes and of rollouts, whichever environments are taken."""
    config = replace(CONFIG, policy=GRUPolicy(hidden=6, critic=critic), num_steps=6)
    ppo = PPO(CountingEnv(mode, ROBOTS), config)
    ppo._start_episodes()
    for _ in range(3):
        ppo._collector.collect()
        rollout = ppo._rollout
        batch = rollout.minibatch(torch.tensor([2, 0]))
        seen = ppo.policy.evaluate(batch)
        for mine, collected in (
            (batch.obs, rollout.obs.frames),
            (seen.outputs, rollout.actor_outputs),
            (seen.values, rollout.values),
        ):
            torch.testing.assert_close(batch.sequences(mine), collected[:, [2, 0]], rtol=0.0, atol=1e-6)
        assert batch.starts is not None
        assert bool(batch.starts[:, 1].any()), "the shortest episodes end in every rollout"


# Learning


MEMORY = PPOConfig(
    num_steps=8,
    num_epochs=6,
    num_minibatches=2,
    gamma=0.95,
    gae_lambda=0.95,
    learning_rate=1e-2,
    max_learning_rate=3e-2,
    desired_kl=0.02,
    entropy_coef=0.0,
    actor_hidden=(),
    critic_hidden=(),
    device="cpu",
)


def best_share(policy: Any, updates: int) -> float:
    """Of right answers."""
    shares: List[float] = []

    def note(ppo: PPO) -> None:
        shares.append(ppo.metrics["episode/return"])

    PPO(MemoryEnv(), MEMORY, policy=policy).learn(updates * 8 * 32, note, progress_bar=False)
    return max(shares)


def test_learns_what_takes_a_memory() -> None:
    assert best_share(GRUPolicy(hidden=8, critic=False), 12) > 0.97
    assert best_share(PolicyConfig(), 12) < 0.75  # chance is 0.5, in 64 episodes a rollout


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_resumes_bit_for_bit_within_episodes(tmp_path: Path, mode: AutoresetMode) -> None:
    def make() -> Tuple[CountingEnv, PPOConfig]:
        return CountingEnv(mode, ROBOTS, noise=1.0), replace(CONFIG, normalize_observations=True)

    half = 2 * CONFIG.num_steps * len(ROBOTS)
    straight = PPO(*make()).learn(2 * half, progress_bar=False)
    PPO(*make()).learn(half, progress_bar=False).save(tmp_path / "half.pt")
    assert read_checkpoint(tmp_path / "half.pt")["environment"]["remembered"].abs().sum() > 0.0
    resumed = PPO.load(tmp_path / "half.pt", make()[0])
    assert resumed.config == make()[1]
    resumed.learn(half, progress_bar=False, reset_num_timesteps=False)
    contents = []
    for ppo, name in ((straight, "straight.pt"), (resumed, "resumed.pt")):
        ppo.save(tmp_path / name)
        contents.append(read_checkpoint(tmp_path / name))
    for part in ("policy", "learner", "environment"):
        torch.testing.assert_close(contents[0][part], contents[1][part], rtol=0.0, atol=0.0)
    assert torch.equal(*(content["random"]["generator"] for content in contents))


def test_new_episodes_begin_without_memory() -> None:
    ppo = PPO(CountingEnv(lengths=(30, 30)), replace(CONFIG, num_minibatches=1)).learn(14, progress_bar=False)
    assert bool((ppo._collector.state != 0.0).all())
    ppo._start_episodes()
    assert bool((ppo._collector.state == 0.0).all())


def test_a_checkpoint_without_a_state_begins_anew_or_is_refused(tmp_path: Path) -> None:
    env = CountingEnv(lengths=ROBOTS)
    PPO(env, CONFIG).learn(28, progress_bar=False).save(tmp_path / "whole.pt")
    content = torch.load(tmp_path / "whole.pt", weights_only=True)
    del content["environment"]["remembered"]
    torch.save(content, tmp_path / "damaged.pt")
    with pytest.raises(UserError, match="lacks 'remembered'"):
        PPO.load(tmp_path / "damaged.pt", env)
    assert not PPO.load(tmp_path / "damaged.pt", env, restore_env=False)._started


# Predictions


def test_predictions_are_what_was_collected() -> None:
    """As sb3-contrib's RecurrentPPO: the state goes in and out, and is forgotten where episodes start."""
    ppo = PPO(CountingEnv(lengths=ROBOTS), CONFIG).learn(56, progress_bar=False)
    ppo._start_episodes()
    ppo._collector.collect()
    rollout, state = ppo._rollout, None
    starts = torch.ones(4, dtype=torch.bool)
    for t in range(7):
        actions, state = ppo.predict(rollout.obs.frames[t], state, starts)
        expected = rollout.actor_outputs[t].clamp(-1.0, 1.0)
        torch.testing.assert_close(actions, expected, rtol=0.0, atol=1e-6)
        starts = rollout.dones[t]


def test_predictions_in_the_users_arrays() -> None:
    ppo = PPO(CountingEnv(), CONFIG.replace(num_minibatches=1))
    action, state = ppo.predict(np.zeros(2))
    assert isinstance(state, np.ndarray)
    assert (action.shape, state.shape) == ((3,), (6,))
    again, _ = ppo.predict(np.ones(2), state, episode_start=True)
    np.testing.assert_array_equal(again, ppo.predict(np.ones(2))[0])
    other, _ = ppo.predict(np.ones(2), state, episode_start=np.array([False]))
    assert not np.array_equal(other, again)
    actions, states = ppo.predict(torch.zeros(5, 2))
    assert isinstance(states, Tensor)
    assert (actions.shape, states.shape) == ((5, 3), (5, 6))
    with pytest.raises(UserError, match=r"state that it returned last, \(5, 6\) for 5.*got \(4, 6\)"):
        ppo.predict(torch.zeros(5, 2), states[:4])
    with pytest.raises(UserError, match="an episode_start for each of 5 observations; got 2"):
        ppo.predict(torch.zeros(5, 2), states, [True, False])
    with pytest.raises(UserError, match="for actions: deterministic=False"):
        ppo.predict(torch.zeros(5, 2), False)  # pyright: ignore[reportArgumentType]


# Refusals


def test_what_cannot_be_combined() -> None:
    with pytest.raises(UserError, match=r"PPOConfig\.symmetry is not for the networks of GRUPolicy"):
        PPO(CountingEnv(), replace(CONFIG, symmetry=True))
    with pytest.raises(UserError, match=r"2 environments, which networks or losses need whole,.*num_min"):
        PPO(CountingEnv(), replace(CONFIG, num_minibatches=3))


def test_a_checkpoint_of_other_networks(tmp_path: Path) -> None:
    env = CountingEnv(lengths=ROBOTS)
    PPO(env, CONFIG).save(tmp_path / "gru.pt")
    with pytest.raises(UserError, match=r"its policy is GRUPolicy\(hidden=6, .*, the given"):
        PPO.load(tmp_path / "gru.pt", env, config=replace(CONFIG, policy=PolicyConfig()))
