"""Write `xbot_l.urdf` from `xbot_l.xml`, the only model file that is edited by hand.

    python assets/xbot_l/make_urdf.py            write the URDF next to the MJCF
    python assets/xbot_l/make_urdf.py --check    exit with status 1 if the written one differs

The URDF has the same links, frames, inertias and joint limits. It cannot tell which shapes collide with
which, so only those that meet the ground become collision shapes. Nor does it know capsules: each becomes a
cylinder and two spheres.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Iterator, Sequence

import mujoco
import numpy as np

MJCF = Path(__file__).resolve().with_name("xbot_l.xml")
URDF = MJCF.with_suffix(".urdf")
FLOOR = "floor"


def urdf_text(mjcf_path: Path | str) -> str:
    """The URDF of a robot on a free base whose joints are hinges and whose shapes are primitives.

    Deterministic: lengths and angles to 1e-9, masses and inertias to 9 significant digits.
    """
    spec = mujoco.MjSpec.from_file(str(mjcf_path))
    model = spec.compile()
    robot = ET.Element("robot", name=spec.modelname)
    robot.append(ET.Comment(" Generated from the MJCF by make_urdf.py: edit that and run it again. "))
    for material in spec.materials:
        if not any(material.textures):
            element = ET.SubElement(robot, "material", name=material.name)
            ET.SubElement(element, "color", rgba=" ".join(f"{v:.6g}" for v in material.rgba))
    names = [model.body(i).name for i in range(1, model.nbody)]
    for name in names:
        robot.append(_link(model, spec.body(name)))
    for name in names[1:]:
        robot.append(_joint(spec.body(name)))
    ET.indent(robot)
    return '<?xml version="1.0"?>\n' + ET.tostring(robot, encoding="unicode") + "\n"


def _link(model: mujoco.MjModel, body: mujoco.MjsBody) -> ET.Element:
    link = ET.Element("link", name=body.name)
    inertial = ET.SubElement(link, "inertial")
    ET.SubElement(inertial, "origin", xyz=_joined(body.ipos), rpy="0 0 0")
    ET.SubElement(inertial, "mass", value=f"{body.mass:.9g}")
    keys = ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")
    ET.SubElement(inertial, "inertia", {k: f"{v:.9g}" for k, v in zip(keys, body.fullinertia)})
    for geom in np.flatnonzero(model.geom_bodyid == model.body(body.name).id).tolist():
        if model.geom_group[geom] == 2:
            for element in _shapes("visual", model, geom):
                material = model.mat(model.geom_matid[geom]).name
                ET.SubElement(element, "material", name=material)
                link.append(element)
        elif model.geom_conaffinity[geom] & model.geom(FLOOR).contype[0]:
            for element in _shapes("collision", model, geom):
                link.append(element)
    return link


def _shapes(tag: str, model: mujoco.MjModel, geom: int) -> Iterator[ET.Element]:
    """One element per URDF primitive of a geom."""
    kind = mujoco.mjtGeom(model.geom_type[geom])
    pos, quat, size = model.geom_pos[geom], model.geom_quat[geom], model.geom_size[geom]
    rpy = _rpy(quat)
    if kind == mujoco.mjtGeom.mjGEOM_BOX:
        yield _shape(tag, pos, rpy, "box", size=_joined(2 * size))
    elif kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        yield _shape(tag, pos, (0, 0, 0), "sphere", radius=_number(size[0]))
    elif kind in (mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_CAPSULE):
        yield _shape(tag, pos, rpy, "cylinder", radius=_number(size[0]), length=_number(2 * size[1]))
        if kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
            half_axis = _matrix(quat)[:, 2] * size[1]
            for end in (pos - half_axis, pos + half_axis):
                yield _shape(tag, end, (0, 0, 0), "sphere", radius=_number(size[0]))
    else:
        body = model.body(model.geom_bodyid[geom]).name
        raise ValueError(
            f"URDF knows no {kind.name} as on body {body}: use boxes, cylinders, capsules, spheres"
        )


def _shape(tag: str, pos: Sequence[float], rpy: Sequence[float], kind: str, **size: str) -> ET.Element:
    element = ET.Element(tag)
    ET.SubElement(element, "origin", xyz=_joined(pos), rpy=_joined(rpy))
    ET.SubElement(ET.SubElement(element, "geometry"), kind, size)
    return element


def _joint(body: mujoco.MjsBody) -> ET.Element:
    (joint,) = body.joints
    # The motor's rating, not the 85 % of it that the PD law may use.
    effort, velocity = joint.userdata
    element = ET.Element("joint", name=joint.name, type="revolute")
    ET.SubElement(element, "origin", xyz=_joined(body.pos), rpy=_joined(_rpy(body.quat)))
    ET.SubElement(element, "parent", link=body.parent.name)
    ET.SubElement(element, "child", link=body.name)
    ET.SubElement(element, "axis", xyz=_joined(joint.axis))
    lower, upper = joint.range
    limits = {"lower": lower, "upper": upper, "effort": effort, "velocity": velocity}
    ET.SubElement(element, "limit", {key: _number(value) for key, value in limits.items()})
    ET.SubElement(element, "dynamics", damping="0", friction="0")
    return element


def _matrix(quat: Sequence[float]) -> np.ndarray:
    """Rotation matrix of a quaternion wxyz, times the square of its norm."""
    w, x, y, z = (float(v) for v in quat)
    return np.array(
        [
            [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z],
        ]
    )


def _rpy(quat: Sequence[float]) -> tuple[float, float, float]:
    """URDF's roll, pitch, yaw: rotations about the fixed x, y, z axes, in this order.

    Arc tangents only, so that pitches near 90 degrees (the hips' frames) keep all digits.
    """
    m = _matrix(quat)
    cos_pitch = math.hypot(m[0, 0], m[1, 0])
    pitch = math.atan2(-m[2, 0], cos_pitch)
    if cos_pitch < 1e-9:
        return math.atan2(-m[1, 2], m[1, 1]), pitch, 0.0
    return math.atan2(m[2, 1], m[2, 2]), pitch, math.atan2(m[1, 0], m[0, 0])


def _number(value: float) -> str:
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _joined(values: Sequence[float]) -> str:
    return " ".join(_number(v) for v in values)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    text = urdf_text(MJCF)
    if check:
        if URDF.is_file() and URDF.read_text(encoding="utf-8") == text:
            return 0
        print(
            f"{URDF.name} differs from what {MJCF.name} gives: run python {Path(__file__).name}",
            file=sys.stderr,
        )
        return 1
    temporary = URDF.with_suffix(".urdf.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, URDF)
    return 0


if __name__ == "__main__":
    sys.exit(main())
