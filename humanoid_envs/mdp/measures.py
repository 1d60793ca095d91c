"""Measures that every robot has, of which a task's lengths, times and forces are multiples.

    height: Annotated[Positive, LENGTH] = 0.08

A preset has the numbers of one robot, XBot-L. A field whose annotation has a measure, alone or in a range, is
for another robot as much larger as that measure is; legs that swing freely make the time of a step
proportional to √(l/g), and with it speeds to √(l·g). A weight is for one unit of what the term computes:
its `per`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional, Tuple, TypeVar, Union

from typing_extensions import get_args

from humanoid_envs.configs import Config, annotations_of
from humanoid_envs.robots import XBOT_L, Robot

C = TypeVar("C", bound=Config)
_DIGITS = 4
"""Of numbers that are not those of the preset: they are read in config files."""


@dataclass(frozen=True)
class Measure:
    """A size of a robot. Products, quotients and powers of measures are measures."""

    of: Callable[[Robot], float]

    def __mul__(self, other: Measure) -> Measure:
        return Measure(lambda robot: self.of(robot) * other.of(robot))

    def __truediv__(self, other: Measure) -> Measure:
        return Measure(lambda robot: self.of(robot) / other.of(robot))

    def __pow__(self, exponent: float) -> Measure:
        return Measure(lambda robot: self.of(robot) ** exponent)

    def scaled(self, value: Any, robot: Robot, of: Robot) -> Any:
        """A number of the robot `of`, or several, for another robot."""
        return _times(value, self.of(robot) / self.of(of))


@dataclass(frozen=True)
class Columns:
    """Measures of the numbers in each row of a table; None for those that are the same for every robot."""

    measures: Tuple[Optional[Measure], ...]

    def scaled(self, value: Any, robot: Robot, of: Robot) -> Any:
        """A row of the robot `of`, or a tuple of rows, for another robot."""
        if isinstance(value[:1], tuple) and isinstance(next(iter(value), ()), tuple):
            return tuple(self.scaled(row, robot, of) for row in value)
        return tuple(m.scaled(x, robot, of) if m else x for m, x in zip(self.measures, value))


AnyMeasure = Union[Measure, Columns]


def _apart(what: str) -> Measure:
    """A distance between left and right: of robots that do not say as XBot-L's legs have it."""
    per_leg = getattr(XBOT_L, what) / XBOT_L.leg_length
    return Measure(lambda robot: getattr(robot, what) or per_leg * robot.leg_length)


class _Per:
    """The mark of a factor for one unit of its class's `per`."""


PER = _Per()
LENGTH = Measure(lambda robot: robot.leg_length)
BASE_HEIGHT = Measure(lambda robot: robot.standing_height)
SOLE_HEIGHT = Measure(lambda robot: robot.sole_height)
FEET_APART, KNEES_APART = _apart("feet_apart"), _apart("knees_apart")
TIME = LENGTH**0.5
RATE = TIME**-1.0
"""Of angles."""
SPEED = LENGTH / TIME
FORCE = Measure(lambda robot: robot.total_mass)
"""A share of the weight."""
TORQUE = FORCE * LENGTH
ADDED_MASS = Measure(
    lambda robot: min(robot.total_mass / XBOT_L.total_mass, robot.base_mass / XBOT_L.base_mass)
)
"""Of what the base may carry: a share of its own mass, and of the robot's."""
VELOCITY_COMMAND = Columns((SPEED, SPEED, RATE))
"""Of several commands vx, vy and yaw rate."""
JOINTS = Measure(lambda robot: float(robot.num_joints))
"""Of sums over all joints that act."""


def for_robot(config: C, robot: Robot, of: Robot = XBOT_L) -> C:
    """The config whose numbers are those of a robot, for another: each that has a measure is as much larger
    as the measure is."""
    return config.replace(_changes(config, "", robot, of))


def _changes(config: Any, prefix: str, robot: Robot, of: Robot) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for name in annotations_of(type(config)):
        value, path = getattr(config, name), prefix + name
        measure = _measure(type(config), name)
        if isinstance(value, Config):
            found.update(_changes(value, f"{path}.", robot, of))
        elif measure is not None and value is not None:
            found[path] = measure.scaled(value, robot, of)
    return found


def _measure(cls: type, name: str) -> Optional[AnyMeasure]:
    """That of a field, marked in its class or in one that it inherits from."""
    for part in cls.__mro__:
        hint = annotations_of(part).get(name) if issubclass(part, Config) else None
        for mark in get_args(hint)[1:]:
            if isinstance(mark, (Measure, Columns)):
                return mark
            if mark is PER:
                per: Optional[Measure] = getattr(cls, "per", None)
                return None if per is None else per**-1.0
    return None


def _times(value: Any, ratio: float) -> Any:
    if isinstance(value, tuple):
        return tuple(_times(each, ratio) for each in value)
    return value if ratio == 1.0 else float(f"{value * ratio:.{_DIGITS}g}")
