from __future__ import annotations

import csv
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, List, Optional

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trainers.ppo import CSVLogger, TableLogger, TensorBoardLogger, WandbLogger


def table(path: Path) -> List[Dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# CSV


def test_csv_takes_new_columns_as_they_come(tmp_path: Path) -> None:
    path = tmp_path / "run" / "progress.csv"
    logger = CSVLogger(path)
    logger.write({"a": 1.5}, 10)
    logger.write({"a": 2.5, "b/c": 7}, 20)
    logger.write({"b/c": 1e-9}, 30)
    assert path.read_text() == "timesteps,a,b/c\n10,1.5,\n20,2.5,7\n30,,1e-09\n"
    assert [file.name for file in path.parent.iterdir()] == ["progress.csv"]


def test_csv_goes_on_after_a_resume(tmp_path: Path) -> None:
    """What the interrupted process wrote after its last checkpoint is written anew."""
    path = tmp_path / "progress.csv"
    first = CSVLogger(path)
    for step in (10, 20, 30):
        first.write({"a": step}, step)
    with path.open("a") as file:
        file.write("40,4")  # cut off in the middle of a number
    second = CSVLogger(path)
    second.write({"b": 0.5, "a": 0.25}, 30)
    assert path.read_text() == "timesteps,a,b\n10,10,\n20,20,\n30,0.25,0.5\n"


def test_csv_starts_anew_with_the_steps(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    logger = CSVLogger(path)
    for step in (10, 20, 10, 20):
        logger.write({"a": 1}, step)
    assert [row["timesteps"] for row in table(path)] == ["10", "20"]


def test_csv_leaves_other_tables_alone(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    path.write_text("name,size\nx,1\n")
    with pytest.raises(ValueError, match=r"progress\.csv is no progress table"):
        CSVLogger(path).write({"a": 1.0}, 1)
    assert path.read_text() == "name,size\nx,1\n"


# TensorBoard


def points(directory: Path, name: str) -> Dict[int, float]:
    events = EventAccumulator(str(directory))
    events.Reload()
    return {point.step: point.value for point in events.Scalars(name)}


def test_tensorboard_hides_what_is_written_anew(tmp_path: Path) -> None:
    logger = TensorBoardLogger(tmp_path)
    assert not list(tmp_path.iterdir())
    for step in (10, 20, 30):
        logger.write({"a": 1.0}, step)
    logger.close()
    resumed = TensorBoardLogger(tmp_path)
    resumed.write({"a": 2.0}, 20)
    resumed.flush()
    assert points(tmp_path, "a") == {10: 1.0, 20: 2.0}
    resumed.close()
    resumed.close()


@pytest.mark.parametrize("present", ["1700000000.zebra.99999.0", "1700000007.host.1.0"])
def test_tensorboard_reads_a_new_file_last(
    present: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after one of the same second, of another process or machine, and when the clock was set back."""
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.9)
    TensorBoardLogger(tmp_path).write({"a": 1.0}, 10)
    (first,) = tmp_path.iterdir()
    first.rename(tmp_path / f"events.out.tfevents.{present}")
    for value in (2.0, 3.0):
        logger = TensorBoardLogger(tmp_path)
        logger.write({"a": value}, 10)
        logger.close()
        assert points(tmp_path, "a") == {10: value}


# Standard output


def test_table_groups_names_and_keeps_its_pace(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    now = [5.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    logger = TableLogger(seconds=10.0)
    scalars = {"train/kl": 0.0123456, "episode/return": 55.25, "episode/count": 12345.0, "loss": 2}
    for now[0], step in ((5.0, 1000), (14.9, 2000), (15.0, 3_000_000)):
        logger.write(scalars, step)
    first, second = capsys.readouterr().out.split("── ")[1:]
    lines = [line.split() for line in first.splitlines()]
    assert lines[0][:2] == ["1,000", "steps"]
    assert lines[1:] == [
        ["loss", "2"], ["episode", "count", "12,345"], ["return", "55.25"], ["train", "kl", "0.01235"],
    ]  # fmt: skip
    assert second.startswith("3,000,000 steps")
    assert len({len(line) for line in first.splitlines()[1:]}) == 1


def test_table_rejects_a_negative_pace() -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        TableLogger(-1.0)


# Weights & Biases


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> List[Any]:
    """Of a wandb that gives the ids w1, w2, …"""
    calls: List[Any] = []

    def init(**arguments: Any) -> SimpleNamespace:
        calls.append(arguments)
        return SimpleNamespace(
            id=arguments.get("id", f"w{len(calls)}"),
            log=lambda scalars, step: calls.append((scalars, step)),
            finish=lambda: calls.append("finish"),
        )

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init))
    return calls


def test_wandb(calls: List[Any], tmp_path: Path) -> None:
    logger = WandbLogger("walking", "mine", {"gamma": 0.9}, tmp_path)
    assert calls == []
    logger.write({"a": 1.0}, 20)
    logger.flush()
    logger.close()
    logger.close()
    started, *rest = calls
    assert (started["project"], started["name"], started["config"]) == ("walking", "mine", {"gamma": 0.9})
    assert started["dir"] == str(tmp_path)
    assert "id" not in started
    assert rest == [({"a": 1.0}, 20), "finish"]


def test_wandb_goes_on_with_the_run_whose_id_it_gave(calls: List[Any], tmp_path: Path) -> None:
    def start(project: str, directory: Optional[Path]) -> Dict[str, Any]:
        calls.clear()
        WandbLogger(project, "mine", directory=directory).write({"a": 1.0}, 20)
        return calls[0]

    assert "id" not in start("walking", tmp_path)
    again = start("walking", tmp_path)
    assert (again["id"], again["resume"]) == ("w1", "allow")
    (tmp_path / "other").mkdir()
    for elsewhere in (
        start("walking", tmp_path / "other"),
        start("walking", None),
        start("running", tmp_path),
    ):
        assert not {"id", "resume"} & elsewhere.keys()


def test_without_wandb_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ImportError, match="pip install wandb"):
        WandbLogger("walking")
