"""Model files with one fault each: the message names the fault, the thing and the remedy."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest

from humanoid_envs.errors import UserError
from humanoid_envs.robots import XBOT_L
from humanoid_envs.robots.infer import infer_robot

Edit = Callable[[ET.Element], None]

KNEE = "joint[@name='left_knee_joint']"
SHANK = "link[@name='left_knee_link']"
INERTIA = ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")
FOOT = "link[@name='left_ankle_roll_link']"


def found(root: ET.Element, path: str) -> ET.Element:
    element = root.find(path)
    assert element is not None, path
    return element


def change(path: str, **attributes: str) -> Edit:
    return lambda root: found(root, path).attrib.update(attributes)


def remove(parent: str, *children: str) -> Edit:
    def edit(root: ET.Element) -> None:
        for child in children:
            for element in found(root, parent).findall(child):
                found(root, parent).remove(element)

    return edit


def add(text: str, parent: str = ".") -> Edit:
    return lambda root: found(root, parent).append(ET.fromstring(text))


def scale(paths: Tuple[str, ...], key: str, factor: float) -> Edit:
    """All numbers of these attributes, multiplied."""

    def edit(root: ET.Element) -> None:
        for path in paths:
            for element in root.iterfind(path):
                if key in element.attrib:
                    numbers = [float(word) * factor for word in element.attrib[key].split()]
                    element.attrib[key] = " ".join(f"{number:.9g}" for number in numbers)

    return edit


def both(*edits: Edit) -> Edit:
    def edit(root: ET.Element) -> None:
        for each in edits:
            each(root)

    return edit


def without_joints_of(side: str) -> Edit:
    def edit(root: ET.Element) -> None:
        for joint in root.iterfind("joint"):
            if joint.attrib["name"].startswith(side):
                joint.attrib["type"] = "fixed"

    return edit


def turned(rpy: str) -> Edit:
    """The robot in a base whose axes are others."""

    def edit(root: ET.Element) -> None:
        add('<link name="root"><inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" '
            'iyz="0"/></inertial></link>')(root)  # fmt: skip
        add(f'<joint name="mount" type="fixed"><origin rpy="{rpy}"/><parent link="root"/>'
            '<child link="base_link"/></joint>')(root)  # fmt: skip

    return edit


def unnamed(root: ET.Element) -> None:
    del found(root, ".//joint[@name='left_knee_joint']").attrib["name"]


in_millimetres = both(
    scale((".//origin",), "xyz", 1e3),
    scale((".//box",), "size", 1e3),
    scale((".//cylinder", ".//sphere"), "radius", 1e3),
    scale((".//cylinder",), "length", 1e3),
)
URDFS: Dict[str, Tuple[Edit, str]] = {
    "another format": (lambda root: setattr(root, "tag", "sdf"), r"root element is <sdf>, not <robot>"),
    "macros": (add('<xacro:leg xmlns:xacro="http://ros.org/wiki/xacro"/>'), r"xacro macros.*xacro mine"),
    "links doubled": (change(SHANK, name="right_knee_link"), r"2 links named 'right_knee_link': rename"),
    "joints doubled": (change(KNEE, name="right_knee_joint"), r"2 joints named 'right_knee_joint': rename"),
    "unknown link": (
        change(f"{KNEE}/child", link="left_nee_link"),
        r"'left_knee_joint' has child link 'left_nee_link', which there is not; did you mean "
        r"'left_knee_link'",
    ),
    "closed chain": (
        add(
            '<joint name="rod" type="revolute"><parent link="base_link"/><child link="left_knee_link"/>'
            '<axis xyz="0 1 0"/><limit lower="-1" upper="1" effort="1" velocity="1"/></joint>'
        ),
        r"'left_knee_link' is the child of joints 'left_knee_joint' and 'rod': a closed chain, which is not",
    ),
    "two roots": (add('<link name="crate"/>'), r"'base_link', 'crate' have no joint.*one root, the base"),
    "circle": (
        add(
            '<joint name="loop" type="fixed"><parent link="left_knee_link"/><child link="base_link"/></joint>'
        ),
        r"No link is the root: the joints go round in a circle",
    ),
    "fixed base": (
        both(
            add('<link name="world"/>'),
            add('<joint name="anchor" type="fixed"><parent link="world"/><child link="base_link"/></joint>'),
        ),
        r"'anchor' fixes the base 'base_link' to 'world': remove both",
    ),
    "no limits": (remove(KNEE, "limit"), r"'left_knee_joint' has no limits: write <limit"),
    "limits exchanged": (
        change(f"{KNEE}/limit", lower="1.1", upper="-1.05"),
        r"'left_knee_joint' goes from 1.1 to -1.05: the lower limit must be below",
    ),
    "degrees": (
        change(f"{KNEE}/limit", lower="-60", upper="63"),
        r"'left_knee_joint' .* write radians, not degrees",
    ),
    "no effort": (
        change(f"{KNEE}/limit", effort="0"),
        r"'left_knee_joint' has effort 0: write the largest torque",
    ),
    "no axis": (change(f"{KNEE}/axis", xyz="0 0 0"), r"'left_knee_joint' has axis '0 0 0'"),
    "unknown type": (
        change(KNEE, type="hinge"),
        r"'left_knee_joint' has type 'hinge': it must be one of revol",
    ),
    "mimic": (
        add('<mimic joint="left_leg_yaw_joint"/>', KNEE),
        r"'left_knee_joint' mimics 'left_leg_yaw_joint'",
    ),
    "slider in a leg": (change(KNEE, type="prismatic"), r"'left_knee_joint' of a leg is no hinge"),
    "no mass": (
        change(f"{SHANK}/inertial/mass", value="0"),
        r"'left_knee_link' has mass 0: give it one above 0",
    ),
    "negative mass": (change(f"{SHANK}/inertial/mass", value="-2.4"), r"'left_knee_link' has mass -2.4"),
    "no inertial": (remove(SHANK, "inertial"), r"'left_knee_link' has no <inertial>, but a joint moves it"),
    "no inertia": (
        change(f"{SHANK}/inertial/inertia", ixx="0", iyy="0", izz="0", ixy="0", ixz="0", iyz="0"),
        r"'left_knee_link' has principal moments of inertia 0, 0, 0: all must be above 0",
    ),
    "impossible inertia": (
        change(f"{SHANK}/inertial/inertia", izz="0.1"),
        r"'left_knee_link' has principal moments .* no body has one that exceeds the sum of the others",
    ),
    "inertia in other units": (
        both(*(scale((f"{SHANK}/inertial/inertia",), key, 1e6) for key in INERTIA)),
        r"'left_knee_link' of 2.41 kg has moments of inertia .* write kg·m²",
    ),
    "no mesh": (
        add('<visual><geometry><mesh filename="shank.stl"/></geometry></visual>', SHANK),
        r"'left_knee_link' has mesh 'shank.stl', which is not there",
    ),
    "mesh of a package": (
        add('<visual><geometry><mesh filename="package://xbot/shank.stl"/></geometry></visual>', SHANK),
        r"'package://xbot/shank.stl': write its path from the URDF's folder",
    ),
    "no collision at a foot": (
        remove(FOOT, "collision"),
        r"foot 'left_ankle_roll_link' has only geoms that touch nothing: give it coll",
    ),
    "a foot of nothing": (remove(FOOT, "collision", "visual"), r"foot 'left_ankle_roll_link' has no geom"),
    "millimetres": (in_millimetres, r"'base_link' is 885.3 m above the soles. Is the model in millimetres"),
    "grams": (
        both(scale((".//mass",), "value", 1e3), *(scale((".//inertia",), key, 1e3) for key in INERTIA)),
        r"mass of 5.304e\+04 kg.* Are masses in grams",
    ),
    "one wrong mass": (
        change(f"{SHANK}/inertial/mass", value="24.0898"),
        r"left leg has a mass of 33.\d+ kg, the right one 11.\d+ kg: look for .*'left_knee_link' \(24.1 kg\)",
    ),
    "an axis that is no mirror image": (
        change(f"{KNEE}/axis", xyz="0 1 0"),
        r"axes of joints 'left_knee_joint' and 'right_knee_joint' are not mirror images: \(.*\) and \(.*\)",
    ),
    "an axis with the wrong sign": (
        change("joint[@name='right_leg_roll_joint']/axis", xyz="0 0 -1"),
        r"'right_leg_roll_joint' goes from -1.57 to 0.44 rad, the mirror image of 'left_leg_roll_joint' from "
        r"-0.44 to 1.57: its axis has the wrong sign, or its range",
    ),
    "a place that is no mirror image": (
        change("joint[@name='right_knee_joint']/origin", xyz="0 0.37 0"),
        r"'right_knee_joint' is 0.050 m from where the mirror image of 'left_knee_joint' is: correct "
        r"the origin",
    ),
    "one leg fixed": (without_joints_of("left"), r"Fewer than two chains of joints begin at 'base_link'"),
    "no joints": (
        both(without_joints_of("left"), without_joints_of("right")),
        r"Are joints of the legs fixed",
    ),
    "one ankle fixed": (
        change("joint[@name='left_ankle_roll_joint']", type="fixed"),
        r"left leg has 5 joints, the right one 6",
    ),
    "y up": (turned("-1.5708 0 0"), r"legs do not point down from 'root': its axes must be x forward"),
    "sideways": (
        turned("0 0 1.5708"),
        r"not left and right of each other, in the default pose, but before and behind",
    ),
    "backwards": (turned("0 0 3.14159"), r"is on the right, at y = -0.\d+: the base must have x forward"),
}

MJCFS: Dict[str, Tuple[Edit, str]] = {
    "closed chain": (
        add('<equality><connect body1="left_knee_link" body2="base_link" anchor="0 0 0"/></equality>'),
        r"ties 'left_knee_link' to 'base_link': closed chains, such as the legs of Cassie and Digit, "
        r"are not supp",
    ),
    "a spring in a leg": (
        both(
            remove("actuator", "position[@name='left_knee_joint']"),
            change(".//joint[@name='left_knee_joint']", stiffness="1500"),
        ),
        r"'left_knee_joint' of a leg is a spring without a motor: such legs, as Cassie's and Digit's",
    ),
    "coupled joints": (
        add('<equality><joint joint1="left_knee_joint" joint2="left_leg_pitch_joint"/></equality>'),
        r"couples joint 'left_knee_joint' to 'left_leg_pitch_joint': coupled joints are not supported",
    ),
    "bodies doubled": (
        change(".//body[@name='left_knee_link']", name="right_knee_link"),
        r"repeated name 'right_knee_link' in body",
    ),
    "two robots": (
        add('<body name="other"><joint name="door"/><geom size=".1"/></body>', "worldbody"),
        r"2 bodies with joints at its root, 'base_link', 'other'",
    ),
    "base on rails": (
        both(
            remove(".//body[@name='base_link']", "freejoint"),
            add('<joint name="rail" type="slide" axis="1 0 0"/>', ".//body[@name='base_link']"),
            remove(".", "keyframe"),
        ),
        r"The base 'base_link' moves on 'rail': give it a <freejoint/>",
    ),
    "mass 0": (
        change(".//body[@name='left_ankle_pitch_link']/inertial", mass="0"),
        r"mass and inertia of moving bodies must be larger .*'left_ankle_pitch_link'",
    ),
    "a joint beside its body": (
        change(".//joint[@name='left_knee_joint']", pos="0 0.01 0"),
        r"'left_knee_joint' must be a hinge at its body's origin|'right_knee_joint' is 0.\d+ m from where",
    ),
    "feet that touch nothing": (
        change(".//default[@class='sole']/geom", contype="0", conaffinity="0"),
        r"'left_ankle_roll_link', a foot of robot 'mine', has no geom that can touch the ground",
    ),
    "no name": (
        both(
            unnamed,
            remove("actuator", "position[@joint='left_knee_joint']"),
        ),
        r"A joint of body 'left_knee_link' has no name: name it",
    ),
    "a lifted leg": (
        change(".//key", qpos="0 0 0.885 1 0 0 0  0 0 0.9 1 0 0  0 0 0 0 0 0"),
        r"not left and right of each other, in the default pose",
    ),
}


def message(tmp_path: Path, source: Path, edit: Edit) -> str:
    tree = ET.parse(source)
    edit(tree.getroot())
    path = tmp_path / f"mine{source.suffix}"
    tree.write(path)
    with pytest.raises(UserError) as caught:
        infer_robot(path, name="mine")
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("fault", URDFS)
def test_a_fault_of_a_urdf_is_named(tmp_path: Path, fault: str) -> None:
    edit, expected = URDFS[fault]
    assert re.search(expected, message(tmp_path, XBOT_L.isaacgym_urdf, edit))


@pytest.mark.parametrize("fault", MJCFS)
def test_a_fault_of_an_mjcf_is_named(tmp_path: Path, fault: str) -> None:
    edit, expected = MJCFS[fault]
    assert re.search(expected, message(tmp_path, XBOT_L.mjcf, edit))


@pytest.mark.parametrize("suffix", [".xml", ".urdf"])
def test_half_a_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mine{suffix}"
    source = XBOT_L.mjcf if suffix == ".xml" else XBOT_L.isaacgym_urdf
    path.write_text(source.read_text()[:3000])
    with pytest.raises(UserError, match=r"mine.*(It is no XML|XML_ERROR|[Ee]rror)"):
        infer_robot(path, name="mine")


def test_all_faults_of_a_urdf_are_named_at_once(tmp_path: Path) -> None:
    edits: List[Any] = [URDFS[fault][0] for fault in ("no limits", "no inertia")]
    text = message(tmp_path, XBOT_L.isaacgym_urdf, both(*edits))
    assert len(text.splitlines()) == 3
    assert all(re.search(URDFS[fault][1], text) for fault in ("no limits", "no inertia"))


def test_quadrupeds_are_refused(tmp_path: Path) -> None:
    leg = """<body name="{n}" pos="{x} {y} 0"><joint name="{n}_hip" axis="0 1 0"/><geom size=".02" mass="1"/>
      <body name="{n}_shank" pos="0 0 -.2"><joint name="{n}_knee" axis="0 1 0"/>
      <geom size=".02" pos="0 0 -.2" mass="1"/></body></body>"""
    places = [
        (f"{a}{b}", x, y) for a, x in (("front", 0.2), ("rear", -0.2)) for b, y in (("l", 0.1), ("r", -0.1))
    ]
    legs = "".join(leg.format(n=name, x=x, y=y) for name, x, y in places)
    path = tmp_path / "dog.xml"
    trunk = f'<body name="trunk"><freejoint/><geom size=".1" mass="6"/>{legs}</body>'
    path.write_text(f"<mujoco><worldbody>{trunk}</worldbody></mujoco>")
    with pytest.raises(
        UserError, match="More than two chains of joints reach the ground, with 'frontl_shank'"
    ):
        infer_robot(path, name="dog")
