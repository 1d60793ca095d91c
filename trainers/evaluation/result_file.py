"""Everything that was measured about a policy, as one JSON file from which a report can be made."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch

from humanoid_envs.configs import from_plain, to_plain
from humanoid_envs.contract import PolicyContract
from humanoid_envs.errors import UserError
from humanoid_envs.files import replacing
from humanoid_envs.programs import example_command
from trainers.evaluation.gap import CommandWalk, GapReport, SimulatorWalk
from trainers.evaluation.scorecard import Scorecard
from trainers.evaluation.task_score import TaskScore
from trainers.evaluation.tour import Tour

FORMAT, VERSION = "humanoid_envs.sim2sim", 1
_DIGITS = 5


@dataclass(frozen=True)
class PolicyInfo:
    """Which policy was measured."""

    file: str
    sha256: Optional[str]
    """Of the file; None of a policy in training."""
    contract: PolicyContract

    @property
    def trained_on(self) -> str:
        """Engine and stepping of its training, in words."""
        c = self.contract
        damping = "implicit" if c.implicit_damping else "explicit"
        return f"{c.engine or 'unknown engine'}, {1e3 * c.timestep:.3g} ms × {c.decimation} {damping}"


@dataclass(frozen=True)
class Result:
    """All protocols that were run, each on one simulator or more."""

    policy: PolicyInfo
    scorecards: Tuple[Scorecard, ...] = ()
    tours: Tuple[Tour, ...] = ()
    gap: Optional[GapReport] = None
    tasks: Tuple[TaskScore, ...] = ()


def describe_policy(path: Path, contract: PolicyContract) -> PolicyInfo:
    """What is known about the policy in a file."""
    return PolicyInfo(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), contract)


def write_result(path: Path, result: Result) -> None:
    """Write a result as JSON: a field's name as its key, floats to five digits, null for what has no value.
    A file of that name is replaced when all is written."""
    _write(path, to_plain(result))


def write_results(path: Path, results: Sequence[Result]) -> None:
    """Write the results of several policies, as a list under `results`."""
    _write(path, {"results": to_plain(list(results))})


def read_result(path: Path) -> Dict[str, Any]:
    """What `write_result` wrote, as plain values.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no such result, or of another version.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no result {path}.")
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path} is no JSON file: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path} is no result of examples/sim2sim.py.")
    if content["version"] != VERSION:
        raise UserError(f"{path} is a result of version {content['version']}; this code reads {VERSION}.")
    for protocol in (*content.get("scorecards", ()), *content.get("tours", ())):
        if "spread" in protocol["config"]:  # its name before
            protocol["config"]["randomization"] = protocol["config"].pop("spread")
    return content


def read_walks(path: Path) -> List[SimulatorWalk]:
    """The walks in a result of the gap protocol, to compare others with.

    Raises: as `read_result`; ValueError also if that protocol was not run.
    """
    gap = read_result(path)["gap"]
    if gap is None:
        command = example_command("sim2sim.py", "--protocol", "gap", "--json", path)
        raise UserError(f"{path} holds no walks: run {command}.")
    walks = []
    for walk in gap["walks"]:
        commands = tuple(from_plain(CommandWalk, command, str(path)) for command in walk["commands"])
        walks.append(dataclasses.replace(from_plain(SimulatorWalk, walk, str(path)), commands=commands))
    return walks


def _write(path: Path, measured: Dict[str, Any]) -> None:
    content = {
        "format": FORMAT,
        "version": VERSION,
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "machine": f"{platform.machine()}, {os.cpu_count()} CPU cores, torch {torch.__version__}, {_gpu()}",
        **measured,
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(_rounded(content), allow_nan=False))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


def _gpu() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
