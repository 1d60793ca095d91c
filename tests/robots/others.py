"""XBot-L with its joints in another order, with five joints a leg, and in files as makers have them."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from pathlib import Path

from humanoid_envs.robots import XBOT_L, Robot

_ORDER = (7, 4, 3, 11, 0, 2, 10, 5, 9, 6, 1, 8)

REORDERED = dataclasses.replace(
    XBOT_L, name="reordered", joints=tuple(XBOT_L.joints[index] for index in _ORDER)
)
"""XBot-L itself, whose joints have the same names in another order."""
FIVE_JOINTS = dataclasses.replace(
    XBOT_L,
    name="five_joints",
    urdf=None,
    joints=tuple(joint for joint in REORDERED.joints if joint.role != "ankle_roll"),
    foot_bodies=("left_ankle_pitch_link", "right_ankle_pitch_link"),
)
"""Without ankle roll: the file's joint is welded, and the foot becomes part of the link before."""


def without_what_code_adds(folder: Path, floating: bool = False) -> Robot:
    """XBot-L from a file without motors, ground, contact priority, armature, camera, lights and names of
    shapes, and unless it is `floating` without its free joint."""
    root = ET.parse(XBOT_L.mjcf).getroot()
    for element in root.iter():
        for child in list(element):
            unwanted = child.tag in ("actuator", "keyframe", "camera", "light")
            unwanted |= child.tag == "freejoint" and not floating
            if unwanted or child.get("type") == "plane":
                element.remove(child)
        if element.tag == "geom":
            element.attrib.pop("name", None)
            element.attrib.pop("priority", None)
        if element.tag == "joint":
            element.attrib.pop("armature", None)
    path = folder / "maker.xml"
    ET.ElementTree(root).write(path)
    return dataclasses.replace(XBOT_L, name="of_a_maker", mjcf=path)
