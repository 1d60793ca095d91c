"""Checkpoint files: one torch archive of tensors and plain values."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Union

import torch

from humanoid_envs.configs import Config, Index, Positive, from_plain
from humanoid_envs.errors import UserError, WrongType
from humanoid_envs.files import replacing
from trainers.checksums import require_intact

_FORMAT = "humanoid_envs.ppo"
_VERSION = 1


@dataclass(frozen=True)
class AdamMoments(Config):
    """What Adam keeps of one weight."""

    step: torch.Tensor
    exp_avg: torch.Tensor
    exp_avg_sq: torch.Tensor


@dataclass(frozen=True)
class LearnerState(Config):
    """What a checkpoint holds of the learner."""

    optimizer: Dict[int, AdamMoments]
    """By the number of the weight."""
    learning_rate: Positive


@dataclass(frozen=True)
class CheckpointContent(Config):
    """What a checkpoint holds; `PPO.save` says what is in it."""

    config: Dict[str, Any]
    signature: Dict[str, Any]
    policy: Dict[str, torch.Tensor]
    learner: LearnerState
    num_timesteps: Index
    num_updates: Index
    metadata: Dict[str, Any]
    random: Optional[Dict[str, Any]]
    environment: Optional[Dict[str, Any]]


def write_checkpoint(path: Union[str, Path], content: Dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all.

    Raises TypeError if the content holds anything but tensors and plain values, which could not be read back;
    StorageError if it cannot be written.
    """
    _require_plain(content, "checkpoint")
    buffer = io.BytesIO()
    with replacing(path) as temporary:
        # In memory first: torch's own writer may end the process where the disk is full.
        torch.save({"format": _FORMAT, "version": _VERSION, **content}, buffer)
        temporary.write_bytes(buffer.getbuffer())


def read_checkpoint(path: Union[str, Path]) -> Dict[str, Any]:
    """The content of a checkpoint, on the CPU.

    Raises FileNotFoundError if there is none, ValueError if the file is damaged or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no checkpoint {path}.")
    try:
        if zipfile.is_zipfile(path):  # torch does not look at the checksums in it
            require_intact(path)
        content = torch.load(str(path), map_location="cpu", weights_only=True)
    except Exception as error:
        with path.open("rb") as file:
            is_archive = file.read(2) == b"PK"
        if is_archive:
            raise UserError(
                f"{path} cannot be read: it is damaged or incomplete, or no checkpoint. Take an earlier one."
            ) from error
        raise UserError(f"{path} is not a PPO checkpoint.") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        remedy = ""
        if isinstance(content, dict) and "model_state_dict" in content:
            remedy = " Checkpoints of Humanoid-Gym and rsl_rl: trainers.ppo.import_humanoid_gym."
        raise UserError(f"{path} is a torch file, but not a PPO checkpoint.{remedy}")
    version = content.get("version")
    if type(version) is not int or version != _VERSION:
        raise UserError(
            f"{path} is a PPO checkpoint of version {version}; this code reads version {_VERSION}."
        )
    fields = {name: value for name, value in content.items() if name not in ("format", "version")}
    from_plain(CheckpointContent, fields, f"{path} is damaged")
    return content


def _require_plain(value: Any, where: str) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _require_plain(item, f"{where}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _require_plain(item, f"{where}[{index}]")
    elif not isinstance(value, torch.Tensor) and type(value) not in (int, float, bool, str, type(None)):
        raise WrongType(
            f"{where} is a {type(value).__module__}.{type(value).__name__}, which a checkpoint cannot hold: "
            "give tensors, numbers and strings."
        )
