"""The simulator gap's section: how far simulators differ for the same policy."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Union

from markupsafe import Markup

from trainers.evaluation.report.charts import Series, rows
from trainers.evaluation.report.figure import Figure, Key
from trainers.evaluation.report.portraits import simulator_portraits
from trainers.evaluation.report.quantities import Interval, decimal, interval, out_of, plain
from trainers.evaluation.report.section import Section
from trainers.evaluation.report.style import SERIES
from trainers.evaluation.report.templates import blocks


def gap_section(gap: Dict[str, Any]) -> Section:
    """Walks, gaps and joints."""
    config, walks = gap["config"], gap["walks"]
    parts: List[Union[Figure, Markup]] = [_walks_table(walks), _gaps_table(gap)]
    if gap["gaps"]:
        parts.append(_joint_figure(gap))
        moving = _first_common(walks)
        if moving is not None:
            parts.append(simulator_portraits(walks, moving, "gap-portraits"))
    return Section(
        title="Simulator gap",
        introduction="A policy that lives by one simulator's peculiarities walks differently in another. "
        f"Here {config['rollouts']} robots for each command walk {config['seconds']:g} s in every simulator, "
        "all as the model has them and with the same starts; everything is compared with "
        f"{walks[0]['simulator']}.",
        blocks=tuple(parts),
    )  # fmt: skip


def _walks_table(walks: Sequence[Dict[str, Any]]) -> Markup:
    lines = [
        [
            walk["simulator"],
            f"{sum(command['met'] for command in walk['commands'])} of {len(walk['commands'])}",
            out_of(overall["survived"]),
            interval(overall["torque"]).html(2),
        ]
        for walk, overall in ((walk, walk["overall"]) for walk in walks)
    ]
    head = ("simulator", "commands that meet the training goal", "upright at the end", "mean torque, N·m")
    caption = (
        "A simulator's name is its engine, stepped by 1 ms; after a colon the stepping of a training preset."
    )
    return blocks().table("The same policy in each simulator", head, lines, caption)


def _gaps_table(gap: Dict[str, Any]) -> Markup:
    def line(name: str, g: Dict[str, Any]) -> List[str]:
        velocity = (decimal(value, 3) for value in g["velocity"])
        contact = None if g["contact_time"] is None else 1e3 * g["contact_time"]
        return [
            name,
            decimal(g["portrait"], 3),
            decimal(g["torque"], 2),
            *velocity,
            decimal(contact, 1),
        ]

    lines = [line(g["second"], g) for g in gap["gaps"]]
    lines.append(line(f"{gap['floor']['first']}, another seed", gap["floor"]))
    head = (
        "compared with",
        "portrait distance",
        "torque, N·m",
        "vx, m/s",
        "vy, m/s",
        "ωz, rad/s",
        "contact, ms",
    )
    caption = (
        "Differences over a gait cycle: of the joints' phase portraits (0: the same motion, about 1.4: "
        "unrelated), of torques and mean velocities, and the time for which a foot is on the ground in one "
        "simulator alone; the last row is the first simulator against itself, so what is not clearly larger "
        "means nothing."
    )
    return blocks().table("The gap", head, lines, caption)


def _joint_figure(gap: Dict[str, Any]) -> Figure:
    compared = [(g["second"], g) for g in gap["gaps"]][: len(SERIES) - 1]
    compared.append(("another seed", gap["floor"]))
    styles = [*(f"{color} dot" for color in SERIES[1 : len(compared)]), "gray ring"]
    joints = max((g["joints"] for _, g in compared), key=len)

    def panel(title: str, key: str, unit: str) -> Any:
        series = [
            Series(style, [Interval(joint[key]) for joint in g["joints"]] or [Interval(None)] * len(joints))
            for style, (_, g) in zip(styles, compared)
        ]
        return rows(title, [plain(joint["joint"]) for joint in joints], series, x_label=unit)

    return Figure(
        name="gap-joints",
        title="The gap, joint by joint",
        caption="Where the dots lie clearly to the right of the gray rings, the joint moves or works "
        "differently in that simulator.",
        panels=(
            panel("Portrait distance", "portrait", ""),
            panel("Difference in angle", "position", "rad"),
            panel("Difference in torque", "torque", "N·m"),
        ),
        legend=tuple(Key(style, name) for style, (name, _) in zip(styles, compared)),
    )  # fmt: skip


def _first_common(walks: Sequence[Dict[str, Any]]) -> Union[int, None]:
    """Index of the first command that every simulator walked, if they have the same commands."""
    for index, command in enumerate(walks[0]["commands"]):
        others = [walk["commands"][index : index + 1] for walk in walks]
        if all(
            other and other[0]["command"] == command["command"] and None not in other[0]["mean_velocity"]
            for other in others
        ):
            return index
    return None
