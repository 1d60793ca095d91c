"""Metrics of motions made by hand, against closed forms."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from humanoid_envs.robots import XBOT_L
from humanoid_envs.rotations import from_yaw
from humanoid_envs.simulators.simulator import SimState, default_parameters
from humanoid_envs.tasks import preset
from tests.trainers.evaluation.scripted import CYCLE, DT, moment, moving, scripted_env
from trainers.evaluation.intervals import Estimate
from trainers.evaluation.metrics import RolloutTable, WalkStatistics, average

COMMAND = torch.tensor([[0.4, 0.0, 0.2], [0.4, 0.0, 0.2]])
ALL = slice(0, 2)


def walk(motion: object, steps: int = 1 + 3 * CYCLE, command: Tensor = COMMAND) -> RolloutTable:
    env = scripted_env(len(command))
    statistics = WalkStatistics(env, command, start_up=DT)
    for step in range(steps):
        statistics.add(moment(env, step, motion))  # pyright: ignore[reportArgumentType]
    return statistics.per_rollout()


def gliding(time: float) -> SimState:
    return moving(2, time, torch.tensor([0.5, -0.1]), yaw_rate=0.2)


def creeping(time: float) -> SimState:
    return moving(2, time, torch.tensor([0.012, 0.016]))


def test_errors_have_their_sign() -> None:
    table = walk(gliding)
    expected = torch.tensor([[0.1, -0.1, 0.0]] * 2)
    torch.testing.assert_close(table.error, expected)
    torch.testing.assert_close(table.velocity, COMMAND + expected)
    for name in ("abs_error", "rms_error", "cycle_abs_error", "cycle_rms_error"):
        torch.testing.assert_close(getattr(table, name), expected.abs(), atol=1e-5, rtol=1e-4)


def test_velocities_are_those_of_the_body_frame() -> None:
    """A robot that faces left and moves left walks forward."""

    def motion(time: float) -> SimState:
        state = moving(2, time, torch.tensor([0.0, 0.4]))
        return dataclasses.replace(state, base_quat=from_yaw(torch.full((2,), math.pi / 2)))

    torch.testing.assert_close(
        walk(motion).velocity, torch.tensor([[0.4, 0.0, 0.0]] * 2), atol=1e-6, rtol=0.0
    )


def test_sway_is_an_instantaneous_error_alone() -> None:
    """A sine of amplitude A over the gait cycle: |error| 2A/π, RMS A/√2, nothing over whole cycles."""

    def motion(time: float) -> SimState:
        sway = 0.09 * math.sin(2.0 * math.pi * time / (CYCLE * DT))
        return moving(2, time, torch.tensor([0.4, sway]), yaw_rate=0.2)

    table = walk(motion)
    assert table.abs_error[:, 1].tolist() == pytest.approx([2 * 0.09 / math.pi] * 2, rel=2e-3)
    assert table.rms_error[:, 1].tolist() == pytest.approx([0.09 / math.sqrt(2)] * 2, rel=1e-4)
    assert table.cycle_abs_error[:, 1].max() < 1e-5
    assert table.cycle_rms_error[:, 1].max() < 1e-5


def test_torque_power_and_cost_of_transport() -> None:
    limits = default_parameters(XBOT_L, 2, "cpu").torque_limit

    def motion(time: float) -> SimState:
        torque, speed = torch.full((2, 12), -10.0), torch.full((2, 12), 0.5)
        torque[:, 3] = limits[:, 3]
        return moving(2, time, torch.tensor([0.5, 0.0]), joint_torque=torque, joint_vel=speed)

    table = walk(motion)
    power = 0.5 * (11 * 10.0 + 212.5)
    assert table.torque.tolist() == pytest.approx([(11 * 10.0 + 212.5) / 12] * 2, rel=1e-4)
    assert table.saturation.tolist() == pytest.approx([1 / 12] * 2, rel=1e-4)
    assert table.power.tolist() == pytest.approx([power] * 2, rel=1e-4)
    assert table.cost_of_transport.tolist() == pytest.approx([power / (53.04 * 9.81 * 0.5)] * 2, rel=1e-3)


def test_mass_is_that_of_the_model() -> None:
    mujoco = pytest.importorskip("mujoco")
    model = mujoco.MjModel.from_xml_path(str(XBOT_L.mjcf))
    assert XBOT_L.total_mass == pytest.approx(model.body_mass.sum(), rel=1e-4)


def test_a_robot_that_stays_has_no_cost_of_transport_but_may_drift() -> None:
    table = walk(creeping, command=torch.tensor([[0.0, 0.0, 0.0], [0.4, 0.0, 0.3]]))
    assert table.cost_of_transport.isnan().all()
    assert table.drift[0] == pytest.approx(0.02, rel=1e-4)
    assert table.drift[1].isnan()  # nobody told it to stand


def test_the_drift_of_a_robot_that_falls_is_not_counted() -> None:
    env = scripted_env(2)
    statistics = WalkStatistics(env, torch.zeros(2, 3), start_up=DT)
    for step in range(2 * CYCLE):
        upright = torch.tensor([True, step < CYCLE])
        statistics.add(moment(env, step, creeping, upright=upright))
    table = statistics.per_rollout()
    assert table.survived.tolist() == [True, False]
    assert table.drift[0] == pytest.approx(0.02, rel=1e-4)
    assert table.drift[1].isnan()
    assert table.summarize(ALL).drift.value == pytest.approx(0.02, rel=1e-4)


def test_action_rate_is_in_rad_per_step() -> None:
    env = scripted_env(2)
    statistics = WalkStatistics(env, COMMAND, start_up=0.5)
    for step in range(2 * CYCLE):
        action = torch.full((2, 12), 0.1 if step % 2 else -0.1)
        statistics.add(moment(env, step, gliding, action))
    expected = preset("v0").actions.scale * 0.2
    assert statistics.per_rollout().action_rate.tolist() == pytest.approx([expected] * 2)


def test_who_is_not_told_to_travel_has_no_cost_of_transport() -> None:
    table = walk(gliding, command=torch.tensor([[0.0, 0.0, 0.3], [0.0, -0.1, 0.0]]))
    assert table.cost_of_transport.isnan().tolist() == [True, False]


def test_slip_and_schedule() -> None:
    """The left foot stands for good and slides at 0.3 m/s, the right one swings."""
    force, velocity = torch.zeros(2, 2, 3), torch.zeros(2, 2, 3)
    force[:, 0, 2] = 300.0
    velocity[:, 0, :2] = torch.tensor([0.0, -0.3])
    velocity[:, 1, 0] = 2.0

    def motion(time: float) -> SimState:
        return moving(2, time, torch.zeros(2), feet_contact_force=force, feet_vel=velocity)

    table = walk(motion)
    assert table.slip.tolist() == pytest.approx([0.3] * 2, rel=1e-4)
    phase = torch.arange(1, CYCLE + 1) / CYCLE
    wanted = preset("v0").gait.read(phase, XBOT_L).stance
    agreement = 0.5 * (wanted[:, 0].float().mean() + (~wanted[:, 1]).float().mean())
    assert table.schedule.tolist() == pytest.approx([float(agreement)] * 2, abs=1e-5)


def test_start_up_and_what_comes_after_a_fall_do_not_count() -> None:
    env = scripted_env(2)
    statistics = WalkStatistics(env, COMMAND, start_up=1.0)
    upright = torch.tensor([True, True])
    for step in range(300):
        fast = step < 100 or step >= 200
        upright = upright & torch.tensor([step < 200, True])

        def motion(time: float, fast: bool = fast) -> SimState:
            return moving(2, time, torch.tensor([5.0 if fast else 0.4, 0.0]), yaw_rate=0.2)

        statistics.add(moment(env, step, motion, upright=upright))
    table = statistics.per_rollout()
    assert table.survived.tolist() == [False, True]
    assert table.velocity[0].tolist() == pytest.approx([0.4, 0.0, 0.2])
    assert table.velocity[1, 0] == pytest.approx((0.4 + 5.0) / 2)


def test_robots_that_fall_at_once_have_no_numbers() -> None:
    env = scripted_env(2)
    statistics = WalkStatistics(env, COMMAND, start_up=0.1)
    for step in range(30):
        statistics.add(moment(env, step, gliding, upright=torch.tensor([False, True])))
    table = statistics.per_rollout()
    assert table.velocity[0].isnan().all()
    metrics = table.summarize(ALL)
    assert (metrics.survived.value, metrics.velocity.vx.samples) == (0.5, 1)
    assert metrics.cost_of_transport.value is None  # no gait cycle was completed
    with pytest.raises(ValueError, match="start-up"):
        WalkStatistics(env, COMMAND, start_up=0.1).per_rollout()


def test_averages_over_commands() -> None:
    table = dataclasses.replace(
        walk(gliding), survived=torch.tensor([True, False]), torque=torch.tensor([10.0, 20.0])
    )
    groups = [table.summarize(slice(0, 1)), table.summarize(slice(1, 2)), table.summarize(ALL)]
    overall = average(groups)
    assert overall.survived.value == 0.5  # 2 of 4 rollouts
    assert overall.survived.samples == 4
    assert overall.torque == Estimate(15.0, None, None, 4)
    assert overall.error.vx.value == pytest.approx(0.1)
