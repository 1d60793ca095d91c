"""examples/replay_dump.py on dumps of robots that walk, are pushed, fall and get numbers that are none."""

from __future__ import annotations

import dataclasses
import runpy
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
import torch

from humanoid_envs import preset
from humanoid_envs.flight_recorder import Dump
from humanoid_envs.registration import make_mujoco
from tests.examples.script import ROOT, run_here
from tests.test_vector_env import actions
from trainers.policies import load_policy

pytest.importorskip("mujoco")
pytest.importorskip("onnxruntime")


def short_dump(folder: Path, steps: int = 90, scale: float = 0.3) -> Path:
    """Of two robots that are pushed every 0.3 s, on parameters of their own."""
    pushes = {f"randomization.push.{name}": 0.3 for name in ("period", "lin_vel", "ang_vel")}
    env = make_mujoco(2, preset("fast").replace(pushes, **{"terminations.episode_length": 0.5}))
    env.reset(seed=4)
    for step in range(steps):
        env.step(actions(2, seed=step, scale=scale))
    env.write_dump(folder / "dump.pt", [1], "a test")
    env.close()
    return folder / "dump.pt"


@pytest.fixture(scope="module")
def script() -> Dict[str, Any]:
    return runpy.run_path(str(ROOT / "examples/replay_dump.py"))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return short_dump(tmp_path_factory.mktemp("dump"))


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return short_dump(tmp_path_factory.mktemp("brief"), steps=3)


def moments(script: Dict[str, Any], dump: Dump, index: int) -> List[Any]:
    replay = script["Replay"](dump, index)
    told = list(replay.steps())
    replay.simulator.close()
    return told


@pytest.mark.parametrize("index", [0, 1])
def test_of_c_mujoco_from_a_reset_on_it_is_the_record(script: Dict[str, Any], file: Path, index: int) -> None:
    """Through pushes and new episodes."""
    dump = Dump.read(file)
    told = moments(script, dump, index)
    assert [moment.row for moment in told] == list(range(1, 91))
    restarted = [moment.row for moment in told if moment.restarted]
    assert restarted == (~dump.record.follows[1:, index]).nonzero()[:, 0].add(1).tolist()
    assert restarted
    record = dump.record
    pushed = (record.base_velocity != record.pushed_velocity).any(2)[:-1, index]
    assert pushed.nonzero()[:, 0].tolist() == [30, 60]
    kept = [moment for moment in told if not moment.restarted]
    assert max(moment.joint_error for moment in kept) < 1e-6
    assert max(moment.base_error for moment in kept) < 1e-6
    assert not any(moment.impossible for moment in told)


def test_from_the_middle_of_a_walk_on_it_is_close(script: Dict[str, Any], tmp_path: Path) -> None:
    """Where the record lacks the solver's warm start and half of each number's digits."""
    env = make_mujoco(2, "fast", array="torch")
    observation, _ = env.reset(seed=3)
    policy = load_policy(ROOT / "assets/xbot_l/policies/walk.onnx")
    for _ in range(130):
        observation = env.step(torch.as_tensor(policy(observation)))[0]
    env.write_dump(tmp_path / "dump.pt")
    env.close()
    for index in (0, 1):
        told = moments(script, Dump.read(tmp_path / "dump.pt"), index)
        assert len(told) == 100
        assert max(moment.joint_error for moment in told) < 1e-3


def test_other_parameters_or_no_pushes_would_be_seen(script: Dict[str, Any], file: Path) -> None:
    dump = Dump.read(file)
    weak = dataclasses.replace(dump.parameters, stiffness=0.9 * dump.parameters.stiffness)
    still = dataclasses.replace(dump.record, pushed_velocity=dump.record.base_velocity)
    for other in (dataclasses.replace(dump, parameters=weak), dataclasses.replace(dump, record=still)):
        told = moments(script, other, 0)
        assert max(moment.joint_error for moment in told if not moment.restarted) > 1e-2


def with_nan(file: Path, name: str, at: Tuple[int, ...], folder: Path) -> Path:
    dump = Dump.read(file)
    value = getattr(dump.record, name).clone()
    value[at] = float("nan")
    other = dataclasses.replace(dump, record=dataclasses.replace(dump.record, **{name: value}))
    other.write(folder / "nan.pt")
    return folder / "nan.pt"


@pytest.mark.parametrize(
    ("name", "row", "impossible"),
    [("joint_targets", 2, "first after step 2"), ("action", 2, "stays possible"), ("joint_vel", 0, "step 1")],
)
def test_numbers_that_are_none_are_found(
    brief: Path, tmp_path: Path, name: str, row: int, impossible: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    path = with_nan(brief, name, (row, 0, 5), tmp_path)
    assert run_here(tmp_path, "replay_dump.py", str(path), monkeypatch=monkeypatch) == 0
    shown = capsys.readouterr().out
    assert f"First number that is not finite: {name}[5] at the beginning of step {row}" in shown
    assert impossible in shown.splitlines()[-1]


def test_prints_what_it_is_and_each_step(
    brief: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert run_here(tmp_path, "replay_dump.py", str(brief), "--env", "0", monkeypatch=monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Env 0 in {brief}: 0.03 s on MuJoCoSimulator, seed 4."
    assert lines[1:3] == ["Written because: a test", "First number that is not finite: none in this second"]
    assert [line.split()[0] for line in lines[4:7]] == ["1", "2", "3"]
    assert lines[7] == "The replay stays possible."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.pt"], "Error: There is no dump nowhere.pt."),
        (["FILE", "--env", "7"], "has no env 7; it has 1, 0."),
        (["FILE", "--env", "-1"], "must be an integer, at least 0"),
        (["FILE", "--video", "replay.gif"], "--video writes an mp4"),
        (["FILE", "--video", "replay.mp4", "--viewer"], "choose --video or --viewer"),
    ],
)
def test_bad_input_gets_one_clear_error(
    brief: Path, tmp_path: Path, arguments: List[str], message: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    arguments = [str(brief) if argument == "FILE" else argument for argument in arguments]
    end = run_here(tmp_path, "replay_dump.py", *arguments, monkeypatch=monkeypatch)
    assert end != 0
    assert message in f"{end}\n{capsys.readouterr().err}"


@pytest.mark.usefixtures("opengl")
def test_a_video(brief: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imageio = pytest.importorskip("imageio.v2")
    options = ["--video", "replay.mp4", "--size", "64", "32"]
    assert run_here(tmp_path, "replay_dump.py", str(brief), *options, monkeypatch=monkeypatch) == 0
    with imageio.get_reader(tmp_path / "replay.mp4") as video:
        assert video.get_meta_data()["size"] == (64, 32)
        assert video.count_frames() == 3


def test_in_the_window(brief: Path, script: Dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    shown: List[torch.Tensor] = []

    class Window:
        def __init__(self, simulator: Any) -> None:
            self.simulator = simulator

        @property
        def is_open(self) -> bool:
            return len(shown) < 2

        def show(self) -> None:
            shown.append(self.simulator.state.joint_pos.clone())

        def close(self) -> None:
            shown.append(torch.empty(0))

    monkeypatch.setattr("humanoid_envs.viewer.Viewer", Window)
    dump = Dump.read(brief)
    replay = script["Replay"](dump, 0)
    script["watch"](replay, replay.steps())
    torch.testing.assert_close(shown[1], dump.record.joint_pos[2, :1], atol=1e-5, rtol=0.0)
    assert len(shown) == 3  # two steps, and it is closed
