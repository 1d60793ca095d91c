"""Step responses: how the walk follows a new command."""

from __future__ import annotations

from typing import Any, Dict, Sequence

from trainers.evaluation.report.charts import Panel, curve, set_up
from trainers.evaluation.report.figure import Figure, Key
from trainers.evaluation.report.quantities import AXIS_UNITS, tick_label, words

_NAMES = ("forward", "left", "turn")


def response_figure(responses: Sequence[Dict[str, Any]], cycle: float, name: str) -> Figure:
    """A panel for each change of command. cycle: duration of a gait cycle, s."""
    robots = responses[0]["robots"]
    return Figure(
        name=name,
        title="Velocity after a new command",
        caption="At time 0 the command jumps; above each panel stand the time in which the velocity, "
        "averaged over a gait cycle, covers 90 % of the change, and how far it then goes over, in percent of "
        f"the change: means over the robots that did not fall, of {robots}, too few for an interval.",
        panels=tuple(_panel(response, cycle) for response in responses),
        legend=(
            Key("black dashed", "command"),
            Key("first line", "velocity averaged over a gait cycle"),
            Key("first thin", "velocity at each instant"),
        ),
    )  # fmt: skip


def _panel(response: Dict[str, Any], cycle: float) -> Panel:
    before, after, time = response["before"], response["after"], response["time"]
    axis = max(range(3), key=lambda i: abs(after[i] - before[i]))
    instant, mean = ([row[axis] for row in response[kind]] for kind in ("velocity", "cycle_velocity"))
    commanded = ((time[0], before[axis]), (0.0, before[axis]), (0.0, after[axis]), (time[-1], after[axis]))
    # Towards the end the average is over less than a cycle, and shows the sway.
    whole = [(t, value) for t, value in zip(time, mean) if t <= time[-1] - 0.5 * cycle]

    def draw(axes: Any) -> None:
        curve(axes, zip(time, instant), "first thin")
        curve(axes, commanded, "black dashed")
        curve(axes, whole, "first line")
        axes.set_xlim(time[0], time[-1])
        set_up(axes, "time since the change, s", AXIS_UNITS[axis], _verdict(response))

    return Panel(_title(before, after, axis), draw)


def _title(before: Sequence[float], after: Sequence[float], axis: int) -> str:
    """The change, and what else is commanded meanwhile."""
    change = f"{tick_label(before[axis])} → {tick_label(after[axis])} {AXIS_UNITS[axis]}"
    rest = [0.0 if i == axis else value for i, value in enumerate(after)]
    return f"{_NAMES[axis]} {change}" + (f", at {words(rest)} m/s" if any(rest) else "")


def _verdict(response: Dict[str, Any]) -> str:
    fallen = response["robots"] - response["survived"]
    falls = f", {fallen} of {response['robots']} fell" if fallen else ""
    if response["overshoot"] is None:
        return f"not measured{falls}"
    rise = response["rise_time"]
    reached = "90 % not reached" if rise is None else f"90 % after {rise:.2f} s"
    return f"{reached}, {100 * response['overshoot']:.0f} % over{falls}"
