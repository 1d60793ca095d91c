"""Models of Stable-Baselines3 that say what they were trained on, as files and as policies for evaluation."""

from __future__ import annotations

import dataclasses
import importlib
import json
import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, Optional, Tuple, Type, Union

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from humanoid_envs.configs import from_plain, to_plain
from humanoid_envs.contract import PolicyContract
from humanoid_envs.errors import UserError
from humanoid_envs.tasks.velocity import VelocityConfig
from trainers.policies import LoadedPolicy
from trainers.ppo.signature import EnvSignature
from trainers.ppo.wrappers import observation_wrapper
from trainers.sb3.policy import AsymmetricPolicy, humanoid_vec_env
from trainers.sb3.vec_env import HumanoidVecEnv, actor_space


def describe(model: BaseAlgorithm) -> Dict[str, Any]:
    """Let a model carry the task, engine and robot of its environment as `model.metadata`, which
    `model.save` keeps, and return that. Of a model without an environment: what it carries already.

    Raises TypeError if it has neither.
    """
    known = getattr(model, "metadata", None)
    if model.get_env() is not None or known is None:
        env = humanoid_vec_env(model.get_env())
        known = {
            "algorithm": f"{type(model).__module__.split('.')[0]}.{type(model).__name__}",
            "task": to_plain(env.humanoids.config),
            "engine": env.humanoids.metadata.get("engine"),
            "contract": env.humanoids.contract.to_json(),
            "signature": to_plain(signature_of(env)),
        }
        model.metadata = known  # pyright: ignore[reportAttributeAccessIssue]
    return known


def load_model(
    path: Union[str, Path],
    env: Optional[VecEnv] = None,
    algorithm: Optional[Type[BaseAlgorithm]] = None,
    **options: Any,
) -> BaseAlgorithm:
    """A model from the file that its `save` wrote. It holds code that runs when it is loaded: take it only
    from sources that you trust.

    Args:
        env: to go on training in; None can only predict.
        algorithm: its class; models that were described say so themselves.
        options: see Stable-Baselines3's `load`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no such model, does not say its algorithm, or does not fit the environment.
        ImportError: the algorithm's package is not installed.
    """
    metadata = _read_metadata(Path(path))
    if algorithm is None:
        if "algorithm" not in metadata:
            raise UserError(
                f"{path} does not say by which algorithm it was trained: name it with algorithm=…, or call "
                "trainers.sb3.describe(model) before saving."
            )
        package, name = metadata["algorithm"].split(".")
        algorithm = getattr(importlib.import_module(package), name)
    assert algorithm is not None
    if env is not None and "signature" in metadata:
        trained = from_plain(EnvSignature, metadata["signature"], str(path))
        trained.require_match(signature_of(humanoid_vec_env(env)), str(path))
    with warnings.catch_warnings():
        # n-step returns are restored, but their own replay buffer is then taken for one of the user's.
        warnings.filterwarnings("ignore", "`n_steps=.*is ignored because a custom `replay_buffer_class`")
        return algorithm.load(path, env=env, **options)


def as_policy(model: BaseAlgorithm, task: Optional[VelocityConfig] = None) -> LoadedPolicy:
    """A model of any algorithm as a policy that `trainers.evaluation` measures: its most likely actions, with
    memory if the algorithm has one.

    task: what it was trained on, if it does not carry that (see `describe`) and has no environment.

    Raises:
        TypeError: it does not say what it was trained on.
        ValueError: its actor sees the privileged observation.
    """
    if task is None:
        metadata = describe(model)
        task = from_plain(VelocityConfig, metadata["task"], "model")
        contract = PolicyContract.from_json(metadata["contract"], "The model's contract")
    else:
        contract = PolicyContract.of(task)
    empty = _unseen(model)

    def network(observation: Tensor, *state: Tensor) -> Tuple[Tensor, ...]:
        seen: Any = observation.numpy()
        if empty is not None:
            seen = {"policy": seen, "critic": empty.expand(len(seen), -1).numpy()}
        if not state:
            return (torch.from_numpy(model.predict(seen, deterministic=True)[0]),)
        # Stable-Baselines3 has cell and hidden state of (layers, N, units) each.
        memory = tuple(part.contiguous().numpy() for part in state[0].permute(1, 2, 0, 3))
        starts = np.zeros(len(observation), dtype=bool)
        action, memory = model.predict(seen, memory, starts, deterministic=True)
        assert memory is not None
        return torch.from_numpy(action), torch.from_numpy(np.stack(memory)).permute(2, 0, 1, 3)

    lstm = getattr(model.policy, "lstm_actor", None)
    shape = None if lstm is None else (2, lstm.num_layers, lstm.hidden_size)
    return LoadedPolicy(network, contract, task, shape)


def signature_of(env: HumanoidVecEnv) -> EnvSignature:
    """What a policy and the environment must agree on, with and without `dict_obs`."""
    actor = SimpleNamespace(
        single_observation_space=actor_space(env.env.single_observation_space),
        single_action_space=env.env.single_action_space,
        unwrapped=env.humanoids,
    )
    signature = EnvSignature.of(actor)  # pyright: ignore[reportArgumentType]
    return dataclasses.replace(signature, wrapper=observation_wrapper(env.env))


def _unseen(model: BaseAlgorithm) -> Optional[Tensor]:
    """Zeros (1, D) for the critic's observation, which a policy at work does without; None if it has none."""
    space = model.observation_space
    if not isinstance(space, spaces.Dict):
        return None
    if not isinstance(model.policy, AsymmetricPolicy):
        raise UserError(
            f"The actor of this {type(model).__name__} sees the critic's privileged observation, which no "
            "robot can measure: train it in an environment with dict_obs=False, or with AsymmetricPolicy."
        )
    return torch.zeros(1, *(space["critic"].shape or ()))


def _read_metadata(path: Path) -> Dict[str, Any]:
    """What the model carries, without running what is in the file."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no model {path}.")
    try:
        with zipfile.ZipFile(path) as archive:
            content = json.loads(archive.read("data"))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise UserError(f"{path} is no model of Stable-Baselines3.") from error
    return content.get("metadata") or {}
