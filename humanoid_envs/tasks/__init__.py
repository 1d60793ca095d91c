"""Tasks: what the robot is asked to do, free of any simulator."""
