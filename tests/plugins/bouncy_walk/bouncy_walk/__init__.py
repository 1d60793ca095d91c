"""What this plug-in brings; importing it registers all."""

from bouncy_walk import engine, networks, presets, robots, squat  # noqa: F401
