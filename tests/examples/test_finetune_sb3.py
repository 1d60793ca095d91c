"""A policy trained elsewhere is trained further, and leaves as files for both worlds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List

import pytest

pytest.importorskip("mujoco")
pytest.importorskip("stable_baselines3")

from tests.examples.script import run_here
from tests.trainers.sb3.robots import make_ppo
from trainers.evaluation import NINE_COMMANDS, CommandScore
from trainers.evaluation.env import NOMINAL
from trainers.export import task_of
from trainers.ppo import PPO
from trainers.sb3 import load_model


def test_finetunes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    asked, returns = [], iter([40.0, 90.0, 60.0, 88.0])

    def walk(policy: Any, commands: Any, **options: Any) -> List[CommandScore]:
        asked.append((commands, options))
        total = next(returns)
        falls = 1 if total < 50.0 else 0
        return [CommandScore(command, 2, falls, command, 12.0, total) for command in commands]

    monkeypatch.setattr("trainers.evaluation.evaluate_commands", walk)
    before = make_ppo(symmetry=True)
    before.save(tmp_path / "mine.pt")
    options = ("mine.pt", "--total-timesteps", "512", "--num-envs", "4", "--run-name", "other")
    assert run_here(tmp_path, "finetune_sb3.py", *options, monkeypatch=monkeypatch) == 0
    table = capsys.readouterr().out.split("commands met")[1].split("\n", 1)[1]
    rows = [line.split() for line in table.splitlines() if line.startswith("  ")]
    assert [(*row[:4], row[5]) for row in rows[:4]] == [
        ("new", "before", "0/9", "9/18", "40.00"),
        ("new", "after", "9/9", "0/18", "60.00"),
        ("old", "before", "9/9", "0/18", "90.00"),
        ("old", "after", "9/9", "0/18", "88.00"),
    ]

    # The new domain is harder in every respect, the old one is the policy's own.
    (new_commands, new), (old_commands, old) = asked[:2]
    assert (old_commands, old["randomization"], old["config"]) == (NINE_COMMANDS, NOMINAL, task_of(before))
    assert new_commands[0] == (0.8, 0.0, 0.0)
    randomization, told = new["config"].randomization, new["config"].commands.velocity
    assert new["randomization"].added_mass == (30.0, 40.0)
    assert new["randomization"].foot_friction == (0.0, 0.2)
    for name in ("added_mass", "foot_friction"):  # trained on both, so that the old one is not forgotten
        trained, own = getattr(randomization, name).range, getattr(old["randomization"], name)
        for low, high in (getattr(new["randomization"], name), own):
            assert trained[0] <= low <= high <= trained[1]
    for axis, drawn in enumerate((told.lin_vel_x, told.lin_vel_y, told.yaw_rate)):
        asked_of_it = [command[axis] for command in new_commands]
        assert drawn[0] <= min(asked_of_it)
        assert max(asked_of_it) <= drawn[1]

    model: Any = load_model(tmp_path / "runs/other/model.zip")
    after = PPO.load(tmp_path / "runs/other/policy.pt")
    assert model.num_timesteps == 512
    assert task_of(after) == new["config"]
    weight = "actor.0.weight"
    moved = (after.policy.state_dict()[weight] - before.policy.state_dict()[weight]).abs().max()
    assert 0.0 < moved < 2e-3  # learning rate 1e-4, a dozen gradient steps
