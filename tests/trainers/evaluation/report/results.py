"""A result made by hand, as `read_result` returns it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Dict, Optional

import torch

from tests.trainers.evaluation.test_gap import PERIOD, walk
from tests.trainers.evaluation.test_result_file import INFO
from trainers.evaluation.gap import GapConfig, GapReport, gap_between
from trainers.evaluation.intervals import Estimate
from trainers.evaluation.metrics import Metrics, RolloutTable
from trainers.evaluation.pushes import PushDirection, PushResult
from trainers.evaluation.result_file import Result, read_result, write_result
from trainers.evaluation.rollout import Command
from trainers.evaluation.scorecard import CommandResult, Scorecard, ScorecardConfig
from trainers.evaluation.step_response import StepResponse
from trainers.evaluation.tour import PunchGroup, Tour, TourConfig, Track

FORWARD, LEFT, FAST = (0.4, 0.0, 0.0), (0.0, 0.3, 0.0), (1.0, 0.0, 0.0)
SHARE, NOTHING = Estimate(0.75, 0.3, 0.95, 4), Estimate(None, None, None, 0)


def metrics(command: Command, fallen: bool = False) -> Metrics:
    """Four rollouts a little too fast; all numbers are missing if the robots fell at once."""
    spread = torch.tensor([0.00, 0.01, 0.02, 0.03])
    velocity = torch.tensor(command) + spread[:, None]
    numbers = torch.full((4,), math.nan) if fallen else spread
    values = dict.fromkeys(RolloutTable.__dataclass_fields__, numbers)
    axes = {"velocity": velocity, "error": velocity - torch.tensor(command)}
    for name in ("abs_error", "rms_error", "cycle_abs_error", "cycle_rms_error"):
        axes[name] = axes["error"].abs()
    if fallen:
        axes = {name: torch.full((4, 3), math.nan) for name in axes}
    survived = torch.tensor([not fallen, not fallen, not fallen, False])
    return RolloutTable(**{**values, **axes, "survived": survived}).summarize(slice(0, 4))


def scorecard(fallen: bool = False) -> Scorecard:
    time = tuple(0.1 * i - 1.0 for i in range(30))
    speed = math.nan if fallen else 0.3
    response = StepResponse(
        before=(0.0, 0.0, 0.0),
        after=(0.5, 0.0, 0.0),
        survived=0 if fallen else 4,
        robots=4,
        time=time,
        velocity=tuple((speed, 0.0, 0.0) for _ in time),
        cycle_velocity=tuple((speed, 0.0, 0.0) for _ in time),
        rise_time=None if fallen else 0.45,
        overshoot=None if fallen else 0.15,
    )
    limits = [NOTHING if fallen else Estimate(0.5 + 0.1 * i, 0.4, 0.9 + 0.1 * i, 18) for i in range(8)]
    directions = tuple(PushDirection(0.25 * math.pi * i, SHARE, limit) for i, limit in enumerate(limits))
    return Scorecard(
        simulator="mujoco:fast",
        config=ScorecardConfig(),
        commands=tuple(
            CommandResult(command, command == FAST, metrics(command, fallen), not fallen, False)
            for command in (FORWARD, LEFT, FAST)
        ),
        overall=metrics(FORWARD, fallen),
        pushes=PushResult(1.0, 2.0, SHARE, limits[0], directions),
        step_responses=(response,),
        cycles=(walk("any").commands[0].cycle,),
        training_goal=(),
        shipping_goal=("mean |torque|, N·m: 13.2 instead of at most 13.0",),
        wall_seconds=1.0,
        cpu_seconds=1.0,
    )


def tour(fell: bool = False) -> Tour:
    config = TourConfig(legs=((1.0, 0.0, 0.0), (0.0, 1.0, 0.5 * math.pi)), runs=2)
    track = Track(((0.0, 0.0), (0.9, 0.1)), ((0.5, 0.0, 300.0), (math.nan, math.nan, 10.0)), fell)
    error = NOTHING if fell else Estimate(0.1, 0.05, 0.15, 2)
    group = PunchGroup("link of left_knee_joint", (0.0, 600.0), SHARE)
    return Tour(
        simulator="mujoco",
        config=config,
        waypoints=config.waypoints(),
        completed=SHARE,
        survived=SHARE,
        position_error=error,
        yaw_error=error,
        position_error_at=(error, error),
        energy=error,
        by_strength=(PunchGroup("0–600 N", (0.0, 600.0), SHARE),),
        by_link=(group,),
        tracks=(track, track),
        wall_seconds=1.0,
        cpu_seconds=1.0,
    )


def gap() -> GapReport:
    a, b = walk("mujoco"), walk("isaacgym", shift=0.1)
    return GapReport(GapConfig(), (a, b), (gap_between(a, b, PERIOD),), gap_between(a, a, PERIOD))


def made(folder: Path, result: Optional[Result] = None) -> Dict[str, Any]:
    """Through the file that examples/sim2sim.py writes; by default with everything in it."""
    write_result(
        folder / "result.json", result or Result(INFO, scorecards=(scorecard(),), tours=(tour(),), gap=gap())
    )
    return read_result(folder / "result.json")
