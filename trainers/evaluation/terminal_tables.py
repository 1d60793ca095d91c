"""Results as tables for the terminal: plain lines, the same in a pipe.

Not by rich: its columns read no better, its lines end in blanks, an interval's brackets may be taken for
markup, and the notes between rows would be lines of our own still.
"""

from __future__ import annotations

import math
from typing import List, Optional, Sequence

from trainers.evaluation.gap import Gap, GapReport
from trainers.evaluation.intervals import Estimate
from trainers.evaluation.metrics import Metrics, PerAxis
from trainers.evaluation.pushes import PushResult
from trainers.evaluation.rollout import Command
from trainers.evaluation.scorecard import CommandResult, Scorecard
from trainers.evaluation.step_response import StepResponse
from trainers.evaluation.task_score import TaskScore
from trainers.evaluation.tour import Tour


def format_scorecard(card: Scorecard) -> str:
    """The scorecard on one simulator."""
    lines = [
        f"Scorecard on {card.simulator}: {card.config.rollouts} rollouts of {card.config.seconds:g} s a "
        f"command ({card.wall_seconds:.0f} s, {card.cpu_seconds:.0f} CPU s)",
        "  command vx, vy, ωz     mean vx, vy, ωz           goals  survived   mean |τ|  transport",
        *(_command_row(result) for result in card.commands),
        *_reason(card),
        "  goals: T training (10 % or 0.03), S shipping (5 % or 0.02); beyond: commands past the release's",
        "",
        "Over the commands that are not beyond, with 95 % intervals",
        *_metric_rows(card.overall),
        "",
        *_push_rows(card.pushes),
        "",
        "Step responses, averaged over gait cycles",
        *(_response_row(response) for response in card.step_responses),
        "",
        *_goal_rows("Training goal", card.training_goal),
        *_goal_rows("Shipping goal", card.shipping_goal),
    ]
    return "\n".join(lines)


def format_task_score(score: TaskScore) -> str:
    """A table for the terminal."""
    rows = [
        ("survived", score.survived, ""),
        *(
            (f"error of {label}", error, unit)
            for label, error, unit in zip(score.labels, score.errors, score.units)
        ),
        ("reward per second", score.reward, ""),
        ("mean torque", score.torque, "N·m"),
    ]
    return "\n".join(
        [
            f"The task's own score on {score.simulator}: {score.config.robots} robots for "
            f"{score.config.seconds:g} s",
            *(f"  {name:24s} {_formatted(value, '.3g')} {unit}".rstrip() for name, value, unit in rows),
        ]
    )


def format_tour(tour: Tour) -> str:
    """The tour on one simulator."""
    degrees = _scaled(tour.yaw_error, 180.0 / math.pi)
    lines = [
        f"Tour on {tour.simulator}: {tour.config.runs} runs of {tour.config.seconds:g} s, "
        f"{len(tour.waypoints)} waypoints, punches up to {tour.config.punch[1]:g} N "
        f"({tour.wall_seconds:.0f} s, {tour.cpu_seconds:.0f} CPU s)",
        f"  completed            {_with_interval(tour.completed, 3)}",
        f"  without a fall       {_with_interval(tour.survived, 3)}",
        f"  position error, m    {_with_interval(tour.position_error, 3)}",
        f"  yaw error, degrees   {_with_interval(degrees, 2)}",
        f"  energy of a tour, J  {_with_interval(tour.energy, 0)}",
        "  punches survived",
        *(f"    {group.name:30s} {_with_interval(group.survived, 3)}" for group in tour.by_strength),
        *(f"    {group.name:30s} {_with_interval(group.survived, 3)}" for group in tour.by_link),
    ]
    return "\n".join(lines)


def format_gap(report: GapReport) -> str:
    """The gap between simulators."""
    lines = [
        f"Simulator gap: {report.config.rollouts} walks of {report.config.seconds:g} s a command",
        "  simulator            goals   survived   mean |τ|      time",
    ]
    for walk in report.walks:
        met = f"{sum(command.met for command in walk.commands)}/{len(walk.commands)}"
        survived, torque = _number(walk.overall.survived.value, 3), _number(walk.overall.torque.value, 2)
        lines.append(
            f"  {walk.simulator:20s} {met:>5s} {survived:>10s} {torque:>10s} {walk.wall_seconds:7.0f} s"
        )
    lines += [
        "",
        "  from → to                              portrait   torque   Δvx    Δvy    Δωz   contact, ms",
    ]
    lines += [_gap_row(report.floor, " (another seed)"), *(_gap_row(gap) for gap in report.gaps)]
    if report.gaps:
        lines += ["", "  portrait distance by joint  " + "  ".join(gap.second for gap in report.gaps)]
        for joints in zip(*(gap.joints for gap in report.gaps)):
            values = "  ".join(
                f"{joint.portrait:{len(gap.second)}.3f}" for joint, gap in zip(joints, report.gaps)
            )
            lines.append(f"    {joints[0].joint:26s}{values}")
    return "\n".join(lines)


def _reason(card: Scorecard) -> List[str]:
    """Why numbers are missing, if they are."""
    missing = any(axis.value is None for result in card.commands for axis in _axes(result.metrics.velocity))
    return ["  –: every robot fell before anything was measured"] if missing else []


def _command_row(result: CommandResult) -> str:
    m = result.metrics
    mean = " ".join(f"{_number(axis.value, 3):>7s}" for axis in _axes(m.velocity))
    goals = ("T" if result.training_goal else "-") + ("S" if result.shipping_goal else "-")
    survived = f"{round((m.survived.value or 0.0) * m.survived.samples)}/{m.survived.samples}"
    goals = "beyond" if result.beyond else goals
    numbers = f"{_number(m.torque.value, 2):>8s} {_number(m.cost_of_transport.value, 2):>9s}"
    return f"  {_command(result.command)}   {mean}   {goals:>6s} {survived:>9s}  {numbers}"


def _metric_rows(m: Metrics) -> List[str]:
    axes = (
        ("mean error", m.error),
        ("|error|", m.abs_error),
        ("RMS error", m.rms_error),
        ("|error| of gait cycles", m.cycle_abs_error),
        ("RMS error of gait cycles", m.cycle_rms_error),
    )
    scalars = (
        ("survived", m.survived, 3),
        ("drift when told to stand, m/s", m.drift, 4),
        ("mean |torque|, N·m", m.torque, 2),
        ("torque at its limit, share", m.saturation, 5),
        ("mechanical power, W", m.power, 1),
        ("cost of transport", m.cost_of_transport, 3),
        ("action rate, rad/step", m.action_rate, 4),
        ("foot slip, m/s", m.slip, 3),
        ("contacts as the clock wants", m.schedule, 3),
    )
    return [
        *(f"  {name:30s} {_with_interval(value, digits)}" for name, value, digits in scalars),
        f"  {'vx, vy (m/s), ωz (rad/s)':30s}",
        *(f"  {name:30s} {'  '.join(_with_interval(axis, 3) for axis in _axes(per))}" for name, per in axes),
    ]


def _push_rows(pushes: PushResult) -> List[str]:
    head = f"Pushes: survived at {pushes.strength:g} m/s; largest survived, at most {pushes.largest:g}"
    rows = [("all directions", pushes.survived, pushes.limit)]
    rows += [
        (f"{math.degrees(side.angle):.0f}° to the left", side.survived, side.limit)
        for side in pushes.directions
    ]
    numbers = ((name, _with_interval(share, 2), _with_interval(limit, 2)) for name, share, limit in rows)
    return [head, *(f"  {name:22s} {share:20s} {limit} m/s" for name, share, limit in numbers)]


def _response_row(response: StepResponse) -> str:
    fallen = response.robots - response.survived
    rise = "not reached" if response.rise_time is None else f"90 % after {response.rise_time:.2f} s"
    over = "" if response.overshoot is None else f", overshoot {100 * response.overshoot:.0f} %"
    falls = f", {fallen} of {response.robots} fell" if fallen else ""
    return f"  {_command(response.before)}  →  {_command(response.after)}:  {rise}{over}{falls}"


def _goal_rows(name: str, lacks: Sequence[str]) -> List[str]:
    return [f"{name}: {'not reached' if lacks else 'reached'}", *(f"  {lack}" for lack in lacks)]


def _gap_row(gap: Gap, remark: str = "") -> str:
    name = f"{gap.first} → {gap.second}{remark}"
    if math.isnan(gap.portrait):
        return f"  {name:38s} {'–':>8s}   on one of them every robot fell before anything was measured"
    velocity = " ".join(f"{value:6.3f}" for value in gap.velocity)
    return f"  {name:38s} {gap.portrait:8.3f} {gap.torque:8.2f} {velocity} {1e3 * gap.contact_time:8.1f}"


def _command(command: Command) -> str:
    return " ".join(f"{value:6.2f}" for value in command)


def _axes(per: PerAxis) -> Sequence[Estimate]:
    return (per.vx, per.vy, per.yaw_rate)


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    bounds = (estimate.value, estimate.low, estimate.high)
    value, low, high = (None if bound is None else factor * bound for bound in bounds)
    return Estimate(value, low, high, estimate.samples)


def _number(value: Optional[float], digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _with_interval(estimate: Estimate, digits: int) -> str:
    return _formatted(estimate, f".{digits}f")


def _formatted(estimate: Estimate, form: str) -> str:
    """form: a number's format."""
    if estimate.value is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:{form}}"
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"
