"""Environments to measure in: simulators by name, robots that differ or do not."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from humanoid_envs.configs import values_of
from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.simulator import PhysicsConfig
from humanoid_envs.tasks import preset
from tests.isaacgym.standin import standin
from trainers.evaluation.env import (
    DomainRandomization,
    available_simulators,
    choose_simulator,
    evaluation_env,
    measured_task,
)

pytest.importorskip("mujoco")


def test_simulators_by_name() -> None:
    assert choose_simulator("mujoco").physics == PhysicsConfig()
    assert choose_simulator("mujoco_warp:fast").physics == preset("fast").physics
    assert choose_simulator("isaacgym").engine == "isaacgym"
    with pytest.raises(
        ValueError, match="Unknown simulator 'gazebo'; there are mujoco, mujoco_warp, isaacgym"
    ):
        choose_simulator("gazebo")
    with pytest.raises(ValueError, match="Unknown preset 'quick'"):
        choose_simulator("mujoco:quick")


def test_available_simulators_can_be_chosen() -> None:
    names = available_simulators()
    assert names[:2] == ["mujoco", "mujoco:fast"]
    assert [choose_simulator(name).name for name in names] == names


def test_robots_differ_as_the_spread_says() -> None:
    env = evaluation_env(preset("fast"), 200, 1.0, randomization=DomainRandomization())
    env.reset(seed=0)
    drawn = env.simulator.parameters
    for values, low, high in (
        (drawn.foot_friction, 0.3, 1.6),
        (drawn.base_mass - XBOT_L.base_mass, -5.0, 5.0),
        (drawn.stiffness[:, 0] / XBOT_L.joints[0].stiffness, 0.9, 1.1),
        (drawn.damping[:, 11] / XBOT_L.joints[11].damping, 0.9, 1.1),
    ):
        assert low <= values.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < values.max() <= high
    assert values_of(env.config)["observations.policy.euler.noise"] == env.config.actions.delay == 0.0
    assert values_of(env.config)["randomization.push.period"] == 0.0
    env.close()


def test_other_physics() -> None:
    env = evaluation_env(preset("v0"), 1, 1.0, simulator="mujoco:fast")
    assert env.simulator.physics == preset("fast").physics
    env.close()


def test_measured_task_is_the_same_for_all_policies() -> None:
    """But for observation, action and gait, which a policy knows no other."""
    v0, fast = preset("v0"), preset("fast")
    longer = dataclasses.replace(fast, gait=dataclasses.replace(fast.gait, period=0.8))
    measured = measured_task(longer)
    assert (measured.gait, measured.observations, measured.actions) == (
        longer.gait,
        longer.observations,
        longer.actions,
    )
    assert measured.terminations == measured_task(v0).terminations
    assert values_of(measured)["terminations.low_base.height"] == 0.5


def test_isaac_gym_has_the_same_interface() -> None:
    """On its stand-in: the same task, robots that differ, and a CPU where there is no CUDA device."""
    with standin():
        env = evaluation_env(
            preset("fast"), 2, 1.0, simulator="isaacgym", randomization=DomainRandomization()
        )
        observation, _ = env.reset(seed=0)
        assert env.metadata["engine"] == "isaacgym"
        assert env.simulator.physics == PhysicsConfig()
        assert env.simulator.parameters.foot_friction.unique().numel() == 2
        observation, *_ = env.step(torch.zeros(2, 12))
        assert observation.shape == (2, 705)
        env.close()
        with pytest.raises(ValueError, match="needs MuJoCo"):
            evaluation_env(preset("fast"), 2, 1.0, simulator="isaacgym:fast")
