"""Wherever a policy acts, its contract is held against the environment, and its memory begins anew."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Callable, List, Optional

import pytest
import torch
from torch import Tensor

from humanoid_envs.contract import ObservationTerm, PolicyContract
from humanoid_envs.errors import UserError
from humanoid_envs.tasks import preset
from trainers.evaluation import evaluate_commands, evaluation_env
from trainers.evaluation.env import NOMINAL
from trainers.evaluation.gap import GapConfig, compare_simulators
from trainers.evaluation.pushes import PushConfig, push_test
from trainers.evaluation.rollout import rollout
from trainers.evaluation.scorecard import ScorecardConfig, make_scorecard
from trainers.evaluation.step_response import StepConfig, step_responses
from trainers.evaluation.tour import TourConfig, walk_tour
from trainers.evaluation.video import record, walk_steps
from trainers.policies import LoadedPolicy

pytest.importorskip("mujoco")

TASK = preset("v0")
V0 = PolicyContract.of(TASK)
STAND = (0.0, 0.0, 0.0)


def still(contract: PolicyContract = V0) -> LoadedPolicy:
    return LoadedPolicy(lambda observation: (torch.zeros(len(observation), 12),), contract, TASK)


def changed(name: str, index: int, value: Any) -> PolicyContract:
    values = list(getattr(V0, name))
    values[index] = value
    return dataclasses.replace(V0, **{name: tuple(values)})


def swapped() -> PolicyContract:
    first, second, *others = V0.joint_names
    return dataclasses.replace(V0, joint_names=(second, first, *others))


WHERE = {"simulator": "mujoco", "randomization": NOMINAL}


@pytest.mark.parametrize(
    "act",
    [
        lambda policy: evaluate_commands(policy, [STAND], episodes=1, seconds=0.1, start_up=0.0),
        lambda policy: make_scorecard(
            policy, TASK, config=ScorecardConfig(commands=(STAND,), beyond=(), rollouts=1, seconds=0.1)
        ),
        lambda policy: compare_simulators(
            policy, TASK, ["mujoco"], config=GapConfig(commands=(STAND,), rollouts=1, seconds=0.1)
        ),
        lambda policy: push_test(
            policy, TASK, config=PushConfig(directions=1, commands=(STAND,), repeats=1, rounds=1), **WHERE
        ),
        lambda policy: step_responses(policy, TASK, config=StepConfig(robots=1), **WHERE),
        lambda policy: walk_tour(policy, TASK, config=TourConfig(runs=1)),
        lambda policy: walk_steps(evaluation_env(TASK, 1, 0.1), policy, 0.1),
        lambda policy: record(evaluation_env(TASK, 1, 0.1), policy, 0.1, Path("never.mp4")),
    ],
    ids=["commands", "scorecard", "gap", "pushes", "steps", "tour", "walk", "record"],
)
def test_a_policy_of_another_robot_is_refused_everywhere(act: Callable[[LoadedPolicy], Any]) -> None:
    policy = still(dataclasses.replace(V0, robot="other"))
    with pytest.raises(UserError, match=r"robot 'other', which .* not here|robot is other, the .* is xbot_l"):
        act(policy)


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        (swapped(), "its joint_names.0. is left_leg_yaw_joint, the environment's is left_leg_roll_joint"),
        (
            changed("default_joint_pos", 3, 0.1),
            "its default_joint_pos of left_knee_joint is 0.1, the environment's is 0.0",
        ),
        (changed("stiffness", 2, 300.0), "its stiffness of left_leg_pitch_joint is 300.0, .* is 350.0"),
        (changed("damping", 2, 9.0), "its damping of left_leg_pitch_joint is 9.0, .* is 10.0"),
        (changed("torque_limit", 0, 200.0), "its torque_limit of left_leg_roll_joint is 200.0, .* is 85.0"),
        (dataclasses.replace(V0, clock_period=0.8), "its clock_period is 0.8, the environment's is 0.64"),
        (dataclasses.replace(V0, decimation=20), "its policy period is 0.02, the environment's is 0.01"),
        (
            dataclasses.replace(V0, action_scale=(*[0.25] * 11, 0.5)),
            "its action_scale of right_ankle_roll_joint is 0.5, the environment's is 0.25",
        ),
        (dataclasses.replace(V0, observation_history=3), "its observation_history is 3, .* is 15"),
        (
            dataclasses.replace(
                V0,
                observation_terms=(
                    V0.observation_terms[1],
                    V0.observation_terms[0],
                    *V0.observation_terms[2:],
                ),
            ),
            r"its observation_terms\[0\] is \('command_lin_vel', 2, 2.0\), .* is \('clock', 2, 1.0\)",
        ),
        (
            dataclasses.replace(V0, observation_terms=(ObservationTerm("height", 1, 1.0),)),
            "its observation_terms is .*height",
        ),
    ],
)
def test_the_field_and_both_values_are_named(contract: PolicyContract, message: str) -> None:
    env = evaluation_env(TASK, 1, 0.1)
    with pytest.raises(UserError, match=message):
        next(rollout(env, still(contract), 0.1))
    env.close()


def test_what_only_training_is_about_may_differ() -> None:
    env = evaluation_env(TASK, 1, 0.1)
    trained = dataclasses.replace(V0, timestep=0.005, decimation=2, implicit_damping=True, engine="other")
    assert len(list(rollout(env, still(trained), 0.1))) == 10
    env.close()


class Noting:
    """A recurrent policy that flails, and notes when it is told to forget."""

    def __init__(self) -> None:
        self.forgotten: List[Optional[Tensor]] = []

    def __call__(self, observation: Tensor) -> Tensor:
        return torch.full((len(observation), 12), 4.0)

    def reset(self, mask: Optional[Tensor] = None) -> None:
        self.forgotten.append(mask)


def test_a_walk_begins_without_memory_and_so_does_a_robot_that_fell() -> None:
    env, policy, falls = evaluation_env(TASK, 1, 2.0), Noting(), []
    for walks in (1, 2):
        list(walk_steps(env, policy, 1.2, command=STAND, on_fall=falls.append))
        assert falls
        assert policy.forgotten.count(None) == walks
        assert len(policy.forgotten) == walks + len(falls)
    env.close()


@pytest.mark.usefixtures("opengl")
def test_so_does_a_recording(tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    env, policy = evaluation_env(TASK, 1, 0.1), Noting()
    for _ in range(2):
        record(env, policy, 0.05, tmp_path / "walk.mp4", size=(64, 48))
    assert policy.forgotten == [None, None]
    env.close()
