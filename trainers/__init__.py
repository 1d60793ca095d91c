import humanoid_envs  # noqa: F401  before torch, so that Isaac Gym can be imported
