"""Networks and auxiliary losses from a user's own file: that of docs/trainer.md."""

from __future__ import annotations

import dataclasses
import importlib
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Iterator, List

import pytest
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from humanoid_envs.errors import UserError
from tests.trainers.ppo.counting_env import CountingEnv
from trainers.ppo import PPO, AuxiliaryLoss, Losses, Minibatch, Policy, PPOConfig

CONFIG = PPOConfig(
    num_steps=7,
    num_epochs=2,
    num_minibatches=2,
    desired_kl=None,
    learning_rate=1e-3,
    actor_hidden=(8,),
    critic_hidden=(8,),
    device="cpu",
)
PAGE = (Path(__file__).parents[3] / "docs" / "trainer.md").read_text()
UPDATE = 7 * 4


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    (text,) = re.findall(r'```python\n("""my_networks.py""".*?)```', PAGE, re.DOTALL)
    folder = tmp_path_factory.mktemp("mine")
    (folder / "my_networks.py").write_text(text)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("my_networks")
    sys.path.remove(str(folder))


def make_env(**options: Any) -> CountingEnv:
    return CountingEnv(lengths=(3, 4, 10, 5), noise=1.0, **options)


def config_of(mine: Any) -> PPOConfig:
    losses = mine.MyLosses(estimate=mine.Estimate(weight=0.2))
    return replace(CONFIG, losses=losses, policy=mine.MyPolicy(width=6))


# A user's own


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_the_documents_example_trains_and_resumes(mine: Any, tmp_path: Path, mode: AutoresetMode) -> None:
    straight = PPO(make_env(mode=mode), config_of(mine)).learn(4 * UPDATE, progress_bar=False)
    PPO(make_env(mode=mode), config_of(mine)).learn(2 * UPDATE, progress_bar=False).save(tmp_path / "half.pt")
    resumed = PPO.load(tmp_path / "half.pt", make_env(mode=mode))
    assert resumed.config == config_of(mine)
    resumed.learn(2 * UPDATE, progress_bar=False, reset_num_timesteps=False)
    weights, others = straight.policy.state_dict(), resumed.policy.state_dict()
    assert [name for name in weights if name.startswith("auxiliary.estimate.")]
    for name, weight in weights.items():
        assert torch.equal(others[name], weight), name
    for name in ("smooth", "estimate", "loss"):
        assert straight.metrics[f"train/{name}"] == resumed.metrics[f"train/{name}"] > 0.0


def test_a_loss_is_learned(mine: Any) -> None:
    """The privileged observation is ten times an entry of the observation, so the estimate can be perfect."""
    errors: List[float] = []

    def note(ppo: PPO) -> None:
        errors.append(ppo.metrics["train/estimate"])

    config = replace(config_of(mine), learning_rate=0.1, max_learning_rate=0.1)
    PPO(make_env(), config).learn(60 * UPDATE, note, progress_bar=False)
    assert errors[-1] < 0.1 * errors[0]


def test_weights_count_and_may_change(mine: Any) -> None:
    """The sum that is minimized, also after a weight was changed in place."""
    ppo = PPO(make_env(), config_of(mine))
    for estimate in (0.2, 3.0):
        ppo.learner.weights["estimate"].fill_(estimate)
        ppo.learn(UPDATE, progress_bar=False)
        seen = {name: ppo.metrics[f"train/{name}"] for name in ("loss", "smooth", "estimate", "entropy")}
        own = ppo.metrics["train/surrogate_loss"] + ppo.metrics["train/value_loss"]
        own -= CONFIG.entropy_coef * seen["entropy"]
        auxiliary = 0.01 * seen["smooth"] + estimate * seen["estimate"]
        assert seen["loss"] - own == pytest.approx(auxiliary, rel=1e-4)


# The seam


@dataclass(frozen=True)
class Offset(AuxiliaryLoss):
    """Mean of the actions' squared distance from a goal, from what the policy has computed."""

    goal: float = 0.5

    def __call__(self, policy: Policy, batch: Minibatch) -> Tensor:
        assert batch.starts is None  # samples
        outputs = batch.features["outputs"]
        assert torch.equal(outputs, policy.act(batch.obs)[0])
        return batch.mean((outputs - self.goal).square().mean(-1))


@dataclass(frozen=True)
class One(Losses):
    offset: Offset = Offset(weight=10.0)


@dataclass(frozen=True)
class Nothing(Losses):
    nothing: AuxiliaryLoss = AuxiliaryLoss()


@dataclass(frozen=True)
class Misnamed(Losses):
    kl: AuxiliaryLoss = AuxiliaryLoss()


@dataclass(frozen=True)
class NoLoss(Losses):
    offset: float = 1.0


def test_a_loss_of_samples_without_parameters(tmp_path: Path) -> None:
    config = replace(CONFIG, losses=One(), learning_rate=1e-2)
    ppo = PPO(make_env(), config).learn(60 * UPDATE, progress_bar=False)
    assert ppo.metrics["train/offset"] < 0.02
    plain = PPO(make_env(), CONFIG)
    assert list(ppo.policy.state_dict()) == list(plain.policy.state_dict())
    ppo.save(tmp_path / "last.pt")
    assert PPO.load(tmp_path / "last.pt", make_env()).config.losses == One()


def test_a_loss_of_weight_zero_is_watched_and_changes_nothing() -> None:
    watched = PPO(make_env(), replace(CONFIG, losses=One(offset=Offset(weight=0.0))))
    plain = PPO(make_env(), CONFIG)
    for ppo in (watched, plain):
        ppo.learn(3 * UPDATE, progress_bar=False)
    assert watched.metrics["train/offset"] > 0.0
    for one, other in zip(watched.policy.parameters(), plain.policy.parameters()):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (Misnamed, r"Misnamed\.kl is the name of a curve of PPO's own"),
        (NoLoss, r"NoLoss\.offset must be an AuxiliaryLoss; got 1\.0"),
    ],
)
def test_groups_of_losses_are_checked(losses: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        losses()


def test_a_loss_that_computes_nothing() -> None:
    with pytest.raises(UserError, match=r"AuxiliaryLoss computes nothing: it has no __call__"):
        PPO(make_env(), replace(CONFIG, losses=Nothing())).learn(UPDATE, progress_bar=False)


def test_networks_that_are_none(mine: Any) -> None:
    class Wrong(mine.MyPolicy):
        def build(self, signature: Any, config: PPOConfig) -> Any:
            return torch.nn.Linear(2, 3)

    with pytest.raises(UserError, match=r"Wrong\.build must return a Policy; got Linear"):
        PPO(make_env(), CONFIG, policy=dataclasses.dataclass(frozen=True)(Wrong)())
    with pytest.raises(UserError, match=r"normalize_observations is not for the networks of MyPolicy"):
        PPO(make_env(), replace(CONFIG, normalize_observations=True), policy=mine.MyPolicy())
