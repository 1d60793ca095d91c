from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import yaml

from trainers.ppo import PPOConfig
from trainers.presets import TrainConfig
from trainers.runs import Run, find_checkpoint, read_config


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs; `old` was trained before `new`."""
    for age, name in ((100.0, "old"), (0.0, "new")):
        checkpoint = Run(tmp_path / name).last_checkpoint
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        os.utime(checkpoint, (time.time() - age, time.time() - age))
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_find_checkpoint(runs: Path) -> None:
    old, new = (runs / name / "checkpoints/last.pt" for name in ("old", "new"))
    assert find_checkpoint("last", runs) == new
    assert find_checkpoint("old", runs) == old
    assert find_checkpoint(str(old), runs) == old
    assert Run.of_checkpoint(old).directory == runs / "old"


@pytest.mark.parametrize("name", ["empty", "nowhere", "nowhere/last.pt", "*"])
def test_no_checkpoint_of_that_name(runs: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"neither a checkpoint file nor a run.*train_ppo\.py"):
        find_checkpoint(name, runs)


def test_no_run_at_all(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="'last' is neither"):
        find_checkpoint("last", tmp_path / "runs")


def test_read_config_names_what_is_wrong(tmp_path: Path) -> None:
    run = Run(tmp_path / "a")
    with pytest.raises(FileNotFoundError, match=r"no training run: it has no config\.yaml"):
        run.read_config()
    run.write_config(TrainConfig(ppo=PPOConfig(actor_hidden=(8,))))
    text = (run.directory / "config.yaml").read_text()
    assert yaml.safe_load(text)["ppo"]["actor_hidden"] == [8]
    (run.directory / "config.yaml").write_text(text.replace("gamma:", "gama:"))
    with pytest.raises(ValueError, match=r"a/config\.yaml: PPOConfig has no field 'gama'"):
        run.read_config()
    (run.directory / "config.yaml").write_text("")
    with pytest.raises(ValueError, match=r"a/config\.yaml: TrainConfig needs a mapping"):
        run.read_config()


def test_read_config_of_any_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("num_envs: 7\nppo: {gamma: 0.5, actor_hidden: [4]}\n")
    config = read_config(path)
    assert (config.num_envs, config.ppo.gamma, config.ppo.actor_hidden) == (7, 0.5, (4,))
    assert config.task == TrainConfig().task
    path.write_text("num_envs: [7\n")
    with pytest.raises(ValueError, match=r"mine\.yaml is no YAML file"):
        read_config(path)
    with pytest.raises(FileNotFoundError, match=r"no config file .*theirs\.yaml"):
        read_config(tmp_path / "theirs.yaml")
