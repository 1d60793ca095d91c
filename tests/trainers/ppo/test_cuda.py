from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from humanoid_envs.registration import make
from humanoid_envs.tasks import preset as task_preset
from tests.trainers.ppo import test_golden
from tests.trainers.ppo.counting_env import CountingEnv
from trainers.dwl import Denoising, DWLPolicy, Sparsity
from trainers.ppo import PPO, AuxiliaryLoss, GRUPolicy, Losses, Minibatch, Policy, PolicyConfig, PPOConfig
from trainers.ppo.captured_update import CapturedUpdate
from trainers.ppo.learner import Learner
from trainers.ppo.rollout_buffer import RolloutBuffer
from trainers.ppo.tensor_env import TensorEnv

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
CONFIG = PPOConfig(num_steps=10, num_minibatches=2, actor_hidden=(8,), critic_hidden=(8,), device="cuda")

golden = test_golden.golden


def to_cuda(rollout: RolloutBuffer) -> RolloutBuffer:
    for part in (rollout, rollout.obs, rollout.critic_obs):
        for name, value in vars(part).items():
            if isinstance(value, Tensor):
                setattr(part, name, value.cuda())
    return rollout


@pytest.mark.parametrize("update", ["A", "C"])
def test_golden_update_without_waiting_for_the_device(golden: dict, update: str) -> None:
    """Fused Adam and CUDA kernels, against the CPU's numbers."""
    torch.set_float32_matmul_precision("highest")
    policy = test_golden.make_policy(golden, update).cuda()
    learner = Learner(policy, test_golden.make_config(golden, update), torch.device("cuda"))
    rollout, permutation = to_cuda(test_golden.make_rollout(golden)), golden[f"{update}/randperm"].cuda()
    torch.cuda.set_sync_debug_mode("error")
    try:
        record = learner.update(rollout, permutation)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    np.testing.assert_allclose(record["learning_rate"].cpu(), golden[f"{update}/lr"], rtol=1e-12)
    np.testing.assert_allclose(record["loss"].cpu(), golden[f"{update}/loss"], rtol=1e-4, atol=1e-5)
    test_golden.assert_weights(policy.cpu(), test_golden.weights(golden, f"{update}/final/"), 1e-5)


def test_trains_saves_and_moves_between_devices(tmp_path: Path) -> None:
    ppo = PPO(CountingEnv(noise=1.0), CONFIG).learn(40)
    ppo.save(tmp_path / "cuda.pt")
    on_cpu = PPO.load(tmp_path / "cuda.pt", CountingEnv(noise=1.0), device="cpu")
    on_cpu.learn(40, reset_num_timesteps=False)
    on_cpu.save(tmp_path / "cpu.pt")
    back = PPO.load(tmp_path / "cpu.pt", CountingEnv(noise=1.0), device="cuda")
    back.learn(40, reset_num_timesteps=False)
    assert (back.num_updates, back.device.type) == (6, "cuda")


def test_resume_continues_the_random_numbers_of_the_device(tmp_path: Path) -> None:
    straight = PPO(CountingEnv(noise=1.0), replace(CONFIG, tf32=False)).learn(80)
    PPO(CountingEnv(noise=1.0), replace(CONFIG, tf32=False)).learn(40).save(tmp_path / "half.pt")
    resumed = PPO.load(tmp_path / "half.pt", CountingEnv(noise=1.0))
    resumed.learn(40, reset_num_timesteps=False)
    for name, weight in straight.policy.state_dict().items():
        torch.testing.assert_close(resumed.policy.state_dict()[name], weight, rtol=1e-4, atol=1e-6)


def test_captured_updates_equal_plain_ones(golden: dict) -> None:
    """The same learner, rollout and permutation: five updates as a graph and five by Python."""
    torch.set_float32_matmul_precision("highest")
    policies = []
    for captured in (True, False):
        policy = test_golden.make_policy(golden, "A").cuda()
        learner = Learner(policy, test_golden.make_config(golden, "A"), torch.device("cuda"))
        rollout = to_cuda(test_golden.make_rollout(golden))
        update = CapturedUpdate(learner, rollout)
        losses = {}
        for shift in range(5):
            permutation = golden["A/randperm"].cuda().roll(shift)
            losses = update(permutation) if captured else learner.update(rollout, permutation)
        assert losses["learning_rate"][-1] == learner.learning_rate
        policies.append(policy)
    for mine, other in zip(policies[0].parameters(), policies[1].parameters()):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


class Estimator(nn.Module):
    """What the critic sees, from what the actor sees."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, policy: Policy, batch: Minibatch) -> Tensor:
        return batch.mean((self.layer(batch.obs) - batch.critic_obs).square().mean(-1))


@dataclass(frozen=True)
class Estimate(AuxiliaryLoss):
    def build(self, policy: Policy, signature: Any) -> Any:
        return Estimator()


@dataclass(frozen=True)
class Small(AuxiliaryLoss):
    def __call__(self, policy: Policy, batch: Minibatch) -> Tensor:
        return batch.mean(batch.features["outputs"].square().sum(-1))


@dataclass(frozen=True)
class Both(Losses):
    estimate: Estimate = Estimate(weight=0.1)
    small: Small = Small(weight=0.01)


@dataclass(frozen=True)
class Denoised(Both):
    denoising: Denoising = Denoising()
    sparsity: Sparsity = Sparsity()


@pytest.mark.parametrize(
    ("policy", "auxiliary"),
    [(PolicyConfig(), Both()), (GRUPolicy(hidden=8), Both()), (DWLPolicy(hidden=8), Denoised())],
    ids=["perceptrons", "memory", "dwl"],
)
def test_networks_and_losses_of_any_kind_learn_in_a_graph(policy: PolicyConfig, auxiliary: Losses) -> None:
    """Without waiting for the device, captured and not, and alike."""
    learned = []
    for captured in (True, False):
        config = replace(CONFIG, policy=policy, losses=auxiliary, tf32=False)
        ppo = PPO(CountingEnv(lengths=(3, 4, 10, 5), noise=1.0), config)
        ppo._start_episodes()
        ppo._collector.collect()
        if captured:
            ppo._update.prepare()
        else:  # compiles, and makes Adam's moments
            ppo.learner.update(ppo._rollout, torch.arange(ppo._rollout.num_items, device="cuda"))
            ppo.set_parameters(PPO(CountingEnv(lengths=(3, 4, 10, 5)), config).get_parameters())
        indices = torch.arange(ppo._rollout.num_items, device="cuda")
        losses: Dict[str, Tensor] = {}
        torch.cuda.set_sync_debug_mode("error")
        try:
            for shift in range(3):
                order = indices.roll(shift)
                losses = ppo._update(order) if captured else ppo.learner.update(ppo._rollout, order)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert bool((losses["small"] > 0.0).all())
        learned.append(ppo.policy.state_dict())
    for name, weight in learned[0].items():
        torch.testing.assert_close(weight, learned[1][name], rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize(
    "changes",
    [
        {"symmetry": True},
        {"symmetry": True, "bfloat16": True},
        {"policy": GRUPolicy(hidden=8)},
        {"policy": GRUPolicy(hidden=8), "bfloat16": True},
        {"policy": DWLPolicy(hidden=8), "losses": Denoised()},
    ],
    ids=["perceptrons", "bfloat16", "memory", "memory bfloat16", "dwl"],
)
def test_collecting_as_a_graph_equals_collecting_step_by_step(
    monkeypatch: pytest.MonkeyPatch, changes: Dict[str, Any]
) -> None:
    """Two rollouts and updates on XBot-L, over ends of episodes. Warp adds contact forces up in any order, so
    they repeat to rounding only; before the first contact they are equal."""
    pytest.importorskip("mujoco_warp")
    task = task_preset("fast")
    task = replace(task, terminations=replace(task.terminations, episode_length=0.05))
    rollouts = []
    for graph in (True, False):
        env = make(64, task, engine="mujoco_warp", compiled=False)
        if not graph:
            monkeypatch.setattr(TensorEnv, "can_accelerate", False)
        config = replace(CONFIG, tf32=False, **changes)
        ppo = PPO(env, config).learn(2 * 640)
        rollouts.append(ppo._rollout)
        assert ppo.metrics["episode/length"] == pytest.approx(6.0)  # ends when the count exceeds 5
        env.close()
    mine, other = rollouts
    assert bool(mine.dones.any())
    assert torch.equal(mine.dones, other.dones)
    for name in ("actions", "values", "rewards", "bootstraps", "log_probs"):
        torch.testing.assert_close(getattr(mine, name), getattr(other, name), rtol=2e-2, atol=2e-2)
    indices = torch.arange(640, device="cuda")
    torch.testing.assert_close(mine.obs.gather(indices), other.obs.gather(indices), rtol=2e-2, atol=2e-2)
