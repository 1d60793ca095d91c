"""examples/sim2sim.py and benchmark_simulators.py as a user runs them, with tiny protocols."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, List

import pytest

from humanoid_envs.configs import to_plain
from humanoid_envs.simulators.simulator import PhysicsConfig
from tests.examples.script import ROOT, run, run_here
from trainers.evaluation.gap import GapConfig
from trainers.evaluation.pushes import PushConfig
from trainers.evaluation.scorecard import ScorecardConfig
from trainers.evaluation.step_response import StepConfig
from trainers.evaluation.tour import TourConfig
from trainers.ppo import PPO
from trainers.presets import preset
from trainers.training import make_env

pytest.importorskip("mujoco")

STAND, FORWARD = (0.0, 0.0, 0.0), (0.4, 0.0, 0.0)
TINY = (
    ScorecardConfig(
        commands=(STAND, FORWARD),
        beyond=(),
        rollouts=1,
        seconds=0.8,
        start_up=0.1,
        pushes=PushConfig(directions=1, commands=(STAND,), repeats=1, rounds=1, start_up=0.1, watch=0.1),
        steps=StepConfig(steps=((STAND, FORWARD),), robots=1, before=1.0, after=0.1),
    ),
    TourConfig(legs=((0.5, 0.0, 0.0),), runs=2, leg_seconds=0.5, punch_time=(0.1, 0.2)),
    GapConfig(commands=(STAND, FORWARD), rollouts=1, seconds=0.8, start_up=0.1),
)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that has learned nothing yet, with what train() writes into it."""
    cpu = preset("cpu")
    ppo_config = dataclasses.replace(
        cpu.ppo, num_steps=4, actor_hidden=(8,), critic_hidden=(8,), device="cpu"
    )
    task = dataclasses.replace(cpu.task, physics=PhysicsConfig())
    config = dataclasses.replace(cpu, task=task, num_envs=4, engine="mujoco", compiled=False, ppo=ppo_config)
    env = make_env(config)
    ppo = PPO(env, config.ppo)
    ppo.metadata.update(task=to_plain(config.task), engine="mujoco")
    path = tmp_path_factory.mktemp("policy") / "new.pt"
    ppo.save(path)
    env.close()
    return path


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sim2sim", ROOT / "examples/sim2sim.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


Main = Callable[..., None]


@pytest.fixture
def main(policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Main:
    """Runs the script with these arguments in a folder of its own, on tiny protocols."""
    script = load_script()
    monkeypatch.setattr(script, "sizes", lambda *_: TINY)
    monkeypatch.chdir(tmp_path)

    def main(*arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", ["sim2sim.py", "--policy", str(policy), *arguments])
        script.main()

    return main


def test_all_protocols_into_one_file(main: Main, capsys: pytest.CaptureFixture) -> None:
    main("--protocol", "all", "--report", "report", "--simulators", "mujoco", "mujoco:fast")
    shown = capsys.readouterr().out
    assert "trained on mujoco, 1 ms × 10 explicit" in shown
    for head in ("Scorecard on mujoco:", "Scorecard on mujoco:fast:", "Tour on mujoco:", "Simulator gap:"):
        assert head in shown
    content = json.loads(Path("report/sim2sim.json").read_text())
    assert [card["simulator"] for card in content["scorecards"]] == ["mujoco", "mujoco:fast"]
    assert [tour["simulator"] for tour in content["tours"]] == ["mujoco", "mujoco:fast"]
    assert content["gap"]["gaps"][0]["second"] == "mujoco:fast"
    assert content["policy"]["contract"]["engine"] == "mujoco"
    page = Path("report/report.html").read_text()
    for title in ("Scorecard in mujoco:fast", "Tour in mujoco:fast", "Simulator gap"):
        assert f"{title}</h2>" in page

    # What was measured elsewhere is compared with.
    arguments = ("--compare", "report/sim2sim.json", "--json", "gap.json", "--simulators", "mujoco")
    main("--protocol", "gap", *arguments)
    gap = json.loads(Path("gap.json").read_text())["gap"]
    assert [walk["simulator"] for walk in gap["walks"]] == ["mujoco", "mujoco", "mujoco:fast"]
    assert gap["gaps"][0]["portrait"] < 1e-3  # but for the file's five digits, the same walk


def test_video(main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded: List[Any] = []

    def record(*args: Any, **options: Any) -> None:
        recorded.append(args)
        args[3].write_bytes(b"film")

    monkeypatch.setattr("trainers.evaluation.video.record", record)
    main("--protocol", "gap", "--simulators", "mujoco:fast", "--report", "out", "--video")
    ((env, _, seconds, path),) = recorded
    assert (env.num_envs, seconds, path) == (1, 10.0, Path("out/walk.mp4"))
    assert "data:video/mp4;base64,ZmlsbQ==" in Path("out/report.html").read_text()


def test_size_of_the_protocols() -> None:
    script = load_script()
    assert script.sizes(64, 20.0, 0) == (ScorecardConfig(), TourConfig(), GapConfig())
    scorecard, tour, gap = script.sizes(1, 4.0, 3)
    assert (scorecard.rollouts, scorecard.beyond_rollouts, tour.runs, gap.rollouts) == (1, 1, 4, 1)
    assert scorecard.seed == tour.seed == gap.seed == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policy", "nowhere.onnx"], "Error: 'nowhere.onnx' is neither a checkpoint file nor a run"),
        (["--simulators", "gazebo"], "Error: Unknown simulator 'gazebo'"),
        (["--protocol", "quick"], "invalid choice: 'quick'"),
        (["--rollouts", "0"], "--rollouts: must be an integer, at least 1"),
        (["--seconds", "nan"], "--seconds: must be a finite number, at least 4"),
        (["--seed", "-1"], "--seed: must be an integer, at least 0"),
        (["--seconds", "2"], "--seconds: must be a finite number, at least 4"),
        (["--video"], "name one with --report"),
        (["--compare", "a.json"], "--compare belongs to --protocol gap"),
        (["--protocol", "gap", "--compare", "a.json"], "Error: There is no result a.json"),
        (["--contract", "c.json"], "Error: There is no contract c.json"),
    ],
)
def test_bad_input_gets_one_clear_error(
    main: Main, arguments: List[str], message: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(*arguments)
    said = f"{stopped.value.code} {capsys.readouterr().err}"
    assert message in said
    assert not list(Path().iterdir())


def test_matrix_of_policies_and_simulators(
    policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    arguments = ("--simulators", "mujoco:fast", "--rollouts", "1", "--seconds", "4", "--json", "matrix.json")
    both = (str(policy), str(policy))
    assert run_here(tmp_path, "benchmark_simulators.py", *both, *arguments, monkeypatch=monkeypatch) == 0
    header, line, *rows = capsys.readouterr().out.strip().splitlines()[:4]
    assert header == "| policy | trained on | mujoco:fast |"
    assert line == "|---|---|---|"
    assert len(rows) == 2
    assert all(row.startswith(f"| {policy} | mujoco, 1 ms × 10 explicit |") for row in rows)
    assert len(json.loads((tmp_path / "matrix.json").read_text())["results"]) == 2


def test_the_script_starts(tmp_path: Path) -> None:
    result = run(tmp_path, "sim2sim.py", "--policy", "none.pt", "--rollouts", "0")
    assert result.returncode == 2
    assert "--rollouts: must be an integer, at least 1" in result.stderr
