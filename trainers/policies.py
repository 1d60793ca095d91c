"""Policies of any kind from files: ours as ONNX, TorchScript or checkpoint, and anybody's TorchScript."""

from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path
from typing import Iterator, List, Optional, Tuple, Union

import torch
from torch import Tensor

from humanoid_envs.contract import PolicyContract
from humanoid_envs.errors import MissingPlugIn, UserError
from humanoid_envs.programs import example_command
from humanoid_envs.robots import ROBOTS, Robot
from humanoid_envs.tasks import AnyConfig, TaskConfig, preset
from humanoid_envs.tasks.velocity.contracted import contracted_task
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.checksums import require_intact
from trainers.export import CONTRACT_FILE, STATE_FILE, contract_of, robot_of, task_of
from trainers.onnx_policy import Network, read_onnx, read_state_shape
from trainers.ppo import PPO
from trainers.ppo.weights import require_finite
from trainers.torchscript_policy import as_network, read_torchscript


class LoadedPolicy:
    """A policy that acts without exploration. `contract` says what it sees and does, `task` is a task in
    which it does so: of a checkpoint the one it was trained on, otherwise one made from the contract. So is
    `robot`: that of the checkpoint, otherwise the one that is registered by the contract's name."""

    def __init__(
        self,
        network: Network,
        contract: PolicyContract,
        task: TaskConfig,
        state_shape: Optional[Tuple[int, ...]] = None,
        robot: Optional[Robot] = None,
    ) -> None:
        """network: observations, and states of a recurrent one, to actions, and next states."""
        self.contract, self.task = contract, task
        self._network, self._state_shape, self._robot = network, state_shape, robot
        self._state: Optional[Tensor] = None

    @property
    def robot(self) -> Robot:
        """MissingPlugIn where no robot of that name is registered."""
        if self._robot is not None:
            return self._robot
        name = self.contract.robot
        if name not in ROBOTS:
            raise MissingPlugIn(f"the policy is for robot {name!r}, which there is not here", "NAME")
        return ROBOTS[name]

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


def load_policy(
    path: Union[str, Path], contract: Optional[PolicyContract] = None, *, trust: bool = False
) -> LoadedPolicy:
    """The policy in a file, whatever its name: ONNX or TorchScript with a contract, a checkpoint of `PPO`, or
    any other TorchScript, such as the one that the Humanoid-Gym release publishes.

    contract: for files that carry none. Without, TorchScript is taken for a policy of the release's task,
    preset `v0` on XBot-L.

    trust: load TorchScript although it is neither known nor written by this user's own runs. It is code that
    runs when it is loaded, see `trainers.trust`; ONNX and checkpoints are data.

    Raises:
        FileNotFoundError: no such file.
        UserError: it is no policy, is damaged, is not to be trusted, or its weights are not finite; its
            shapes are not those of its contract; or it carries another contract.
        ImportError: onnx or onnxruntime is not installed, for ONNX.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no policy {path}.")
    if not zipfile.is_zipfile(path):  # what torch writes is one
        policy = _from_onnx(path, contract)
    else:
        parts = _parts(path)
        if "policy.pth" in parts:
            walk = example_command("evaluate_sb3.py", path)
            raise UserError(
                f"{path} is a model of Stable-Baselines3: {walk} walks it, trainers.sb3.to_ppo makes a "
                "checkpoint of it."
            )
        if any(name.startswith("code/") for name in parts):
            policy = _from_torchscript(path, contract, trust)
        else:
            policy = _from_checkpoint(path, contract)
    _require_shapes(policy, path)
    return policy


def read_contract(path: Path) -> PolicyContract:
    """The contract in a JSON file.

    Raises:
        FileNotFoundError: no such file.
        UserError: it is no contract, or was changed.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no contract {path}.")
    return PolicyContract.from_json(path.read_text(), str(path))


def policy_of(ppo: PPO, task: Optional[AnyConfig] = None) -> LoadedPolicy:
    """The policy of a trainer, as it is at every moment.

    task: what it is trained on; by default as its metadata says.

    Raises:
        UserError: its task or contract is not known.
    """
    task = task_of(ppo) if task is None else preset(task)
    return _live(ppo, contract_of(ppo), task)


def _live(ppo: PPO, contract: PolicyContract, task: TaskConfig) -> LoadedPolicy:
    size = ppo.policy.actor_state_size

    def network(observation: Tensor, state: Optional[Tensor] = None) -> Tuple[Tensor, ...]:
        action, state = ppo.predict(observation, state)
        return (action,) if state is None else (action, state)

    return LoadedPolicy(network, contract, task, (size,) if size else None, _robot_of(ppo))


def _robot_of(ppo: PPO) -> Optional[Robot]:
    """That of the environment it trains in, or that its checkpoint names; None if neither tells."""
    env = ppo.get_env()
    if env is not None and isinstance(env.unwrapped, HumanoidVectorEnv):
        return env.unwrapped.simulator.robot
    return robot_of(ppo) if ppo.metadata.get("robot") is not None else None


def _parts(path: Path) -> List[str]:
    """Names of the parts of a zip archive, without the folder that torch puts them into."""
    require_intact(path)
    with zipfile.ZipFile(path) as archive:
        return [name.split("/", 1)[-1] for name in archive.namelist()]


def _from_onnx(path: Path, given: Optional[PolicyContract]) -> LoadedPolicy:
    content = read_onnx(path)
    contract = _agreed(content.contract, given, path)
    return LoadedPolicy(content.network, contract, contracted_task(contract), content.state_shape)


def _from_torchscript(path: Path, given: Optional[PolicyContract], trust: bool) -> LoadedPolicy:
    module, own, state = read_torchscript(path, trust, CONTRACT_FILE, STATE_FILE)
    if not own and given is None:
        given = PolicyContract.of(preset("v0"))
    contract = _agreed(own, given, path)
    with torch.no_grad(), _required_shapes(contract, path):
        state_named = read_state_shape(state, STATE_FILE, path) if state else None
        network, state_shape = as_network(module, contract.observation_size, path, state_named)
    return LoadedPolicy(network, contract, contracted_task(contract), state_shape)


def _from_checkpoint(path: Path, given: Optional[PolicyContract]) -> LoadedPolicy:
    ppo = PPO.load(path, device="cpu")
    require_finite(ppo.policy.state_dict(), f"{path} cannot act")
    if given is not None and "task" not in ppo.metadata:
        return _live(ppo, given, contracted_task(given))
    policy = policy_of(ppo)
    _agreed(policy.contract.to_json(), given, path)
    return policy


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
    with _required_shapes(contract, path):
        action = policy(torch.zeros(2, contract.observation_size))
    if not isinstance(action, Tensor) or tuple(action.shape) != (2, contract.action_size):
        shape = tuple(action.shape) if isinstance(action, Tensor) else type(action).__name__
        raise UserError(
            f"{path} does not map {_sizes(contract)}, as its contract says: for two it gives {shape}."
        )
    policy.reset()


@contextlib.contextmanager
def _required_shapes(contract: PolicyContract, path: Path) -> Iterator[None]:
    """Says of what a runtime refuses that the contract says otherwise."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # each runtime has its own types
        raise UserError(f"{path} does not map {_sizes(contract)}, as its contract says: {error}") from error


def _sizes(contract: PolicyContract) -> str:
    return f"{contract.observation_size} observations to {contract.action_size} actions"
