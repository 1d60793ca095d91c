"""MuJoCo's interactive viewer on one env of a simulator."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Optional, Tuple

import mujoco
import mujoco.viewer
from gymnasium.vector import VectorEnv, VectorWrapper

from humanoid_envs.display import has_display
from humanoid_envs.errors import UnfitMachine, WrongType
from humanoid_envs.programs import example_command


class Viewer:
    """Shows one env of a MuJoCo simulator (C or Warp).

    Args:
        simulator: one with `mujoco_model(env)` and `mujoco_data(env)`.
        env: which of its envs.
        real_time: let `show` wait until the state's moment has come.
        on_key: called from the window's thread with the code of each key that is pressed there; a letter's is
            that of the capital.

    Raises:
        TypeError: a simulator that is not MuJoCo's.
        RuntimeError: there is no display.
    """

    def __init__(
        self,
        simulator: Any,
        env: int = 0,
        *,
        real_time: bool = True,
        on_key: Optional[Callable[[int], None]] = None,
    ) -> None:
        if not hasattr(simulator, "mujoco_data"):
            raise WrongType(f"MuJoCo's viewer cannot show a {type(simulator).__name__}.")
        if not has_display():
            raise UnfitMachine(
                "MuJoCo's viewer needs a display, and this machine has none: take pictures instead, with "
                f"render_mode='rgb_array' or `{example_command('play.py', '--video', 'walk.mp4')}`."
            )
        self._simulator, self._env = simulator, env
        self._model, self._data = simulator.mujoco_model(env), simulator.mujoco_data(env)
        self._handle = mujoco.viewer.launch_passive(self._model, self._data, key_callback=on_key)
        self._handle.cam.type = mujoco.mjtCamera.mjCAMERA_TRACKING
        self._handle.cam.trackbodyid = self._model.body(simulator.robot.base_body).id
        self._real_time, self._next_frame = real_time, time.monotonic()

    @property
    def is_open(self) -> bool:
        """False once the person has closed the window."""
        return self._handle.is_running()

    def show(self) -> None:
        """Draw the present state."""
        if not self.is_open:
            return
        with self._handle.lock():
            self._simulator.mujoco_data(self._env, self._data)
        self._handle.sync()
        if not self._real_time:
            return
        period = self._simulator.physics.policy_period
        self._next_frame = max(self._next_frame + period, time.monotonic() - period)
        time.sleep(max(0.0, self._next_frame - time.monotonic()))

    def close(self) -> None:
        """Close the window."""
        self._handle.close()


class WatchedVectorEnv(VectorWrapper):
    """Shows robot 0 after every step; the key v in the window switches that off and on again, and closing the
    window ends it. It goes as fast as the training, not in real time.

    Raises:
        RuntimeError: there is no display.
    """

    def __init__(self, env: VectorEnv) -> None:
        super().__init__(env)
        self._shown = True
        simulator = env.unwrapped.simulator  # pyright: ignore[reportAttributeAccessIssue]
        self._viewer = Viewer(simulator, real_time=False, on_key=self._on_key)

    def step(self, actions: Any) -> Tuple[Any, Any, Any, Any, Dict[str, Any]]:
        """See `HumanoidVectorEnv.step`."""
        result = self.env.step(actions)
        if self._shown:
            self._viewer.show()
        return result

    def close(self, **kwargs: Any) -> None:
        """Close the window and the environment."""
        self._viewer.close()
        super().close(**kwargs)

    def _on_key(self, key: int) -> None:
        if key == ord("V"):
            self._shown = not self._shown
