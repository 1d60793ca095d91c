"""Policies as files that anyone can run: ONNX, or TorchScript, with the contract inside.

The network takes observations (N, D) as the task gives them, stacked and clipped, and returns actions (N, A)
without exploration, clipped. A recurrent one also takes a state and returns the next, see `export_network`.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import json
import warnings
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional, Set, Tuple, Union

import torch
from torch import Tensor, nn

from humanoid_envs.contract import PolicyContract
from humanoid_envs.errors import MissingPackage, UserError
from humanoid_envs.files import replacing
from humanoid_envs.plugins import naming_missing
from humanoid_envs.robots import Robot, restored_robot
from humanoid_envs.tasks import TaskConfig, restored_task
from trainers.checksums import seal_onnx
from trainers.ppo import PPO
from trainers.ppo.mlp import InputLinear
from trainers.ppo.wrappers import action_wrapper, observation_wrapper
from trainers.trust import remember

OPSET = 17
"""Of ONNX: read by every onnxruntime from 1.12 on."""

CONTRACT_FILE = "contract.json"
"""Name of the contract within a TorchScript archive; in ONNX it is the metadata `contract`."""

STATE_FILE = "state.json"
"""Name of what says of a recurrent TorchScript module what its state is; in ONNX the metadata `state`."""

_SAMPLES = 64
_TOLERANCE = 1e-5

_Tensors = Tuple[Tensor, ...]
_Run = Callable[..., _Tensors]
"""Observations, and states of a recurrent network, to actions, and next states."""


def export_policy(
    policy: Union[PPO, str, Path], path: Union[str, Path], contract: Optional[PolicyContract] = None
) -> Path:
    """Write a policy, or that of a checkpoint, as ONNX (`.onnx`) or TorchScript (`.pt`).

    contract: by default that of the environment it trains in, or of the task that the checkpoint names.

    Raises:
        ValueError: another suffix; no contract is known; or the written file computes something else.
        FileNotFoundError: no such checkpoint.
        ImportError: ONNX without the packages that it needs.
    """
    ppo = policy if isinstance(policy, PPO) else PPO.load(policy, device="cpu")
    contract = contract_of(ppo) if contract is None else contract
    size = ppo.policy.actor_state_size
    actor = DeterministicActor(ppo, contract.action_clip)
    return export_network(actor, path, contract, (size,) if size else ())


def export_network(
    network: nn.Module, path: Union[str, Path], contract: PolicyContract, state_shape: Tuple[int, ...] = ()
) -> Path:
    """Write a network as ONNX (`.onnx`) or TorchScript (`.pt`), after comparing what is written with it on
    random observations. A file of that name is replaced only when all went well.

    network: maps observations (N, D) to actions (N, A); with a `state_shape`, observations and a state
    (N, *state_shape), zero at the start of an episode, to actions and the next state. Inputs are named
    `observation` and `state_in`, outputs `action` and `state_out`.

    Raises: see `export_policy`; ValueError also for a network that the contract does not fit.
    """
    path = Path(path)
    if path.suffix not in _WRITERS:
        raise UserError(f"A policy is exported as .onnx or, in TorchScript, .pt; not as {path.name!r}.")
    generator = torch.Generator().manual_seed(0)
    shapes = [(contract.observation_size,), state_shape] if state_shape else [(contract.observation_size,)]
    inputs = tuple(torch.randn(_SAMPLES, *shape, generator=generator) for shape in shapes)
    with _quietly():
        network = copy.deepcopy(network).cpu().eval()
        _require_fit(network, inputs, contract)
        with replacing(path) as temporary:
            written = _WRITERS[path.suffix](network, inputs, contract, temporary)
            _require_same(network, written, inputs, path.name)
    if path.suffix == ".pt":
        remember(path)
    return path


class ExportCallback:
    """Exports the policy beside each checkpoint that is kept: `update_000200.onnx` and `.jit.pt`.

    A policy that cannot be exported is no reason to stop training: that is said in a warning, once.
    """

    def __init__(self, directory: Union[str, Path], keep_every: int) -> None:
        """keep_every: interval in updates, that of `CheckpointCallback`."""
        self._directory, self._keep_every = Path(directory), keep_every
        self._said: Set[str] = set()

    def __call__(self, ppo: PPO) -> None:
        if ppo.num_updates % self._keep_every == 0:
            self.export(ppo, f"update_{ppo.num_updates:06d}")

    def catch_up(self, ppo: PPO) -> None:
        """After a resume: export what was due at this update, if the process died before."""
        if ppo.num_updates % self._keep_every == 0:
            self.export(ppo, f"update_{ppo.num_updates:06d}", True)

    def export(self, ppo: PPO, name: str, missing_only: bool = False) -> None:
        """Write `<name>.onnx` and `<name>.jit.pt`. Of several workers the first does it."""
        if ppo.workers.is_first:
            for path in (self._directory / f"{name}.onnx", self._directory / f"{name}.jit.pt"):
                if not (missing_only and path.is_file()):
                    self._try(ppo, path)

    def _try(self, ppo: PPO, path: Path) -> None:
        try:
            export_policy(ppo, path)
        except (ImportError, ValueError) as error:
            if str(error) not in self._said:
                warnings.warn(f"No {path.name}: {error}", stacklevel=4)
            self._said.add(str(error))


def contract_of(ppo: PPO) -> PolicyContract:
    """The contract of a policy: that of the environment it trains in, or of the task and the robot that its
    checkpoint names.

    Raises:
        UserError: it has neither, or a wrapper changes what the environment shows or gets.
    """
    env = ppo.get_env()
    wrapper = ppo.signature.wrapper
    if env is not None:
        wrapper = observation_wrapper(env) or action_wrapper(env)
    if wrapper is not None:
        raise UserError(
            f"This policy's contract is not known: the wrapper {wrapper} may change observations or actions, "
            "of which the environment's contract says nothing. Pass contract=…, or train without the wrapper."
        )
    if env is not None and hasattr(env.unwrapped, "contract"):
        return env.unwrapped.contract  # pyright: ignore[reportAttributeAccessIssue]
    details = ppo.signature.details
    robot = robot_of(ppo)
    if "task" in ppo.metadata and details.get("joints") == list(robot.joint_names):
        return PolicyContract.of(task_of(ppo), robot, ppo.metadata.get("engine"))
    raise UserError(
        "This policy's contract is not known: it was not trained by train(). "
        "Pass contract=env.contract of the environment it was trained in."
    )


def task_of(ppo: PPO) -> TaskConfig:
    """The task that a policy was trained on, which travels in its checkpoint.

    Raises:
        UserError: the checkpoint does not say, so the policy was trained on something else.
    """
    if "task" not in ppo.metadata:
        raise UserError("This checkpoint names no velocity task: it was not written by train().")
    with naming_missing(ppo.metadata.get("plugins")):
        return restored_task(ppo.metadata["task"], "checkpoint")


def robot_of(ppo: PPO) -> Robot:
    """The robot that a policy was trained on, which travels in its checkpoint. XBot-L where that names none.

    Raises:
        UserError: what the checkpoint says is no robot.
    """
    return restored_robot(ppo.metadata.get("robot"), "checkpoint")


class DeterministicActor(nn.Module):
    """A policy's most likely action, clipped, and what it remembers: a copy, apart from the trainer."""

    def __init__(self, ppo: PPO, action_clip: float) -> None:
        super().__init__()
        self.actor = copy.deepcopy(ppo.policy.actor)
        self.action_clip = action_clip
        for module in [*self.actor.modules()]:
            for name, layer in module.named_children():
                if isinstance(layer, InputLinear):  # it pads, which would only clutter the graph
                    module.add_module(name, _plain(layer))

    def forward(self, observation: Tensor, state: Optional[Tensor] = None) -> Union[Tensor, _Tensors]:
        """(N, D) -> (N, A), or with a state (N, M) also the next one."""
        outputs = self.actor(observation) if state is None else self.actor(observation, state)
        action, *memory = (outputs,) if isinstance(outputs, Tensor) else outputs
        action = action.clamp(-self.action_clip, self.action_clip)
        return (action, *memory) if memory else action


def _plain(layer: nn.Linear) -> nn.Linear:
    plain = nn.Linear(layer.in_features, layer.out_features, device=layer.weight.device)
    plain.load_state_dict(layer.state_dict())
    return plain


def _write_onnx(network: nn.Module, inputs: _Tensors, contract: PolicyContract, path: Path) -> _Run:
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise MissingPackage(
            f"exporting to ONNX needs more packages ({error}): pip install -c constraints.txt -e '.[export]' "
            "where this project's code is."
        ) from error
    names = ["observation", "state_in"][: len(inputs)], ["action", "state_out"][: len(inputs)]
    # The newer exporter, where there is one, takes seconds to start.
    new = "dynamo" in inspect.signature(torch.onnx.export).parameters
    export: Callable[..., Any] = partial(torch.onnx.export, dynamo=False) if new else torch.onnx.export
    export(
        network,
        inputs,
        str(path),
        input_names=names[0],
        output_names=names[1],
        dynamic_axes={name: {0: "N"} for name in (*names[0], *names[1])},
        opset_version=OPSET,
    )
    model = onnx.load(str(path))
    metadata = {"contract": contract.to_json(), **_told_state(inputs, "state")}
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    seal_onnx(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(*inputs: Tensor) -> _Tensors:
        feed = dict(zip(names[0], (value.numpy() for value in inputs)))
        return tuple(torch.from_numpy(output) for output in session.run(None, feed))

    return run


def _write_torchscript(network: nn.Module, inputs: _Tensors, contract: PolicyContract, path: Path) -> _Run:
    traced = torch.jit.trace(network, inputs, check_trace=False)
    buffer = io.BytesIO()  # torch's own writer of files ends the process where the disk is full
    files = {CONTRACT_FILE: contract.to_json(), **_told_state(inputs, STATE_FILE)}
    torch.jit.save(traced, buffer, _extra_files=files)
    path.write_bytes(buffer.getbuffer())
    return _as_tuple(torch.jit.load(str(path)))


_WRITERS: Dict[str, Callable[[nn.Module, _Tensors, PolicyContract, Path], _Run]] = {
    ".onnx": _write_onnx,
    ".pt": _write_torchscript,
}


def _told_state(inputs: _Tensors, name: str) -> Dict[str, str]:
    """What a file says of the state of a recurrent network, under a name."""
    if len(inputs) == 1:
        return {}
    state = {"input": "state_in", "output": "state_out", "shape": list(inputs[1].shape[1:])}
    return {name: json.dumps(state)}


def _as_tuple(network: Callable[..., Union[Tensor, _Tensors]]) -> _Run:
    def run(*inputs: Tensor) -> _Tensors:
        outputs = network(*inputs)
        return (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)

    return run


def _require_fit(network: nn.Module, inputs: _Tensors, contract: PolicyContract) -> None:
    """Raise ValueError unless the network maps what the contract says."""
    try:
        outputs = _as_tuple(network)(*inputs)
    except RuntimeError as error:
        raise UserError(
            f"The network does not take observations of {contract.observation_size} entries, which its "
            f"contract has: {error}"
        ) from error
    shapes = [tuple(output.shape[1:]) for output in outputs]
    expected = [(contract.action_size,), *(tuple(state.shape[1:]) for state in inputs[1:])]
    if shapes != expected:
        raise UserError(f"The network gives outputs of shapes {shapes}; its contract expects {expected}.")


def _require_same(network: nn.Module, written: _Run, inputs: _Tensors, name: str) -> None:
    """Raise ValueError unless both give the same for one row and for many, as far as float32 can tell."""
    for rows in (1, _SAMPLES):
        some = tuple(value[:rows] for value in inputs)
        for ours, theirs in zip(_as_tuple(network)(*some), written(*some)):
            difference = (ours - theirs).abs().max().item() / (1.0 + ours.abs().max().item())
            if ours.shape != theirs.shape or not difference <= _TOLERANCE:
                raise UserError(
                    f"{name} was not written: it would differ from the network by {difference:.1e} on random "
                    f"observations, more than {_TOLERANCE:.0e}."
                )


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Torch warns that its classic exporters are old, and that a trace fixes shapes, which is wanted."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        yield
