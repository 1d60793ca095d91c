"""What Stable-Baselines3 logs is in the files of our trainer."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Dict, List

import pytest

pytest.importorskip("stable_baselines3")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from humanoid_envs.errors import StorageError
from trainers.sb3 import run_logger


def rows(folder: Path) -> List[Dict[str, str]]:
    with (folder / "progress.csv").open() as file:
        return list(csv.DictReader(file))


def test_numbers_are_in_both_files(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    logger = run_logger(tmp_path)
    for step in (10, 20):
        logger.record("my/number", 0.5 * step)
        logger.record("my/text", "no number")
        logger.record("time/elapsed", 3, exclude="tensorboard")
        logger.dump(step)
    assert rows(tmp_path) == [
        {"timesteps": "10", "my/number": "5.0"},
        {"timesteps": "20", "my/number": "10.0"},
    ]
    events = EventAccumulator(str(tmp_path)).Reload()
    assert events.Tags()["scalars"] == ["my/number"]
    assert [(point.step, point.value) for point in events.Scalars("my/number")] == [(10, 5.0), (20, 10.0)]
    assert "no number" in capsys.readouterr().out


def test_two_records_of_a_step_are_one_point(tmp_path: Path) -> None:
    logger = run_logger(tmp_path)
    for name, value in (("a", 1.0), ("b", 2.0), ("a", 3.0)):
        logger.record(name, value)
        logger.dump(10)
    assert rows(tmp_path) == [{"timesteps": "10", "a": "3.0", "b": "2.0"}]


def test_another_process_goes_on_from_an_earlier_step(tmp_path: Path) -> None:
    for steps in ((10, 20, 30), (20, 40)):
        logger = run_logger(tmp_path)
        for step in steps:
            logger.record("a", step)
            logger.dump(step)
        logger.close()
    assert [row["timesteps"] for row in rows(tmp_path)] == ["10", "20", "40"]


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    logger = run_logger(tmp_path / "run")
    logger.record("a", 1.0)
    logger.dump(10)
    shutil.rmtree(tmp_path / "run")
    logger.record("a", 1.0)
    with pytest.raises(StorageError, match="is gone: it or its folder was deleted or moved while training"):
        logger.dump(20)
