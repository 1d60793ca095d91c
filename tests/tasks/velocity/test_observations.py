"""Layout, scales, noise columns and history of the observations."""

from __future__ import annotations

import torch

from humanoid_envs.robots import XBOT_L
from humanoid_envs.tasks.velocity import observations
from humanoid_envs.tasks.velocity.config import ObservationConfig

CONFIG = ObservationConfig()


def columns(terms: tuple) -> dict:
    """First and last column (exclusive) of each term."""
    places, start = {}, 0
    for name, size in observations.layout(terms, 12):
        places[name] = (start, start + size)
        start += size
    return places


def test_sizes() -> None:
    assert observations.frame_size(observations.ACTOR_TERMS, 12) == 47
    assert observations.frame_size(observations.PRIVILEGED_TERMS, 12) == 73
    assert (CONFIG.history * 47, CONFIG.privileged_history * 73) == (705, 219)
    assert observations.frame_size(observations.ACTOR_TERMS, 10) == 47 - 3 * 2


def test_actor_layout() -> None:
    assert columns(observations.ACTOR_TERMS) == {
        "clock": (0, 2),
        "command_lin_vel": (2, 4),
        "command_yaw_rate": (4, 5),
        "joint_pos": (5, 17),
        "joint_vel": (17, 29),
        "action": (29, 41),
        "base_ang_vel": (41, 44),
        "euler": (44, 47),
    }


def test_privileged_layout() -> None:
    places = columns(observations.PRIVILEGED_TERMS)
    shared = ("clock", "command_lin_vel", "command_yaw_rate", "joint_pos", "joint_vel", "action")
    assert {name: places.pop(name) for name in shared} == {
        name: columns(observations.ACTOR_TERMS)[name] for name in shared
    }
    assert places == {
        "joint_pos_error": (41, 53),
        "base_lin_vel": (53, 56),
        "base_ang_vel": (56, 59),
        "euler": (59, 62),
        "push": (62, 67),
        "foot_friction": (67, 68),
        "base_mass": (68, 69),
        "stance": (69, 71),
        "contact": (71, 73),
    }


def test_scales_and_order() -> None:
    readings = {
        "euler": torch.tensor([[4.0, 5.0, 6.0]]),
        "base_ang_vel": torch.tensor([[1.0, 2.0, 3.0]]),
        "clock": torch.tensor([[0.6, 0.8]]),
        "command_lin_vel": torch.tensor([[0.5, -0.25]]),
        "command_yaw_rate": torch.tensor([[0.75]]),
        "joint_pos": torch.full((1, 12), 0.1),
        "joint_vel": torch.full((1, 12), 10.0),
        "action": torch.full((1, 12), 0.3),
        "base_mass": torch.tensor([[30.0]]),
    }
    frame = observations.frame(readings, observations.ACTOR_TERMS, CONFIG)
    expected = [0.6, 0.8, 1.0, -0.5, 0.75, *[0.1] * 12, *[0.5] * 12, *[0.3] * 12, 1, 2, 3, 4, 5, 6]
    torch.testing.assert_close(frame, torch.tensor([expected]))
    mass = observations.frame(readings, (("base_mass", 1),), CONFIG)
    torch.testing.assert_close(mass, torch.tensor([[1.0]]))


def test_noise_is_on_measured_columns_only() -> None:
    scale = observations.noise_scale(XBOT_L, CONFIG)
    expected = [0.0] * 5 + [0.03] * 12 + [0.015] * 12 + [0.0] * 12 + [0.06] * 3 + [0.018] * 3
    assert scale == expected


def test_history_drops_the_oldest_frame() -> None:
    history = torch.arange(6.0).view(1, 3, 2)
    pushed = observations.push_frame(history, torch.tensor([[6.0, 7.0]]))
    assert pushed.tolist() == [[[2.0, 3.0], [4.0, 5.0], [6.0, 7.0]]]


def test_stack_is_flat_oldest_first_and_clipped() -> None:
    history = torch.tensor([[[1.0, -50.0], [18.5, 2.0]]])
    assert observations.stack(history, CONFIG).tolist() == [[1.0, -18.0, 18.0, 2.0]]
    assert history[0, 0, 1] == -50.0  # the history itself keeps what was seen
