"""Layout, scales, noise columns, history and mirror images of the observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, Tuple

import pytest
import torch
from torch import Tensor

from humanoid_envs.errors import UserError
from humanoid_envs.mdp import Frame, Observations, ObservationTerm, observations
from humanoid_envs.mdp.frames import FrameTerms
from humanoid_envs.robots import XBOT_L, Robot
from humanoid_envs.tasks.velocity import CriticFrame, PolicyFrame, TrackingCriticFrame
from tests.mdp.steps import step
from tests.robots.others import FIVE_JOINTS, REORDERED

POLICY, CRITIC = PolicyFrame(), CriticFrame()


def columns(frame: Frame) -> Dict[str, Tuple[int, int]]:
    """First and last column (exclusive) of each term."""
    places, start = {}, 0
    for name, size in frame.layout(XBOT_L):
        places[name] = (start, start + size)
        start += size
    return places


def test_sizes() -> None:
    assert POLICY.frame_size(XBOT_L) == 47
    assert CRITIC.frame_size(XBOT_L) == 73
    assert TrackingCriticFrame().frame_size(XBOT_L) == 73 + 3 + 1 + 2
    assert (POLICY.size(XBOT_L), CRITIC.size(XBOT_L)) == (15 * 47, 3 * 73) == (705, 219)
    assert POLICY.frame_size(FIVE_JOINTS) == 47 - 3 * 2


def test_actor_layout() -> None:
    assert columns(POLICY) == {
        "clock": (0, 2),
        "command_lin_vel": (2, 4),
        "command_yaw_rate": (4, 5),
        "joint_pos": (5, 17),
        "joint_vel": (17, 29),
        "action": (29, 41),
        "base_ang_vel": (41, 44),
        "euler": (44, 47),
    }


def test_critic_layout() -> None:
    places = columns(CRITIC)
    shared = ("clock", "command_lin_vel", "command_yaw_rate", "joint_pos", "joint_vel", "action")
    assert {name: places.pop(name) for name in shared} == {name: columns(POLICY)[name] for name in shared}
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
    tracking = columns(TrackingCriticFrame())
    assert [*tracking.items()][-3:] == [
        ("mean_velocity_error", (73, 76)),
        ("base_height", (76, 77)),
        ("foot_height", (77, 79)),
    ]


def read(frame: Frame, **changes: Any) -> Tensor:
    seen, _ = FrameTerms(frame, XBOT_L).read(step(1, **changes), torch.zeros(1, 0))
    return seen


def test_scales_and_order() -> None:
    seen = read(
        POLICY,
        euler=torch.tensor([[4.0, 5.0, 6.0]]),
        base_ang_vel=torch.tensor([[1.0, 2.0, 3.0]]),
        gait__clock=torch.tensor([[0.6, 0.8]]),
        commands={"velocity": torch.tensor([[0.5, -0.25, 0.75, 9.0]])},
        joint_pos=torch.full((1, 12), 0.1),
        state__joint_vel=torch.full((1, 12), 10.0),
        action=torch.full((1, 12), 0.3),
    )
    expected = [0.6, 0.8, 1.0, -0.5, 0.75, *[0.1] * 12, *[0.5] * 12, *[0.3] * 12, 1, 2, 3, 4, 5, 6]
    torch.testing.assert_close(seen, torch.tensor([expected]))


def test_what_only_a_simulator_knows() -> None:
    seen = read(
        TrackingCriticFrame(),
        joint_pos=torch.full((1, 12), 0.3),
        gait__reference_joint_pos=torch.full((1, 12), 0.1),
        base_lin_vel=torch.tensor([[1.0, 2.0, 3.0]]),
        pushes={"push": torch.tensor([[0.1, 0.2, 0.3, 0.4, 0.5]]), "other": torch.full((1, 2), 99.0)},
        parameters__foot_friction=torch.tensor([0.7]),
        parameters__base_mass=torch.tensor([30.0]),
        gait__stance=torch.tensor([[True, False]]),
        contact=torch.tensor([[False, True]]),
        command_error=torch.tensor([[0.25, 0.5, -0.25, 99.0]]),
        state__base_pos=torch.tensor([[8.0, 9.0, 0.75]]),
        foot_height=torch.tensor([[0.125, 0.25]]),
    )
    still = [0.0, 0.0, 0.0]
    expected = [*[0.2] * 12, 2.0, 4.0, 6.0, *still, *still, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1, 0, 0, 1]
    tracking = [1.0, 2.0, -1.0, 3.0, 0.5, 1.0]
    torch.testing.assert_close(seen[0, 41:], torch.tensor([*expected, *tracking]))


def test_noise_is_on_measured_columns_only() -> None:
    expected = [0.0] * 5 + [0.03] * 12 + [0.015] * 12 + [0.0] * 12 + [0.06] * 3 + [0.018] * 3
    assert POLICY.noise(XBOT_L) == expected
    assert not any(CRITIC.noise(XBOT_L))


@dataclass(frozen=True)
class OfFeet(Frame):
    history: observations.History = 3
    stance: observations.Stance = observations.Stance()


def test_history_drops_the_oldest_frame() -> None:
    history = torch.arange(6.0).view(1, 6)
    pushed = FrameTerms(OfFeet(), XBOT_L).push(history, torch.tensor([[6.0, 7.0]]))
    assert pushed.tolist() == [[2.0, 3.0, 4.0, 5.0, 6.0, 7.0]]


def test_groups_are_named_and_in_order() -> None:
    assert [*Observations().groups] == ["policy", "critic"]
    assert Observations().policy.frame_size(XBOT_L) == 0
    assert read(Observations().policy).shape == (1, 0)


# Terms that are not stacked


@dataclass(frozen=True)
class Once(observations.FootHeight):
    """Seen once, behind the frames."""

    stacked: ClassVar[bool] = False


@dataclass(frozen=True)
class WithTail(Frame):
    history: observations.History = 2
    once: Once = Once(scale=10.0, noise=0.5)
    clock: observations.Clock = observations.Clock()
    again: Once = Once()
    stance: observations.Stance = observations.Stance(noise=0.25)


def test_what_is_not_stacked_comes_once_behind_the_frames() -> None:
    """Whatever its place among the fields."""
    frame = WithTail()
    assert frame.layout(XBOT_L) == [("clock", 2), ("stance", 2), ("once", 2), ("again", 2)]
    assert (frame.frame_size(XBOT_L), frame.tail_size(XBOT_L), frame.size(XBOT_L)) == (4, 4, 2 * 4 + 4)
    assert frame.noise(XBOT_L) == [0.0, 0.0, 0.25, 0.25, 0.5, 0.5, 0.0, 0.0]
    terms = FrameTerms(frame, XBOT_L)
    heights = torch.tensor([[0.1, 0.2]])
    reading = read(frame, foot_height=heights, gait__clock=torch.tensor([[0.6, 0.8]]))
    torch.testing.assert_close(reading, torch.tensor([[0.6, 0.8, 1.0, 1.0, 1.0, 2.0, 0.1, 0.2]]))
    stack = terms.push(torch.arange(12.0)[None], reading)
    torch.testing.assert_close(stack, torch.cat([torch.arange(4.0, 8.0)[None], reading], dim=1))
    assert torch.equal(terms.frames(stack), stack[:, :8].view(1, 2, 4))


def test_the_mirror_of_what_is_not_stacked_is_in_its_place() -> None:
    mirror = WithTail().mirror(XBOT_L)
    assert mirror["permutation"] == [0, 1, 3, 2, 4, 5, 7, 6, 9, 8, 11, 10]
    assert mirror["index"] == 4  # the clock in the newest frame, not what comes behind


# Mirror images


def reflect(mirror: Dict[str, Any], values: Tensor) -> Tensor:
    return values[..., mirror["permutation"]] * torch.tensor(mirror["sign"])


@pytest.mark.parametrize("robot", [XBOT_L, REORDERED, FIVE_JOINTS], ids=lambda robot: robot.name)
@pytest.mark.parametrize(
    "frame", [POLICY, CRITIC, TrackingCriticFrame()], ids=["policy", "critic", "tracking"]
)
def test_a_mirror_of_a_mirror_is_the_original(frame: Frame, robot: Robot) -> None:
    frame = frame.replace(history=3)
    mirror: Dict[str, Any] = frame.mirror(robot)
    values = torch.randn(5, frame.size(robot), generator=torch.Generator().manual_seed(0))
    assert not torch.equal(reflect(mirror, values), values)
    assert torch.equal(reflect(mirror, reflect(mirror, values)), values)
    assert mirror["index"] == 2 * frame.frame_size(robot)  # the sine of the clock in the newest frame
    assert mirror["sign"][mirror["index"]] == -1.0
    assert mirror["permutation"][mirror["index"]] == mirror["index"]


@dataclass(frozen=True)
class Pair(ObservationTerm):
    """Two numbers, which do not say how a mirror shows them."""

    def size(self, robot: Robot) -> int:
        return 2


@dataclass(frozen=True)
class OneNumber(Frame):
    base_height: observations.BaseHeight = observations.BaseHeight()
    gravity: observations.ProjectedGravity = observations.ProjectedGravity()


@dataclass(frozen=True)
class Undecided(OneNumber):
    pair: Pair = Pair()


def test_a_single_number_stays_and_nothing_may_turn_round() -> None:
    assert OneNumber().mirror(XBOT_L) == {
        "permutation": [0, 1, 2, 3],
        "sign": [1.0, 1.0, -1.0, 1.0],
        "index": None,
    }
    seen = read(OneNumber(), gravity=torch.tensor([[0.1, 0.2, -0.9]]))
    torch.testing.assert_close(seen, torch.tensor([[XBOT_L.start_height, 0.1, 0.2, -0.9]]))


def test_a_term_that_does_not_say_its_mirror_image_is_named() -> None:
    with pytest.raises(UserError, match=r"Pair does not say its mirror image: give it mirror\(robot\)"):
        Undecided().mirror(XBOT_L)
