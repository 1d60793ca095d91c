"""The tour's section: a map, and what punches do."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Sequence, Tuple

from trainers.evaluation.report.charts import Chart, Series, mark, rows
from trainers.evaluation.report.figure import Figure, Key
from trainers.evaluation.report.quantities import count, interval, percent, plain, slug
from trainers.evaluation.report.section import Section, Tile, table
from trainers.evaluation.report.svg import path

_BORDER = 0.7
"""Around the course on the map, m."""
_LARGEST_PUNCH = 5.5
"""Radius of the hardest punch on the map, pixels."""


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
    chart = Chart("", x, y, x_label="x, m", y_label="y, m", size=(680.0, 0.0), equal=True)
    for wx, wy, _ in waypoints:
        chart.dot(wx, wy, "grid", radius=reach * chart.scale)
    for track in tracks:
        chart.line(track["positions"], "first thin")
    for track in tracks:
        for px, py, force in track["punches"]:
            if px is not None and py is not None:
                chart.dot(px, py, "second disc", radius=_LARGEST_PUNCH * math.sqrt(force / hardest))
    chart.line([(0.0, 0.0), *((wx, wy) for wx, wy, _ in waypoints)], "black told")
    for track in tracks:
        if track["fell"] and track["positions"]:
            chart.add(mark("black cross", chart.at(*track["positions"][-1])))
    _draw_waypoints(chart, waypoints)
    falls = sum(track["fell"] for track in tracks)
    return Figure(
        name=name,
        title=f"The way of {len(tracks)} robots, seen from above",
        caption=f"Numbers are waypoints with the direction to face there, and within the gray circles "
        f"({reach:g} m) a waypoint counts as reached; {falls or 'none'} of these {len(tracks)} robots fell.",
        panels=(chart.panel(),),
        legend=(
            Key("black told", "course"),
            Key("first thin", "way of a robot"),
            Key("second disc", f"punch, by area up to {hardest:g} N"),
            Key("black cross", "fall"),
        ),
        columns=1,
        wide=True,
    )  # fmt: skip


def _draw_waypoints(chart: Chart, waypoints: Sequence[Sequence[float]]) -> None:
    """A dot, a tick that shows the heading, and the numbers of all waypoints at that place."""
    at_place: Dict[Tuple[float, float], List[str]] = {}
    for number, (x, y, yaw) in enumerate(waypoints, start=1):
        at_place.setdefault((round(x, 2), round(y, 2)), []).append(str(number))
        (px, py), length = chart.at(x, y), 13.0
        chart.add(path([(px, py), (px + length * math.cos(yaw), py - length * math.sin(yaw))], "black line"))
        chart.dot(x, y, "black dot", radius=3.5)
    for (x, y), numbers in at_place.items():
        above = 11.0 / chart.scale
        chart.note(x, y + above, ", ".join(numbers), "title halo", "middle")
    chart.dot(0.0, 0.0, "black ring")
    chart.note(0.0, -18.0 / chart.scale, "start", "halo", "middle")


def _numbers(tour: Dict[str, Any]) -> str:
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
    return table("The tour in numbers", ("measure", "value", "what it is"), measures, caption)


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
