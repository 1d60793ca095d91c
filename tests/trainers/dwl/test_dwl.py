"""Denoising world model learning: losses, replays, targets of the same instant, training, resuming."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from gymnasium.vector import AutoresetMode

from humanoid_envs.errors import UserError
from humanoid_envs.registration import make
from tests.trainers.dwl.host_syncs import HostSyncs
from tests.trainers.ppo.counting_env import CountingEnv
from trainers.dwl import DWL, DWLLosses, DWLPolicy, EstimatingPolicy, Sparsity, dwl_config
from trainers.ppo import PPO, PPOConfig
from trainers.ppo.checkpoint import read_checkpoint
from trainers.ppo.rollout_buffer import Minibatch
from trainers.presets import preset

CONFIG = dwl_config().replace(
    num_steps=7,
    num_epochs=2,
    num_minibatches=2,
    actor_hidden=(8,),
    critic_hidden=(8,),
    device="cpu",
    policy=DWLPolicy(hidden=6, latent=4, decoder=(5,)),
)
ROBOTS = (3, 4, 10, 5)
UPDATE = 7 * len(ROBOTS)


pytestmark = pytest.mark.usefixtures("one_thread")


def make_env(mode: AutoresetMode = AutoresetMode.SAME_STEP) -> CountingEnv:
    return CountingEnv(mode, ROBOTS, noise=1.0)


def collected(ppo: PPO, envs: Any, rollouts: int = 3) -> Minibatch:
    """The sequences of some environments after a few rollouts without learning."""
    ppo._start_episodes()
    for _ in range(rollouts):
        ppo._collector.collect()
    return ppo._rollout.minibatch(torch.tensor(envs))


# Losses


def test_the_losses_in_closed_form() -> None:
    ppo = DWL(make_env(), CONFIG)
    policy = ppo.policy
    assert isinstance(policy, EstimatingPolicy)
    batch = collected(ppo, [2, 0])
    policy.targets.update(batch.critic_obs)
    seen = policy.evaluate(batch)
    batch = replace(batch, features=seen.features)
    count = batch.critic_obs[:, 0]
    target = (count - count.mean()) / (count.var(correction=0) + 1e-4).sqrt()
    estimate, latent = seen.features["estimate"], seen.features["latent"]
    assert (estimate.shape, latent.shape) == ((14, 1), (14, 4))
    denoising, sparsity = (loss(policy, batch) for loss in CONFIG.losses.named().values())
    torch.testing.assert_close(denoising, (estimate[:, 0] - target).square().mean())
    torch.testing.assert_close(sparsity, latent.abs().sum() / (14 * 4))
    assert [loss.weight for loss in DWLLosses().named().values()] == [1.0, 0.002]


def test_steps_that_only_reset_do_not_count() -> None:
    ppo = DWL(make_env(AutoresetMode.NEXT_STEP), CONFIG)
    batch = collected(ppo, [1, 0])
    assert batch.valid is not None
    assert not bool(batch.valid.all())
    features = ppo.policy.evaluate(batch).features
    latent = torch.where(batch.valid[:, None], features["latent"], 1000.0)
    loss = Sparsity()(ppo.policy, replace(batch, features={"latent": latent}))
    torch.testing.assert_close(loss, features["latent"][batch.valid].abs().mean())


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("reconstructed", [False, True])
def test_what_teaches_the_encoder(cut: bool, reconstructed: bool) -> None:
    """Acting and estimating; with the cut, only estimating. The decoder learns to act where it is shown."""
    shape = CONFIG.policy.replace(cut=cut, reconstructed=reconstructed)
    ppo = DWL(make_env(), CONFIG.replace(policy=shape))
    seen = ppo.policy.evaluate(collected(ppo, [0, 1, 2, 3]))
    actor: Any = ppo.policy.actor
    for what, learns in ((seen.outputs, not cut), (seen.features["estimate"], True)):
        ppo.policy.zero_grad()
        what.square().sum().backward(retain_graph=True)
        assert (actor.encoder.input.weight.grad is not None) is learns
    ppo.policy.zero_grad()
    seen.outputs.square().sum().backward()
    assert actor.head[0].weight.grad.abs().sum() > 0.0
    assert (actor.decoder[0].weight.grad is not None) is (reconstructed and not cut)


# Replays


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("normalize", [False, True])
def test_a_replay_is_the_rollout(mode: AutoresetMode, normalize: bool) -> None:
    """Over ends of episodes and of rollouts, whichever environments are taken."""
    ppo = DWL(make_env(mode), CONFIG.replace(normalize_observations=normalize))
    for rollouts in (1, 3):
        batch = collected(ppo, [2, 0], rollouts)
        seen = ppo.policy.evaluate(batch)
        for mine, then in ((seen.outputs, ppo._rollout.actor_outputs), (seen.values, ppo._rollout.values)):
            torch.testing.assert_close(batch.sequences(mine), then[:, [2, 0]], rtol=0.0, atol=1e-5)
        assert batch.starts is not None
        assert bool(batch.starts.any())


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_the_target_is_of_the_instant_that_the_actor_sees(mode: AutoresetMode) -> None:
    """Also in the last step of an episode and in the first of the next: both count the same steps."""
    batch = collected(DWL(make_env(mode), CONFIG), [0, 1, 2, 3])
    assert torch.equal(batch.critic_obs[:, 0], 10.0 * batch.obs[:, 0])
    firsts = batch.sequences(batch.critic_obs)[..., 0] == 0.0
    assert batch.starts is not None
    assert bool(firsts[1:].any())
    assert torch.equal(firsts[1:], batch.starts[1:])


def test_a_replay_on_the_robots() -> None:
    """The task's own frames, with falls; the decoder's target is the privileged frame of that instant."""
    config = preset("dwl_flat")
    env = make(3, config.task.replace({"terminations.episode_length": 0.1}), engine="mujoco", compiled=False)
    ppo = DWL(env, {"device": "cpu", "num_steps": 16, "num_minibatches": 1})
    batch = collected(ppo, [2, 0, 1], rollouts=2)
    seen, policy = ppo.policy.evaluate(batch), ppo.policy
    assert isinstance(policy, EstimatingPolicy)
    rollout = ppo._rollout
    for mine, then in ((seen.outputs, rollout.actor_outputs), (seen.values, rollout.values)):
        torch.testing.assert_close(batch.sequences(mine), then[:, [2, 0, 1]], rtol=0.0, atol=1e-5)
    assert policy.targets.size == 223
    assert policy.targets.names[:3] == ("clock", "command_lin_vel", "command_yaw_rate")
    assert torch.equal(policy.targets._entries(batch.critic_obs), batch.critic_obs)
    # The clock and the command are seen without noise, by actor and critic.
    assert torch.equal(batch.critic_obs[:, :5], batch.obs[:, :5])
    assert batch.starts is not None
    assert bool(batch.starts.any())
    env.close()


# Training


def test_the_parts_have_the_papers_sizes() -> None:
    env = make(1, "dwl_flat", engine="mujoco", compiled=False)
    networks = ("policy", "losses", "actor_hidden", "critic_hidden")
    config = {name: getattr(dwl_config(), name) for name in networks}
    policy = PPO(env, {**config, "device": "cpu", "num_minibatches": 1}).policy
    weights = [each for each in policy.named_parameters() if each[0].endswith("weight")]
    sizes = {name: tuple(weight.shape) for name, weight in weights}
    assert sizes == {
        "actor.encoder.input.weight": (3 * 256, 47),
        "actor.encoder.memory.weight": (3 * 256, 256),
        "actor.latent.weight": (24, 256),
        "actor.decoder.0.weight": (64, 24),
        "actor.decoder.2.weight": (223, 64),
        "actor.head.0.weight": (48, 24),
        "actor.head.2.weight": (12, 48),
        "critic.0.weight": (512, 223),
        "critic.2.weight": (512, 512),
        "critic.4.weight": (256, 512),
        "critic.6.weight": (1, 256),
    }
    env.close()


def test_dwl_is_ppo_with_another_policy() -> None:
    """The same weights, bit for bit, as the same config under its plain name."""
    named, plain = DWL(make_env(), CONFIG), PPO(make_env(), CONFIG)
    for ppo in (named, plain):
        ppo.learn(2 * UPDATE, progress_bar=False)
    for (name, mine), other in zip(named.policy.state_dict().items(), plain.policy.state_dict().values()):
        assert torch.equal(mine, other), name
    assert DWL(make_env(), {"num_minibatches": 1}).config == dwl_config().replace(num_minibatches=1)
    run = preset("dwl_flat").ppo
    own = dwl_config()
    assert (run.policy, run.losses, run.num_steps) == (own.policy, own.losses, own.num_steps)


def test_it_learns_to_tell_what_the_critic_sees() -> None:
    """The count of steps, which is ten times an entry of the observation."""
    errors = []

    def note(ppo: PPO) -> None:
        errors.append(ppo.metrics["train/denoising"])

    config = CONFIG.replace(learning_rate=1e-2, max_learning_rate=1e-2, desired_kl=None, value_coef=0.0)
    ppo = DWL(make_env(), config).learn(60 * UPDATE, note, progress_bar=False)
    assert errors[-1] < 0.1 * max(errors)
    policy = ppo.policy
    assert isinstance(policy, EstimatingPolicy)
    batch = collected(ppo, [0, 1, 2, 3])
    estimate = policy.targets.physical(policy.evaluate(batch).features["estimate"])
    error = (estimate - batch.critic_obs).abs().mean()
    assert error < 0.2 * batch.critic_obs.std()


def test_it_resumes_bit_for_bit(tmp_path: Path) -> None:
    straight = DWL(make_env(), CONFIG).learn(4 * UPDATE, progress_bar=False)
    DWL(make_env(), CONFIG).learn(2 * UPDATE, progress_bar=False).save(tmp_path / "half.pt")
    resumed = PPO.load(tmp_path / "half.pt", make_env())
    assert resumed.config == CONFIG
    resumed.learn(2 * UPDATE, progress_bar=False, reset_num_timesteps=False)
    contents = []
    for ppo, name in ((straight, "straight.pt"), (resumed, "resumed.pt")):
        ppo.save(tmp_path / name)
        contents.append(read_checkpoint(tmp_path / name))
    assert "targets.statistics.mean" in contents[0]["policy"]
    assert contents[0]["policy"]["targets.statistics.count"] == 4 * UPDATE
    for part in ("policy", "learner", "environment"):
        torch.testing.assert_close(contents[0][part], contents[1][part], rtol=0.0, atol=0.0)


def test_nothing_is_read_back_while_it_collects_and_learns() -> None:
    """What may be part of a CUDA graph: on the CPU the same operations."""
    ppo = DWL(make_env(), CONFIG)
    batch = collected(ppo, [0, 1, 2, 3])
    learner: Any = ppo.learner
    with HostSyncs() as syncs:
        ppo.policy(ppo._collector._obs, ppo._collector._critic_obs, ppo._collector.state)
        learner.losses(batch, None, torch.tensor(0.0), learner.weights)["loss"].backward()
        ppo.policy.update_normalization(batch.obs, batch.critic_obs)
    assert syncs.found == []
    with HostSyncs() as syncs:
        batch.obs.sum().item()
    assert syncs.found != []


def test_it_compiles_without_a_break() -> None:
    ppo = DWL(make_env(), CONFIG.replace(num_steps=3))
    batch = collected(ppo, [0, 1, 2, 3])
    learner: Any = ppo.learner
    given = (batch, ppo.policy.std, torch.tensor(0.0), learner.weights)
    plain = learner.losses(*given)
    compiled = torch.compile(learner.losses, fullgraph=True, backend="aot_eager")(*given)
    for name, value in plain.items():
        torch.testing.assert_close(compiled[name], value, msg=name)


# Refusals


def test_dwl_trains_its_own_networks_alone() -> None:
    with pytest.raises(UserError, match="DWL trains a DWLPolicy, not PolicyConfig: take PPO"):
        DWL(make_env(), PPOConfig())
    with pytest.raises(
        UserError, match=r"Denoising is a loss of policies that estimate.*ActorCritic does not"
    ):
        PPO(make_env(), CONFIG.replace(policy=PPOConfig().policy))
