"""Episodes that a checkpoint interrupts: saved with it, and continued where the environment is the same."""

from __future__ import annotations

import warnings
from typing import Any, Dict, Optional

from torch import Tensor

from humanoid_envs.saved_state import require_like
from trainers.ppo.episode_statistics import EpisodeStatistics
from trainers.ppo.tensor_env import TensorEnv


def save_episodes(
    env: TensorEnv, statistics: EpisodeStatistics, remembered: Optional[Tensor]
) -> Optional[Dict[str, Any]]:
    """Where all environments stand, or None if the environment does not offer its state. remembered: (N, S)
    the policy's state, None if it has none."""
    state = env.state_dict()
    if state is None:
        return None
    own = {} if remembered is None else {"remembered": remembered.clone()}
    return {**state, "episodes": statistics.state_dict(), **own}


def continue_episodes(
    state: Dict[str, Any],
    env: TensorEnv,
    statistics: EpisodeStatistics,
    remembered: Optional[Tensor],
    seed: int,
    source: str,
) -> bool:
    """Go on from what `save_episodes` returned, and say whether: in an environment that is another than the
    one before, whose physics and commands the state would bring along, nothing is done but a warning given.

    remembered: what the policy's state is written to. seed: for a reset beforehand. source: where the state
    is from, for the warning.
    """
    other = env.difference(state)
    if other is not None:
        warnings.warn(
            f"{source} goes on in new episodes, since it was saved in another environment: {other}. "
            "restore_env=False says that this is meant.",
            stacklevel=4,
        )
        return False
    if remembered is not None:
        require_like(state, {"remembered": remembered}, shapes=True)
    env.reset(seed=seed)
    env.load_state_dict(state)
    statistics.load_state_dict(state.get("episodes", {}))
    if remembered is not None:
        remembered.copy_(state["remembered"])
    return True
