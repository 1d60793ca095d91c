"""The tour: its course, its controller, its punches, and what is counted."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, List

import pytest
import torch
from torch import Tensor

from humanoid_envs.robots import XBOT_L
from humanoid_envs.rotations import from_yaw
from humanoid_envs.simulators.simulator import SimState
from humanoid_envs.tasks import preset
from tests.scripted_simulator import ScriptedSimulator, standing
from tests.trainers.evaluation.scripted import limp, scripted_env
from trainers.evaluation import tour
from trainers.evaluation.env import NOMINAL
from trainers.evaluation.tour import TourConfig, command_towards, draw_punches, walk_tour

pytest.importorskip("mujoco")

SHORT = TourConfig(
    legs=((0.5, 0.0, 0.0), (0.0, 0.5, math.pi / 2)),
    leg_seconds=2.0,
    runs=6,
    punch_time=(0.2, 1.0),
    randomization=NOMINAL,
)


def at(x: float, y: float, yaw: float) -> SimState:
    state = standing(1)
    state.base_pos[:, :2] = torch.tensor([x, y])
    return dataclasses.replace(state, base_quat=from_yaw(torch.tensor([yaw])))


def test_waypoints_follow_from_the_legs() -> None:
    """A square with left turns leads back to the start."""
    square = TourConfig(legs=((1.0, 0.0, math.pi / 2),) * 4)
    expected = [(1.0, 0.0, 0.5), (1.0, 1.0, 1.0), (0.0, 1.0, 1.5), (0.0, 0.0, 2.0)]
    for waypoint, (x, y, half_turns) in zip(square.waypoints(), expected):
        assert waypoint == pytest.approx((x, y, half_turns * math.pi), abs=1e-9)
    sidestep = TourConfig(legs=((1.0, 0.0, math.pi / 2), (0.0, 0.5, 0.0)))
    assert sidestep.waypoints()[1] == pytest.approx((0.5, 0.0, math.pi / 2))


def test_every_leg_can_be_walked_in_its_time() -> None:
    """With the commands' bounds, and three time constants of the controller to settle."""
    config = TourConfig()
    assert len(config.legs) == 12
    assert config.seconds == 60.0
    for ahead, left, turn in config.legs:
        fastest = config.lin_vel_x[1] if ahead > 0.0 else -config.lin_vel_x[0]
        times = (abs(ahead) / fastest, abs(left) / config.lin_vel_y[1], abs(turn) / config.yaw_rate[1])
        assert max(times) <= config.leg_seconds - 2.0


@pytest.mark.parametrize(
    ("pose", "waypoint", "expected"),
    [
        ((0.0, 0.0, 0.0), (0.2, -0.1, 0.3), (0.2, -0.1, 0.3)),
        ((1.0, 2.0, math.pi / 2), (1.0, 2.4, math.pi / 2), (0.4, 0.0, 0.0)),
        ((0.0, 0.0, math.pi / 2), (0.1, 0.0, 0.0), (0.0, -0.1, -0.5)),
        ((0.0, 0.0, 0.0), (9.0, -9.0, 3.0), (0.6, -0.3, 0.5)),
        ((0.0, 0.0, 3.1), (0.0, 0.0, -3.1), (0.0, 0.0, 2 * math.pi - 6.2)),
    ],
)
def test_commands_lead_to_the_waypoint(pose: tour.Pose, waypoint: tour.Pose, expected: tour.Pose) -> None:
    command = command_towards(at(*pose), waypoint, TourConfig())
    assert command[0].tolist() == pytest.approx(expected, abs=1e-5)


def test_punches_are_drawn_as_documented() -> None:
    config = TourConfig(runs=500)
    punches = draw_punches(config, XBOT_L, 0.01)
    force = punches.force.norm(dim=-1)
    assert 0.0 <= force.min() < 5.0
    assert 595.0 < force.max() <= 600.0
    assert punches.link.unique().tolist() == list(range(13))
    direction = punches.force / force[..., None]
    assert direction.mean(dim=(0, 1)).abs().max() < 0.03
    assert direction.square().mean(dim=(0, 1)).tolist() == pytest.approx([1 / 3] * 3, abs=0.02)
    into_leg = punches.begin - 500 * torch.arange(12)
    assert 50 <= into_leg.min() < 60
    assert 340 < into_leg.max() <= 350
    again = draw_punches(config, XBOT_L, 0.01)
    assert torch.equal(again.force, punches.force)
    assert torch.equal(again.begin, punches.begin)


def test_each_leg_has_one_punch_on_one_link_for_its_time() -> None:
    applied: List[Tensor] = []

    def note(forces: Tensor) -> None:
        applied.append(forces.clone())

    env = scripted_env(SHORT.runs)
    env.simulator.apply_forces = note
    log = tour._Log(env, SHORT)
    for step in range(400):
        before = len(applied)
        log.apply_punches(step, step // 200)
        if len(applied) == before:
            applied.append(applied[-1] if applied else torch.zeros(SHORT.runs, 13, 3))  # still in force
    force = torch.stack(applied)  # (steps, runs, links, 3)
    punches = draw_punches(SHORT, XBOT_L, 0.01)
    for run in range(SHORT.runs):
        for leg in range(2):
            on_leg = force[200 * leg : 200 * (leg + 1), run]
            steps = on_leg.abs().sum(dim=(1, 2)).nonzero()[:, 0]
            first = int(punches.begin[run, leg]) - 200 * leg
            assert steps.tolist() == list(range(first, first + 8))
            link = int(punches.link[run, leg])
            torch.testing.assert_close(on_leg[steps[0], link], punches.force[run, leg])
            assert (on_leg[steps[0]].norm(dim=-1) > 0.0).sum() == 1


def test_a_robot_that_follows_the_course_completes_it() -> None:
    """Robots that are where they are told to be, 0.1 m and 0.05 rad off; one goes astray, another falls."""
    env = scripted_env(6)
    simulator = env.simulator
    assert isinstance(simulator, ScriptedSimulator)
    simulator.apply_forces = lambda forces: None
    log = tour._Log(env, SHORT)
    punches = log._punches
    upright = torch.ones(6, dtype=torch.bool)
    fall_at = int(punches.begin[3, 0]) + 10
    for step in range(400):
        x, y, yaw = SHORT.waypoints()[step // 200]
        state = standing(6, joint_torque=torch.full((6, 12), 2.0), joint_vel=torch.full((6, 12), -3.0))
        state.base_pos[:, :2] = torch.tensor([x, y + 0.1])
        state.base_pos[1, 0] += 0.6
        state.base_quat.copy_(from_yaw(torch.full((6,), yaw - 0.05)))
        simulator.state = state
        upright = upright & (torch.arange(6) != 3) if step == fall_at else upright
        log.add(step, state, upright)
        if step < 399:
            log.apply_punches(step + 1, (step + 1) // 200)
    result = log.result("scripted")
    assert (result.survived.value, result.completed.value) == (5 / 6, 4 / 6)
    assert result.position_error.value == pytest.approx((4 * 0.1 + math.hypot(0.6, 0.1)) / 5, rel=1e-4)
    assert result.yaw_error.value == pytest.approx(0.05, rel=1e-3)
    assert result.energy.value == pytest.approx(12 * 6.0 * 4.0, rel=1e-4)
    assert result.energy.samples == 4
    assert [error.samples for error in result.position_error_at] == [5, 5]
    hits = sum(group.survived.samples for group in result.by_strength)
    assert hits == sum(group.survived.samples for group in result.by_link) == 11  # one took no second
    assert sum(round((g.survived.value or 0.0) * g.survived.samples) for g in result.by_link) == 10
    track = result.tracks[3]
    assert track.fell
    assert len(track.positions) == fall_at // 20 + 1
    assert len(track.punches) == 1
    assert track.punches[0][:2] == pytest.approx((0.5, 0.1))
    assert len(result.tracks[0].positions) == 20


def test_punches_must_fit_into_their_legs() -> None:
    with pytest.raises(ValueError, match="A punch must end within its leg"):
        dataclasses.replace(SHORT, leg_seconds=1.0)


def test_limp_robots_complete_nothing() -> None:
    steps: List[int] = []
    config = dataclasses.replace(SHORT, punch=(0.0, 0.0))
    result = walk_tour(limp, preset("v0"), config=config, progress=steps.append)
    assert sum(steps) == config.env_steps(preset("v0")) == 6 * 400
    assert (result.completed.value, result.energy.value) == (0.0, None)
    assert (result.simulator, result.config) == ("mujoco", config)
    assert result.wall_seconds > 0.0


def test_punches_move_the_robot() -> None:
    """With the same start, harder punches make the difference."""

    def tracks(newton: float) -> Any:
        config = dataclasses.replace(SHORT, punch=(newton, newton), leg_seconds=0.8, punch_time=(0.1, 0.4))
        return walk_tour(limp, preset("v0"), config=config).tracks

    calm, same, punched = tracks(0.0), tracks(0.0), tracks(2000.0)
    assert calm == same
    assert all(a.positions != b.positions for a, b in zip(calm, punched))
