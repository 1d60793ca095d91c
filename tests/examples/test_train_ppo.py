"""examples/train_ppo.py as a user runs it."""

from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest
import torch

from tests.examples.script import ROOT, TINY, run, run_here
from trainers.evaluation import CommandScore, evaluate_commands
from trainers.option_pages import groups
from trainers.ppo import PPO
from trainers.presets import TrainConfig
from trainers.runs import Run

pytest.importorskip("mujoco")

GROUPS = groups(TrainConfig())


def test_trains_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(tmp_path, "train_ppo.py", *TINY, "--run-name", "mine", "--no-evaluate")
    assert result.returncode == 0, result.stderr
    assert "mujoco" in result.stdout
    assert "Training: 128 steps, 20 minutes at most …\n" in result.stdout
    assert "time limit" not in result.stdout
    checkpoint = tmp_path / "runs/mine/checkpoints/last.pt"
    assert PPO.load(checkpoint).num_updates == 2
    assert Run(tmp_path / "runs/mine").read_config().ppo.actor_hidden == (8,)

    # The run's own config is the default, so only what changes is said.
    changes = ("--resume", "last", "--total-timesteps", "192", "--ppo.gamma", "0.9", "--no-evaluate")
    assert run_here(tmp_path, "train_ppo.py", *changes, monkeypatch=monkeypatch) == 0
    assert PPO.load(checkpoint).num_updates == 3
    assert Run(tmp_path / "runs/mine").read_config().ppo.gamma == 0.9


def test_help_answers_at_once_and_names_the_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    script = str(ROOT / "examples/train_ppo.py")
    bare = [sys.executable, "-I", "-S", script, "--preset", "fast", "--help"]  # nothing of ours to import
    page = subprocess.run(bare, capture_output=True, text=True, timeout=60, check=True).stdout
    named = re.findall(r"^    ([a-z_.]+) {3,}", page.partition("--help GROUP")[2], re.MULTILINE)
    assert named == [group for group in GROUPS if group != "all" and group.count(".") < 2]

    assert run_here(tmp_path, "train_ppo.py", "--help", "task.gait", monkeypatch=monkeypatch) == 0
    assert "--task.gait.period FLOAT" in capsys.readouterr().out
    end = run_here(tmp_path, "train_ppo.py", "--help=task.gate", monkeypatch=monkeypatch)
    assert str(end).startswith("Error: --help knows no group 'task.gate'; did you mean 'task.gait'")
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is a display")
@pytest.mark.usefixtures("opengl")
def test_what_it_says_to_do_next_works(tmp_path: Path) -> None:
    """Its time ends before its steps. What it says is typed into a shell."""
    pytest.importorskip("imageio")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DISPLAY": "", "WAYLAND_DISPLAY": ""}

    def shell(command: str) -> str:
        result = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    limits = ("--total-timesteps", "192", "--max-minutes", "1e-9", "--no-evaluate", "--run-name", "my run")
    first = shell(shlex.join([sys.executable, str(ROOT / "examples/train_ppo.py"), *TINY, *limits]))
    (missing,) = (line for line in first.splitlines() if line.startswith("Stopped by the time limit"))
    assert "after 128 of 192 steps" in missing
    onward = missing.partition("Go on with: ")[2]
    assert "192 steps in all" in shell(f"{onward} --no-evaluate")
    watch = first.splitlines()[-1].partition("Watch it: ")[2]
    assert watch.endswith(" 'runs/my run/checkpoints/last.pt' --web")
    assert "Wrote walk.mp4" in shell(watch.replace("--web", "--video walk.mp4 --seconds 0.1 --size 64 48"))


def test_evaluates_before_and_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def walk(policy: Any, **options: Any) -> List[CommandScore]:
        return evaluate_commands(policy, **{**options, "episodes": 1, "seconds": 0.4, "start_up": 0.1})

    monkeypatch.setattr("trainers.training.evaluate_commands", walk)
    assert run_here(tmp_path, "train_ppo.py", *TINY, monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr().out
    for when in ("before training", "after training"):
        _, table = printed.split(f"The policy {when}")
        assert "fall rate" in table


def test_a_config_file_gives_a_run_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = ("--seed", "5", "--device", "cpu", "--sim-device", "cpu", "--headless", "--no-evaluate")
    first = run_here(tmp_path, "train_ppo.py", *TINY[:-2], *short, "--run-name", "a", monkeypatch=monkeypatch)
    again = run_here(
        tmp_path, "train_ppo.py", "--config", "runs/a/config.yaml", "--run-name", "b", "--no-evaluate",
        monkeypatch=monkeypatch,
    )  # fmt: skip
    assert (first, again) == (0, 0)
    config = Run(tmp_path / "runs/a").read_config()
    assert (config.ppo.seed, config.ppo.device, config.sim_device) == (5, "cpu", "cpu")
    assert Run(tmp_path / "runs/b").read_config() == config
    one, other = (PPO.load(tmp_path / f"runs/{name}/checkpoints/last.pt") for name in ("a", "b"))
    for weight, same in zip(one.policy.parameters(), other.policy.parameters()):
        assert torch.equal(weight, same)


def test_evaluates_and_records_while_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, opengl: None
) -> None:
    def walk(policy: Any, **options: Any) -> List[CommandScore]:
        return [CommandScore((0.4, 0.0, 0.0), 2, 1, (0.3, 0.0, 0.0), 14.0, 50.0)]

    def record(env: Any, policy: Any, seconds: float, path: Path, **options: Any) -> None:
        path.parent.mkdir(exist_ok=True)
        path.touch()

    monkeypatch.setattr("trainers.training.evaluate_commands", walk)
    monkeypatch.setattr("trainers.evaluation.video.record", record)
    often = ("--evaluate-every", "1e-9", "--video-every", "1e-9", "--table-every", "1e-9")
    end = run_here(tmp_path, "train_ppo.py", *TINY, *often, "--run-name", "a", monkeypatch=monkeypatch)
    assert end == 0
    printed = capsys.readouterr().out
    assert "Best of the evaluations while training: runs/a/checkpoints/best.pt" in printed
    assert "worst_tracking_error         0.1" in printed
    assert PPO.load(tmp_path / "runs/a/checkpoints/best.pt").num_updates == 2
    assert [path.name for path in (tmp_path / "runs/a/videos").iterdir()] == ["update_000002.mp4"]
    with (tmp_path / "runs/a/progress.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["evaluation/return"] for row in rows] == [
        "",
        "50.0",
    ]  # the clock starts with the first update
    assert {"timesteps", "speed/steps_per_s", "train/kl"} <= rows[0].keys()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ppo.gama", "0.9"], "Unrecognized options: --ppo.gama"),
        (["--ppo.gamma", "3"], "PPOConfig.gamma must be at most 1; got 3.0"),
        (["--num-envs", "many"], "many"),
        (["--preset", "v9"], "Error: Unknown preset 'v9'; there are 'auto', 'v0', 'fast', 'walk', "),
        (["--engine", "physx"], "TrainConfig.engine must be one of auto, mujoco, mujoco_warp, isaacgym"),
        (["--num-envs", "0"], "TrainConfig.num_envs must be at least 1; got 0."),
        (["--resume", "nowhere"], "Error: 'nowhere' is neither a checkpoint file nor a run"),
        (["--config", "mine.yaml"], "Error: There is no config file mine.yaml."),
        (["--preset", "cpu", "--resume", "last"], "argument --resume: not allowed with argument --preset"),
        (["--config", "a.yaml", "--preset", "cpu"], "argument --preset: not allowed with argument --config"),
        (["--headless", "--viewer"], "argument --viewer: not allowed with argument --headless"),
        (["--seed", "1", "--ppo.seed", "2"], "--seed is short for --ppo.seed: give one of them"),
        (["--run-name", "../mine"], "Error: --run-name is the name of a folder below runs/, not a path"),
        (["--sim-device", "gpu0"], "Error: sim_device 'gpu0' is no torch device: use auto, cpu or cuda."),
        (["--evaluate-every", "0"], "TrainConfig.evaluate_every must be positive; got 0.0"),
    ],
)
def test_bad_input_gets_one_clear_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    arguments: List[str],
    message: str,
) -> None:
    end = run_here(tmp_path, "train_ppo.py", *TINY[2:], *arguments, monkeypatch=monkeypatch)
    assert end != 0
    unwrapped = " ".join(word for word in f"{end}{capsys.readouterr().err}".split() if word not in "│|")
    assert message in unwrapped
    assert not (tmp_path / "runs").exists()
