"""Checkpoints of the Humanoid-Gym release (`model_3000.pt`), written by its copy of rsl_rl's PPO."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from humanoid_envs.configs import to_plain
from humanoid_envs.errors import UserError
from humanoid_envs.robots import XBOT_L
from humanoid_envs.tasks import preset
from trainers.given_configs import Given, config_of
from trainers.ppo.actor_critic import PolicyConfig
from trainers.ppo.config import PPOConfig
from trainers.ppo.ppo import PPO
from trainers.ppo.signature import EnvSignature
from trainers.ppo.weights import require_finite

_NORMALIZERS = {
    "actor": ("obs_norm_state_dict",),
    "critic": ("critic_obs_norm_state_dict", "privileged_obs_norm_state_dict"),
}
"""Under what rsl_rl's versions keep the statistics of a network's inputs."""
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")
_NORMALIZER_EPSILON = 1e-2
"""What its EmpiricalNormalization adds to the standard deviation; it has no bound."""


def import_humanoid_gym(
    path: Union[str, Path],
    env: Optional[VectorEnv] = None,
    config: Optional[Given[PPOConfig]] = None,
    **options: Any,
) -> PPO:
    """The policy of a release's checkpoint, ready to predict, to be exported, and in an environment to be
    trained further, with Adam's moments and the learning rate as they were.

    env: the environment to go on training in; None can only predict, in the task of preset `v0`.
    config: hyper-parameters to go on with, the release's by default. Its networks and activation are taken
    from the checkpoint: any widths, ELU. Where it normalizes observations (`obs_norm_state_dict`), that
    becomes part of the networks' first layers: outputs stay the same, the statistics no longer change, and
    Adam's moments, which belong to other weights, begin anew.
    options: `device`, `log_dir`, `loggers`, see `PPO.load`.

    Raises:
        FileNotFoundError: no such file.
        UserError: something else than such a checkpoint, layers that do not fit the environment, or weights
            that are not finite.
    """
    content = _read(Path(path))
    weights = _tensors(content, "model_state_dict", path)
    signature = _v0_signature() if env is None else EnvSignature.of(env)
    actor = _hidden_widths(weights, "actor", signature.obs_dim, signature.action_dim, path)
    critic = _hidden_widths(weights, "critic", signature.critic_dim, 1, path)
    if "std" not in weights:
        raise UserError(f"{path} has no 'std': it is no checkpoint of the Humanoid-Gym release.")
    config = dataclasses.replace(
        config_of(PPOConfig, config),
        policy=PolicyConfig(),
        actor_hidden=actor,
        critic_hidden=critic,
        activation="elu",
        symmetry=False,
        normalize_observations=False,
    )
    learner = _learner(content.get("optimizer_state_dict"), config, path)
    for network, names in _NORMALIZERS.items():
        for name in names:
            if content.get(name) is not None:
                weights = _fold(weights, network, _tensors(content, name, path), f"{path}: {name}")
                learner = {**learner, "optimizer": {}}
    converted = {
        "config": to_plain(config),
        "signature": to_plain(signature),
        "policy": {**weights, "std": weights["std"].clamp(min=config.min_std)},
        "learner": learner,
        "num_timesteps": 0,  # the file does not say
        "num_updates": int(content.get("iter", 0)),
        "metadata": {"task": preset("v0").plain()},
        "random": None,
        "environment": None,
    }
    return PPO.from_content(converted, str(path), env, **options)


def _read(path: Path) -> Dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"There is no checkpoint {path}.")
    try:
        content = torch.load(str(path), map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(f"{path} cannot be read as a checkpoint: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("model_state_dict"), dict):
        raise UserError(f"{path} is no checkpoint of the Humanoid-Gym release: it has no model_state_dict.")
    return content


def _tensors(content: Dict[str, Any], name: str, path: Union[str, Path]) -> Dict[str, Tensor]:
    """A state dict in the file, all finite."""
    tensors = content[name]
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise UserError(f"{path} is no checkpoint of the Humanoid-Gym release: its {name} is no state dict.")
    require_finite(tensors, str(path))
    return tensors


def _fold(
    weights: Dict[str, Tensor], network: str, statistics: Dict[str, Tensor], source: str
) -> Dict[str, Tensor]:
    """Weights that do to observations what the old ones did to normalized ones:
    `W (x − mean) / (std + ε) + b = W' x + (b − W' mean)`."""
    if f"{network}.0.bias" not in weights:
        raise UserError(f"{source} is of other networks: there is no {network}.0.bias.")
    weight, bias = weights[f"{network}.0.weight"].double(), weights[f"{network}.0.bias"].double()
    parts = [statistics.get(name, weight.new_zeros(0)).double().flatten() for name in ("_mean", "_std")]
    if any(len(part) != weight.shape[1] for part in parts):
        sizes = " and ".join(str(len(part)) for part in parts)
        raise UserError(
            f"{source} does not fit: its _mean and _std have {sizes} entries, but {network}.0.weight gets "
            f"{weight.shape[1]} inputs."
        )
    mean, std = parts
    folded = weight / (std + _NORMALIZER_EPSILON)
    return {
        **weights,
        f"{network}.0.weight": folded.float(),
        f"{network}.0.bias": (bias - folded @ mean).float(),
    }


def _v0_signature() -> EnvSignature:
    task = preset("v0")
    o, joints, clip = task.observations, XBOT_L.num_joints, task.actions.clip
    return EnvSignature(
        obs_shape=(o.policy.size(XBOT_L),),
        critic_shape=(o.critic.size(XBOT_L),),
        action_shape=(joints,),
        num_actions=None,
        action_start=0,
        action_low=(-clip,) * joints,
        action_high=(clip,) * joints,
        details={"robot": XBOT_L.name, "joints": list(XBOT_L.joint_names)},
    )


def _hidden_widths(
    weights: Dict[str, Tensor], network: str, inputs: int, outputs: int, path: Union[str, Path]
) -> Tuple[int, ...]:
    """Widths of the hidden layers of a plain MLP, whose linear layers are numbered 0, 2, 4, …"""
    widths: List[int] = []
    while f"{network}.{2 * len(widths)}.weight" in weights:
        name = f"{network}.{2 * len(widths)}.weight"
        shape, expected = tuple(weights[name].shape), widths[-1] if widths else inputs
        if len(shape) != 2 or shape[1] != expected:
            raise UserError(f"{path} does not fit: {name} has shape {shape}, but gets {expected} inputs.")
        widths.append(shape[0])
    if not widths:
        raise UserError(f"{path} has no {network}.0.weight: it is no checkpoint of the Humanoid-Gym release.")
    if widths[-1] != outputs:
        raise UserError(
            f"{path} does not fit: {network}.{2 * len(widths) - 2}.weight gives {widths[-1]} outputs, "
            f"not {outputs}."
        )
    return tuple(widths[:-1])


def _learner(
    optimizer: Optional[Dict[str, Any]], config: PPOConfig, path: Union[str, Path]
) -> Dict[str, Any]:
    if optimizer is None:
        return {"optimizer": {}, "learning_rate": config.learning_rate}
    try:
        # Both trainers list the parameters in the same order: std, actor, critic.
        moments = {int(index): dict(entry) for index, entry in optimizer["state"].items()}
        learning_rate = float(optimizer["param_groups"][0]["lr"])
        named = {f"{name} {i}": torch.as_tensor(m[name]) for i, m in moments.items() for name in _MOMENTS}
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{path}: its optimizer_state_dict is not that of torch's Adam ({error!r}). Remove it from the "
            "file to go on with a fresh one."
        ) from error
    require_finite(named, f"{path}, optimizer_state_dict")
    return {"optimizer": moments, "learning_rate": learning_rate}
