"""Pictures of one env with MuJoCo's offscreen renderer."""

from __future__ import annotations

import functools
from typing import Optional, Tuple

import mujoco
import numpy as np

from humanoid_envs.errors import UnfitMachine

_SOFTWARE = ("llvmpipe", "softpipe", "swrast", "swiftshader", "software", "offscreen")
"""What is in the names of OpenGL renderers that have no GPU."""


class OffscreenRenderer:
    """Keeps one rendering context for as long as the picture size stays the same.

    Without a GPU shadows are coarser and edges not smoothed, for a quarter of the time.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._renderer: Optional[mujoco.Renderer] = None

    def __call__(self, data: mujoco.MjData, size: Tuple[int, int], camera: Optional[str]) -> np.ndarray:
        """RGB picture, uint8 (height, width, 3), from a named camera of the MJCF or its `track` camera.

        Raises UnfitMachine where no OpenGL context can be made, ValueError for a camera that does not exist.
        """
        height, width = size
        renderer = self._renderer
        if renderer is None or (renderer.height, renderer.width) != (height, width):
            self.close()
            renderer = self._renderer = self._open(height, width)
        # MuJoCo centres the floor below the camera of the update before: a second one, so that a state always
        # looks the same.
        for _ in range(2):
            renderer.update_scene(data, camera or "track")
        return renderer.render()

    def close(self) -> None:
        """Free the rendering context. Idempotent."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _open(self, height: int, width: int) -> mujoco.Renderer:
        buffer, quality = self._model.vis.global_, self._model.vis.quality
        buffer.offheight, buffer.offwidth = max(buffer.offheight, height), max(buffer.offwidth, width)
        try:
            if renders_in_software():
                quality.shadowsize, quality.offsamples = min(quality.shadowsize, 2048), 0
            return mujoco.Renderer(self._model, height, width)
        except Exception as error:  # the OpenGL back ends raise types of their own
            raise UnfitMachine(
                "No OpenGL context can be made to render with: before Python starts, set MUJOCO_GL=egl "
                "(a GPU without a display) or MUJOCO_GL=osmesa (no GPU; needs the OSMesa library)."
            ) from error


@functools.lru_cache(maxsize=1)
def renders_in_software() -> bool:
    """Whether OpenGL has no GPU here. Raises whatever OpenGL does where it makes no context."""
    context = mujoco.GLContext(16, 16)
    try:
        context.make_current()
        from OpenGL import GL  # MuJoCo has told it by now which back end to use

        name = (GL.glGetString(GL.GL_RENDERER) or b"").decode(errors="replace").lower()
    finally:
        context.free()
    return any(word in name for word in _SOFTWARE)
