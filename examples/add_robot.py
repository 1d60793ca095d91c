"""Add a robot: from its maker's MJCF or URDF to a plug-in with which it can be trained.

    python examples/add_robot.py mine.urdf --name mine --out robots --check
    python examples/add_robot.py menagerie:unitree_g1 --name g1 --upper-body hold

Finds base, legs, joints' roles, mirror images, soles, masses, lengths, gains and torque limits, and says what
it found, guessed, and missed. Writes NAME.py, which registers the robot and is meant to be read and
corrected, and NAME.png, a picture of it in its default posture. Then, in that folder:

    python …/examples/train_ppo.py --plugin mine --robot mine

menagerie:MODEL is a model of MuJoCo Menagerie, from the package mujoco-menagerie, or from a folder that the
environment variable MENAGERIE_ROOT names.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from humanoid_envs.errors import UnfitMachine
from humanoid_envs.files import replacing
from humanoid_envs.robots import Robot
from trainers.command_line import concise_errors, render_without_display

_SIZE = (720, 720)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="an MJCF (.xml), a URDF (.urdf), or menagerie:MODEL")
    parser.add_argument("--name", required=True, help="of the robot and its module")
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="where to write; default: here"
    )
    parser.add_argument(
        "--upper-body",
        choices=("weld", "hold", "policy"),
        default="weld",
        help="joints above the legs: welded, held by a PD law, or moved by the policy",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="stand it up, shake every joint, mirror it; exit code 1 if one fails",
    )
    parser.add_argument(
        "--compare", metavar="MODEL", help="with --check: another file of the robot, its URDF beside its MJCF"
    )
    return parser.parse_args()


@concise_errors()
def main() -> None:
    options = parse()
    render_without_display()

    from humanoid_envs.robots.infer import infer_robot
    from humanoid_envs.robots.model_path import model_path
    from humanoid_envs.robots.plugin_file import plugin_text, require_module_name

    require_module_name(options.name)
    other = model_path(options.compare) if options.compare else None
    inference = infer_robot(options.model, name=options.name, upper_body=options.upper_body)
    print(inference.report())
    text = plugin_text(inference, options.model, options.out)
    path = options.out / f"{options.name}.py"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"Wrote {path}.")
    draw(inference.robot, path.with_suffix(".png"))
    if options.check or other:
        sys.exit(check(inference.robot, other))


def draw(robot: Robot, path: Path) -> None:
    """A picture of the robot where it stands; says so where none can be made."""
    from humanoid_envs.robots.portrait import portrait

    try:
        picture = portrait(robot, _SIZE)
    except UnfitMachine as error:
        print(f"No picture: {error}")
        return
    from matplotlib import image

    with replacing(path) as temporary, temporary.open("wb") as file:
        image.imsave(file, picture, format="png")
    print(f"Wrote {path}.")


def check(robot: Robot, other: Path | None) -> int:
    """The number of trials that did not go well, at most 1."""
    from humanoid_envs.robots.model_comparison import agrees
    from humanoid_envs.robots.trial import try_robot

    trials = try_robot(robot) + ([agrees(robot, other)] if other else [])
    print("\n".join(map(str, trials)))
    return int(not all(trial.passed for trial in trials))


if __name__ == "__main__":
    main()
