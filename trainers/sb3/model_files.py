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
from stable_baselines3.common.vec_env import VecEnv, VecNormalize
from torch import Tensor

from humanoid_envs import plugins
from humanoid_envs.configs import from_plain, to_plain
from humanoid_envs.contract import PolicyContract
from humanoid_envs.errors import MissingPackage, UserError
from humanoid_envs.files import replacing
from humanoid_envs.robots import XBOT_L, AnyRobot, Robot, restored_robot
from humanoid_envs.tasks import AnyConfig, preset, restored_task
from trainers.policies import LoadedPolicy
from trainers.ppo.signature import EnvSignature
from trainers.ppo.wrappers import observation_wrapper
from trainers.sb3.policy import AsymmetricPolicy, humanoid_vec_env
from trainers.sb3.vec_env import HumanoidVecEnv, actor_space
from trainers.sb3.wrappers import Normalization, changes, require_no_changes
from trainers.trust import remember, require_trust


def describe(model: BaseAlgorithm) -> Dict[str, Any]:
    """Let a model carry the task, engine and robot of its environment, and what `VecNormalize` has learned of
    its observations up to now, as `model.metadata`, which `model.save` keeps, and return that. Of a model
    without an environment: what it carries already.

    Raises TypeError if it has neither.
    """
    known = getattr(model, "metadata", None)
    if model.get_env() is not None or known is None:
        env = humanoid_vec_env(model.get_env())
        normalizer, wrapper = changes(model.get_env())
        known = {
            "algorithm": f"{type(model).__module__.split('.')[0]}.{type(model).__name__}",
            "task": env.humanoids.config.plain(),
            "engine": env.humanoids.metadata.get("engine"),
            "robot": env.humanoids.simulator.robot.plain(),
            **plugins.record(),
            "contract": env.humanoids.contract.to_json(),
            "signature": to_plain(dataclasses.replace(signature_of(env), wrapper=wrapper)),
            "normalization": (
                None if normalizer is None else Normalization.of(normalizer, model.num_timesteps).to_plain()
            ),
        }
        model.metadata = known  # pyright: ignore[reportAttributeAccessIssue]
    return known


def save_model(model: BaseAlgorithm, path: Union[str, Path]) -> None:
    """`describe` a model and write it, whole or not at all, as a file that `load_model` takes for this user's
    own.

    Raises TypeError if it does not say what it was trained on, StorageError if it cannot be written.
    """
    describe(model)
    with replacing(path) as temporary:
        model.save(temporary)
    remember(path)


def load_model(
    path: Union[str, Path],
    env: Optional[VecEnv] = None,
    algorithm: Optional[Type[BaseAlgorithm]] = None,
    *,
    trust: bool = False,
    **options: Any,
) -> BaseAlgorithm:
    """A model from the file that its `save` wrote.

    Such a file holds code, which runs when it is loaded. So those that this user did not write with
    `save_model` are refused before anything of them is loaded, unless they are trusted.

    Args:
        env: to go on training in; None can only predict.
        algorithm: its class; models that were described say so themselves.
        trust: load it whoever made it.
        options: see Stable-Baselines3's `load`.

    Raises:
        FileNotFoundError: no such file.
        UserError: it is no such model, is not trusted, does not say its algorithm, or does not fit the
            environment.
        ImportError: the algorithm's package is not installed.
    """
    path = Path(path)
    metadata = _read_metadata(path)
    require_trust(path, trust, "a model of Stable-Baselines3")
    if algorithm is None:
        if "algorithm" not in metadata:
            raise UserError(
                f"{path} does not say by which algorithm it was trained: name it with algorithm=…, or call "
                "trainers.sb3.describe(model) before saving."
            )
        algorithm = find_algorithm(metadata["algorithm"], str(path))
    if env is not None and "signature" in metadata:
        trained = from_plain(EnvSignature, metadata["signature"], str(path))
        trained.require_match(signature_of(humanoid_vec_env(env)), str(path))
        if metadata.get("normalization") is not None and changes(env)[0] is None:
            raise UserError(
                f"{path} was trained behind VecNormalize, and this environment shows other observations: "
                "wrap it in VecNormalize.load(file, env), with the file that was saved beside the model."
            )
    try:
        with warnings.catch_warnings():
            # n-step returns are restored, but their own replay buffer is then taken for one of the user's.
            warnings.filterwarnings("ignore", "`n_steps=.*is ignored because a custom `replay_buffer_class`")
            return algorithm.load(path, env=env, **options)
    except Exception as error:  # of many types, whatever is wrong with the file
        raise UserError(f"{path} cannot be loaded as a model of {algorithm.__name__}: {error}") from error


def find_algorithm(name: str, source: str) -> Type[BaseAlgorithm]:
    """The algorithm of a name such as `stable_baselines3.PPO`. source: who says it, for messages.

    Raises:
        UserError: it is no such name.
        ImportError: the package is not installed.
    """
    package, _, last = name.rpartition(".") if isinstance(name, str) else ("", "", "")
    try:
        algorithm = getattr(importlib.import_module(package), last) if package else None
    except AttributeError:
        algorithm = None
    except ImportError as error:
        raise MissingPackage(
            f"{source} names the algorithm {name}, whose package is missing: {error}."
        ) from error
    if not isinstance(algorithm, type) or not issubclass(algorithm, BaseAlgorithm):
        raise UserError(
            f"{source} names the algorithm {name!r}, which is none of Stable-Baselines3: give package and "
            "class, such as sb3_contrib.TQC."
        )
    return algorithm


def as_policy(
    model: BaseAlgorithm,
    task: Optional[AnyConfig] = None,
    normalization: Union[VecNormalize, Normalization, None] = None,
    robot: AnyRobot = XBOT_L,
) -> LoadedPolicy:
    """A model of any algorithm as a policy that `trainers.evaluation` measures: its most likely actions, with
    memory if the algorithm has one. It takes observations as the task gives them, and shows them to the model
    normalized, if `VecNormalize` did so in training.

    task, robot: what it was trained on, if it does not carry that (see `describe`) and has no environment.
    normalization: see `normalization_of`.

    Raises:
        TypeError: it does not say what it was trained on.
        UserError: its actor sees the privileged observation, or what another wrapper makes of observations;
            or its spaces are not the task's.
    """
    if task is None:
        metadata = describe(model)
        missing = {"task", "contract"} - metadata.keys()
        if missing:
            raise UserError(f"This model does not carry its {missing.pop()}: describe(model), or pass task=.")
        with plugins.naming_missing(metadata.get("plugins")):
            task = restored_task(metadata["task"], "model")
            robot = restored_robot(metadata.get("robot"), "model")
        contract = PolicyContract.from_json(metadata["contract"], "The model's contract")
    else:
        robot = Robot.of(robot)
        task = preset(task, robot)
        contract = PolicyContract.of(task, robot)
    empty, normalizer = _unseen(model), normalization_of(model, normalization)
    _require_spaces(model, contract)
    normalized = normalizer.normalize_obs if isinstance(normalizer, VecNormalize) else normalizer

    def network(observation: Tensor, *state: Tensor) -> Tuple[Tensor, ...]:
        seen: Any = observation.numpy()
        if empty is not None:
            seen = {"policy": seen, "critic": empty.expand(len(seen), -1).numpy()}
        if normalized is not None:
            seen = normalized(seen)
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
    return LoadedPolicy(network, contract, task, shape, robot)


def normalization_of(
    model: BaseAlgorithm, given: Union[VecNormalize, Normalization, None] = None
) -> Union[VecNormalize, Normalization, None]:
    """What normalizes the observations that a model sees: what is `given`, or the `VecNormalize` around its
    environment, or what it carries (see `describe`); None where nothing does.

    Raises UserError if another wrapper changes what it sees, or if it was trained further after it was
    described: then what it carries is not what it learned from.
    """
    metadata, env = getattr(model, "metadata", None) or {}, model.get_env()
    if env is not None:
        normalizer, wrapper = changes(env)
    else:
        saved, wrapper = metadata.get("normalization"), metadata.get("signature", {}).get("wrapper")
        normalizer = None if saved is None else Normalization.from_plain(saved)
    require_no_changes(
        wrapper, f"This {type(model).__name__} is no policy for observations of the task alone"
    )
    if given is not None:
        return given
    if isinstance(normalizer, Normalization) and normalizer.num_timesteps != model.num_timesteps:
        raise UserError(
            f"This {type(model).__name__} after {model.num_timesteps} env-steps carries VecNormalize's "
            f"statistics of env-step {normalizer.num_timesteps}: call trainers.sb3.describe(model) right "
            "before saving, or pass normalization=, in evaluate_sb3.py --vec-normalize."
        )
    return normalizer


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


def _require_spaces(model: BaseAlgorithm, contract: PolicyContract) -> None:
    """Raise UserError unless the model maps the contract's observations to its actions."""
    seen, done = actor_space(model.observation_space).shape, model.action_space.shape
    expected = (contract.observation_size,), (contract.action_size,)
    if (seen, done) != expected:
        raise UserError(
            f"This {type(model).__name__} maps observations of shape {seen} to actions of shape {done}, the "
            f"task's are {expected[0]} and {expected[1]}: it was trained on something else."
        )


def _read_metadata(path: Path) -> Dict[str, Any]:
    """What the model carries, without running what is in the file."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no model {path}.")
    try:
        with zipfile.ZipFile(path) as archive:
            content = json.loads(archive.read("data"))
    except Exception as error:  # of many types: damaged, encrypted, nested too deeply
        raise UserError(f"{path} is no model of Stable-Baselines3, or damaged.") from error
    metadata = content.get("metadata") if isinstance(content, dict) else None
    return metadata if isinstance(metadata, dict) else {}
