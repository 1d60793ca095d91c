"""What this plug-in brings; importing it registers all."""

from bouncy_walk import engine, presets  # noqa: F401
