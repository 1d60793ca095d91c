"""Episodes that a checkpoint interrupts: saved with it, and continued where the environment is the same."""

from __future__ import annotations

import warnings
from typing import Any, Dict, Optional

from trainers.ppo.episode_statistics import EpisodeStatistics
from trainers.ppo.tensor_env import TensorEnv


def save_episodes(env: TensorEnv, statistics: EpisodeStatistics) -> Optional[Dict[str, Any]]:
    """Where all environments stand, or None if the environment does not offer its state."""
    state = env.state_dict()
    return None if state is None else {**state, "episodes": statistics.state_dict()}


def continue_episodes(
    state: Dict[str, Any], env: TensorEnv, statistics: EpisodeStatistics, seed: int, source: str
) -> bool:
    """Go on from what `save_episodes` returned, and say whether: in an environment that is another than the
    one before, whose physics and commands the state would bring along, nothing is done but a warning given.

    seed: for a reset beforehand. source: where the state is from, for the warning.
    """
    other = env.difference(state)
    if other is not None:
        warnings.warn(
            f"{source} goes on in new episodes, since it was saved in another environment: {other}. "
            "restore_env=False says that this is meant.",
            stacklevel=4,
        )
        return False
    env.reset(seed=seed)
    env.load_state_dict(state)
    statistics.load_state_dict(state.get("episodes", {}))
    return True
