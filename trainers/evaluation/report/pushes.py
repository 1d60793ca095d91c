"""Pushes from all sides, as a polar plot."""

from __future__ import annotations

import math
from typing import Any, Dict, Optional

from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from trainers.evaluation.report.charts import Panel, Series, rows
from trainers.evaluation.report.figure import Figure, Key
from trainers.evaluation.report.quantities import decimal, interval, percent, tick_label
from trainers.evaluation.report.style import INK, MUTED, pen, tint
from trainers.evaluation.report.templates import blocks

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


def push_table(pushes: Dict[str, Any]) -> Markup:
    """The same in numbers."""
    groups = [("all sides", pushes), *((_name(side), side) for side in pushes["directions"])]
    cells = [
        (name, percent(group["survived"]).html(1), interval(group["limit"]).html(2)) for name, group in groups
    ]
    head = ("pushed", f"{pushes['strength']:g} m/s survived, %", "strongest survived, m/s")
    caption = "In brackets the 95 % interval; limits are means over robots that walk with different commands."
    return blocks().table("Pushes in numbers", head, cells, caption)


def _polar(pushes: Dict[str, Any]) -> Panel:
    """Forward is up, left is left."""
    largest, sides = pushes["largest"], pushes["directions"]
    limits = [(side["angle"], interval(side["limit"])) for side in sides]

    def draw(axes: Any) -> None:
        color = pen("first line")["color"]
        axes.set_theta_zero_location("N")
        known = [(angle, limit.value) for angle, limit in limits if limit.value is not None]
        if len(known) == len(limits):
            axes.fill(*zip(*known), facecolor=tint(color, 0.13), edgecolor=color, linewidth=2)
        for angle, limit in limits:
            if limit.low is not None and limit.high is not None:
                axes.plot((angle, angle), (limit.low, min(limit.high, largest)), **pen("first line"))
        axes.plot(
            [angle for angle, _ in known], [limit for _, limit in known], clip_on=False, **pen("first dot")
        )
        axes.scatter(0.0, 0.0, 150.0, [tint(INK, 0.13)], marker="^", edgecolor=INK, linewidth=1.8)
        axes.set_rlim(0.0, largest)
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], prune="lower"))
        axes.yaxis.set_major_formatter(lambda value, _: tick_label(value))
        axes.tick_params("y", labelcolor=MUTED, labelsize=9.5)
        axes.set_rlabel_position(180.0 / max(len(sides), 1))
        axes.set_xticks([side["angle"] for side in sides], [])
        for side, (angle, limit) in zip(sides, limits):
            _write_outside(axes, _name(side), angle, limit.value, largest)

    return Panel("Strongest push survived, m/s", draw, 380.0, 340.0, (85.0, 67.0, 85.0, 63.0), "polar")


def _write_outside(axes: Any, name: str, angle: float, limit: Optional[float], largest: float) -> None:
    """A direction's name and limit."""
    sideways = math.sin(angle)
    side = "center" if abs(sideways) < 0.3 else ("right" if sideways > 0.0 else "left")
    number = "–" if limit is None else (f"≥ {largest:g}" if limit >= largest else decimal(limit, 2))
    for line, height, color in ((name, 7.0, MUTED), (number, -6.0, INK)):
        place = (-10.0 * sideways, height + 14.0 * math.cos(angle))
        axes.annotate(
            line,
            (angle, largest),
            xytext=place,
            textcoords="offset points",
            ha=side,
            va="center",
            color=color,
        )


def _name(side: Dict[str, Any]) -> str:
    degrees = round(math.degrees(side["angle"]))
    return _NAMED.get(degrees, f"{degrees}°")
