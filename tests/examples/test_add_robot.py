"""From a maker's file to a plug-in that trains."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
import torch

from humanoid_envs import plugins
from humanoid_envs.registration import make_mujoco
from humanoid_envs.robots import ROBOTS, XBOT_L, Robot
from humanoid_envs.robots.infer import infer_robot
from tests.examples.script import TINY, run_here
from tests.robots.test_infer import small

pytest.importorskip("mujoco")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    names, loaded = set(ROBOTS), list(plugins._loaded)
    yield
    for name in set(ROBOTS) - names:
        del ROBOTS[name]
    plugins._loaded[:] = loaded
    for module in ("mine", "small"):
        sys.modules.pop(module, None)


def written(path: Path) -> Robot:
    """The robot that a plug-in registers."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, path.stem.upper())


@pytest.mark.parametrize("source", [XBOT_L.mjcf, XBOT_L.isaacgym_urdf], ids=["mjcf", "urdf"])
def test_it_writes_a_plug_in_and_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, source: Path
) -> None:
    model = tmp_path / "out" / source.name
    model.parent.mkdir()
    shutil.copy(source, model)
    arguments = (f"out/{model.name}", "--name", "mine", "--out", "out")
    assert run_here(tmp_path, "add_robot.py", *arguments, monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr().out
    assert "found   left leg: left_leg_roll_joint (hip_roll), left_leg_yaw_joint (hip_yaw)" in printed
    assert re.search(r"guessed gains from m·g·l: all joints\n +-> write the maker's", printed)
    text = (tmp_path / "out/mine.py").read_text()
    assert f'mjcf=Path(__file__).resolve().parent / "{model.name}",' in text
    assert max(map(len, text.splitlines())) <= 110
    if "No picture" not in printed:
        assert (tmp_path / "out/mine.png").read_bytes()[:4] == b"\x89PNG"
    moved = (tmp_path / "out").rename(tmp_path / "elsewhere")
    robot, inferred = written(moved / "mine.py"), infer_robot(moved / model.name, name="mine").robot
    for name in ("joints", "mjcf", "urdf", "base_body", "foot_bodies", "knee_bodies", "upper_joints"):
        assert getattr(robot, name) == getattr(inferred, name), name
    for name in ("base_mass", "total_mass", "start_height", "standing_height", "sole_height", "leg_length"):
        assert getattr(robot, name) == pytest.approx(getattr(inferred, name), rel=1e-5), name


def test_the_robot_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """One with a waist and arms that are held, by the plug-in's name."""
    small(tmp_path, waist=True)
    arguments = ("small.xml", "--name", "small", "--upper-body", "hold")
    assert run_here(tmp_path, "add_robot.py", *arguments, monkeypatch=monkeypatch) == 0
    training = (*TINY, "--plugin", "small", "--robot", "small")
    assert run_here(tmp_path, "train_ppo.py", *training, monkeypatch=monkeypatch) == 0
    (checkpoint,) = tmp_path.glob("runs/*/checkpoints/last.pt")
    assert checkpoint.is_file()


def test_a_policy_may_move_the_upper_body(tmp_path: Path) -> None:
    robot = small(tmp_path, waist=True, upper_body="policy").robot
    env: Any = make_mujoco(2, "fast", robot=robot, array="torch")
    env.reset(seed=0)
    for _ in range(5):
        observations, rewards, *_ = env.step(0.1 * torch.ones(2, 15))
        assert observations.isfinite().all()
        assert rewards.isfinite().all()
    env.close()


def test_it_checks_the_robot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    files = (str(XBOT_L.mjcf), "--compare", str(XBOT_L.isaacgym_urdf))
    assert (
        run_here(tmp_path, "add_robot.py", *files, "--name", "mine", "--check", monkeypatch=monkeypatch) == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("ok ")] == [
        "stands:", "parts:", "moves:", "mirrors:", "agrees:",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("mine.urdf", "--name", "mine"), r"Error: There is no model file .*mine\.urdf"),
        (("mine.urdf", "--name", "my-robot"), r"Error: --name my-robot: take a name of small letters"),
    ],
)
def test_what_it_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Any, error: str) -> None:
    end = run_here(tmp_path, "add_robot.py", *arguments, monkeypatch=monkeypatch)
    assert re.match(error, str(end))
    assert list(tmp_path.iterdir()) == []
