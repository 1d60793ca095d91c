"""examples/train_ppo.py as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.script import TINY, run
from trainers.ppo import PPO
from trainers.training import Run

pytest.importorskip("mujoco")


def test_trains_and_resumes(tmp_path: Path) -> None:
    result = run(tmp_path, "train_ppo.py", *TINY, "--run-name", "mine", "--no-evaluate")
    assert result.returncode == 0, result.stderr
    assert "mujoco" in result.stdout
    assert "python examples/play.py runs/mine/checkpoints/last.pt" in result.stdout
    checkpoint = tmp_path / "runs/mine/checkpoints/last.pt"
    assert PPO.load(checkpoint).num_updates == 2
    assert Run(tmp_path / "runs/mine").read_config().ppo.actor_hidden == (8,)

    # The run's own config is the default, so only what changes is said.
    result = run(
        tmp_path, "train_ppo.py", "--resume", "last", "--total-timesteps", "192", "--ppo.gamma", "0.9",
        "--no-evaluate",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert PPO.load(checkpoint).num_updates == 3
    assert Run(tmp_path / "runs/mine").read_config().ppo.gamma == 0.9


def test_evaluates_before_and_after(tmp_path: Path) -> None:
    result = run(tmp_path, "train_ppo.py", *TINY)
    assert result.returncode == 0, result.stderr
    for when in ("before training", "after training"):
        _, table = result.stdout.split(f"The policy {when}")
        assert "fall rate" in table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ppo.gama", "0.9"], "Unrecognized options: --ppo.gama"),
        (["--ppo.gamma", "3"], "PPOConfig.gamma must be between 0 and 1"),
        (["--num-envs", "many"], "many"),
        (["--preset", "v9"], "Error: Unknown preset 'v9'; there are 'auto', 'v0', 'fast', 'cpu'."),
        (["--engine", "physx"], "Error: Unknown engine 'physx'"),
        (["--num-envs", "0"], "Error: num_envs must be a positive integer, not 0."),
        (["--resume", "nowhere"], "Error: 'nowhere' is neither a checkpoint file nor a run"),
    ],
)
def test_bad_input_gets_one_clear_error(tmp_path: Path, arguments: list, message: str) -> None:
    result = run(tmp_path, "train_ppo.py", *TINY[2:], *arguments)
    assert result.returncode != 0
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "runs").exists()
