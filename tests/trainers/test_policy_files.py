"""Files that look like policies: damaged, not finite, of other tools, with code in them."""

import random
import shutil
import zipfile
from pathlib import Path
from typing import Any, Callable, Tuple

import pytest
import torch
from torch import Tensor, nn

from humanoid_envs.assets import asset_path
from humanoid_envs.contract import PolicyContract
from humanoid_envs.errors import UserError
from humanoid_envs.tasks import preset
from tests.trainers.test_export import make_ppo, observations
from trainers import trust
from trainers.checksums import require_intact
from trainers.export import export_network, export_policy
from trainers.policies import load_policy
from trainers.ppo.checkpoint import read_checkpoint

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

V0 = PolicyContract.of(preset("v0"))
WALK = asset_path("xbot_l/policies/walk.onnx")


def script(network: nn.Module, path: Path) -> Path:
    torch.jit.script(network.eval()).save(str(path))
    return path


def with_changes(path: Path, change: Callable[[Any], None], sealed: bool = False) -> Path:
    """The shipped policy, changed; a stale seal would hide what is to be seen."""
    model = onnx.load(str(WALK))
    if not sealed:
        contract = [entry for entry in model.metadata_props if entry.key == "contract"]
        del model.metadata_props[:]
        model.metadata_props.extend(contract)
    change(model)
    onnx.save(model, str(path))
    return path


# Checksums


def flipped(content: bytes, seed: int) -> bytes:
    draw = random.Random(seed)
    damaged = bytearray(content)
    damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return bytes(damaged)


@pytest.mark.parametrize("name", ["policy.onnx", "last.pt", "policy.jit.pt"])
def test_a_flipped_bit_is_noticed_or_changes_nothing(tmp_path: Path, name: str) -> None:
    ppo, path = make_ppo(), tmp_path / name
    if name == "last.pt":
        ppo.save(path)
    else:
        export_policy(ppo, path)
    content, seen = path.read_bytes(), observations(4)
    expected = load_policy(path, None if name != "last.pt" else V0)(seen)
    refused = 0
    for seed in range(25):
        path.write_bytes(flipped(content, seed))
        try:
            policy = load_policy(path, None if name != "last.pt" else V0, trust=True)
        except UserError:
            refused += 1
        else:
            assert torch.equal(policy(seen), expected)
    assert refused >= 22


@pytest.mark.parametrize("name", ["walk", "walk_wide"])
def test_shipped_policies_are_sealed(tmp_path: Path, name: str) -> None:
    content = asset_path(f"xbot_l/policies/{name}.onnx").read_bytes()
    path = tmp_path / "walk.onnx"
    for seed in range(5):
        path.write_bytes(flipped(content, seed))
        with pytest.raises(UserError, match=r"walk\.onnx (was damaged|is no policy)"):
            load_policy(path)


def test_an_onnx_changed_by_a_tool_says_how_to_go_on(tmp_path: Path) -> None:
    path = with_changes(tmp_path / "a.onnx", lambda model: setattr(model, "doc_string", "mine"), sealed=True)
    with pytest.raises(UserError, match=r"a\.onnx was damaged or changed: .* removes the metadata 'sha256'"):
        load_policy(path)
    load_policy(with_changes(path, lambda model: None))  # older exports have no seal


def test_a_damaged_part_of_an_archive_is_named(tmp_path: Path) -> None:
    make_ppo().save(tmp_path / "last.pt")
    content = bytearray((tmp_path / "last.pt").read_bytes())
    with zipfile.ZipFile(tmp_path / "last.pt") as archive:
        part = max(archive.infolist(), key=lambda part: part.file_size)
    content[part.header_offset + part.file_size // 2] ^= 1
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(UserError, match=f"last.pt cannot be read: it is damaged, its part {part.filename!r}"):
        require_intact(tmp_path / "last.pt")
    with pytest.raises(UserError, match=r"last\.pt cannot be read: it is damaged"):
        read_checkpoint(tmp_path / "last.pt")


# Weights that are not finite


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_onnx_with_weights_that_are_not_finite(tmp_path: Path, value: float) -> None:
    def change(model: Any) -> None:
        tensor = model.graph.initializer[2]
        weights = onnx.numpy_helper.to_array(tensor).copy()
        weights[0, 0] = value
        tensor.CopyFrom(onnx.numpy_helper.from_array(weights, tensor.name))

    with pytest.raises(
        UserError, match=r"policy\.onnx cannot act: the weight actor\.2\.weight is not finite"
    ):
        load_policy(with_changes(tmp_path / "policy.onnx", change))


@pytest.mark.parametrize("frozen", [False, True])
def test_torchscript_with_weights_that_are_not_finite(tmp_path: Path, frozen: bool) -> None:
    network = nn.Linear(705, 12)
    with torch.no_grad():
        network.weight[3, 4] = float("nan")
    module = torch.jit.script(network.eval())
    module = torch.jit.freeze(module) if frozen else module
    module.save(str(tmp_path / "policy.pt"))
    with pytest.raises(UserError, match=r"policy\.pt cannot act: the weight \S+ is not finite"):
        load_policy(tmp_path / "policy.pt", trust=True)


def test_a_checkpoint_with_weights_that_are_not_finite(tmp_path: Path) -> None:
    make_ppo().save(tmp_path / "last.pt")
    content = torch.load(str(tmp_path / "last.pt"), weights_only=True)
    content["policy"]["actor.0.weight"][0, 0] = float("inf")
    torch.save(content, tmp_path / "last.pt")
    with pytest.raises(UserError, match=r"last\.pt.*: the weight actor\.0\.weight is not finite"):
        load_policy(tmp_path / "last.pt", V0)


# ONNX of other tools


def of_newer_ir(model: Any) -> None:
    model.ir_version = 99


def of_newer_opset(model: Any) -> None:
    model.opset_import[0].version = 99


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (of_newer_ir, r"onnxruntime \S+ cannot run: it has IR version 99 and opset ai\.onnx 17\. .*newer"),
        (of_newer_opset, r"onnxruntime \S+ cannot run: it has IR version 8 and opset ai\.onnx 99\. .*newer"),
    ],
    ids=["IR", "opset"],
)
def test_onnx_that_is_too_new_says_so(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_policy(with_changes(tmp_path / "policy.onnx", change))


def test_external_data(tmp_path: Path) -> None:
    path = with_changes(tmp_path / "policy.onnx", lambda model: None)
    onnx.save(
        onnx.load(str(path)), str(path), save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    seen = observations(2)
    assert torch.equal(load_policy(path)(seen), load_policy(WALK)(seen))
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(
        UserError, match=r"keeps the weights 'actor\.0\.weight' in another file, weights\.bin"
    ):
        load_policy(path)


def set_rows(model: Any, rows: int) -> None:
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = rows


def test_onnx_of_batch_size_1(tmp_path: Path) -> None:
    path = with_changes(tmp_path / "policy.onnx", lambda model: set_rows(model, 1))
    seen = observations(3)
    torch.testing.assert_close(load_policy(path)(seen), load_policy(WALK)(seen))
    with pytest.raises(UserError, match="was exported for batches of 4 rows exactly"):
        load_policy(with_changes(path, lambda model: set_rows(model, 4)))


class Sum(nn.Module):
    """Actions are the sums of the first twelve entries since the episode's start."""

    def forward(self, observation: Tensor, state: Tensor) -> Tuple[Tensor, Tensor]:
        state = state + observation[:, :12]
        return state, state


def test_a_recurrent_onnx_of_batch_size_1(tmp_path: Path) -> None:
    path = export_network(Sum(), tmp_path / "sum.onnx", V0, state_shape=(12,))
    model = onnx.load(str(path))
    set_rows(model, 1)
    del model.metadata_props[2:]  # the seal
    onnx.save(model, str(path))
    remembers(load_policy(path))
    del model.metadata_props[1:]
    onnx.save(model, str(path))
    with pytest.raises(UserError, match="has inputs observation, state_in, and its metadata names no stat"):
        load_policy(path)


def remembers(policy: Any) -> None:
    ones = torch.ones(3, 705)
    assert policy(ones)[:, 0].tolist() == [1.0, 1.0, 1.0]
    assert policy(ones)[:, 0].tolist() == [2.0, 2.0, 2.0]
    policy.reset(torch.tensor([False, True, False]))
    assert policy(ones)[:, 0].tolist() == [3.0, 1.0, 3.0]
    policy.reset()
    assert policy(ones)[:, 0].tolist() == [1.0, 1.0, 1.0]


# TorchScript of other tools


class OneRow(nn.Module):
    def forward(self, observation: Tensor) -> Tensor:
        return observation.view(1, 705)[:, :12]


class Averaged(nn.Module):
    """Takes several rows, but not each for itself."""

    def forward(self, observation: Tensor) -> Tensor:
        return observation[:, :12] - observation[:, :12].mean(dim=0) + observation[:1, :12]


@pytest.mark.parametrize("network", [OneRow(), Averaged()])
def test_torchscript_of_batch_size_1(tmp_path: Path, network: nn.Module) -> None:
    policy = load_policy(script(network, tmp_path / "policy.pt"), trust=True)
    seen = observations(3)
    expected = torch.cat([network(seen[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(policy(seen), expected)


class LeggedGymLSTM(nn.Module):
    """As legged_gym exports a recurrent policy: the cell within, the state of one robot in buffers."""

    hidden_state: Tensor
    cell_state: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.memory, self.actor = nn.LSTM(705, 8), nn.Linear(8, 12)
        self.register_buffer("hidden_state", torch.zeros(1, 1, 8))
        self.register_buffer("cell_state", torch.zeros(1, 1, 8))

    def forward(self, x: Tensor) -> Tensor:
        out, (h, c) = self.memory(x.unsqueeze(0), (self.hidden_state, self.cell_state))
        self.hidden_state[:] = h
        self.cell_state[:] = c
        return self.actor(out.squeeze(0))

    @torch.jit.export
    def reset_memory(self) -> None:
        self.hidden_state[:] = 0.0
        self.cell_state[:] = 0.0


def test_a_recurrent_torchscript_with_its_cell_inside(tmp_path: Path) -> None:
    """Each robot has a memory of its own, against the module run for each alone."""
    network = LeggedGymLSTM()
    path = script(network, tmp_path / "policy.pt")
    policy = load_policy(path, trust=True)
    seen = torch.stack([observations(3), observations(6)[3:], observations(9)[6:]])  # (T, N, D)
    with torch.no_grad():
        states = torch.zeros(2, 1, 3, 8)
        for step, observation in enumerate(seen):
            if step == 2:
                policy.reset(torch.tensor([False, True, False]))
                states[:, :, 1] = 0.0
            out, (h, c) = network.memory(observation[None], (states[0], states[1]))
            states = torch.stack([h, c])
            torch.testing.assert_close(policy(observation), network.actor(out[0]), rtol=1e-5, atol=1e-6)


class Count(nn.Module):
    count: Tensor

    def __init__(self, start: float) -> None:
        super().__init__()
        self.register_buffer("count", torch.full((12,), start))

    def forward(self, observation: Tensor) -> Tensor:
        self.count = self.count + observation[0, :12]
        return self.count[None]


def test_memory_without_a_way_to_forget_it(tmp_path: Path) -> None:
    remembers(load_policy(script(Count(0.0), tmp_path / "policy.pt"), trust=True))
    with pytest.raises(UserError, match=r"policy\.pt remembers \(count\), .* has no method reset_memory"):
        load_policy(script(Count(2.0), tmp_path / "policy.pt"), trust=True)


class Hidden(nn.Module):
    """Remembers in an attribute that is no buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.last = torch.zeros(1, 12)

    def forward(self, observation: Tensor) -> Tensor:
        action = self.last + 0.0
        self.last = observation[:, :12]
        return action


class Dice(nn.Module):
    def forward(self, observation: Tensor) -> Tensor:
        return torch.randn_like(observation[:, :12])


@pytest.mark.parametrize("network", [Hidden(), Dice()])
def test_torchscript_that_cannot_be_followed_says_why(tmp_path: Path, network: nn.Module) -> None:
    with pytest.raises(
        UserError, match=r"policy\.pt (gives another action when it sees the same again|.*last)"
    ):
        load_policy(script(network, tmp_path / "policy.pt"), trust=True)


# Code


def test_torchscript_from_elsewhere_takes_the_users_word(tmp_path: Path) -> None:
    path = script(nn.Linear(705, 12), tmp_path / "policy.pt")
    with pytest.raises(UserError, match=r"policy\.pt is TorchScript: it runs code .* pass --trust"):
        load_policy(path)
    load_policy(path, trust=True)
    (tmp_path / "policy.sha256").write_text(trust.sha256_of(path))  # anybody could put one there
    with pytest.raises(UserError, match="--trust"):
        load_policy(path)


def test_our_own_torchscript_needs_no_word_until_it_is_changed(tmp_path: Path) -> None:
    path = export_policy(make_ppo(), tmp_path / "policy.jit.pt")
    load_policy(shutil.copy(path, tmp_path / "copy.pt"))
    with zipfile.ZipFile(tmp_path / "copy.pt", "a") as archive:
        archive.writestr("policy/extra/more", "anything")
    with pytest.raises(UserError, match="--trust"):
        load_policy(tmp_path / "copy.pt")


# Models of other libraries


def test_a_model_of_stable_baselines3_says_what_to_use(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        for name in ("data", "policy.pth", "policy.optimizer.pth", "_stable_baselines3_version"):
            archive.writestr(name, b"{}")
    with pytest.raises(UserError, match=r"model\.zip is a model of Stable-Baselines3: .*evaluate_sb3\.py"):
        load_policy(tmp_path / "model.zip")


def test_a_checkpoint_of_humanoid_gym_says_what_to_use(tmp_path: Path) -> None:
    torch.save({"model_state_dict": {"std": torch.ones(12)}}, tmp_path / "model_3000.pt")
    with pytest.raises(UserError, match="import_humanoid_gym"):
        load_policy(tmp_path / "model_3000.pt")
