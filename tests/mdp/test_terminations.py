"""When episodes end."""

from __future__ import annotations

import dataclasses
import math

import torch

from humanoid_envs.mdp import Step
from humanoid_envs.mdp.terminations import BaseContact, LowBase, Tilt, impossible, time_out
from humanoid_envs.tasks.velocity import VelocityTerminations, fast
from tests.golden_data import Golden, task_files
from tests.mdp.steps import step

RELEASE = VelocityTerminations()


def at_height(*heights: float) -> Step:
    """Robots upright with their bases so high."""
    position = torch.zeros(len(heights), 3)
    position[:, 2] = torch.tensor(heights)
    return step(len(heights), state__base_pos=position)


def gravity_at_tilt(*degrees: float) -> torch.Tensor:
    """Direction of gravity in a body that is tilted so far, about an axis of the ground plane."""
    angle = torch.tensor(degrees) * math.pi / 180.0
    return torch.stack([torch.sin(angle), torch.zeros_like(angle), -torch.cos(angle)], dim=1)


def test_base_contact_in_any_direction() -> None:
    force = torch.tensor(
        [[0.0, 0.0, 0.0], [0.6, 0.6, 0.5], [0.6, 0.6, 0.6], [0.0, -1.1, 0.0], [1.0, 0.0, 0.0]]
    )
    touching = step(5, state__base_contact_force=force)
    assert RELEASE.base_contact(touching).tolist() == [False, False, True, True, False]
    assert BaseContact(force=1.05)(touching).tolist() == [False, False, False, True, False]


def test_the_release_asks_neither_height_nor_tilt() -> None:
    assert not RELEASE.low_base(at_height(0.01, 0.9)).any()
    assert not RELEASE.tilt(step(2, gravity=gravity_at_tilt(0.0, 179.0))).any()


def test_height() -> None:
    assert LowBase(height=0.6)(at_height(0.59, 0.61)).tolist() == [True, False]


def test_tilt() -> None:
    gravity = gravity_at_tilt(0.0, 49.0, 51.0, -51.0, 120.0)
    fallen = Tilt(angle=math.radians(50.0))(step(5, gravity=gravity))
    assert fallen.tolist() == [False, False, True, True, True]


def test_preset_fast_asks_both() -> None:
    terms = fast().terminations
    assert terms.low_base(at_height(0.59, 0.61)).tolist() == [True, False]
    assert terms.tilt(step(2, gravity=gravity_at_tilt(52.0, 54.0))).tolist() == [False, True]


def test_terms_come_in_order_and_end_episodes() -> None:
    assert [*RELEASE.terms] == ["base_contact", "low_base", "tilt"]
    assert not any(term.truncates for term in RELEASE.terms.values())


def test_time_out_comes_one_step_after_the_episodes_length() -> None:
    assert time_out(torch.tensor([2399, 2400, 2401]), 2400).tolist() == [False, False, True]


def test_what_the_release_recorded_is_possible() -> None:
    for path in task_files():
        golden = Golden(path)
        for row in range(golden.num_rows):
            state = golden.state(row)
            assert not impossible(state, state.base_pos[:, 2]).any()


def test_heights_are_over_the_ground() -> None:
    on_a_hill = dataclasses.replace(at_height(20.9, 20.9, 0.9), base_height=torch.tensor([0.9, 0.5, 20.9]))
    assert LowBase(height=0.6)(on_a_hill).tolist() == [False, True, False]
    assert impossible(on_a_hill.state, on_a_hill.base_height).tolist() == [False, False, True]
