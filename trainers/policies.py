"""Policies of any kind from files: ours as ONNX, TorchScript or checkpoint, and anybody's TorchScript."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Callable, Optional, Tuple, Union

import torch
from torch import Tensor

from humanoid_envs.contract import PolicyContract
from humanoid_envs.errors import MissingPackage, UserError
from humanoid_envs.tasks.velocity import VelocityConfig, preset
from trainers.export import CONTRACT_FILE, contract_of
from trainers.ppo import PPO
from trainers.training import task_of

_Network = Callable[..., Tuple[Tensor, ...]]


class LoadedPolicy:
    """A policy that acts without exploration. `contract` says what it sees and does, `task` is a task in
    which it does so: of a checkpoint the one it was trained on, otherwise one made from the contract."""

    def __init__(
        self,
        network: _Network,
        contract: PolicyContract,
        task: VelocityConfig,
        state_shape: Optional[Tuple[int, ...]] = None,
    ) -> None:
        """network: observations, and states of a recurrent one, to actions, and next states."""
        self.contract, self.task = contract, task
        self._network, self._state_shape = network, state_shape
        self._state: Optional[Tensor] = None

    @torch.no_grad()
    def __call__(self, observation: Tensor) -> Tensor:
        """Actions (N, A) for observations (N, D), float32 on the CPU."""
        if self._state_shape is None:
            return self._network(observation)[0]
        if self._state is None or len(self._state) != len(observation):
            self._state = torch.zeros(len(observation), *self._state_shape)
        action, self._state = self._network(observation, self._state)
        return action

    def reset(self, mask: Optional[Tensor] = None) -> None:
        """Forget: call it where episodes start. mask: (N,) bool of these; None for all. Does nothing to a
        policy without memory."""
        if mask is None or self._state is None:
            self._state = None
        else:
            self._state = self._state.masked_fill(mask.view(-1, *[1] * (self._state.dim() - 1)), 0.0)


def load_policy(path: Union[str, Path], contract: Optional[PolicyContract] = None) -> LoadedPolicy:
    """The policy in a file, whatever its name: ONNX or TorchScript with a contract, a checkpoint of `PPO`, or
    any other TorchScript, such as the one that the Humanoid-Gym release publishes.

    TorchScript is code that runs when it is loaded: load it from sources that you trust.

    contract: for files that carry none. Without, TorchScript is taken for a policy of the release's task,
    preset `v0` on XBot-L.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no policy; its shapes are not those of its contract; or it carries another contract.
        ImportError: onnxruntime is not installed, for ONNX.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no policy {path}.")
    if not zipfile.is_zipfile(path):
        policy = _from_onnx(path, contract)
    elif _is_torchscript(path):
        policy = _from_torchscript(path, contract)
    else:
        policy = _from_checkpoint(path, contract)
    _require_shapes(policy, path)
    return policy


def read_contract(path: Path) -> PolicyContract:
    """The contract in a JSON file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no contract, or was changed.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no contract {path}.")
    return PolicyContract.from_json(path.read_text(), str(path))


def _is_torchscript(path: Path) -> bool:
    """Both are zip archives in one folder; TorchScript has code in it."""
    with zipfile.ZipFile(path) as archive:
        return any(name.split("/", 1)[-1].startswith("code/") for name in archive.namelist())


def _from_onnx(path: Path, given: Optional[PolicyContract]) -> LoadedPolicy:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingPackage(
            f"{path.name} takes a package to run it ({error}): pip install onnxruntime, or this project's "
            "extra 'export'."
        ) from error
    options = onnxruntime.SessionOptions()
    # Threads that spin between two observations would take the cores from the physics.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of onnxruntime's own types
        raise UserError(f"{path} is no policy: neither ONNX, nor TorchScript, nor a checkpoint.") from error
    metadata = session.get_modelmeta().custom_metadata_map
    contract = _agreed(metadata.get("contract"), given, path)
    names = [value.name for value in session.get_inputs()]
    state = json.loads(metadata["state"])["shape"] if "state" in metadata else None

    def network(*inputs: Tensor) -> Tuple[Tensor, ...]:
        feed = {name: value.numpy() for name, value in zip(names, inputs)}
        return tuple(torch.from_numpy(output) for output in session.run(None, feed))

    return LoadedPolicy(network, contract, contract.task(), None if state is None else tuple(state))


def _from_torchscript(path: Path, given: Optional[PolicyContract]) -> LoadedPolicy:
    extra = {CONTRACT_FILE: ""}
    try:
        module = torch.jit.load(str(path), map_location="cpu", _extra_files=extra).eval()
    except RuntimeError as error:
        raise UserError(f"{path} cannot be read: it is damaged, or of a later torch. {error}") from error
    if not extra[CONTRACT_FILE] and given is None:
        given = PolicyContract.of(preset("v0"))
    contract = _agreed(extra[CONTRACT_FILE], given, path)
    return LoadedPolicy(lambda observation: (module(observation),), contract, contract.task())


def _from_checkpoint(path: Path, given: Optional[PolicyContract]) -> LoadedPolicy:
    ppo = PPO.load(path, device="cpu")
    if given is not None and "task" not in ppo.metadata:
        contract, task = given, given.task()
    else:
        task = task_of(ppo)
        contract = _agreed(contract_of(ppo).to_json(), given, path)
    return LoadedPolicy(lambda observation: (ppo.predict(observation)[0],), contract, task)


def _agreed(own: Optional[str], given: Optional[PolicyContract], path: Path) -> PolicyContract:
    """The file's contract, or the given one if it carries none."""
    if not own:
        if given is None:
            raise UserError(f"{path} carries no contract: name the one that it was trained with.")
        return given
    contract = PolicyContract.from_json(own, f"The contract in {path}")
    if given is not None and given != contract:
        raise UserError(f"{path} carries a contract of its own, which is not the one that was given.")
    return contract


def _require_shapes(policy: LoadedPolicy, path: Path) -> None:
    contract = policy.contract
    sizes = f"{contract.observation_size} observations to {contract.action_size} actions"
    try:
        action = policy(torch.zeros(2, contract.observation_size))
    except Exception as error:  # each runtime has its own types
        raise UserError(f"{path} does not map {sizes}, as its contract says: {error}") from error
    if not isinstance(action, Tensor) or tuple(action.shape) != (2, contract.action_size):
        shape = tuple(action.shape) if isinstance(action, Tensor) else type(action).__name__
        raise UserError(f"{path} does not map {sizes}, as its contract says: for two it gives {shape}.")
    policy.reset()
