"""Walks step by step."""

from __future__ import annotations

from typing import List, Optional

import pytest
import torch
from torch import Tensor

from humanoid_envs.tasks import preset
from trainers.evaluation.env import evaluation_env, measured_task
from trainers.evaluation.rollout import rollout

pytest.importorskip("mujoco")


class Noting:
    """A policy with a memory that holds the default pose, in which the robot tips over."""

    def __init__(self) -> None:
        self.forgotten: List[Optional[Tensor]] = []

    def __call__(self, observation: Tensor) -> Tensor:
        return torch.zeros(len(observation), 12)

    def reset(self, mask: Optional[Tensor] = None) -> None:
        self.forgotten.append(mask)


def test_fallen_robots_start_anew_but_do_not_count() -> None:
    env, policy, steps = evaluation_env(measured_task(preset("v0")), 3, 7.0), Noting(), []
    env.set_command((0.0, 0.0, 0.0))
    stood_before = torch.ones(3, dtype=torch.bool)
    falls = torch.zeros(3, dtype=torch.int64)
    for now in rollout(env, policy, 7.0, seed=0, progress=steps.append):
        assert torch.equal(now.stood, stood_before)
        assert not (now.standing & ~stood_before).any()
        down = (now.state.base_pos[:, 2] <= 0.5) | (now.state.base_contact_force.norm(dim=1) > 1.0)
        assert torch.equal(now.standing, stood_before & ~down)
        falls += down
        stood_before = now.standing.clone()
    assert not stood_before.any()
    assert falls.min() >= 2  # they fell again after they had been stood up
    assert env.simulator.state.base_pos[:, 2].min() > 0.5
    env.close()
    assert sum(steps) == 3 * 700
    assert policy.forgotten[0] is None
    forgotten = torch.stack([mask for mask in policy.forgotten if mask is not None])
    assert torch.equal(forgotten.sum(dim=0), falls)


def test_actions_are_those_that_act() -> None:
    env = evaluation_env(preset("v0"), 1, 0.05)
    moments = list(rollout(env, lambda observation: torch.full((1, 12), 50.0), 0.05, seed=0))
    assert moments[0].action.unique().tolist() == [preset("v0").actions.clip]
    env.close()
