"""Every algorithm trains, goes on, and is evaluated."""

from __future__ import annotations

import json
import os
import signal
import zipfile
from pathlib import Path
from typing import Any, Tuple

import pytest
import torch

pytest.importorskip("mujoco")
pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")

from stable_baselines3 import PPO

from tests.examples.script import run_here
from trainers.ppo.loggers import CSVLogger
from trainers.runs import Run


@pytest.fixture(autouse=True)
def _torch_threads() -> Any:
    """The script sets their number for its process, which here is that of all tests."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("algorithm", "class_name", "steps"),
    [
        ("ppo", "stable_baselines3.PPO", "64"),
        ("recurrent_ppo", "sb3_contrib.RecurrentPPO", "64"),
        ("tqc", "sb3_contrib.TQC", "5004"),  # a step after its warm-up
        ("crossq", "sb3_contrib.CrossQ", "5004"),
    ],
)
@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
def test_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str, class_name: str, steps: str
) -> None:
    robots = "2" if "ppo" in algorithm else "200"
    options = ("--algorithm", algorithm, "--num-envs", robots, "--total-timesteps", steps)
    assert run_here(tmp_path, "train_sb3.py", *options, monkeypatch=monkeypatch) == 0
    model = tmp_path / f"runs/sb3_{algorithm}/model.zip"
    with zipfile.ZipFile(model) as archive:
        data = json.loads(archive.read("data"))
    assert data["metadata"]["algorithm"] == class_name
    assert data["_n_updates"] > 0
    assert data["num_timesteps"] >= int(steps)
    if "ppo" in algorithm:  # the others log every 50 episodes
        assert list(model.parent.glob("events.out.tfevents.*"))
        assert (model.parent / "progress.csv").is_file()


@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
def test_a_signal_saves_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(
        "trainers.sb3.callbacks.EpisodeTermsCallback._on_step",
        lambda callback: os.kill(os.getpid(), signal.SIGTERM) is None,
    )
    options = ("--num-envs", "2", "--total-timesteps", "6400", "--run-name", "mine")
    assert run_here(tmp_path, "train_sb3.py", *options, monkeypatch=monkeypatch) == 143
    assert PPO.load(tmp_path / "runs/mine/model.zip").num_timesteps == 4  # of 2 robots
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Stopped. Go on with: ")
    assert last.endswith("train_sb3.py --algorithm ppo --resume runs/mine/model.zip")


@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
def test_goes_on_and_keeps_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("trainers.sb3.callbacks.evaluate_commands", lambda *_, **__: _SCORES)
    options: Tuple[str, ...] = ("--num-envs", "2", "--total-timesteps", "64", "--run-name", "mine")
    assert run_here(tmp_path, "train_sb3.py", *options, monkeypatch=monkeypatch) == 0
    again = (*options, "--resume", "runs/mine/model.zip", "--evaluate-every", "64")
    assert run_here(tmp_path, "train_sb3.py", *again, monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr().out
    assert "128 env-steps in all. Model: runs/mine/model.zip" in printed
    assert "worst_tracking_error" in printed
    assert (tmp_path / "runs/mine/best.zip").is_file()

    stop = (*options[:2], "--minutes", "1e-9", "--run-name", "short")
    assert run_here(tmp_path, "train_sb3.py", *stop, monkeypatch=monkeypatch) == 0
    assert "2 env-steps in all. Model: runs/short/model.zip" in capsys.readouterr().out

    new = run_here(tmp_path, "train_sb3.py", *options, monkeypatch=monkeypatch)
    assert new == "Error: runs/mine already holds a run: resume it, or choose another name."
    named = (*options, "--run-name", "short", "--resume", "runs/mine/model.zip")
    assert "runs/short already holds a run" in str(
        run_here(tmp_path, "train_sb3.py", *named, monkeypatch=monkeypatch)
    )

    other = (*options, "--algorithm", "tqc", "--resume", "runs/mine/model.zip")
    message = run_here(tmp_path, "train_sb3.py", *other, monkeypatch=monkeypatch)
    assert "runs/mine/model.zip does not fit this environment: its observation shape is (705,)" in str(
        message
    )


FEW = ("--num-envs", "2", "--total-timesteps", "192", "--run-name", "a")


def test_one_process_has_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Run(tmp_path / "runs/a").claim():
        message = run_here(tmp_path, "train_sb3.py", *FEW, monkeypatch=monkeypatch)
    assert f"Error: runs/a is in use by process {os.getpid()} on " in str(message)


@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
def test_a_run_that_fails_at_its_first_step_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(env: Any, actions: Any) -> None:
        raise RuntimeError("no physics today")

    monkeypatch.setattr("humanoid_envs.vector_env.HumanoidVectorEnv.step", fail)
    with pytest.raises(RuntimeError, match="no physics today"):
        run_here(tmp_path, "train_sb3.py", *FEW, monkeypatch=monkeypatch)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
def test_a_limit_of_file_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a full disk, from after the second record on."""
    resource = pytest.importorskip("resource")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    saved, write = [], CSVLogger.write

    def writes(logger: CSVLogger, scalars: Any, step: int) -> None:
        write(logger, scalars, step)
        if step == 128 and not saved:
            saved.append(step)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))

    assert run_here(tmp_path, "train_sb3.py", *FEW, "--total-timesteps", "64", monkeypatch=monkeypatch) == 0
    monkeypatch.setattr(CSVLogger, "write", writes)
    resumed = (*FEW, "--resume", "runs/a/model.zip")
    try:
        message = str(run_here(tmp_path, "train_sb3.py", *resumed, monkeypatch=monkeypatch))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    model = "runs/a/model.zip"
    assert message == f"Error: {model} cannot be written: File too large. {model} is whole, to go on from."
    assert PPO.load(tmp_path / model).num_timesteps == 64
    assert not list(tmp_path.rglob("*.tmp"))


def test_runs_that_is_a_file_and_a_name_that_is_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").write_text("")
    message = run_here(tmp_path, "train_sb3.py", *FEW, monkeypatch=monkeypatch)
    assert message == "Error: runs/a cannot be written: Not a directory."
    path = run_here(tmp_path, "train_sb3.py", "--run-name", "../a", monkeypatch=monkeypatch)
    assert path == "Error: --run-name is the name of a folder below runs/, not a path: '../a'."


@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
def test_is_evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    asked = []

    def walk(policy: Any, **options: Any) -> Any:
        asked.append((policy(torch.zeros(3, 47)).shape, options))
        return _SCORES

    options = ("--algorithm", "recurrent_ppo", "--num-envs", "2", "--total-timesteps", "64")
    assert run_here(tmp_path, "train_sb3.py", *options, monkeypatch=monkeypatch) == 0
    model = "runs/sb3_recurrent_ppo/model.zip"
    monkeypatch.setattr("trainers.evaluation.evaluate_commands", walk)
    monkeypatch.setattr("trainers.evaluation.scorecard.make_scorecard", lambda *_, **options: options)
    monkeypatch.setattr("trainers.evaluation.tour.walk_tour", lambda *_, **options: options)
    tables = "trainers.evaluation.terminal_tables"
    monkeypatch.setattr(f"{tables}.format_scorecard", lambda card: f"Card {card['config']}")
    monkeypatch.setattr(f"{tables}.format_tour", lambda tour: f"Tour {tour['config']}")
    protocols = ("--protocol", "commands", "scorecard", "tour", "--rollouts", "3", "--seconds", "5")
    assert run_here(tmp_path, "evaluate_sb3.py", model, *protocols, monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr().out
    assert f"{model}: RecurrentPPO after 64 env-steps" in printed
    assert "fall rate 50 %" in printed
    assert "Card ScorecardConfig" in printed
    assert "Tour TourConfig(" in printed
    assert "runs=12" in printed
    ((shape, options),) = asked
    assert shape == (3, 12)
    assert (options["episodes"], options["seconds"]) == (3, 5.0)
    assert options["config"].observations.policy.history == 1

    foreign = tmp_path / "foreign.zip"
    foreign.write_bytes((tmp_path / model).read_bytes())
    with zipfile.ZipFile(foreign, "a") as archive:
        archive.writestr("more", "another sha256")
    cart_pole = PPO("MlpPolicy", "CartPole-v1", n_steps=8, batch_size=8, policy_kwargs={"net_arch": [8]})
    cart_pole.save(tmp_path / "cart_pole.zip")
    (tmp_path / "notes.zip").write_text("no zip")
    for wrong, message in (
        (("nowhere.zip",), "There is no model nowhere.zip"),
        (("notes.zip", "--trust"), "notes.zip is no model of Stable-Baselines3"),
        (("foreign.zip",), "foreign.zip is a model of Stable-Baselines3: it runs code when it is loaded"),
        (("cart_pole.zip", "--trust"), "cart_pole.zip does not say by which algorithm it was trained"),
        (
            ("cart_pole.zip", "--trust", "--algorithm", "PPO"),
            "--algorithm names the algorithm 'PPO', which is",
        ),
        (
            ("cart_pole.zip", "--trust", "--algorithm", "stable_baselines3.PPO", "--task", "v0"),
            "This PPO maps observations of shape (4,) to actions of shape (), the task's are (705,)",
        ),
        ((model, "--vec-normalize", "foreign.zip"), "foreign.zip is a pickle of VecNormalize: it runs code"),
        ((model, "--rollouts", "0"), "--rollouts: must be an integer, at least 1"),
        ((model, "--seconds", "3"), "--seconds: must be a finite number, at least 4"),
    ):
        end = run_here(tmp_path, "evaluate_sb3.py", *wrong, monkeypatch=monkeypatch)
        assert message in f"{end}{capsys.readouterr().err}"
    assert run_here(tmp_path, "evaluate_sb3.py", "foreign.zip", "--trust", monkeypatch=monkeypatch) == 0


def _scores() -> Any:
    from trainers.evaluation import CommandScore

    return [CommandScore((0.4, 0.0, 0.0), 2, 1, (0.3, 0.0, 0.0), 14.0, 50.0)]


_SCORES = _scores()
