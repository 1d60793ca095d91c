"""A task's memory: whose values it takes, and in which tensors."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from humanoid_envs.tasks import Task
from humanoid_envs.tasks.memory import TaskMemory, choose_rows
from humanoid_envs.tasks.velocity import VelocityConfig
from tests.scripted_simulator import ScriptedSimulator, standing

SHARED = ("clock", "live", "curricula")
"""Fields that are not one row per env."""


@pytest.fixture
def memory() -> TaskMemory:
    return Task(ScriptedSimulator(standing(2)), VelocityConfig()).initial_memory()


def ones_like(memory: TaskMemory) -> TaskMemory:
    return TaskMemory(**{name: torch.ones_like(value) for name, value in vars(memory).items()})


def test_assign_copies_values_and_keeps_its_own_tensors(memory: TaskMemory) -> None:
    tensors = dict(vars(memory))
    memory.assign(ones_like(memory))
    for name, tensor in tensors.items():
        assert getattr(memory, name) is tensor
        assert bool((tensor == 1).all()), name


def test_assign_takes_values_from_before_the_assignment(memory: TaskMemory) -> None:
    """Where the other memory holds this one's tensors in other fields: the action becomes the last action."""
    memory.action.fill_(1.0)
    memory.last_action.fill_(2.0)
    memory.assign(dataclasses.replace(memory, action=memory.last_action, last_action=memory.action))
    assert memory.action.unique().item() == 2.0
    assert memory.last_action.unique().item() == 1.0


def test_rows_are_chosen_and_what_all_share_is_not(memory: TaskMemory) -> None:
    """Every field but the shared ones has a row for each env."""
    new = ones_like(memory)
    for name in SHARED:
        setattr(new, name, getattr(memory, name))
    memory.live.fill_(3.0)
    chosen = choose_rows(torch.tensor([True, False]), new, memory)
    for name, value in vars(chosen).items():
        if name in SHARED:
            assert value is getattr(memory, name)
        elif value.numel():
            assert value[0].bool().all(), name
            assert torch.equal(value[1], getattr(memory, name)[1]), name
