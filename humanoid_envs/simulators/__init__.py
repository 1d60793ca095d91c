"""Simulators behind one protocol."""

import os
import sys

if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    # MuJoCo chooses its OpenGL back end when it is first imported; without a screen only EGL draws pictures.
    os.environ.setdefault("MUJOCO_GL", "egl")
