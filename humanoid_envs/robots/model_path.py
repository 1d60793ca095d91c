"""Where a robot's model file is: a path, or a model of MuJoCo Menagerie by its name."""

from __future__ import annotations

import importlib
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, Union

from humanoid_envs.configs import nearest
from humanoid_envs.errors import MissingPackage, UserError

MENAGERIE = "menagerie:"
ROOT = "MENAGERIE_ROOT"
"""The environment variable with a folder that has Menagerie's models."""


def model_path(source: Union[str, Path]) -> Path:
    """The file that a source means, absolute: a path to an MJCF or URDF, or `menagerie:unitree_g1`, the robot
    without a scene; `menagerie:unitree_g1/g1_mjx` is another file of its folder.

    Menagerie's models are looked for below `MENAGERIE_ROOT`, or else fetched by the package
    `mujoco-menagerie`.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: there is no such model, or neither a folder nor the package.
    """
    text = str(source)
    if text.startswith(MENAGERIE):
        name, _, entry = text[len(MENAGERIE) :].partition("/")
        root = os.environ.get(ROOT)
        return _of_folder(Path(root), name, entry) if root else _of_package(name, entry)
    path = Path(source).expanduser().resolve()
    if not path.is_file():
        raise FileNotFoundError(f"There is no model file {path}.")
    if path.suffix.lower() not in (".xml", ".mjcf", ".urdf"):
        raise UserError(f"{path} is no model file: give an MJCF (.xml) or a URDF (.urdf).")
    return path


def _of_folder(root: Path, name: str, entry: str) -> Path:
    folder = root.expanduser().resolve() / name
    if not name or not folder.is_dir():
        known = [path.name for path in root.glob("*/") if (path / "scene.xml").is_file()]
        raise UserError(f"{ROOT}={root} has no model {name!r}{nearest(name, known)}")
    path = folder / f"{entry}.xml" if entry else _included(folder / "scene.xml")
    if not path.is_file():
        known = [file.stem for file in folder.glob("*.xml")]
        raise UserError(f"{folder} has no file {path.name}{nearest(path.stem, known)}")
    return path


def _included(scene: Path) -> Path:
    """The robot that a scene includes."""
    if not scene.is_file():
        return scene
    files = [element.get("file", "") for element in ET.parse(scene).getroot().iter("include")]
    return scene.with_name(files[0]) if files else scene


def _of_package(name: str, entry: str) -> Path:
    try:
        menagerie: Any = importlib.import_module("mujoco_menagerie")
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"{MENAGERIE}{name} needs the package mujoco-menagerie (pip install mujoco-menagerie), or "
            f"{ROOT}, a folder with Menagerie's models."
        ) from error
    try:
        robot = menagerie.get(name)
        return Path(robot.xml(entry or robot.default_model)).resolve()
    except menagerie.MenagerieError as error:
        raise UserError(f"{MENAGERIE}{name}: {error}") from error
