"""Pushes: what a push is, and how the limits are found."""

from __future__ import annotations

import math
from typing import Any, List

import pytest
import torch
from torch import Tensor

from humanoid_envs.rotations import from_yaw
from humanoid_envs.tasks import preset
from tests.scripted_simulator import ScriptedSimulator
from tests.trainers.evaluation.scripted import limp, scripted_env
from trainers.evaluation import pushes
from trainers.evaluation.env import NOMINAL, measured_task
from trainers.evaluation.pushes import PushConfig, push_test

pytest.importorskip("mujoco")

COMMANDS = ((0.4, 0.0, 0.0), (0.0, 0.0, 0.0))


def test_a_push_adds_to_the_velocity_at_an_angle_to_the_heading() -> None:
    env = scripted_env(2)
    simulator = env.simulator
    assert isinstance(simulator, ScriptedSimulator)
    simulator.state.base_quat.copy_(from_yaw(torch.tensor([0.0, math.pi / 2])))
    simulator.state.base_lin_vel.copy_(torch.tensor([[0.4, 0.0, 0.1], [0.0, 0.4, 0.1]]))
    simulator.state.base_ang_vel[:, 2] = 0.3
    mask = torch.tensor([True, True])
    pushes.push_robots(env, mask, torch.tensor([1.0, 2.0]), torch.full((2,), math.pi / 2))
    ((pushed, lin_vel, ang_vel),) = simulator.pushes
    assert torch.equal(pushed, mask)
    torch.testing.assert_close(lin_vel, torch.tensor([[0.4, 1.0, 0.1], [-2.0, 0.4, 0.1]]))
    torch.testing.assert_close(ang_vel, simulator.state.base_ang_vel)


def test_limits_are_found_by_bisection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of robots that survive up to a limit which depends on the direction."""
    strengths: List[Tensor] = []

    def stands(env: Any, policy: Any, strength: Tensor, angle: Tensor, *rest: Any) -> Tensor:
        strengths.append(strength.clone())
        return strength <= 1.0 + angle / math.pi  # 1 m/s forward, up to 2.75 to the right

    monkeypatch.setattr(pushes, "_stands_after_push", stands)
    config = PushConfig(commands=COMMANDS, repeats=1, rounds=6)
    result = push_test(
        limp, measured_task(preset("v0")), config=config, simulator="mujoco", randomization=NOMINAL
    )
    assert strengths[0].unique().tolist() == [result.strength] == [1.0]
    assert len(strengths) == 6
    resolution = config.largest / 2**6
    for index, side in enumerate(result.directions):
        assert side.angle == pytest.approx(index * math.pi / 4)
        assert side.survived.value == 1.0
        expected = min(1.0 + side.angle / math.pi, config.largest)
        assert side.limit.value == pytest.approx(expected, abs=resolution)
        assert side.limit.samples == 2
    assert result.directions[-1].limit.value == config.largest
    assert result.survived.samples == config.num_robots == 16


def test_each_robot_is_pushed_once_and_watched() -> None:
    """One that tips over by itself survives nothing."""
    config = PushConfig(directions=4, commands=COMMANDS, repeats=1, rounds=2, start_up=0.1, watch=4.0)
    task, steps = measured_task(preset("v0")), []
    result = push_test(
        limp, task, config=config, simulator="mujoco", randomization=NOMINAL, progress=steps.append
    )
    assert sum(steps) == config.env_steps(task) == 2 * 8 * 474
    assert result.survived.value == 0.0
    assert result.limit.value == pytest.approx(0.25)  # half of what is left of 2 m/s after two rounds


def test_pushes_hit_at_different_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    when: List[int] = []

    def note(env: Any, mask: Tensor, *rest: Any) -> None:
        when.extend([int(env._memory.episode_step.max())] * int(mask.sum()))

    monkeypatch.setattr(pushes, "push_robots", note)
    config = PushConfig(commands=COMMANDS, repeats=2, rounds=1, start_up=0.05, watch=0.1)
    push_test(limp, measured_task(preset("v0")), config=config, simulator="mujoco", randomization=NOMINAL)
    assert len(when) == config.num_robots
    assert len(set(when)) > 16
    assert min(when) > 5
    assert max(when) <= 5 + 64
