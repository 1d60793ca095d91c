"""A checkpoint with anything missing or of another type is refused by one clear error."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path
from typing import Any, Iterator, Tuple

import gymnasium
import pytest
import torch

import humanoid_envs  # noqa: F401
from humanoid_envs.errors import UserError
from trainers.ppo import PPO, PPOConfig

CONFIG = PPOConfig(num_steps=4, num_minibatches=2, num_epochs=1, actor_hidden=(8,), critic_hidden=(8,))
MISSING = object()
FREE = {
    *(
        "setting",
        "draws",
        "first_step",
        "parameters.base_com",
        "term_memory",
        "live",
        "curricula",
        "parameter_draws",
    ),
    *("wrapper", "config", "metadata", "details", "task"),
}
"""What came with later versions, has defaults, or holds what its user put there. Adam keeps nothing
of weights that have not been trained."""


def places(content: Any, where: Tuple[Any, ...] = ()) -> Iterator[Tuple[Any, ...]]:
    if isinstance(content, dict) and len(where) < 4:
        for key, value in content.items():
            yield (*where, key)
            yield from places(value, (*where, key))


def damaged(content: Any, where: Tuple[Any, ...], value: Any) -> Any:
    content = copy.deepcopy(content)
    inner = content
    for key in where[:-1]:
        inner = inner[key]
    if value is MISSING:
        del inner[where[-1]]
    else:
        inner[where[-1]] = value
    return content


def test_damaged_content_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("mujoco.batch")
    env = gymnasium.make_vec("HumanoidXBotL-MuJoCo-v0", num_envs=2)
    PPO(env, CONFIG).learn(8).save(tmp_path / "right.pt")
    right = torch.load(tmp_path / "right.pt", weights_only=True)
    assert PPO.load(tmp_path / "right.pt", env).num_updates == 1
    num_refused, ways = 0, itertools.cycle((MISSING, 1j, torch.zeros(3)))
    for where in places(right):
        torch.save(damaged(right, where, next(ways)), tmp_path / "wrong.pt")
        try:
            PPO.load(tmp_path / "wrong.pt", env)
        except UserError:
            num_refused += 1
        else:
            assert FREE & set(where) or where[:2] == ("learner", "optimizer"), where
    env.close()
    assert num_refused > 120
