"""Pictures of one env with MuJoCo's offscreen renderer."""

from __future__ import annotations

from typing import Optional, Tuple

import mujoco
import numpy as np

from humanoid_envs.errors import UnfitMachine


class OffscreenRenderer:
    """Keeps one rendering context for as long as the picture size stays the same."""

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._renderer: Optional[mujoco.Renderer] = None

    def __call__(self, data: mujoco.MjData, size: Tuple[int, int], camera: Optional[str]) -> np.ndarray:
        """RGB picture, uint8 (height, width, 3), from a named camera of the MJCF or its `track` camera.

        Raises RuntimeError where no OpenGL context can be made, ValueError for a camera that does not exist.
        """
        height, width = size
        renderer = self._renderer
        if renderer is None or (renderer.height, renderer.width) != (height, width):
            self.close()
            buffer = self._model.vis.global_
            buffer.offheight, buffer.offwidth = max(buffer.offheight, height), max(buffer.offwidth, width)
            try:
                renderer = self._renderer = mujoco.Renderer(self._model, height, width)
            except Exception as error:  # the OpenGL back ends raise types of their own
                raise UnfitMachine(
                    "cannot make an OpenGL context to render with: before Python starts, set MUJOCO_GL=egl "
                    "(a GPU without a display) or MUJOCO_GL=osmesa (no GPU; needs the OSMesa library)"
                ) from error
        renderer.update_scene(data, camera or "track")
        return renderer.render()

    def close(self) -> None:
        """Free the rendering context. Idempotent."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
