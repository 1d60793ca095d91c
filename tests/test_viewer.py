"""The viewer, with a window that only remembers what it was shown."""

from __future__ import annotations

import contextlib
import sys
import time
from types import SimpleNamespace
from typing import Any, Iterator, List

import gymnasium
import numpy as np
import pytest
import torch

from humanoid_envs.registration import make_mujoco
from tests.scripted_simulator import ScriptedSimulator, standing

mujoco = pytest.importorskip("mujoco")
mujoco_viewer = pytest.importorskip("mujoco.viewer")
viewer_module = pytest.importorskip("humanoid_envs.viewer")
Viewer = viewer_module.Viewer


class Window:
    """In place of the handle that `mujoco.viewer.launch_passive` returns."""

    def __init__(self, model: Any, data: Any, key_callback: Any) -> None:
        self.model, self.data, self.cam, self.press = model, data, SimpleNamespace(), key_callback
        self.shown: List[np.ndarray] = []
        self.running = True

    def is_running(self) -> bool:
        return self.running

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        yield

    def sync(self) -> None:
        self.shown.append(np.array(self.data.qpos))

    def close(self) -> None:
        self.running = False


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> List[Window]:
    """The windows that get opened."""
    opened: List[Window] = []

    def launch(model: Any, data: Any, key_callback: Any = None) -> Window:
        opened.append(Window(model, data, key_callback))
        return opened[-1]

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(mujoco_viewer, "launch_passive", launch)
    return opened


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> List[float]:
    """What was slept, in a world where nothing else takes time."""
    slept: List[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: sum(slept))
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def test_shows_the_chosen_env_in_real_time(windows: List[Window], sleeps: List[float]) -> None:
    env = make_mujoco(2, array="torch")
    env.reset(seed=0)
    viewer = Viewer(env.simulator, env=1)
    (window,) = windows
    assert window.cam.type == mujoco.mjtCamera.mjCAMERA_TRACKING
    assert window.model.body(window.cam.trackbodyid).name == env.simulator.robot.base_body
    for _ in range(3):
        env.step(torch.zeros(2, 12))
        viewer.show()
        np.testing.assert_allclose(window.shown[-1][:3], env.simulator.state.base_pos[1], atol=1e-6)
    assert sleeps == pytest.approx([0.01] * 3)
    window.running = False  # the person closes it
    assert not viewer.is_open
    viewer.show()
    assert len(window.shown) == 3
    env.close()


def test_a_slow_simulation_is_not_caught_up_on(windows: List[Window], sleeps: List[float]) -> None:
    env = make_mujoco(1)
    env.reset(seed=0)
    viewer = Viewer(env.simulator)
    sleeps.append(5.0)  # a step that took seconds
    for _ in range(4):
        viewer.show()
    assert sleeps[-2:] == pytest.approx([0.01, 0.01])  # back to real time after two frames
    env.close()


def test_human_mode_opens_one_window_and_closes_it(windows: List[Window], sleeps: List[float]) -> None:
    env = gymnasium.make("HumanoidXBotL-MuJoCo-v0", render_mode="human")
    env.reset(seed=0)
    for _ in range(2):
        env.step(np.zeros(12, dtype=np.float32))
    (window,) = windows
    assert len(window.shown) == 3
    env.close()
    assert not window.running


def test_a_training_is_watched_when_wanted(windows: List[Window], sleeps: List[float]) -> None:
    env = viewer_module.WatchedVectorEnv(make_mujoco(2, array="torch"))
    assert env.num_envs == 2
    env.reset(seed=0)
    (window,) = windows
    shown = []
    for key in (None, "V", None, "X", "V", None):
        if key is not None:
            window.press(ord(key))
        env.step(torch.zeros(2, 12))
        shown.append(len(window.shown))
    assert shown == [1, 1, 1, 1, 2, 3]
    np.testing.assert_allclose(window.shown[-1][:3], env.unwrapped.simulator.state.base_pos[0], atol=1e-6)
    assert sleeps == []
    window.running = False  # the person closes it
    env.step(torch.zeros(2, 12))
    assert len(window.shown) == 3
    env.close()
    assert env.closed


def test_other_simulators_are_refused() -> None:
    with pytest.raises(TypeError, match="cannot show a ScriptedSimulator"):
        Viewer(ScriptedSimulator(standing(1)))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a window needs no DISPLAY")
def test_without_a_display_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    env = make_mujoco(1)
    with pytest.raises(RuntimeError, match=r"needs a display.*--video"):
        Viewer(env.simulator)
    env.close()
