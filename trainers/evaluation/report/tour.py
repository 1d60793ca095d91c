"""The tour's section: a map, and what punches do."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Sequence, Tuple

from markupsafe import Markup
from matplotlib.patches import Circle

from trainers.evaluation.report.charts import Panel, Series, curve, rows, set_up
from trainers.evaluation.report.figure import Figure, Key
from trainers.evaluation.report.quantities import count, interval, percent, plain, slug
from trainers.evaluation.report.section import Section, Tile
from trainers.evaluation.report.style import COLORS, INK, PAPER, pen, tint
from trainers.evaluation.report.templates import blocks

_BORDER = 0.7
"""Around the course on the map, m."""
_LARGEST_PUNCH = 11.0
"""Diameter of the hardest punch on the map, pixels."""
_WIDTH = 680.0
"""Of the map, pixels."""


def tour_section(tour: Dict[str, Any]) -> Section:
    """Map, punches and numbers of a tour."""
    config, where = tour["config"], tour["simulator"]
    key = slug(where)
    hardest, seconds = config["punch"][1], config["leg_seconds"] * len(config["legs"])
    return Section(
        title=f"Tour in {where}",
        introduction=f"{config['runs']} robots that differ walk the same course for {seconds:g} s: every "
        f"{config['leg_seconds']:g} s the next waypoint is due, and on the way to each a punch of up to "
        f"{hardest:g} N hits a random part of the body from a random direction for "
        f"{1e3 * config['punch_seconds']:g} ms.",
        blocks=(_map(tour, f"tour-{key}"), _numbers(tour), _details(tour, f"punches-{key}")),
    )


def tour_tile(tour: Dict[str, Any]) -> Tile:
    """The number to know first."""
    completed = tour["completed"]
    return Tile("tours completed", percent(completed).html(1, "%"), f"{count(completed)}, with punches")


def _map(tour: Dict[str, Any], name: str) -> Figure:
    tracks, waypoints, reach = tour["tracks"], tour["waypoints"], tour["config"]["reach"]
    hardest = tour["config"]["punch"][1] or 1.0
    places = [(0.0, 0.0), *((x, y) for x, y, _ in waypoints)]
    places += [place for track in tracks for place in track["positions"]]
    x, y = (_range([place[axis] for place in places]) for axis in range(2))

    def draw(axes: Any) -> None:
        axes.set_aspect("equal")
        axes.set(xlim=x, ylim=y)
        set_up(axes, "x, m", "y, m")
        for track in tracks:
            curve(axes, track["positions"], "first thin")
        punches = [punch for track in tracks for punch in track["punches"] if None not in punch]
        sizes = [_LARGEST_PUNCH**2 * force / hardest for _, _, force in punches]
        color = pen("second disc")["color"]
        px, py = ([punch[axis] for punch in punches] for axis in range(2))
        axes.scatter(px, py, sizes, [tint(color, 0.28)], edgecolor=color, linewidth=0.8)
        curve(axes, [(0.0, 0.0), *((wx, wy) for wx, wy, _ in waypoints)], "black dashed")
        ends = [track["positions"][-1] for track in tracks if track["fell"] and track["positions"]]
        curve(axes, ends, "black cross")
        _draw_waypoints(axes, waypoints, reach)

    falls = sum(track["fell"] for track in tracks)
    return Figure(
        name=name,
        title=f"The way of {len(tracks)} robots, seen from above",
        caption=f"Numbers are waypoints with the direction to face there, and within the gray circles "
        f"({reach:g} m) a waypoint counts as reached; {falls or 'none'} of these {len(tracks)} robots fell.",
        panels=(Panel("", draw, _WIDTH, 70.0 + (_WIDTH - 50.0) * (y[1] - y[0]) / (x[1] - x[0])),),
        legend=(
            Key("black dashed", "course"),
            Key("first thin", "way of a robot"),
            Key("second disc", f"punch, by area up to {hardest:g} N"),
            Key("black cross", "fall"),
        ),
        columns=1,
        wide=True,
    )  # fmt: skip


def _draw_waypoints(axes: Any, waypoints: Sequence[Sequence[float]], reach: float) -> None:
    """A circle, a dot, a tick that shows the heading, and the numbers of all waypoints at that place."""
    at_place: Dict[Tuple[float, float], List[str]] = {}
    for number, (x, y, _) in enumerate(waypoints, start=1):
        at_place.setdefault((round(x, 2), round(y, 2)), []).append(str(number))
        axes.add_patch(Circle((x, y), reach, fill=False, edgecolor=COLORS["grid"][0]))
    x, y, yaw = zip(*waypoints)
    inches = {"units": "inches", "scale_units": "inches", "scale": 72.0 / 13.0, "width": 2.0 / 72.0}
    heading = [[turn(angle) for angle in yaw] for turn in (math.cos, math.sin)]
    axes.quiver(x, y, *heading, headwidth=0, headlength=0, headaxislength=0, color=INK, zorder=3, **inches)
    curve(axes, [(x, y) for x, y, _ in waypoints], "black dot")
    curve(axes, [(0.0, 0.0)], "black ring")
    notes = [(place, ", ".join(numbers), 12.0, "bold") for place, numbers in at_place.items()]
    box = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.7, "pad": 0.5}
    for place, text, above, weight in [*notes, ((0.0, 0.0), "start", -14.0, "normal")]:
        axes.annotate(
            text, place, xytext=(0.0, above), textcoords="offset points", ha="center", va="center",
            fontweight=weight, bbox=box,
        )  # fmt: skip


def _numbers(tour: Dict[str, Any]) -> Markup:
    degrees = interval(tour["yaw_error"]).times(180.0 / math.pi)
    energy = interval(tour["energy"]).times(1e-3)
    reach = tour["config"]["reach"]
    reached = f"no fall, and within {reach:g} m of every waypoint when due"
    measures = (
        ("completed", percent(tour["completed"]).html(1, "%"), reached),
        ("without a fall", percent(tour["survived"]).html(1, "%"), "upright at the end"),
        ("position error", interval(tour["position_error"]).html(3, "m"), "distance to a waypoint when due"),
        ("yaw error", degrees.html(2, "°"), "angle to the direction to face there"),
        ("energy of a tour", energy.html(2, "kJ"), "mechanical work of all joints, of completed tours"),
    )
    caption = "Means over robots with 95 % intervals."
    return blocks().table("The tour in numbers", ("measure", "value", "what it is"), measures, caption)


def _details(tour: Dict[str, Any], name: str) -> Figure:
    def survival(title: str, groups: Sequence[Dict[str, Any]]) -> Any:
        names = [plain(group["name"]) for group in groups]
        shares = [percent(group["survived"]) for group in groups]
        return rows(title, names, [Series("first dot", shares)], x_label="survived, %")

    errors = [interval(estimate) for estimate in tour["position_error_at"]]
    names = [str(number) for number in range(1, len(errors) + 1)]
    at_waypoints = rows("Distance at each waypoint", names, [Series("first dot", errors)], x_label="m")
    return Figure(
        name=name,
        title="Punches and waypoints one by one",
        caption="Of the punches that hit a standing robot, the share after which it stood until the next, by "
        "force and by the part of the body that is hit, and the mean distance to each waypoint when due.",
        panels=(
            survival("Survived, by force", tour["by_strength"]),
            survival("Survived, by link hit", tour["by_link"]),
            at_waypoints,
        ),
        legend=(Key("first dot", "estimate with its 95 % interval"),),
    )  # fmt: skip


def _range(values: Sequence[float]) -> Tuple[float, float]:
    return min(values) - _BORDER, max(values) + _BORDER
