"""MuJoCo's interactive viewer on one env of a simulator, in real time."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import mujoco
import mujoco.viewer


class Viewer:
    """Shows one env of a MuJoCo simulator (C or Warp).

    Args:
        simulator: one with `mujoco_model(env)` and `mujoco_data(env)`.
        env: which of its envs.

    Raises:
        TypeError: a simulator that is not MuJoCo's.
        RuntimeError: there is no display.
    """

    def __init__(self, simulator: Any, env: int = 0) -> None:
        if not hasattr(simulator, "mujoco_data"):
            raise TypeError(f"MuJoCo's viewer cannot show a {type(simulator).__name__}.")
        if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise RuntimeError(
                "MuJoCo's viewer needs a display, and this machine has none: take pictures instead, with "
                "render_mode='rgb_array' or `python examples/play.py --video walk.mp4`."
            )
        self._simulator, self._env = simulator, env
        self._model, self._data = simulator.mujoco_model(env), simulator.mujoco_data(env)
        self._handle = mujoco.viewer.launch_passive(self._model, self._data)
        self._handle.cam.type = mujoco.mjtCamera.mjCAMERA_TRACKING
        self._handle.cam.trackbodyid = self._model.body(simulator.robot.base_body).id
        self._next_frame = time.monotonic()

    @property
    def is_open(self) -> bool:
        """False once the person has closed the window."""
        return self._handle.is_running()

    def show(self) -> None:
        """Draw the present state, and wait until its moment in real time has come."""
        if not self.is_open:
            return
        with self._handle.lock():
            self._simulator.mujoco_data(self._env, self._data)
        self._handle.sync()
        period = self._simulator.physics.policy_period
        self._next_frame = max(self._next_frame + period, time.monotonic() - period)
        time.sleep(max(0.0, self._next_frame - time.monotonic()))

    def close(self) -> None:
        """Close the window."""
        self._handle.close()
