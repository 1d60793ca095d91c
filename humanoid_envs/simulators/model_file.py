"""A robot's model file, MJCF or URDF, as MuJoCo reads it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import mujoco

from humanoid_envs.errors import UserError


def read_model(path: Path, base_body: str, owner: str) -> mujoco.MjSpec:
    """The file as it is; of a URDF the root link floats, and meshes are found from the file's folder.

    base_body: what the root link of a URDF must be. owner: whose model it is, for messages.

    Raises:
        UserError: MuJoCo cannot read it, or the root link is another.
    """
    try:
        if path.suffix.lower() == ".urdf":
            return mujoco.MjSpec.from_string(_floating(path, base_body, owner))
        return mujoco.MjSpec.from_file(str(path))
    except (ValueError, ET.ParseError) as error:
        raise unusable(path, owner, error) from error


def root_link(path: Path) -> str:
    """The link of a URDF that is no other's child; "" of an MJCF."""
    if path.suffix.lower() != ".urdf":
        return ""
    root = ET.parse(str(path)).getroot()
    children = {child.get("link") for child in root.findall("joint/child")}
    return next(
        (link.get("name", "") for link in root.findall("link") if link.get("name") not in children), ""
    )


def unusable(path: Path, owner: str, error: Exception) -> UserError:
    """The error to raise for what MuJoCo says against a file."""
    text = " ".join(str(error).split())
    return UserError(f"{path}, the model of {owner}, cannot be used: {text}")


def _floating(path: Path, base_body: str, owner: str) -> str:
    """The URDF with its root link on a floating joint, which MuJoCo would fix to the world, and with meshes
    found from its folder."""
    root = ET.parse(str(path)).getroot()
    links = [link.get("name", "") for link in root.findall("link")]
    children = {child.get("link") for child in root.findall("joint/child")}
    tops = [name for name in links if name not in children]
    if tops != [base_body]:
        raise UserError(
            f"{path} has root link {', '.join(tops) or 'none'}, not {base_body!r}, the base body of {owner}."
        )
    world = "world"
    while world in links:
        world += "_"
    ET.SubElement(root, "link", name=world)
    joint = ET.SubElement(root, "joint", name=f"{base_body}_floats", type="floating")
    ET.SubElement(joint, "parent", link=world)
    ET.SubElement(joint, "child", link=base_body)
    own = root.find("mujoco")
    options = own if own is not None else ET.SubElement(root, "mujoco")
    compiler = options.find("compiler")
    if compiler is None:
        compiler = ET.SubElement(options, "compiler", strippath="false", discardvisual="false")
    folder = path.resolve().parent
    compiler.set("meshdir", str(folder / compiler.get("meshdir", ".")))
    return ET.tostring(root, encoding="unicode")
