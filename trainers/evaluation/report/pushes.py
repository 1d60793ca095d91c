"""Pushes from all sides, as a polar plot."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Optional, Tuple

from trainers.evaluation.report.charts import Series, rows
from trainers.evaluation.report.figure import Figure, Key
from trainers.evaluation.report.quantities import decimal, interval, percent
from trainers.evaluation.report.section import table
from trainers.evaluation.report.svg import Panel, Point, circle, line, path, text, tick_label, ticks

_RADIUS = 105.0
_CENTER = (190.0, 172.0)
_SIZE = (380.0, 340.0)
_NAMED = {
    0: "forward", 45: "forward left", 90: "to its left", 135: "backward left",
    180: "backward", 225: "backward right", 270: "to its right", 315: "forward right",
}  # fmt: skip


def push_figure(pushes: Dict[str, Any], name: str) -> Figure:
    """Limits around the robot, and the share that survives the first push."""
    strength = f"{pushes['strength']:g} m/s"
    sides = [_name(side) for side in pushes["directions"]]
    shares = [percent(side["survived"]) for side in pushes["directions"]]
    shares_panel = rows(
        f"Pushes of {strength} survived", sides, [Series("first dot", shares)], x_label="%", x=(0.0, 102.0)
    )
    return Figure(
        name=name,
        title="Pushes from eight sides" if len(sides) == 8 else "Pushes",
        caption="A push adds a velocity to the whole walking robot at once, in the direction shown (up: it "
        "is pushed forward); a side's point is the mean of the strongest push that robots survived, found by "
        f"halving, and {pushes['largest']:g} m/s the strongest that was tried.",
        panels=(_polar(pushes), shares_panel),
        legend=(Key("first dot", "estimate with its 95 % interval"),),
        columns=2,
    )  # fmt: skip


def push_table(pushes: Dict[str, Any]) -> str:
    """The same in numbers."""
    groups = [("all sides", pushes), *((_name(side), side) for side in pushes["directions"])]
    cells = [
        (name, percent(group["survived"]).html(1), interval(group["limit"]).html(2)) for name, group in groups
    ]
    head = ("pushed", f"{pushes['strength']:g} m/s survived, %", "strongest survived, m/s")
    caption = "In brackets the 95 % interval; limits are means over robots that walk with different commands."
    return table("Pushes in numbers", head, cells, caption)


def _polar(pushes: Dict[str, Any]) -> Panel:
    largest, sides = pushes["largest"], pushes["directions"]

    def at(angle: float, strength: float) -> Tuple[float, float]:
        """Forward is up, left is left."""
        r = _RADIUS * strength / largest
        return _CENTER[0] - r * math.sin(angle), _CENTER[1] - r * math.cos(angle)

    body: List[str] = [text(4.0, 13.0, "Strongest push survived, m/s", "title")]
    rings = ticks(0.0, largest, most=5)[1:]
    body += [circle(_CENTER, _RADIUS * ring / largest, "grid") for ring in rings]
    body += [line(_CENTER, at(side["angle"], largest), "grid") for side in sides]
    nose = [(_CENTER[0] + x, _CENTER[1] + y) for x, y in ((0.0, -9.0), (6.0, 6.0), (-6.0, 6.0))]
    limits = [interval(side["limit"]) for side in sides]
    angles = [side["angle"] for side in sides]
    points: List[Point] = [
        (None, None) if limit.value is None else at(angle, limit.value)
        for angle, limit in zip(angles, limits)
    ]
    body.append(path(points, "first area", closed=True))
    for ring in rings:
        x, y = at(math.pi / max(len(sides), 1), ring)
        body.append(text(x, y + 3.0, tick_label(ring), "note small", "middle"))
    body.append(path(nose, "black area", closed=True))
    for side, angle, limit in zip(sides, angles, limits):
        if limit.low is not None and limit.high is not None:
            body.append(line(at(angle, limit.low), at(angle, min(limit.high, largest)), "first line"))
        if limit.value is not None:
            body.append(circle(at(angle, limit.value), 4.0, "first dot"))
        body += _outer_label(_name(side), angle, limit.value, largest, at(angle, largest + 0.2 * largest))
    return Panel(*_SIZE, "".join(body), "Strongest push survived in each direction")


def _outer_label(
    name: str, angle: float, limit: Optional[float], largest: float, point: Tuple[float, float]
) -> List[str]:
    sideways = math.sin(angle)
    anchor = "middle" if abs(sideways) < 0.3 else ("end" if sideways > 0.0 else "start")
    x = point[0] + (0.0 if anchor == "middle" else (12.0 if anchor == "end" else -12.0))
    number = "–" if limit is None else (f"≥ {largest:g}" if limit >= largest else decimal(limit, 2))
    return [text(x, point[1] - 1.0, name, "note", anchor), text(x, point[1] + 12.0, number, "", anchor)]


def _name(side: Dict[str, Any]) -> str:
    degrees = round(math.degrees(side["angle"]))
    return _NAMED.get(degrees, f"{degrees}°")
