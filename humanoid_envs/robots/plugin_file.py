"""An inferred robot as a plug-in: a module that a user reads, corrects and loads."""

from __future__ import annotations

import dataclasses
import keyword
import textwrap
from pathlib import Path
from typing import Any, List

from humanoid_envs.errors import UserError
from humanoid_envs.robots.infer import Inference
from humanoid_envs.robots.model_path import MENAGERIE
from humanoid_envs.robots.robot import Joint, Robot

_WIDTH = 110


def plugin_text(inference: Inference, source: str, folder: Path) -> str:
    """The text of a module that registers the robot.

    source: the model as the user named it: one of Menagerie is found anew wherever the module is loaded.
    folder: where the module is to lie: a model in it or below it is found from there.
    """
    robot = inference.robot
    model = _model(robot, source, folder)
    doubtful = [str(finding) for finding in inference.findings if finding.kind != "found"]
    lines = [
        f'"""{robot.name}: {robot.total_mass:.1f} kg on legs of {robot.leg_length:.2f} m, '
        f"{robot.num_joints} joints that a policy moves.",
        "",
        *(["What its model file does not say:", "", *"\n".join(doubtful).split("\n")] if doubtful else []),
    ]
    return "\n".join([
        *lines,
        '"""',
        "",
        *(["from pathlib import Path", ""] if "Path(" in model.replace("model_path(", "") else []),
        "from humanoid_envs.robots import Joint, Robot, register_robot",
        *(["from humanoid_envs.robots.model_path import model_path"] if "model_path(" in model else []),
        "",
        f"{robot.name.upper()} = register_robot(",
        "    Robot(",
        f"        name={_quoted(robot.name)},",
        f"        mjcf={model},",
        *([f"        urdf={model},"] if robot.urdf == robot.mjcf else []),
        *_joints("joints", robot.joints),
        *_joints("upper_joints", robot.upper_joints),
        *([f"        upper_body={_quoted(robot.upper_body)},"] if robot.upper_joints else []),
        *(f"        {name}={_plain(getattr(robot, name))}," for name in _BODIES),
        *(f"        {name}={getattr(robot, name):.6g},  # {unit}" for name, unit in _FIGURES.items()),
        "    )",
        ")",
        "",
    ])  # fmt: skip


_BODIES = ("base_body", "foot_bodies", "knee_bodies", "falls_on")
_FIGURES = {
    "base_mass": "kg",
    "total_mass": "kg",
    "start_height": "m, of the base: a little above where it stands",
    "standing_height": "m, of the base where the soles touch the ground",
    "sole_height": "m, of the foot's origin above its sole",
    "leg_length": "m",
    "feet_apart": "m",
    "knees_apart": "m",
}


def require_module_name(name: str) -> None:
    """UserError unless a module can have the name, by which `--plugin` and `--robot` find the robot."""
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        raise UserError(f"--name {name}: take a name of small letters, digits and _, as modules have it.")


def _model(robot: Robot, source: str, folder: Path) -> str:
    if source.startswith(MENAGERIE):
        return f"model_path({_quoted(source)})"
    try:
        inside = robot.mjcf.relative_to(folder.resolve())
    except ValueError:
        return f"Path({_quoted(str(robot.mjcf))})"
    return f"Path(__file__).resolve().parent / {_quoted(inside.as_posix())}"


def _joints(field: str, joints: Any) -> List[str]:
    """Stiffness in N·m/rad, damping in N·m·s/rad, torque limit in N·m, and what differs from defaults."""
    if not joints:
        return []
    lines = [
        f"        {field}=(",
        "            # name, stiffness N·m/rad, damping N·m·s/rad, torque limit N·m",
    ]
    for joint in joints:
        first = [_plain(getattr(joint, name)) for name in ("name", "stiffness", "damping", "torque_limit")]
        others = [
            f"{field.name}={_plain(getattr(joint, field.name))}"
            for field in dataclasses.fields(Joint)[4:]
            if getattr(joint, field.name) != field.default
        ]
        call = f"Joint({', '.join([*first, *others])}),"
        lines += textwrap.wrap(
            call, _WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 18, break_long_words=False
        )
    return [*lines, "        ),"]


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))})"
    return repr(value)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
