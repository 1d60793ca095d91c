"""What is wrong with a URDF, as text, before a simulator reads it."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Dict, Iterator, List, Optional

import numpy as np

from humanoid_envs.configs import nearest

_MOVING = ("revolute", "continuous", "prismatic")
_KINDS = (*_MOVING, "fixed", "floating", "planar")
_MOST_RADIANS = 4.0 * math.pi
"""No joint of a robot turns further either way; ranges in degrees do."""
_UNEQUAL = 1.01
"""A principal moment may exceed the sum of the others by 1 %, as written figures are rounded."""


def urdf_faults(path: Path) -> List[str]:
    """One sentence for each fault, with the remedy; none of a file that is right."""
    try:
        root = ET.parse(str(path)).getroot()
    except ET.ParseError as error:
        return [f"It is no XML ({error}): save it again, whole."]
    if "xacro" in root.tag or any("xacro" in str(element.tag) for element in root.iter()):
        return ["It has xacro macros: make a URDF of it first, `xacro mine.urdf.xacro > mine.urdf`."]
    if root.tag != "robot":
        return [f"Its root element is <{root.tag}>, not <robot>: it is no URDF."]
    joints = root.findall("joint")
    faults = [*_doubled(root, "link"), *_doubled(root, "joint")]
    faults = faults or [*_tree(root, joints)]
    for joint in joints:
        faults.extend(_of_joint(joint))
    moved = {_link(joint, "child") for joint in joints if joint.get("type") in _MOVING}
    for link in root.findall("link"):
        faults.extend(_of_link(link, moved=link.get("name", "") in moved, folder=path.parent))
    return faults


def _doubled(root: ET.Element, tag: str) -> Iterator[str]:
    names = [element.get("name", "") for element in root.findall(tag)]
    if "" in names:
        yield f"A <{tag}> has no name: name it."
    for name in dict.fromkeys(names):
        if name and names.count(name) > 1:
            yield f"There are {names.count(name)} {tag}s named {name!r}: rename all but one."


def _tree(root: ET.Element, joints: List[ET.Element]) -> Iterator[str]:
    links = [link.get("name", "") for link in root.findall("link")]
    parents: Dict[str, List[str]] = {}
    for joint in joints:
        for end in ("parent", "child"):
            if _link(joint, end) not in links:
                name = _link(joint, end)
                yield (
                    f"Joint {joint.get('name')!r} has {end} link {name!r}, which there is not"
                    f"{nearest(name, links)}"
                )
        parents.setdefault(_link(joint, "child"), []).append(joint.get("name", ""))
    for link, through in parents.items():
        if len(through) > 1:
            yield (
                f"Link {link!r} is the child of joints {' and '.join(map(repr, through))}: a closed chain, "
                "which is not supported, as its motors are not its joints. Cut it: one joint per link."
            )
    tops = [name for name in links if name not in parents]
    if not tops:
        yield "No link is the root: the joints go round in a circle. Remove the joint that closes it."
    if len(tops) > 1:
        yield (
            f"Links {', '.join(map(repr, tops))} have no joint that leads to them: there must be one root, "
            "the base. Join the others to it, or remove them."
        )
    anchored = [joint for joint in joints if [_link(joint, "parent")] == tops]
    if len(tops) == 1 and tops[0].lower() in ("world", "map", "odom") and len(anchored) == 1:
        name, child = anchored[0].get("name"), _link(anchored[0], "child")
        if anchored[0].get("type") != "floating":
            yield (
                f"Joint {name!r} fixes the base {child!r} to {tops[0]!r}: remove both, so that {child!r} is "
                "the root and the robot can move."
            )


def _of_joint(joint: ET.Element) -> Iterator[str]:
    name, kind = joint.get("name", ""), joint.get("type", "")
    if kind not in _KINDS:
        yield f"Joint {name!r} has type {kind!r}: it must be one of {', '.join(_KINDS)}."
        return
    if kind not in _MOVING:
        return
    if joint.find("mimic") is not None:
        yield (
            f"Joint {name!r} mimics {_attribute(joint, 'mimic', 'joint')!r}: coupled joints are not "
            "supported. Make it fixed, or a joint of its own."
        )
    axis = _numbers(_attribute(joint, "axis", "xyz") or "1 0 0")
    if len(axis) != 3 or not np.linalg.norm(axis) > 0.0:
        yield f"Joint {name!r} has axis {_attribute(joint, 'axis', 'xyz')!r}: write three numbers, not all 0."
    if kind == "continuous":
        return
    low, high, effort = (_number(_attribute(joint, "limit", key)) for key in ("lower", "upper", "effort"))
    if joint.find("limit") is None or (low is None and high is None):
        yield f"Joint {name!r} has no limits: write <limit lower= upper= effort= velocity=>, rad and N·m."
        return
    low, high = low or 0.0, high or 0.0
    if not low < high:
        yield f"Joint {name!r} goes from {low:g} to {high:g}: the lower limit must be below the upper."
    elif max(abs(low), abs(high)) > _MOST_RADIANS and kind == "revolute":
        yield f"Joint {name!r} goes from {low:g} to {high:g} rad: write radians, not degrees."
    if effort is not None and not effort > 0.0:
        yield f"Joint {name!r} has effort {effort:g}: write the largest torque of its motor, N·m."


def _of_link(link: ET.Element, *, moved: bool, folder: Path) -> Iterator[str]:
    name, inertial = link.get("name", ""), link.find("inertial")
    for mesh in link.iter("mesh"):
        file = mesh.get("filename", "")
        if file.startswith("package://"):
            yield f"Link {name!r} has mesh {file!r}: write its path from the URDF's folder instead of package://."
        elif not (folder / file.replace("file://", "")).is_file():
            yield f"Link {name!r} has mesh {file!r}, which is not there, from {folder}."
    if inertial is None:
        if moved:
            yield f"Link {name!r} has no <inertial>, but a joint moves it: give it mass and inertia."
        return
    mass = _number(_attribute(inertial, "mass", "value"))
    if mass is None or mass < 0.0 or (moved and mass == 0.0):
        yield f"Link {name!r} has mass {_attribute(inertial, 'mass', 'value')}: give it one above 0, kg."
        return
    entries = [_number(_attribute(inertial, "inertia", key)) for key in ("ixx", "iyy", "izz")]
    products = [_number(_attribute(inertial, "inertia", key)) or 0.0 for key in ("ixy", "ixz", "iyz")]
    if None in entries:
        yield f"Link {name!r} lacks numbers of its inertia: write ixx, iyy, izz, ixy, ixz, iyz, kg·m²."
        return
    (xx, yy, zz), (xy, xz, yz) = (np.array(entries, dtype=float), products)
    if moved:
        yield from _of_inertia(name, np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]))


def _of_inertia(name: str, inertia: np.ndarray) -> Iterator[str]:
    moments = np.linalg.eigvalsh(inertia)
    if moments[0] <= 0.0:
        yield (
            f"Link {name!r} has principal moments of inertia {_listed(moments)}: all must be above 0, kg·m². "
            "Take them from the CAD, or a box of its size."
        )
    elif moments[2] > _UNEQUAL * (moments[0] + moments[1]):
        yield (
            f"Link {name!r} has principal moments of inertia {_listed(moments)}: no body has one that "
            "exceeds the sum of the others. Look for a wrong number or sign."
        )


def _listed(moments: np.ndarray) -> str:
    return ", ".join(f"{moment:.3g}" for moment in moments)


def _link(joint: ET.Element, end: str) -> str:
    return _attribute(joint, end, "link") or ""


def _attribute(element: ET.Element, tag: str, key: str) -> Optional[str]:
    found = element.find(tag)
    return None if found is None else found.get(key)


def _number(text: Optional[str]) -> Optional[float]:
    numbers = _numbers(text or "")
    return numbers[0] if len(numbers) == 1 else None


def _numbers(text: str) -> List[float]:
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []
