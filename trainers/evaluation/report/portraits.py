"""Phase portraits: what a joint does in a gait cycle, as a loop of angle and angular velocity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Sequence, Tuple

from trainers.evaluation.report.charts import Panel, curve, set_up
from trainers.evaluation.report.figure import Figure, Key
from trainers.evaluation.report.quantities import plain, words
from trainers.evaluation.report.style import SERIES

Curve = Sequence[Tuple[float, float]]
"""Joint angle (rad) and velocity (rad/s), point by point."""

_SIDES = ("left_", "right_")


@dataclass(frozen=True)
class Loop:
    """One joint over a gait cycle."""

    color: str
    mean: Curve
    """Mean cycle, from the start of the clock's cycle on."""
    recorded: Curve = ()
    """One robot's last cycles."""


def portrait(title: str, loops: Sequence[Loop]) -> Panel:
    """All loops on the same axes."""

    def draw(axes: Any) -> None:
        for loop in loops:
            curve(axes, loop.recorded, f"{loop.color} thin")
        for loop in loops:
            curve(axes, [*loop.mean, loop.mean[0]], f"{loop.color} line")
            curve(axes, loop.mean[:1], f"{loop.color} dot")
        set_up(axes, "angle, rad", "velocity, rad/s")

    return Panel(title, draw, height=230.0)


def gait_portraits(cycle: Dict[str, Any], joints: Sequence[str], name: str) -> Figure:
    """Every joint of one command, left and right in one panel."""
    panels = []
    for title, indices in _pairs(joints):
        loops = [
            Loop(SERIES[side], _curve(cycle, "joint", joint), _curve(cycle, "recorded", joint))
            for side, joint in enumerate(indices)
        ]
        panels.append(portrait(title, loops))
    return Figure(
        name=name,
        title=f"Phase portraits: {words(cycle['command'])}",
        caption="Each loop is one joint over a gait cycle, angle against angular velocity: thick the mean "
        "over all robots and cycles, thin the last two cycles of one robot, the dot where the gait clock "
        "starts; thin lines near the thick one mean a regular gait, and left and right loops of the same or "
        "mirrored shape a symmetric one.",
        panels=tuple(panels),
        legend=(Key("first line", "left"), Key("second line", "right")),
    )  # fmt: skip


def simulator_portraits(walks: Sequence[Dict[str, Any]], index: int, name: str) -> Figure:
    """The same command on several simulators, the joints of one leg."""
    walks = walks[: len(SERIES)]
    joints = walks[0]["joints"]
    cycles = [walk["commands"][index]["cycle"] for walk in walks]
    panels = [
        portrait(
            plain(joints[indices[0]]),
            [Loop(color, _curve(cycle, "joint", indices[0])) for color, cycle in zip(SERIES, cycles)],
        )
        for _, indices in _pairs(joints)
    ]
    return Figure(
        name=name,
        title=f"Phase portraits on each simulator: {words(cycles[0]['command'])}",
        caption="Mean gait cycles of the same policy, angle against angular velocity; where the simulators "
        "agree, the loops lie on each other.",
        panels=tuple(panels),
        legend=tuple(Key(f"{color} line", walk["simulator"]) for color, walk in zip(SERIES, walks)),
    )  # fmt: skip


def _pairs(joints: Sequence[str]) -> List[Tuple[str, List[int]]]:
    """Joints of both sides under their common name, in order."""
    pairs: Dict[str, List[int]] = {}
    for index, joint in enumerate(joints):
        side = next((side for side in _SIDES if joint.startswith(side)), "")
        pairs.setdefault(plain(joint[len(side) :]), []).append(index)
    return list(pairs.items())


def _curve(cycle: Dict[str, Any], kind: str, joint: int) -> Curve:
    rows = zip(cycle[f"{kind}_pos"], cycle[f"{kind}_vel"])
    return [(pos[joint], vel[joint]) for pos, vel in rows]
