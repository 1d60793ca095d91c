"""Videos of a walk, written while training goes on."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, List

import numpy as np
import pytest
import torch

from humanoid_envs.configs import to_plain
from humanoid_envs.robots import XBOT_L
from humanoid_envs.tasks import preset
from trainers.evaluation import evaluation_env
from trainers.evaluation.video import VideoCallback, filmed_command, record, walk_steps
from trainers.ppo import Every

pytest.importorskip("mujoco")
imageio = pytest.importorskip("imageio.v2")


def still(observation: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(observation), 12)


def policy_of(calls: List[int]) -> Any:
    """In place of a trainer: counts predictions."""

    def predict(observation: torch.Tensor, state: Any = None) -> Any:
        calls.append(len(observation))
        return still(observation), None

    task = to_plain(preset("v0"))
    return SimpleNamespace(
        num_updates=7,
        predict=predict,
        policy=SimpleNamespace(actor_state_size=0),
        get_env=lambda: None,
        metadata={"task": task},
        signature=SimpleNamespace(wrapper=None, details={"joints": list(XBOT_L.joint_names)}),
    )


def test_walk_follows_the_command_and_stands_up_after_a_fall() -> None:
    env = evaluation_env(preset("v0"), num_envs=1, seconds=4.0)
    falls: List[float] = []
    steps = walk_steps(
        env, lambda obs: torch.full((1, 12), 4.0), 2.0, command=(0.3, 0.0, 0.1), on_fall=falls.append
    )
    assert list(steps) == list(range(200))
    assert falls
    assert 0.0 < falls[0] < 2.0
    _, info = env.reset(options={"reset_mask": torch.zeros(1, dtype=torch.bool)})
    torch.testing.assert_close(info["command"], torch.tensor([[0.3, 0.0, 0.1]]))
    env.close()


@pytest.mark.usefixtures("opengl")
@pytest.mark.parametrize(("fps", "frames"), [(50, 10), (25, 5)])
def test_record_has_the_frames_of_the_walk(tmp_path: Path, fps: int, frames: int) -> None:
    env = evaluation_env(preset("v0"), num_envs=1, seconds=1.0)
    record(env, still, 0.2, tmp_path / "new/walk.mp4", size=(64, 48), fps=fps)
    env.close()
    video = imageio.mimread(tmp_path / "new/walk.mp4", memtest=False)
    assert len(video) == frames
    picture = imageio.imread(tmp_path / "new/walk.png")
    assert picture.shape == (48, 64, 3)
    errors = [np.abs(frame.astype(float) - picture).mean() for frame in video]
    assert min(errors) < 12.0  # one of the frames, compressed
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["walk.mp4", "walk.png"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("opengl")
@pytest.mark.parametrize(("stream", "shown"), [(Terminal(), True), (io.StringIO(), False)])
def test_a_bar_shows_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, shown: bool
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    env = evaluation_env(preset("v0"), num_envs=1, seconds=1.0)
    record(env, still, 0.2, tmp_path / "walk.mp4", size=(64, 48))
    env.close()
    assert ("/20" in stream.getvalue()) is shown


@pytest.mark.usefixtures("opengl")
def test_callback_records_when_it_is_time(tmp_path: Path) -> None:
    callback = VideoCallback(preset("v0"), tmp_path, Every(updates=7), seconds=0.1, size=(64, 48))
    calls: List[int] = []
    ppo = policy_of(calls)
    for ppo.num_updates in (6, 7, 8):
        callback(ppo)
    callback.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["update_000007.mp4", "update_000007.png"]
    assert calls == [1] * 10


def test_a_failed_recording_leaves_the_old_file(tmp_path: Path) -> None:
    def fail(observation: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no such policy")

    (tmp_path / "walk.mp4").write_bytes(b"old")
    env = evaluation_env(preset("v0"), num_envs=1, seconds=1.0)
    with pytest.raises(RuntimeError, match="no such policy"):
        record(env, fail, 0.2, tmp_path / "walk.mp4")
    env.close()
    assert [path.name for path in tmp_path.iterdir()] == ["walk.mp4"]
    assert (tmp_path / "walk.mp4").read_bytes() == b"old"


def test_without_imageio_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ImportError, match="pip install imageio imageio-ffmpeg"):
        VideoCallback(preset("v0"), tmp_path, Every(updates=1))


@pytest.mark.usefixtures("opengl")
def test_tasks_of_another_kind_are_filmed_as_they_draw_commands(tmp_path: Path) -> None:
    assert filmed_command(preset("stand")) is None
    assert filmed_command(preset("fast")) == (0.4, 0.0, 0.0)
    env = evaluation_env(preset("stand"), num_envs=1, seconds=1.0)
    record(env, still, 0.1, tmp_path / "drawn.mp4", size=(64, 48), command=None)
    drawn = env.state_dict()["memory"]["command"][0].tolist()
    assert 0.78 <= drawn[0] <= 0.88
    record(env, still, 0.1, tmp_path / "told.mp4", size=(64, 48), command=(0.8, 0.1, 1.0))
    assert env.state_dict()["memory"]["command"][0].tolist() == pytest.approx([0.8, 0.1, 1.0])
    env.close()
