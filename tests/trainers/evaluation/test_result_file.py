"""Results as files."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from pathlib import Path

import pytest

from humanoid_envs.contract import PolicyContract
from humanoid_envs.tasks import preset
from tests.trainers.evaluation.test_gap import PERIOD, walk
from trainers.evaluation.gap import GapConfig, GapReport, gap_between
from trainers.evaluation.result_file import (
    PolicyInfo,
    Result,
    describe_policy,
    read_result,
    read_walks,
    write_result,
    write_results,
)

pytest.importorskip("mujoco")

CONTRACT = dataclasses.replace(
    PolicyContract.of(preset("fast"), engine="mujoco_warp"),
    timestep=0.01 / 3,
    decimation=3,
    implicit_damping=True,
)
INFO = PolicyInfo("policy.onnx", "abc", CONTRACT)


def gap_result() -> Result:
    a, b = walk("a"), walk("b", shift=0.123456789)
    gap, floor = gap_between(a, b, PERIOD), gap_between(a, a, PERIOD)
    return Result(INFO, gap=GapReport(GapConfig(), (a, b), (gap,), floor))


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "new" / "result.json"
    write_result(path, gap_result())
    content = read_result(path)
    assert (content["format"], content["version"]) == ("humanoid_envs.sim2sim", 1)
    assert content["policy"]["contract"]["joint_names"] == list(CONTRACT.joint_names)
    assert content["scorecards"] == content["tours"] == []
    assert content["gap"]["gaps"][0]["joints"][0]["position"] == 0.12346  # five digits
    assert list(path.parent.iterdir()) == [path]
    walks = read_walks(path)
    assert [walk.simulator for walk in walks] == ["a", "b"]
    assert walks[0].overall.torque == walk("a").overall.torque
    assert walks[0].commands[0].cycle.command == walk("a").commands[0].command
    assert gap_between(walk("a"), walks[1], PERIOD).portrait == pytest.approx(
        gap_between(walk("a"), walk("b", shift=0.123456789), PERIOD).portrait, rel=1e-3
    )


def test_what_has_no_value_is_null(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    fallen = walk("fallen", speed=math.nan)
    write_result(
        path, Result(INFO, gap=GapReport(GapConfig(), (fallen,), (), gap_between(fallen, fallen, PERIOD)))
    )
    assert "NaN" not in path.read_text()
    assert read_result(path)["gap"]["walks"][0]["commands"][0]["mean_velocity"][0] is None


def test_results_of_several_policies(tmp_path: Path) -> None:
    path = tmp_path / "matrix.json"
    write_results(path, [gap_result(), gap_result()])
    assert [result["policy"]["file"] for result in read_result(path)["results"]] == ["policy.onnx"] * 2


def test_a_file_is_replaced_only_when_all_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.json"
    write_result(path, gap_result())
    before = path.read_text()
    monkeypatch.setattr(Path, "replace", lambda self, target: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_result(path, Result(INFO))
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON file"),
        ("[]", r"is no result of examples/sim2sim\.py"),
        (json.dumps({"format": "humanoid_envs.sim2sim", "version": 9}), "version 9; this code reads 1"),
        (json.dumps({"format": "humanoid_envs.sim2sim", "version": 1, "gap": None}), "holds no walks"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_walks(path)
    with pytest.raises(FileNotFoundError, match="There is no result"):
        read_result(tmp_path / "nothing.json")


def test_policies_are_described(tmp_path: Path) -> None:
    assert INFO.trained_on == "mujoco_warp, 3.33 ms × 3 implicit"
    path = tmp_path / "policy.pt"
    path.write_bytes(b"weights")
    info = describe_policy(path, PolicyContract.of(preset("v0")))
    assert info.file == "policy.pt"
    assert info.trained_on == "unknown engine, 1 ms × 10 explicit"
    assert info.sha256 == hashlib.sha256(b"weights").hexdigest()


def test_results_that_say_spread_can_be_read(tmp_path: Path) -> None:
    robots = {"gains": 0.1}
    protocols = {"scorecards": [{"config": {"spread": robots}}], "tours": [{"config": {"spread": robots}}]}
    content = {"format": "humanoid_envs.sim2sim", "version": 1, **protocols, "gap": None}
    (tmp_path / "old.json").write_text(json.dumps(content))
    result = read_result(tmp_path / "old.json")
    assert result["scorecards"] == result["tours"] == [{"config": {"randomization": robots}}]
