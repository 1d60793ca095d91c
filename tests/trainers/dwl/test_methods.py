"""The rivals of denoising world model learning: losses in closed form, replays, comparability, refusals."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Tuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from humanoid_envs.configs import to_plain
from humanoid_envs.errors import UserError
from humanoid_envs.registration import make
from humanoid_envs.tasks import preset
from humanoid_envs.vector_env import HumanoidVectorEnv
from tests.trainers.dwl.host_syncs import HostSyncs
from tests.trainers.ppo.counting_env import CountingEnv
from trainers.dwl.distillation import Distillation, StudentLosses, Taught, frozen
from trainers.dwl.estimating import Denoising, EstimatingPolicy
from trainers.dwl.him import Contrastive, HIMActor, balanced
from trainers.dwl.methods import METHODS, method
from trainers.ppo import PPO, GRUPolicy, PPOConfig

BLIND = [name for name in METHODS if name not in ("teacher", "student")]


pytestmark = pytest.mark.usefixtures("one_thread")


def make_env(name: str, teacher: Any = None, num_envs: int = 3) -> Tuple[HumanoidVectorEnv, PPOConfig]:
    """A few robots whose episodes soon end, and the method's config."""
    how = method(name, teacher)
    task = how.task(preset("dwl_flat")).replace({"terminations.episode_length": 0.1})
    changes = {"device": "cpu", "num_steps": 14, "num_minibatches": 1, "num_epochs": 2}
    return make(num_envs, task, engine="mujoco", compiled=False), how.ppo.replace(changes)


def make_ppo(name: str, teacher: Any = None) -> PPO:
    env, config = make_env(name, teacher)
    return PPO(env, config)


@pytest.mark.parametrize("name", BLIND)
def test_they_replay_learn_and_resume(tmp_path: Path, name: str) -> None:
    """Over ends of episodes; nothing is read back on the way; and half a training goes on bit for bit."""
    env, config = make_env(name)
    ppo = PPO(env, config)
    ppo._start_episodes()
    for _ in range(2):
        ppo._collector.collect()
    rollout = ppo._rollout
    order = torch.arange(rollout.num_items)
    batch = rollout.minibatch(order)
    seen = ppo.policy.evaluate(batch)
    for mine, then in ((seen.outputs, rollout.actor_outputs), (seen.values, rollout.values)):
        torch.testing.assert_close(mine, then.flatten(0, 1), rtol=0.0, atol=1e-5)
    assert bool(rollout.dones.any())
    learner: Any = ppo.learner
    with HostSyncs() as syncs:
        losses = learner.losses(batch, None, torch.tensor(0.0), learner.weights)
        losses["loss"].backward()
    assert syncs.found == []
    assert all(bool(loss.isfinite()) for loss in losses.values())

    half = config.num_steps * env.num_envs
    straight = PPO(make_env(name)[0], config).learn(2 * half, progress_bar=False)
    PPO(make_env(name)[0], config).learn(half, progress_bar=False).save(tmp_path / "half.pt")
    resumed = PPO.load(tmp_path / "half.pt", make_env(name)[0])
    assert resumed.config == config
    resumed.learn(half, progress_bar=False, reset_num_timesteps=False)
    weights = resumed.policy.state_dict()
    for key, weight in straight.policy.state_dict().items():
        assert torch.equal(weights[key], weight), key


def test_actors_have_about_as_many_weights() -> None:
    """Within 20 % of those of denoising world model learning."""
    sizes = {}
    for name in (*BLIND, "teacher", "student"):
        ppo = make_ppo(name, "teacher.pt")
        sizes[name] = sum(weight.numel() for weight in ppo.policy.actor.parameters())
        critics = [weight.shape for weight in ppo.policy.critic.parameters()]
        assert critics[0] == (512, 223), name
        assert (ppo.config.gamma, ppo.config.learning_rate, ppo.config.num_epochs) == (0.99, 1e-3, 2)
    for name, size in sizes.items():
        assert abs(size / sizes["dwl"] - 1.0) < 0.2, (name, size, sizes["dwl"])


# Concurrent estimation


def test_acting_does_not_change_what_is_estimated() -> None:
    for name in ("concurrent", "him", "wmr"):
        ppo = make_ppo(name)
        ppo._start_episodes()
        ppo._collector.collect()
        batch = ppo._rollout.minibatch(torch.arange(ppo._rollout.num_items))
        ppo.policy.evaluate(batch).outputs.sum().backward()
        actor: Any = ppo.policy.actor
        assert all(weight.grad is None for weight in actor.encoder.parameters()), name
        assert all(weight.grad is not None for weight in actor.head.parameters()), name


def test_what_is_estimated() -> None:
    ppo = make_ppo("concurrent")
    policy = ppo.policy
    assert isinstance(policy, EstimatingPolicy)
    assert (policy.targets.names, policy.targets.sizes) == (("base_lin_vel", "foot_height"), (3, 2))
    ppo._start_episodes()
    ppo._collector.collect()
    frame = ppo._rollout.critic_obs.all()
    places, start = {}, 0
    for term, size, scale in ppo.signature.details["terms"]["critic"]:
        places[term] = frame[:, start : start + size] / scale
        start += size
    entries = policy.targets._entries(frame) / policy.targets.scales
    torch.testing.assert_close(entries, torch.cat([places["base_lin_vel"], places["foot_height"]], 1))


# The hybrid internal model


def test_assignments_are_balanced() -> None:
    scores = torch.randn(40, 4, generator=torch.Generator().manual_seed(0)).clamp(-1.0, 1.0)
    counted = torch.arange(40) % 5 != 0
    assigned = balanced(scores, counted.float(), rounds=50)
    torch.testing.assert_close(assigned.sum(1), counted.float())
    torch.testing.assert_close(assigned.sum(0), torch.full((4,), 32.0 / 4.0), rtol=0.02, atol=0.0)
    assert bool(balanced(torch.ones(3, 2), torch.zeros(3)).isfinite().all())


def test_the_contrastive_loss_in_closed_form() -> None:
    """Over each pair of steps of an episode, and none across two episodes."""
    ppo = make_ppo("him")
    ppo._start_episodes()
    ppo._collector.collect()
    batch = ppo._rollout.minibatch(torch.arange(3))
    policy = ppo.policy
    actor = policy.actor
    assert isinstance(actor, HIMActor)
    assert batch.starts is not None
    features = policy.evaluate(batch).features
    torch.testing.assert_close(features["latent"].norm(dim=1), torch.ones(len(batch.obs)))
    module: Any = policy.auxiliary
    loss = module.contrastive
    value = loss(policy, replace(batch, features=features))

    pairs = [(t, e) for t in range(13) for e in range(3) if not batch.starts[t + 1, e]]
    assert 0 < len(pairs) < 13 * 3
    latents = torch.stack([batch.sequences(features["latent"])[t, e] for t, e in pairs])
    frames = torch.stack([batch.sequences(batch.obs)[t + 1, e, -47:] for t, e in pairs])
    prototypes = functional.normalize(loss.prototypes.weight, dim=1)
    scores = [latents @ prototypes.T, functional.normalize(loss.target(frames), dim=1) @ prototypes.T]
    ones = torch.ones(len(pairs))
    assigned = [balanced(each.detach(), ones) for each in scores]
    told = [torch.log_softmax(each / 3.0, dim=1) for each in scores]
    expected = -0.5 * (assigned[1] * told[0] + assigned[0] * told[1]).mean()
    torch.testing.assert_close(value, expected)


def test_contrastive_is_for_him_alone() -> None:
    ppo = make_ppo("dwl")
    with pytest.raises(UserError, match="Contrastive is a loss of a HIMPolicy, not of EstimatingPolicy"):
        Contrastive().build(ppo.policy, ppo.signature)
    with pytest.raises(UserError, match="Denoising is a loss of policies that estimate"):
        Denoising().build(make_ppo("gru").policy, ppo.signature)


# Teacher and student


def test_a_student_learns_what_its_teacher_does(tmp_path: Path) -> None:
    env, config = make_env("teacher")
    teacher = PPO(env, config.replace(actor_output_scale=5.0))
    teacher.save(tmp_path / "teacher.pt", environment=False)
    env, config = make_env("student", str(tmp_path / "teacher.pt"))
    config = config.replace(desired_kl=None, max_grad_norm=10.0, value_coef=0.0)
    student = PPO(env, config)
    module: Any = student.policy.auxiliary
    loss = module.distillation
    assert isinstance(loss, Taught)
    assert [*loss.parameters()] == []
    assert not [name for name in student.policy.state_dict() if "teacher" in name]
    student._start_episodes()
    student._collector.collect()
    batch = student._rollout.minibatch(torch.arange(3))
    outputs = student.policy.evaluate(batch).outputs
    value = loss(student.policy, replace(batch, features={"outputs": outputs}))
    expected = (outputs - teacher.policy.actor(batch.critic_obs)).square().mean()
    torch.testing.assert_close(value, expected)
    errors = []

    def note(ppo: PPO) -> None:
        errors.append(ppo.metrics["train/distillation"])

    student.learner.weights["distillation"].fill_(20.0)
    student.learn(30 * 3 * 14, note, progress_bar=False)
    assert errors[-1] < 0.7 * errors[0]

    student.save(tmp_path / "student.pt", environment=False)
    (tmp_path / "teacher.pt").unlink()
    alone = PPO.load(tmp_path / "student.pt")  # walks without its teacher
    assert isinstance(alone.config.policy, GRUPolicy)
    with pytest.raises(UserError, match=r"Distillation\.teacher must be a checkpoint that there is"):
        PPO.load(tmp_path / "student.pt", env).learn(42, progress_bar=False)


def test_teachers_that_are_none(tmp_path: Path) -> None:
    make_ppo("gru").save(tmp_path / "gru.pt", environment=False)
    make_ppo("history").save(tmp_path / "history.pt", environment=False)
    with pytest.raises(UserError, match="remembers: take one that sees all at once"):
        make_ppo("student", str(tmp_path / "gru.pt"))
    with pytest.raises(UserError, match="sees 705 numbers, which are not the 223"):
        make_ppo("student", str(tmp_path / "history.pt"))
    with pytest.raises(UserError, match="Method 'student' needs a teacher"):
        method("student")
    with pytest.raises(UserError, match="Unknown method 'hym'; "):
        method("hym")


def test_frozen_networks_do_the_same_and_have_nothing_to_learn() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).eval()
    rows: Tensor = torch.randn(5, 3)
    before = network(rows)
    after = frozen(network)
    assert torch.equal(after(rows), before)
    assert [*after.parameters()] == [] == [*after.state_dict()]


def test_counting_envs_have_students_too(tmp_path: Path) -> None:
    """Of any environment whose critic sees what the teacher saw."""

    config = PPOConfig(num_steps=6, num_minibatches=1, device="cpu", actor_hidden=(8,), critic_hidden=(8,))
    env = CountingEnv()
    PPO(env, config).save(tmp_path / "teacher.pt")
    losses = StudentLosses(distillation=Distillation(teacher=str(tmp_path / "teacher.pt")))
    with pytest.raises(UserError, match="sees 2 numbers, which are not the 1 of"):
        PPO(env, config.replace(losses=losses))


def test_checkpoints_of_all_load_where_ppo_is() -> None:
    """A process that has imported the trainer alone knows the classes that their configs name."""
    configs = [to_plain(METHODS[name]().ppo, PPOConfig) for name in METHODS]
    script = (
        "import json, sys; from humanoid_envs.configs import from_plain; from trainers.ppo import PPOConfig\n"
        "found = [from_plain(PPOConfig, config, 'it') for config in json.load(sys.stdin)]; print(len(found))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=json.dumps(configs), capture_output=True, text=True, timeout=100
    )
    assert (done.stdout, done.returncode) == (f"{len(configs)}\n", 0), done.stderr
