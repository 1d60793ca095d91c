"""Physical parameters, starts and pushes lie in their ranges; ranges of zero width switch them off."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Type

import pytest
import torch
from torch import Tensor

from humanoid_envs import rotations
from humanoid_envs.errors import UserError
from humanoid_envs.mdp import ParameterTerm, PushTerm, Randomization, StartTerm, events
from humanoid_envs.mdp.events import AddedMass, Events, EventTerm, FootFriction, Gains, Push, Start
from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.simulator import PhysicsParameters, RobotState, default_parameters
from humanoid_envs.tasks.velocity import VelocityRandomization, fast, v0
from tests.robots.others import FIVE_JOINTS
from tests.scripted_simulator import standing

J = XBOT_L.num_joints
NOMINAL = default_parameters(XBOT_L, 2000, "cpu")


def drawn_parameters(group: Randomization, seed: int = 0) -> PhysicsParameters:
    parameters = Events(group, ParameterTerm, XBOT_L)
    uniform = torch.rand(2000, parameters.size, generator=torch.Generator().manual_seed(seed))
    return parameters.change(parameters.sample(uniform), NOMINAL)


def ends(group: Randomization, kind: Type[EventTerm], uniform: float) -> Tensor:
    """(K,) what comes of uniform numbers that are all the same."""
    of_kind = Events(group, kind, XBOT_L)
    return of_kind.sample(torch.full((1, of_kind.size), uniform))[0]


# How robots differ


def test_parameters_lie_in_their_ranges() -> None:
    group = v0().randomization
    drawn = drawn_parameters(group)
    added = drawn.base_mass - XBOT_L.base_mass
    bounds = (drawn.foot_friction, group.foot_friction.range), (added, group.added_mass.range)
    assert [limits for _, limits in bounds] == [(0.1, 2.0), (-5.0, 5.0)]
    for values, (low, high) in bounds:
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high
        assert abs(values.mean() - 0.5 * (low + high)) < 0.03 * (high - low)
    assert torch.equal(drawn.stiffness, NOMINAL.stiffness)  # the release does not randomize gains
    assert torch.equal(drawn.damping, NOMINAL.damping)


@dataclass(frozen=True)
class WithCom(VelocityRandomization):
    base_com: events.BaseCom = events.BaseCom(distance=0.03)


def test_the_centre_of_mass_is_drawn_per_axis() -> None:
    group = WithCom()
    drawn = drawn_parameters(group).base_com
    assert drawn.shape == (2000, 3)
    assert drawn.min() > -0.03
    assert drawn.max() < 0.03
    assert (drawn.std(dim=0) - 0.03 / math.sqrt(3.0)).abs().max() < 1e-3
    assert not drawn_parameters(group.off()).base_com.any()


def test_gains_are_drawn_per_joint() -> None:
    drawn = drawn_parameters(fast().randomization)
    stiffness, damping = drawn.stiffness / NOMINAL.stiffness, drawn.damping / NOMINAL.damping
    for share in (stiffness, damping):
        assert 0.9 - 1e-6 <= share.min() < 0.901
        assert 1.099 < share.max() <= 1.1 + 1e-6
    every = torch.cat([stiffness, damping, drawn.base_mass[:, None], drawn.foot_friction[:, None]], dim=1)
    correlation = torch.corrcoef(every.T) - torch.eye(every.shape[1])
    assert correlation.abs().max() < 0.12  # 5 sigma of 2000 samples
    assert torch.equal(drawn.torque_limit, NOMINAL.torque_limit)


def test_without_randomization_the_robot_is_the_nominal_one() -> None:
    drawn = drawn_parameters(fast().randomization.off())
    for name, value in vars(NOMINAL).items():
        assert torch.equal(getattr(drawn, name), value), name


def test_a_robot_of_other_joints_draws_as_many_gains() -> None:
    assert Events(VelocityRandomization(), ParameterTerm, FIVE_JOINTS).sizes == [1, 1, 20]
    assert Events(VelocityRandomization(), StartTerm, FIVE_JOINTS).sizes == [1, 1, 10]
    assert Events(VelocityRandomization(), PushTerm, FIVE_JOINTS).sizes == [5]


def test_a_base_that_may_weigh_nothing_is_refused() -> None:
    least = -0.9 * XBOT_L.base_mass
    AddedMass(range=(least, 0.0)).require_possible(XBOT_L)
    with pytest.raises(UserError, match=rf"AddedMass.range must begin at {least:.1f} kg or more.*xbot"):
        AddedMass(range=(least - 0.1, 0.0)).require_possible(XBOT_L)


# How episodes start


def start() -> Start:
    state = standing(1)
    whole = {field.name: getattr(state, field.name) for field in dataclasses.fields(RobotState)}
    return Start(RobotState(**whole), torch.zeros(1))


def test_starts_reach_the_ends_of_their_ranges() -> None:
    group = VelocityRandomization().replace({"start_yaw.angle": math.pi, "start_phase.on": True})
    for uniform, sign in ((0.0, -1.0), (1.0, 1.0)):
        yaw, phase, *joints = ends(group, StartTerm, uniform).tolist()
        assert (yaw, phase) == pytest.approx((math.pi * sign, uniform))
        assert joints == pytest.approx([0.1 * sign] * J)
    calm = fast().randomization.off()
    for uniform in (0.0, 0.3, 1.0):
        assert not ends(calm, StartTerm, uniform).any()


def test_the_release_starts_at_phase_0_and_does_not_turn() -> None:
    yaw, phase, *_ = ends(VelocityRandomization(), StartTerm, 0.75).tolist()
    assert (yaw, phase) == (0.0, 0.0)


def test_starts_change_what_they_are_called() -> None:
    drawn = torch.tensor([[0.5, 0.25, *[0.1] * J]])
    begun = Events(VelocityRandomization(), StartTerm, XBOT_L).change(drawn, start())
    torch.testing.assert_close(rotations.heading(begun.state.base_quat), torch.tensor([0.5]))
    torch.testing.assert_close(begun.state.joint_pos, torch.full((1, J), 0.1))
    assert begun.phase.item() == 0.25
    assert torch.equal(begun.state.base_pos, start().state.base_pos)


# What happens in between


def test_pushes_reach_the_ends_of_their_ranges() -> None:
    for uniform, sign in ((0.0, -1.0), (1.0, 1.0)):
        pushed = ends(v0().randomization, PushTerm, uniform)
        torch.testing.assert_close(pushed, sign * torch.tensor([0.2, 0.2, 0.4, 0.4, 0.4]))


@pytest.mark.parametrize("adds", [False, True])
def test_pushes_set_or_add_all_but_the_vertical_velocity(adds: bool) -> None:
    before = torch.tensor([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]])
    drawn = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]])
    after = Push(period=1.0, adds=adds).change(drawn, before)
    expected = torch.tensor([[1.0, 2.0, 0.0, 3.0, 4.0, 5.0]])
    vertical = torch.tensor([[0.0, 0.0, 0.3, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(after, expected + (before if adds else vertical))


# Groups


def test_off_switches_everything_off() -> None:
    calm = fast().randomization.off()
    assert calm.push.period == 0.0
    assert (calm.foot_friction, calm.added_mass, calm.gains) == (FootFriction(), AddedMass(), Gains())
    assert calm.off() == calm


@dataclass(frozen=True)
class Gust(PushTerm):
    """Lifts the base."""

    def sample(self, uniform: Tensor) -> Tensor:
        return 2.0 * uniform

    def change(self, drawn: Tensor, base_velocity: Tensor) -> Tensor:
        return torch.cat([base_velocity[:, :2], drawn, base_velocity[:, 3:]], dim=1)


@dataclass(frozen=True)
class Windy(VelocityRandomization):
    gust: Gust = Gust(period=1.0)
    light_ankles: events.Gains = Gains(share=0.5, each_episode=True)


def test_events_of_a_kind_lie_side_by_side() -> None:
    pushes = Events(Windy(), PushTerm, XBOT_L)
    assert (pushes.names, pushes.sizes, pushes.size) == (("push", "gust"), [5, 1], 6)
    assert [*Windy().terms][-2:] == ["gust", "light_ankles"]
    drawn = pushes.sample(torch.full((2, 6), 1.0))
    torch.testing.assert_close(drawn, torch.tensor([[0.2, 0.2, 0.4, 0.4, 0.4, 2.0]]).expand(2, 6))
    push, gust = pushes.split(drawn)
    assert torch.equal(gust, drawn[:, 5:])
    assert push.shape == (2, 5)
    assert Windy().off().gust == Gust()
    nothing = Events(Randomization(), PushTerm, XBOT_L)
    assert nothing.sample(torch.rand(3, 0)).shape == (3, 0)


def test_parameters_that_change_the_same_number_multiply() -> None:
    parameters = Events(Windy(), ParameterTerm, XBOT_L)
    assert parameters.sizes == [1, 1, 2 * J, 2 * J]
    drawn = parameters.change(parameters.sample(torch.ones(2000, parameters.size)), NOMINAL)
    torch.testing.assert_close(drawn.stiffness, 1.5 * NOMINAL.stiffness)


@dataclass(frozen=True)
class Nothing(ParameterTerm):
    pass


def test_an_event_without_its_methods_says_which() -> None:
    with pytest.raises(UserError, match="Nothing needs sample"):
        Nothing().sample(torch.zeros(1, 1))
    with pytest.raises(UserError, match="Nothing needs change"):
        Nothing().change(torch.zeros(1, 1), NOMINAL)
    with pytest.raises(UserError, match="Nothing needs off"):
        Nothing().off()
    assert Nothing().uniforms(XBOT_L) == 1
