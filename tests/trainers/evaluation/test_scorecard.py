"""The scorecard: its parts, its goals, and the published policy's known numbers."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import List

import pytest
import torch

from humanoid_envs.tasks import preset
from tests.trainers.evaluation.scripted import FORWARD, STAND, TINY_SCORECARD, limp
from trainers.evaluation import NINE_COMMANDS
from trainers.evaluation.env import NOMINAL
from trainers.evaluation.goals import SHIPPING_GOAL, TRAINING_GOAL, Goal
from trainers.evaluation.intervals import Estimate
from trainers.evaluation.metrics import Metrics, PerAxis
from trainers.evaluation.pushes import PushConfig, PushResult
from trainers.evaluation.rollout import Command
from trainers.evaluation.scorecard import (
    CommandResult,
    Scorecard,
    ScorecardConfig,
    make_scorecard,
    missing,
)
from trainers.evaluation.step_response import StepConfig
from trainers.evaluation.terminal_tables import format_scorecard

pytest.importorskip("mujoco")

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = Path(os.environ.get("POLICY_EXAMPLE", ROOT / "../shared/reference/policy_example.pt"))

LEFT, TURN = (0.0, 0.3, 0.0), (0.0, 0.0, 0.3)


def exactly(value: float | None) -> Estimate:
    return Estimate(value, value, value, 10)


def metrics(
    velocity: Command, survived: float = 1.0, torque: float = 12.0, drift: float | None = None
) -> Metrics:
    """Of a policy that walks so."""
    axes = PerAxis(*(exactly(value) for value in velocity))
    values: dict = {
        field.name: axes if "error" in field.name else exactly(0.0) for field in dataclasses.fields(Metrics)
    }
    values.update(velocity=axes, survived=exactly(survived), torque=exactly(torque), drift=exactly(drift))
    return Metrics(**values)


def lacks(goal: Goal, *results: Metrics, pushed: float = 1.0) -> int:
    """How much is missing for a policy that does so on (0.4, 0, 0) and standing."""
    commands = [
        CommandResult(command, False, result, True, True)
        for command, result in zip((FORWARD, STAND), results)
    ]
    pushes = PushResult(1.0, 2.0, exactly(pushed), exactly(1.5), ())
    return len(missing(goal, commands, results[1], pushes))


def test_goals() -> None:
    still = metrics(STAND, drift=0.005)
    good, slow = metrics(FORWARD), metrics((0.37, 0.0, 0.0))
    assert lacks(TRAINING_GOAL, good, still) == lacks(SHIPPING_GOAL, good, still) == 0
    assert lacks(TRAINING_GOAL, slow, still) == 0
    assert lacks(SHIPPING_GOAL, slow, still) == 1
    assert lacks(TRAINING_GOAL, metrics(FORWARD, survived=0.98), still) == 1
    for worse in (metrics(STAND, drift=0.02), metrics(STAND, drift=0.005, torque=13.1), metrics(STAND)):
        assert lacks(TRAINING_GOAL, good, worse) == 0
        assert lacks(SHIPPING_GOAL, good, worse) == 1  # an unknown drift is none that is small enough
    assert lacks(SHIPPING_GOAL, good, still, pushed=0.98) == 1
    assert lacks(SHIPPING_GOAL, slow, metrics(STAND, drift=0.02, torque=14.0), pushed=0.5) == 4


@pytest.fixture(scope="module")
def limps() -> Scorecard:
    """Of robots that tip over within seconds."""
    config = dataclasses.replace(TINY_SCORECARD, seconds=5.0)
    steps: List[int] = []
    card = make_scorecard(limp, preset("fast"), config=config, progress=steps.append)
    assert sum(steps) == config.env_steps(preset("fast"))
    return card


def test_a_limp_policy_reaches_nothing(limps: Scorecard) -> None:
    assert [(result.command, result.beyond) for result in limps.commands] == [
        (FORWARD, False),
        (STAND, False),
        ((1.0, 0.0, 0.0), True),
    ]
    assert [result.metrics.survived.samples for result in limps.commands] == [2, 2, 1]
    assert limps.overall.survived == Estimate(0.0, 0.0, limps.overall.survived.high, 4)
    assert not any(result.training_goal or result.shipping_goal for result in limps.commands)
    assert len(limps.training_goal) == 2
    assert [cycle.command for cycle in limps.cycles] == [FORWARD, STAND]
    assert limps.overall.torque.value is not None  # until they fell
    assert limps.overall.drift.value is None


def test_table(limps: Scorecard) -> None:
    text = format_scorecard(limps)
    rows = text.splitlines()
    assert rows[2].split()[:3] == ["0.40", "0.00", "0.00"]
    assert "0/2" in rows[2]
    assert "beyond" in rows[4]
    assert "Training goal: not reached" in rows
    assert "  drift when told to stand, m/s  –" in rows


@pytest.fixture(scope="module")
def published() -> Scorecard:
    """The Humanoid-Gym release's policy on robots as the model has them."""
    if not PUBLISHED.is_file():
        pytest.skip(f"the release's policy is not at $POLICY_EXAMPLE ({PUBLISHED})")
    config = ScorecardConfig(
        beyond=(),
        rollouts=1,
        seconds=10.0,
        randomization=NOMINAL,
        pushes=PushConfig(directions=2, commands=(FORWARD,), repeats=1, rounds=1),
        steps=StepConfig(steps=((STAND, (0.0, 0.0, 0.5)),), robots=1),
    )
    return make_scorecard(torch.jit.load(str(PUBLISHED)).eval(), preset("v0"), config=config)


def test_the_published_policys_numbers(published: Scorecard) -> None:
    """Reference: its means on a model built from the published figures, in another implementation."""
    assert [result.command for result in published.commands] == list(NINE_COMMANDS)
    assert published.overall.survived.value == 1.0
    found = {
        result.command: [axis.value for axis in vars(result.metrics.velocity).values()]
        for result in published.commands
    }
    assert found[FORWARD] == pytest.approx((0.384, -0.036, -0.028), abs=0.03)
    assert found[LEFT] == pytest.approx((0.093, 0.093, -0.032), abs=0.03)
    assert found[TURN] == pytest.approx((0.113, -0.051, 0.248), abs=0.04)
    by_command = {result.command: result for result in published.commands}
    drift = by_command[STAND].metrics.drift.value
    assert drift is not None
    assert 0.05 < drift < 0.15  # it creeps when told to stand
    assert not by_command[LEFT].training_goal
    assert 12.0 < (published.overall.torque.value or 0.0) < 17.0
    assert any("drift" in lack for lack in published.shipping_goal)


def test_the_published_policy_walks_as_robots_do(published: Scorecard) -> None:
    """Plausible bounds of what has no reference."""
    m = published.overall
    assert 0.3 < (m.cost_of_transport.value or 0.0) < 1.5
    assert 0.85 < (m.schedule.value or 0.0) < 1.0
    assert 0.01 < (m.slip.value or 0.0) < 0.2
    assert 0.005 < (m.action_rate.value or 0.0) < 0.1
    assert (m.saturation.value or 0.0) < 0.01
    assert (m.rms_error.vy.value or 0.0) > 0.03  # it sways
    assert (m.cycle_rms_error.yaw_rate.value or 0.0) < (m.rms_error.yaw_rate.value or 0.0)
    for cycle in published.cycles:
        contact = torch.tensor(cycle.contact)
        assert 0.45 < contact.mean() < 0.7
        knees = torch.tensor(cycle.joint_pos)[:, [3, 9]]
        assert (knees.amax(dim=0) - knees.amin(dim=0)).min() > 0.2  # they bend in the swing
    (turn,) = published.step_responses
    assert turn.survived == 1
    assert abs(turn.cycle_velocity[0][2]) < 0.1
    assert 0.3 < turn.cycle_velocity[300][2] < 0.5
