"""Exported policies compute what the networks do, and say what they are."""

from __future__ import annotations

import builtins
import dataclasses
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from humanoid_envs.configs import to_plain
from humanoid_envs.contract import PolicyContract
from humanoid_envs.robots import XBOT_L
from humanoid_envs.tasks import preset
from humanoid_envs.vector_env import HumanoidVectorEnv
from tests.scripted_simulator import ScriptedSimulator, standing
from tests.trainers.ppo.counting_env import CountingEnv
from trainers.export import (
    CONTRACT_FILE,
    DeterministicActor,
    ExportCallback,
    contract_of,
    export_network,
    export_policy,
)
from trainers.ppo import PPO, PPOConfig

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

V0 = PolicyContract.of(preset("v0"))


def make_ppo(**changes: Any) -> PPO:
    """A policy of the velocity task. Large weights: its actions are as large as trained ones."""
    env = HumanoidVectorEnv(ScriptedSimulator(standing(2)), preset("v0"))
    settings: Dict[str, Any] = {"actor_hidden": (32, 16), "critic_hidden": (8,), "actor_output_scale": 60.0}
    return PPO(env, PPOConfig(**{**settings, "num_steps": 4, "device": "cpu", **changes}))


def observations(rows: int = 32) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return (3.0 * torch.randn(rows, 705, generator=generator)).clamp(-18.0, 18.0)


def run_onnx(path: Path, **inputs: Tensor) -> Tuple[np.ndarray, ...]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return tuple(session.run(None, {name: value.numpy() for name, value in inputs.items()}))


# What is computed


@pytest.mark.parametrize(
    "changes",
    [{}, {"symmetry": True}, {"normalize_observations": True}, {"symmetry": True, "activation": "tanh"}],
    ids=["plain", "symmetric", "normalized", "symmetric tanh"],
)
@pytest.mark.parametrize("name", ["policy.onnx", "policy.jit.pt"])
def test_actions_are_those_of_the_policy(tmp_path: Path, name: str, changes: dict) -> None:
    ppo = make_ppo(**changes)
    if "normalize_observations" in changes:
        ppo.policy.update_normalization(2.0 + 0.5 * observations(), torch.randn(8, 219))
    path = export_policy(ppo, tmp_path / name)
    assert path == tmp_path / name
    for rows in (1, 32):
        expected = ppo.predict(observations(rows))[0]
        if path.suffix == ".onnx":
            (action,) = map(torch.from_numpy, run_onnx(path, observation=observations(rows)))
        else:  # the release's own way
            action = torch.jit.load(str(path))(observations(rows))
        torch.testing.assert_close(action, expected, atol=1e-4, rtol=1e-4)
    assert expected.abs().max() == 18.0  # clipped
    assert expected.abs().min() < 17.0
    assert list(tmp_path.iterdir()) == [path]


def test_training_goes_on_as_if_nothing_was_exported(tmp_path: Path) -> None:
    ppo = make_ppo()
    before = {name: value.clone() for name, value in ppo.policy.state_dict().items()}
    export_policy(ppo, tmp_path / "policy.onnx")
    assert ppo.policy.training
    assert all(parameter.requires_grad for parameter in ppo.policy.parameters())
    for name, value in ppo.policy.state_dict().items():
        assert torch.equal(value, before[name])


def test_of_a_checkpoint(tmp_path: Path) -> None:
    ppo = make_ppo()
    ppo.metadata["task"] = to_plain(preset("v0"))
    ppo.save(tmp_path / "last.pt")
    export_policy(tmp_path / "last.pt", tmp_path / "policy.onnx")
    (action,) = run_onnx(tmp_path / "policy.onnx", observation=observations())
    expected = ppo.predict(observations())[0].numpy()
    np.testing.assert_allclose(action, expected, atol=1e-4, rtol=1e-4)


def test_old_runtimes_can_read_it(tmp_path: Path) -> None:
    """onnxruntime 1.17 reads opsets up to 20 and IR versions up to 9."""
    export_policy(make_ppo(symmetry=True), tmp_path / "policy.onnx")
    model = onnx.load(str(tmp_path / "policy.onnx"))
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    assert model.ir_version <= 9
    operators = {node.op_type for node in model.graph.node}
    plain = {"Gemm", "Elu", "Clip", "Where", "Less", "Gather", "Mul", "Slice", "Constant"}
    assert operators <= plain


# What it says


def test_the_contract_is_inside(tmp_path: Path) -> None:
    ppo = make_ppo()
    export_policy(ppo, tmp_path / "policy.onnx")
    export_policy(ppo, tmp_path / "policy.pt")
    model = onnx.load(str(tmp_path / "policy.onnx"))
    texts = {entry.key: entry.value for entry in model.metadata_props}
    assert list(texts) == ["contract", "sha256"]
    extra = {CONTRACT_FILE: ""}
    torch.jit.load(str(tmp_path / "policy.pt"), _extra_files=extra)
    for text in (texts["contract"], extra[CONTRACT_FILE]):
        assert PolicyContract.from_json(text) == V0
    shapes = [
        [dimension.dim_param or dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    ]
    assert shapes == [["N", 705], ["N", 12]]
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == ["observation", "action"]


def test_contract_of_the_attached_environment() -> None:
    assert contract_of(make_ppo()) == V0


def test_contract_of_a_checkpoint_is_of_the_task_it_names(tmp_path: Path) -> None:
    ppo = make_ppo()
    ppo.metadata["task"] = to_plain(preset("fast"))
    ppo.save(tmp_path / "last.pt")
    assert contract_of(PPO.load(tmp_path / "last.pt")) == PolicyContract.of(preset("fast"), XBOT_L)


def test_without_a_known_contract_one_must_be_given(tmp_path: Path) -> None:
    make_ppo().save(tmp_path / "last.pt")
    with pytest.raises(ValueError, match=r"contract is not known.*Pass contract=env\.contract"):
        export_policy(tmp_path / "last.pt", tmp_path / "policy.onnx")
    other = PPO(CountingEnv(), PPOConfig(num_steps=4, device="cpu"))
    with pytest.raises(ValueError, match="contract is not known"):
        export_policy(other, tmp_path / "policy.onnx")
    export_policy(tmp_path / "last.pt", tmp_path / "policy.onnx", V0)
    assert (tmp_path / "policy.onnx").is_file()


def test_torchscript_becomes_onnx(tmp_path: Path) -> None:
    """So that anybody's policy can be run by examples/run_policy.py."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(705, 16), nn.ELU(), nn.Linear(16, 12))
    torch.jit.script(network).save(str(tmp_path / "theirs.pt"))
    path = export_network(torch.jit.load(str(tmp_path / "theirs.pt")), tmp_path / "theirs.onnx", V0)
    with torch.no_grad():
        expected = network(observations()).numpy()
    np.testing.assert_allclose(run_onnx(path, observation=observations())[0], expected, atol=1e-5)


# Recurrent networks


class Recurrent(nn.Module):
    """A GRU and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(705, 8, batch_first=True)
        self.head = nn.Linear(8, 12)

    def forward(self, observation: Tensor, state: Tensor) -> Tuple[Tensor, Tensor]:
        """(N, 705), (N, 8) -> (N, 12), (N, 8)"""
        output, state = self.gru(observation[:, None], state[None])
        return self.head(output[:, 0]), state[0]


def test_a_recurrent_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, path = Recurrent(), tmp_path / "policy.onnx"
    export_network(network, path, V0, state_shape=(8,))
    state = torch.zeros(3, 8)
    for step in range(4):
        inputs = observations(12).view(4, 3, 705)[step]
        with torch.no_grad():
            action, next_state = network(inputs, state)
        result = run_onnx(path, observation=inputs, state_in=state)
        np.testing.assert_allclose(result[0], action.numpy(), atol=1e-5)
        np.testing.assert_allclose(result[1], next_state.numpy(), atol=1e-5)
        state = next_state
    model = onnx.load(str(path))
    (text,) = [entry.value for entry in model.metadata_props if entry.key == "state"]
    assert json.loads(text) == {"input": "state_in", "output": "state_out", "shape": [8]}
    assert [value.name for value in model.graph.output] == ["action", "state_out"]


def test_a_recurrent_network_as_torchscript(tmp_path: Path) -> None:
    network = Recurrent()
    module = torch.jit.load(str(export_network(network, tmp_path / "policy.pt", V0, state_shape=(8,))))
    state = torch.randn(3, 8)
    for ours, theirs in zip(network(observations(3), state), module(observations(3), state)):
        torch.testing.assert_close(theirs, ours)


# Refusals


@pytest.mark.parametrize("name", ["policy.onnx", "policy.pt"])
@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Linear(600, 12), "does not take observations of 705 entries"),
        (nn.Linear(705, 10), r"gives outputs of shapes \[\(10,\)\]; its contract expects \[\(12,\)\]"),
    ],
    ids=["input", "output"],
)
def test_a_network_that_the_contract_does_not_fit(
    tmp_path: Path, name: str, network: nn.Module, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        export_network(network, tmp_path / name, V0)
    assert list(tmp_path.iterdir()) == []


class Capricious(nn.Module):
    """Computes something else while it is traced."""

    def forward(self, observation: Tensor) -> Tensor:
        traced = torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
        return observation[:, :12] * (1.0001 if traced else 1.0)


@pytest.mark.parametrize("name", ["policy.onnx", "policy.pt"])
def test_a_file_that_computes_something_else_does_not_replace_a_good_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("good")
    with pytest.raises(ValueError, match=f"{name} was not written: it would differ from the network by"):
        export_network(Capricious(), tmp_path / name, V0)
    assert (tmp_path / name).read_text() == "good"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["policy", "policy.pth", "policy.onnx.zip"])
def test_other_suffixes_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"exported as \.onnx or, in TorchScript, \.pt; not as"):
        export_policy(make_ppo(), tmp_path / name)


def hide(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Let an import of that package fail."""
    real = builtins.__import__

    def failing(name: str, *arguments: Any, **options: Any) -> Any:
        if name == package:
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", failing)


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_without_onnx_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    ppo = make_ppo()
    hide(monkeypatch, package)
    with pytest.raises(ImportError, match=rf"No module named '{package}'.*pip install .*'\.\[export\]'"):
        export_policy(ppo, tmp_path / "policy.onnx")
    export_policy(ppo, tmp_path / "policy.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["policy.pt"]


def test_the_new_exporter_is_not_started(tmp_path: Path) -> None:
    """It takes seconds, and another package."""
    script = """
import sys
sys.modules["onnxscript"] = None
import torch
from humanoid_envs.contract import PolicyContract
from humanoid_envs.tasks import preset
from trainers.export import export_network
export_network(torch.nn.Linear(705, 12), sys.argv[1], PolicyContract.of(preset("v0")))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", script, str(tmp_path / "policy.onnx")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")
    assert (tmp_path / "policy.onnx").is_file()


# While training


def test_callback_exports_beside_kept_checkpoints(tmp_path: Path) -> None:
    ppo, exports = make_ppo(), ExportCallback(tmp_path, keep_every=2)
    for update in range(1, 5):
        ppo.num_updates = update
        assert exports(ppo) is None
    exports.export(ppo, "policy")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("policy.jit.pt", "policy.onnx", "update_000002.jit.pt"),
        *("update_000002.onnx", "update_000004.jit.pt", "update_000004.onnx"),
    ]


def test_callback_says_once_what_cannot_be_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ppo, exports = make_ppo(), ExportCallback(tmp_path, keep_every=1)
    hide(monkeypatch, "onnx")
    with pytest.warns(UserWarning, match=r"No update_000000\.onnx: .*\[export\]"):
        exports(ppo)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exports(ppo)
    assert [path.name for path in tmp_path.iterdir()] == ["update_000000.jit.pt"]


def test_deterministic_actor_is_clipped_by_the_contract() -> None:
    ppo = make_ppo()
    contract = dataclasses.replace(V0, action_clip=0.5)
    action = DeterministicActor(ppo, contract.action_clip)(observations())
    torch.testing.assert_close(action, ppo.predict(observations())[0].clamp(-0.5, 0.5))
