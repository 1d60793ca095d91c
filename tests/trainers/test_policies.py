"""Policies from files of every kind, told apart by what is in them."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any, Tuple

import pytest
import torch
from torch import Tensor, nn

from humanoid_envs.configs import to_plain
from humanoid_envs.contract import PolicyContract
from humanoid_envs.tasks import preset
from humanoid_envs.tasks.velocity.contracted import contracted_task
from tests.trainers.test_export import make_ppo, observations
from trainers.export import export_network, export_policy
from trainers.policies import load_policy, read_contract
from trainers.ppo import PPO, GRUPolicy
from trainers.trust import remember

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = Path(os.environ.get("POLICY_EXAMPLE", ROOT / "../shared/reference/policy_example.pt"))
V0 = PolicyContract.of(preset("v0"))


@pytest.fixture
def ppo() -> PPO:
    ppo = make_ppo(symmetry=True)
    ppo.metadata["task"] = to_plain(preset("fast"))
    ppo.set_env(ppo.get_env())  # pyright: ignore[reportArgumentType]
    return ppo


def script(network: nn.Module, path: Path) -> Path:
    """A TorchScript file without a contract, that counts as written here."""
    torch.jit.script(network).save(str(path))
    remember(path)
    return path


# Every kind


@pytest.mark.parametrize("name", ["a.onnx", "b.pt", "c.jit.pt"])
def test_acts_as_the_policy_that_was_saved(tmp_path: Path, ppo: PPO, name: str) -> None:
    if name == "b.pt":
        ppo.save(tmp_path / name)
    else:
        export_policy(ppo, tmp_path / name)
    # The content counts, not the name.
    for disguise in (name, "other.onnx", "other.pt", "other"):
        (tmp_path / name).replace(tmp_path / disguise)
        policy = load_policy(tmp_path / disguise)
        for rows in (32, 1, 3):
            action = policy(observations(rows))
            assert action.dtype == torch.float32
            torch.testing.assert_close(action, ppo.predict(observations(rows))[0], atol=1e-4, rtol=1e-4)
        (tmp_path / disguise).replace(tmp_path / name)


def test_a_checkpoint_knows_its_task(tmp_path: Path, ppo: PPO) -> None:
    ppo.save(tmp_path / "last.pt")
    policy = load_policy(tmp_path / "last.pt")
    assert policy.task == preset("fast")
    assert policy.contract.engine is None
    assert policy.contract == PolicyContract.of(preset("fast"))


@pytest.mark.parametrize("name", ["policy.onnx", "policy.pt"])
def test_an_export_knows_its_contract(tmp_path: Path, ppo: PPO, name: str) -> None:
    contract = dataclasses.replace(V0, robot="mine")
    export_policy(ppo, tmp_path / name, contract)
    policy = load_policy(tmp_path / name)
    assert policy.contract == contract
    assert policy.task == contracted_task(contract)


@pytest.mark.parametrize("name", ["last.pt", "policy.onnx", "policy.jit.pt"])
def test_every_kind_knows_the_engine_it_was_trained_on(tmp_path: Path, ppo: PPO, name: str) -> None:
    ppo.metadata["engine"] = "mujoco_warp"
    ppo.save(tmp_path / "last.pt")
    if name != "last.pt":
        export_policy(tmp_path / "last.pt", tmp_path / name)
    assert load_policy(tmp_path / name).contract.engine == "mujoco_warp"


def test_torchscript_without_a_contract_is_taken_for_a_policy_of_the_releases_task(tmp_path: Path) -> None:
    network = nn.Linear(705, 12)
    policy = load_policy(script(network, tmp_path / "policy.pt"))
    assert policy.contract == V0
    with torch.no_grad():
        torch.testing.assert_close(policy(observations()), network(observations()))


@pytest.mark.skipif(not PUBLISHED.is_file(), reason="the release's policy is not here")
def test_the_published_policy() -> None:
    policy = load_policy(PUBLISHED)
    assert policy.contract == V0
    assert policy.contract.engine is None
    action = policy(observations(4))
    with torch.no_grad():
        torch.testing.assert_close(action, torch.jit.load(str(PUBLISHED))(observations(4)))


def test_a_contract_for_files_that_carry_none(tmp_path: Path) -> None:
    contract = dataclasses.replace(V0, observation_history=3)
    path = script(nn.Linear(3 * 47, 12), tmp_path / "policy.pt")
    (tmp_path / "contract.json").write_text(contract.to_json())
    policy = load_policy(path, read_contract(tmp_path / "contract.json"))
    assert policy.contract == contract
    assert policy(torch.zeros(5, 141)).shape == (5, 12)


def test_a_contract_for_a_checkpoint_that_names_no_task(tmp_path: Path) -> None:
    make_ppo().save(tmp_path / "last.pt")
    with pytest.raises(ValueError, match="names no velocity task"):
        load_policy(tmp_path / "last.pt")
    assert load_policy(tmp_path / "last.pt", V0).contract == V0


# Recurrent policies


class Sum(nn.Module):
    """Actions are the sums of the first twelve entries since the episode's start."""

    def forward(self, observation: Tensor, state: Tensor) -> Tuple[Tensor, Tensor]:
        state = state + observation[:, :12]
        return state, state


@pytest.mark.parametrize("name", ["sum.onnx", "sum.pt"])
def test_a_recurrent_policy_remembers_until_it_is_reset(tmp_path: Path, name: str) -> None:
    export_network(Sum(), tmp_path / name, V0, state_shape=(12,))
    policy = load_policy(tmp_path / name)
    ones = torch.ones(3, 705)
    assert policy(ones)[:, 0].tolist() == [1.0, 1.0, 1.0]  # checking the shapes left no trace
    assert policy(ones)[:, 0].tolist() == [2.0, 2.0, 2.0]
    policy.reset(torch.tensor([False, True, False]))
    assert policy(ones)[:, 0].tolist() == [3.0, 1.0, 3.0]
    policy.reset()
    assert policy(ones)[:, 0].tolist() == [1.0, 1.0, 1.0]
    assert policy(ones[:2])[:, 0].tolist() == [1.0, 1.0]  # other robots: another walk


@pytest.mark.parametrize("name", ["policy.onnx", "policy.jit.pt", "last.pt"])
@pytest.mark.parametrize("normalize", [False, True])
def test_a_trained_memory_acts_as_it_was_trained(tmp_path: Path, name: str, normalize: bool) -> None:
    """From every kind of file, as PPO.predict, over a walk in which robots start anew."""
    networks = {"policy": GRUPolicy(hidden=16), "actor_output_scale": 10.0, "num_minibatches": 1}
    ppo = make_ppo(normalize_observations=normalize, **networks)
    ppo.policy.update_normalization(1.0 + observations(), torch.randn(8, 219))
    ppo.metadata["task"] = to_plain(preset("v0"))
    if name == "last.pt":
        ppo.save(tmp_path / name)
    else:
        export_policy(ppo, tmp_path / name)
    policy, state, starts = load_policy(tmp_path / name), None, torch.ones(3, dtype=torch.bool)
    generator = torch.Generator().manual_seed(2)
    first = expected = policy(observations(3))
    for _ in range(20):
        seen = 2.0 * torch.randn(3, 705, generator=generator)
        policy.reset(starts)
        expected, state = ppo.predict(seen, state, starts)
        torch.testing.assert_close(policy(seen), expected, rtol=0.0, atol=1e-5)
        starts = torch.rand(3, generator=generator) < 0.2
    assert expected.abs().max() > 1.0
    assert not torch.allclose(policy(observations(3)), first), "what came before counts"


def test_a_policy_without_memory_can_be_reset(tmp_path: Path) -> None:
    policy = load_policy(script(nn.Linear(705, 12), tmp_path / "policy.pt"))
    policy.reset()
    policy.reset(torch.tensor([True, False]))


# Refusals


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Linear(600, 12), "does not map 705 observations to 12 actions, as its contract says: "),
        (nn.Linear(705, 10), r"as its contract says: for two it gives \(2, 10\)"),
        (nn.Flatten(0), r"as its contract says: for two it gives \(1410,\)"),
    ],
    ids=["input", "output", "no actions"],
)
def test_torchscript_of_other_shapes(tmp_path: Path, network: nn.Module, message: str) -> None:
    with pytest.raises(ValueError, match=f"policy.pt .*{message}"):
        load_policy(script(network, tmp_path / "policy.pt"))


def test_onnx_of_other_shapes(tmp_path: Path, ppo: PPO) -> None:
    import onnx

    export_policy(ppo, tmp_path / "policy.onnx")
    model = onnx.load(str(tmp_path / "policy.onnx"))
    del model.metadata_props[:]
    onnx.save(model, str(tmp_path / "policy.onnx"))
    with pytest.raises(ValueError, match=r"policy\.onnx carries no contract"):
        load_policy(tmp_path / "policy.onnx")
    with pytest.raises(ValueError, match="does not map 141 observations to 12 actions"):
        load_policy(tmp_path / "policy.onnx", dataclasses.replace(V0, observation_history=3))
    assert load_policy(tmp_path / "policy.onnx", V0).contract == V0


@pytest.mark.parametrize("name", ["policy.onnx", "policy.pt"])
def test_a_changed_contract_is_noticed(tmp_path: Path, ppo: PPO, name: str) -> None:
    path = export_policy(ppo, tmp_path / name)
    content = path.read_bytes()
    assert content.count(b'"action_clip": 18.0') == 1
    path.write_bytes(content.replace(b'"action_clip": 18.0', b'"action_clip": 17.0'))
    with pytest.raises(ValueError, match=rf"{name}"):
        load_policy(path)


def test_a_file_keeps_its_own_contract(tmp_path: Path, ppo: PPO) -> None:
    path = export_policy(ppo, tmp_path / "policy.onnx")
    assert load_policy(path, V0).contract == V0
    with pytest.raises(ValueError, match="carries a contract of its own"):
        load_policy(path, dataclasses.replace(V0, robot="mine"))


def write(path: Path, content: Any) -> Path:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no policy: neither ONNX, nor TorchScript, nor a checkpoint"),
        (b"import torch\n", "is no policy"),
        ({"weights": torch.zeros(3)}, "is a torch file, but not a PPO checkpoint"),
    ],
    ids=["empty", "text", "another torch file"],
)
def test_something_else_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_policy(write(tmp_path / "policy.pt", content))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = script(nn.Linear(705, 12), tmp_path / "policy.pt")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"policy\.pt is no policy"):
        load_policy(path)
    path.write_bytes(content.replace(b"constants.pkl", b"constants.pXl"))
    with pytest.raises(ValueError, match=r"policy\.pt cannot be read: it is damaged"):
        load_policy(path, trust=True)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="There is no policy"):
        load_policy(tmp_path / "policy.onnx")
    with pytest.raises(FileNotFoundError, match="There is no contract"):
        read_contract(tmp_path / "contract.json")
