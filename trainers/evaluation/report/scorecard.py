"""The scorecard's section: commands, pushes, step responses and gait of one policy on one simulator."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple, Union

from markupsafe import Markup

from trainers.evaluation.report.charts import Series, rows
from trainers.evaluation.report.figure import Figure, Key
from trainers.evaluation.report.portraits import gait_portraits
from trainers.evaluation.report.published import (
    ON_ITS_MODEL,
    ON_SIMPLE_MODEL,
    PublishedWalk,
    published_walk,
)
from trainers.evaluation.report.pushes import push_figure, push_table
from trainers.evaluation.report.quantities import (
    AXIS_NAMES,
    AXIS_UNITS,
    Interval,
    count,
    decimal,
    interval,
    out_of,
    per_axis,
    percent,
    slug,
    words,
)
from trainers.evaluation.report.responses import response_figure
from trainers.evaluation.report.section import Section, Tile
from trainers.evaluation.report.templates import blocks

_MEASURES = (
    # name, key, unit, digits, factor, meaning
    ("walks without a fall", "survived", "%", 1, 100.0, "share of walks that end upright"),
    ("drift when told to stand", "drift", "m/s", 4, 1.0, "distance from start to end over the time"),
    ("mean torque", "torque", "N·m", 2, 1.0, "magnitude, over joints and time: how hard the motors work"),
    ("torque at its limit", "saturation", "%", 3, 100.0, "share of time in which a motor gives all it may"),
    ("mechanical power", "power", "W", 1, 1.0, "of all joints together, braking counted as well"),
    ("cost of transport", "cost_of_transport", "", 3, 1.0, "power over weight and speed"),
    ("action rate", "action_rate", "rad per step", 4, 1.0, "how much a joint's target jumps every 10 ms"),
    ("foot slip", "slip", "m/s", 3, 1.0, "horizontal speed of a foot on the ground"),
    (
        "contacts as the clock wants",
        "schedule",
        "%",
        1,
        100.0,
        "share of time a foot stands or swings as due",
    ),
)
_ERRORS = (
    ("mean velocity error", "error", "signed, so that sway cancels: read tracking from here"),
    ("magnitude of the error", "cycle_abs_error", "of the velocity averaged over each gait cycle"),
    ("magnitude at each instant", "abs_error", "mostly the sway of walking, not bad tracking"),
)
_GOALS = (("training goal", "training_goal"), ("shipping goal", "shipping_goal"))


def scorecard_section(card: Dict[str, Any], contract: Dict[str, Any]) -> Section:
    """Everything about a scorecard. contract: the policy's."""
    where, config, key = card["simulator"], card["config"], slug(card["simulator"])
    robots = config["randomization"]
    return Section(
        title=f"Scorecard in {where}",
        introduction=f"Each command is walked by {config['rollouts']} robots for {config['seconds']:g} s, of "
        f"which the first {config['start_up']:g} s count only for falls. No two robots are alike: friction "
        f"of the soles {_between(robots['foot_friction'])}, {_between(robots['added_mass'])} kg on the "
        f"trunk, gains of each joint within ±{100 * robots['gains']:g} % of the robot's.",
        blocks=(
            _velocity_figure(card, f"velocity-{key}"),
            _command_table(card),
            _measure_table(card["overall"]),
            *_missing(card),
            response_figure(card["step_responses"], contract["clock_period"], f"steps-{key}"),
            push_figure(card["pushes"], f"pushes-{key}"),
            blocks().folded("The pushes in numbers", push_table(card["pushes"])),
            *_portraits(card, contract["joint_names"], f"portraits-{key}"),
        ),
    )


def scorecard_tiles(card: Dict[str, Any]) -> List[Tile]:
    """The few numbers to know first."""
    overall, pushes = card["overall"], card["pushes"]
    limit, largest = interval(pushes["limit"]), pushes["largest"]
    tiles = [
        Tile("walks without a fall", percent(overall["survived"]).html(1, "%"), count(overall["survived"])),
        *_worst_error(card),
        Tile("strongest push", limit.html(2, "m/s"), f"survived: mean over sides, {largest:g} at most"),
        Tile("mean torque", interval(overall["torque"]).html(2, "N·m"), "magnitude, all joints and commands"),
    ]
    for name, key in _GOALS:
        remark = f"{len(card[key])} missing, see below" if card[key] else "every point"
        tiles.append(Tile(name, blocks().verdict(not card[key], "reached", "not reached"), remark))
    return tiles


def _worst_error(card: Dict[str, Any]) -> List[Tile]:
    """That of all commands and directions; nothing if no robot walked."""
    errors = [
        (estimate, axis, words(result["command"]))
        for result in card["commands"]
        for axis, estimate in enumerate(per_axis(result["metrics"]["error"]))
        if not result["beyond"] and estimate.value is not None
    ]
    if not errors:
        return []
    worst, axis, command = max(errors, key=lambda error: abs(error[0].value or 0.0))
    remark = f"{AXIS_NAMES[axis]}, command “{command}”"
    return [Tile("largest mean velocity error", worst.html(3, AXIS_UNITS[axis]), remark)]


def _velocity_figure(card: Dict[str, Any], name: str) -> Figure:
    commands = card["commands"]
    names = [words(result["command"]) for result in commands]
    panels = []
    for axis, title in enumerate(AXIS_NAMES):
        theirs, on_simple = (_published(walks, commands, axis) for walks in (ON_ITS_MODEL, ON_SIMPLE_MODEL))
        own = [per_axis(result["metrics"]["velocity"])[axis] for result in commands]
        series = (
            Series("second ring", theirs),
            Series("fourth square", on_simple),
            Series("first dot", own),
        )
        commanded = [result["command"][axis] for result in commands]
        panels.append(
            rows(title[0].upper() + title[1:], names, series, x_label=AXIS_UNITS[axis], marks=commanded)
        )
    beyond = any(result["beyond"] for result in commands)
    faster = "; the last rows are commands beyond the range of the release's training" if beyond else ""
    return Figure(
        name=name,
        title="Commanded and walked velocity",
        caption="Each row is a command, in m/s and for turns in rad/s; a good policy's dots lie on the "
        f"bars in all three directions, and an interval that does not show is narrower than its dot{faster}.",
        panels=tuple(panels),
        legend=(
            Key("black bar", "command"),
            Key("first dot", "this policy: mean velocity and its 95 % interval"),
            Key("second ring", "published policy, on its authors' model of the robot"),
            Key("fourth square", "published policy, on a model like this one"),
        ),
    )  # fmt: skip


def _published(
    walks: Tuple[PublishedWalk, ...], commands: Sequence[Dict[str, Any]], axis: int
) -> List[Interval]:
    found = [published_walk(walks, tuple(result["command"])) for result in commands]
    return [Interval(None if walk is None else walk.velocity[axis]) for walk in found]


def _command_table(card: Dict[str, Any]) -> Markup:
    lines = []
    for result in card["commands"]:
        m, walk = result["metrics"], published_walk(ON_ITS_MODEL, tuple(result["command"]))
        met = ("beyond" if result["beyond"] else blocks().verdict(result[key]) for _, key in _GOALS)
        theirs = ("–", "–")
        if walk is not None:
            velocity = ", ".join(decimal(value, 3) for value in walk.velocity)
            theirs = (Markup('<span class="one-line">{}</span>').format(velocity), decimal(walk.torque, 1))
        lines.append(
            (
                words(result["command"]),
                *(axis.html(3) for axis in per_axis(m["velocity"])),
                out_of(m["survived"]),
                interval(m["torque"]).html(2),
                interval(m["cost_of_transport"]).html(2),
                *met,
                *theirs,
            )
        )
    head = (
        "command, m/s, rad/s", "vx, m/s", "vy, m/s", "ωz, rad/s", "upright at the end", "torque, N·m",
        "cost of transport", "training goal", "shipping goal", "published: vx, vy, ωz", "published: torque",
    )  # fmt: skip
    caption = (
        "Mean velocities forward, to the left and in yaw, each with its 95 % interval; a goal is met (✓) "
        "when no robot falls and every mean velocity is within 10 % of the command or 0.03 (training), 5 % "
        "or 0.02 (shipping); the published policy's are means of 5 walks of equal robots, which never fell."
    )
    return blocks().table("Commands in numbers", head, lines, caption, stacked=True)


def _measure_table(overall: Dict[str, Any]) -> Markup:
    lines = [
        [name, interval(overall[key]).times(factor).html(digits, unit), meaning]
        for name, key, unit, digits, factor, meaning in _MEASURES
    ]
    for name, key, meaning in _ERRORS:
        axes = (error.html(3, unit) for error, unit in zip(per_axis(overall[key]), AXIS_UNITS))
        lines.append([Markup("{}:<br>forward, left, yaw").format(name), Markup("<br>").join(axes), meaning])
    caption = "Means over the commands that have goals, each counting the same, with 95 % intervals."
    return blocks().table("All commands together", ("measure", "value", "what it is"), lines, caption)


def _missing(card: Dict[str, Any]) -> List[Markup]:
    """What a policy lacks to each goal that it does not reach."""
    lists = ((name, card[key]) for name, key in _GOALS if card[key])
    return [blocks().folded(f"What is missing to the {name}", blocks().items(lacks)) for name, lacks in lists]


def _portraits(card: Dict[str, Any], joints: Sequence[str], name: str) -> List[Union[Figure, Markup]]:
    """Of all commands with which robots walked: the first one open, the others folded."""
    velocities = {tuple(r["command"]): per_axis(r["metrics"]["velocity"])[0].value for r in card["commands"]}
    figures = [
        gait_portraits(cycle, joints, name)
        for cycle in card["cycles"]
        if velocities[tuple(cycle["command"])] is not None
    ]
    others = Markup("").join(figure.html() for figure in figures[1:])
    return [
        *figures[:1],
        *([blocks().folded("Phase portraits of the other commands", others)] if others else []),
    ]


def _between(bounds: Sequence[float]) -> str:
    return f"{decimal(bounds[0], 1)} to {decimal(bounds[1], 1)}"
