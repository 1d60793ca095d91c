"""Isaac Gym's viewer, and pictures from its cameras. Both show the last simulation step."""

from __future__ import annotations

import math
from typing import Any, Dict, Optional, Sequence, Tuple

import numpy as np

from humanoid_envs.errors import UnfitMachine, UserError
from humanoid_envs.simulators.isaacgym_scene import Scene, gymapi

_CAMERAS = {"track": (2.05, -1.95, 0.35), "side": (0.0, -2.8, -0.05), "front": (2.8, 0.0, -0.05)}
"""Where the MJCF's cameras are, from the base, which they look at, m."""
_VERTICAL_VIEW = math.radians(40.0)
_SWITCH = "switch drawing"


class Window:
    """NVIDIA's viewer on all robots, in real time. The key v switches drawing, and with it the waiting, off
    and on."""

    def __init__(self, scene: Scene) -> None:
        """Raises RuntimeError where no window can be opened."""
        self._scene = scene
        self._viewer: Any = scene.gym.create_viewer(scene.sim, gymapi.CameraProperties())
        if self._viewer is None:
            raise UnfitMachine("Isaac Gym cannot open a window: without a display, pass headless=True")
        self._drawing = True
        scene.gym.subscribe_viewer_keyboard_event(self._viewer, gymapi.KEY_V, _SWITCH)
        x, y, _ = scene.origins[0].tolist()
        eye, target = gymapi.Vec3(x + 4.0, y - 4.0, 1.8), gymapi.Vec3(x, y, 0.8)
        whole: Any = None
        scene.gym.viewer_camera_look_at(self._viewer, whole, eye, target)

    @property
    def is_open(self) -> bool:
        """False once the person has closed the window."""
        return self._viewer is not None and not self._scene.gym.query_viewer_has_closed(self._viewer)

    def show(self) -> None:
        """Draw, and wait until the moment has come in real time. Does nothing once the window is closed."""
        if not self.is_open:
            return
        gym, sim = self._scene.gym, self._scene.sim
        gym.poll_viewer_events(self._viewer)
        for event in gym.query_viewer_action_events(self._viewer):
            if event.action == _SWITCH and event.value > 0:  # pressed, not released
                self._drawing = not self._drawing
        if not self._drawing:
            return
        self._scene.update_graphics()
        gym.draw_viewer(self._viewer, sim, True)
        gym.sync_frame_time(sim)

    def close(self) -> None:
        """Close the window. Idempotent."""
        if self._viewer is not None:
            self._scene.gym.destroy_viewer(self._viewer)
            self._viewer = None


class Pictures:
    """A camera for each robot and picture size that was asked for."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._cameras: Dict[Tuple[int, int, int], int] = {}

    def __call__(
        self, env: int, size: Tuple[int, int], camera: Optional[str], base_pos: Sequence[float]
    ) -> np.ndarray:
        """RGB picture, uint8 (height, width, 3), of the base at `base_pos` in the robot's own world.

        Raises ValueError for a camera that does not exist.
        """
        if camera is not None and camera not in _CAMERAS:
            raise UserError(f"there is no camera {camera!r}, only {', '.join(_CAMERAS)}")
        gym, sim, handle = self._scene.gym, self._scene.sim, self._scene.envs[env]
        sensor = self._sensor(env, size)
        target = [at + origin for at, origin in zip(base_pos, self._scene.origins[env].tolist())]
        eye = [at + offset for at, offset in zip(target, _CAMERAS[camera or "track"])]
        gym.set_camera_location(sensor, handle, gymapi.Vec3(*eye), gymapi.Vec3(*target))
        self._scene.update_graphics()
        gym.render_all_camera_sensors(sim)
        image = gym.get_camera_image(sim, handle, sensor, gymapi.IMAGE_COLOR)
        return np.asarray(image, dtype=np.uint8).reshape(*size, 4)[..., :3].copy()

    def _sensor(self, env: int, size: Tuple[int, int]) -> int:
        key = (env, *size)
        if key not in self._cameras:
            properties = gymapi.CameraProperties()
            properties.height, properties.width = size
            half_height = math.tan(0.5 * _VERTICAL_VIEW)
            properties.horizontal_fov = math.degrees(2.0 * math.atan(half_height * size[1] / size[0]))
            self._cameras[key] = self._scene.gym.create_camera_sensor(self._scene.envs[env], properties)
        return self._cameras[key]
