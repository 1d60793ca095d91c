"""Both model files of XBot-L against the measured numbers in `xbot_l_facts.yaml`, and against each other."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, NamedTuple, Sequence, Tuple

import mujoco
import numpy as np
import pytest
from numpy.typing import ArrayLike

from humanoid_envs.robots import XBOT_L
from tests.robots.facts import FACTS, FEET, LINKS, MOVING

# Inertias and joints


class Inertial(NamedTuple):
    mass: float
    com: np.ndarray
    inertia: np.ndarray
    """(3, 3) about the centre of mass, in the link's axes."""


def inertia_matrix(six: Sequence[float]) -> np.ndarray:
    xx, yy, zz, xy, xz, yz = six
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def numbers(element: ET.Element, key: str) -> np.ndarray:
    return np.array([float(v) for v in element.attrib[key].split()])


def find(element: ET.Element, path: str) -> ET.Element:
    found = element.find(path)
    assert found is not None, f"no {path} in {element.attrib}"
    return found


def mjcf_inertial(model: mujoco.MjModel, link: str) -> Inertial:
    body = model.body(link)
    axes = rotation_from_quat(body.iquat)
    return Inertial(body.mass[0], body.ipos, axes @ np.diag(body.inertia) @ axes.T)


def urdf_inertial(urdf: ET.Element, link: str) -> Inertial:
    inertial = find(urdf, f"link[@name='{link}']/inertial")
    assert not numbers(find(inertial, "origin"), "rpy").any()
    six = [float(find(inertial, "inertia").attrib[f"i{k}"]) for k in ("xx", "yy", "zz", "xy", "xz", "yz")]
    com = numbers(find(inertial, "origin"), "xyz")
    return Inertial(float(find(inertial, "mass").attrib["value"]), com, inertia_matrix(six))


@pytest.mark.parametrize("link", LINKS)
def test_inertias(model: mujoco.MjModel, urdf: ET.Element, link: str) -> None:
    expected = LINKS[link]
    inertia = inertia_matrix(expected["inertia"])
    for ours in (mjcf_inertial(model, link), urdf_inertial(urdf, link)):
        assert ours.mass == pytest.approx(expected["mass"], rel=1e-6)
        np.testing.assert_allclose(ours.com, expected["com"], atol=1e-9)
        np.testing.assert_allclose(ours.inertia, inertia, atol=1e-6 * np.trace(inertia))


def test_total_and_base_mass(model: mujoco.MjModel) -> None:
    assert model.body_subtreemass[0] == pytest.approx(FACTS["total_mass"], abs=1e-4)
    assert model.body(XBOT_L.base_body).mass[0] == pytest.approx(XBOT_L.base_mass)


@pytest.mark.parametrize("link", MOVING)
def test_joints(model: mujoco.MjModel, urdf: ET.Element, link: str) -> None:
    expected = MOVING[link]
    body, joint = model.body(link), model.joint(expected["joint"])
    assert model.body(body.parentid[0]).name == expected["parent"]
    assert joint.bodyid[0] == body.id
    np.testing.assert_allclose(joint.pos, 0.0)
    np.testing.assert_allclose(joint.axis, expected["axis"], atol=1e-9)
    np.testing.assert_allclose(joint.range, expected["range"], atol=1e-9)
    np.testing.assert_allclose(body.pos, expected["pos"], atol=1e-9)
    np.testing.assert_allclose(rotation_from_quat(body.quat), rotation_from_quat(expected["quat"]), atol=1e-8)
    np.testing.assert_allclose(model.actuator(expected["joint"]).forcerange[1], 0.85 * expected["effort"])

    element = find(urdf, f"joint[@name='{expected['joint']}']")
    limit = find(element, "limit").attrib
    assert find(element, "child").attrib["link"] == link
    assert find(element, "parent").attrib["link"] == expected["parent"]
    np.testing.assert_allclose(numbers(find(element, "axis"), "xyz"), expected["axis"], atol=1e-9)
    np.testing.assert_allclose([float(limit["lower"]), float(limit["upper"])], expected["range"], atol=1e-9)
    assert float(limit["effort"]) == expected["effort"]
    assert float(limit["velocity"]) == expected["velocity"]
    np.testing.assert_allclose(numbers(find(element, "origin"), "xyz"), expected["pos"], atol=1e-9)
    rotation = rotation_from_rpy(numbers(find(element, "origin"), "rpy"))
    np.testing.assert_allclose(rotation, rotation_from_quat(expected["quat"]), atol=1e-8)


def test_actuators_are_the_robots(model: mujoco.MjModel) -> None:
    assert tuple(model.actuator(i).name for i in range(model.nu)) == XBOT_L.joint_names
    for joint in XBOT_L.joints:
        actuator = model.actuator(joint.name)
        assert model.joint(actuator.trnid[0]).name == joint.name
        assert actuator.gainprm[0] == joint.stiffness
        np.testing.assert_array_equal(actuator.biasprm[:3], [0.0, -joint.stiffness, -joint.damping])
        np.testing.assert_array_equal(actuator.forcerange, [-joint.torque_limit, joint.torque_limit])
        assert actuator.forcelimited[0]
        assert not actuator.ctrllimited[0]


def test_robot_names_exist_in_both_files(model: mujoco.MjModel, urdf: ET.Element) -> None:
    bodies = {XBOT_L.base_body, *XBOT_L.foot_bodies, *XBOT_L.knee_bodies}
    assert bodies <= {model.body(i).name for i in range(model.nbody)}
    assert bodies <= {link.attrib["name"] for link in urdf.iter("link")}
    mjcf_joints = [model.joint(i).name for i in range(model.njnt)]
    assert tuple(mjcf_joints[1:]) == XBOT_L.joint_names
    assert tuple(joint.attrib["name"] for joint in urdf.iter("joint")) == XBOT_L.joint_names


# Forward kinematics, three times: MuJoCo, the URDF's numbers, the measured numbers


class Mount(NamedTuple):
    """A link on its parent: where, and the axis it turns about."""

    parent: str
    joint: str
    pos: np.ndarray
    rotation: np.ndarray
    axis: np.ndarray


def rotation_from_quat(quat: ArrayLike) -> np.ndarray:
    w, *v = np.asarray(quat, dtype=float) / np.linalg.norm(quat)
    cross = np.cross(np.eye(3), v)  # cross @ u = v × u
    return np.eye(3) + 2.0 * w * cross + 2.0 * cross @ cross


def rotation_from_axis_angle(axis: ArrayLike, angle: float) -> np.ndarray:
    return rotation_from_quat([np.cos(angle / 2.0), *(np.sin(angle / 2.0) * np.asarray(axis))])


def rotation_from_rpy(rpy: np.ndarray) -> np.ndarray:
    x, y, z = (rotation_from_axis_angle(axis, angle) for axis, angle in zip(np.eye(3), rpy))
    return z @ y @ x


def mounts_from_facts() -> Dict[str, Mount]:
    return {
        name: Mount(
            link["parent"],
            link["joint"],
            np.array(link["pos"]),
            rotation_from_quat(link["quat"]),
            np.array(link["axis"]),
        )
        for name, link in MOVING.items()
    }


def mounts_from_urdf(urdf: ET.Element) -> Dict[str, Mount]:
    return {
        find(joint, "child").attrib["link"]: Mount(
            find(joint, "parent").attrib["link"],
            joint.attrib["name"],
            numbers(find(joint, "origin"), "xyz"),
            rotation_from_rpy(numbers(find(joint, "origin"), "rpy")),
            numbers(find(joint, "axis"), "xyz"),
        )
        for joint in urdf.iter("joint")
    }


Pose = Tuple[np.ndarray, np.ndarray]


def link_poses(mounts: Dict[str, Mount], angles: Dict[str, float]) -> Dict[str, Pose]:
    """Position and rotation of every link in the base frame; parents come before their children."""
    poses = {XBOT_L.base_body: (np.zeros(3), np.eye(3))}
    for name, mount in mounts.items():
        pos, rotation = poses[mount.parent]
        turn = rotation_from_axis_angle(mount.axis, angles[mount.joint])
        poses[name] = (pos + rotation @ mount.pos, rotation @ mount.rotation @ turn)
    return poses


def mujoco_poses(model: mujoco.MjModel, angles: Dict[str, float]) -> Dict[str, Pose]:
    data = mujoco.MjData(model)
    data.qpos[:7] = [0, 0, 0, 1, 0, 0, 0]
    for name, angle in angles.items():
        data.joint(name).qpos[0] = angle
    mujoco.mj_kinematics(model, data)
    return {name: (data.body(name).xpos, data.body(name).xmat.reshape(3, 3)) for name in LINKS}


def joint_angles(q: Sequence[float]) -> Dict[str, float]:
    return dict(zip(XBOT_L.joint_names, q))


def test_forward_kinematics_of_all_links(model: mujoco.MjModel, urdf: ET.Element) -> None:
    low, high = np.array([link["range"] for link in MOVING.values()]).T
    for q in np.random.default_rng(0).uniform(low, high, (20, XBOT_L.num_joints)):
        angles = joint_angles(q)
        expected = link_poses(mounts_from_facts(), angles)
        for ours in (mujoco_poses(model, angles), link_poses(mounts_from_urdf(urdf), angles)):
            for name, (pos, rotation) in expected.items():
                np.testing.assert_allclose(ours[name][0], pos, atol=1e-6, err_msg=name)
                np.testing.assert_allclose(ours[name][1], rotation, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("sample", FACTS["foot_positions"])
def test_measured_foot_positions(model: mujoco.MjModel, urdf: ET.Element, sample: Dict[str, Any]) -> None:
    angles = joint_angles(sample["q"])
    for poses in (mujoco_poses(model, angles), link_poses(mounts_from_urdf(urdf), angles)):
        for side, foot in FEET.items():
            np.testing.assert_allclose(poses[foot][0], sample[side], atol=1e-5)


# The URDF as a file


@pytest.fixture
def make_urdf() -> ModuleType:
    """The script beside the model files."""
    spec = importlib.util.spec_from_file_location("make_urdf", XBOT_L.mjcf.with_name("make_urdf.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_urdf_is_what_the_mjcf_gives(make_urdf: ModuleType) -> None:
    assert XBOT_L.isaacgym_urdf.read_text(encoding="utf-8") == make_urdf.urdf_text(XBOT_L.mjcf)


def test_check_tells_a_stale_urdf(
    make_urdf: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = tmp_path / "xbot_l.urdf"
    stale.write_text(
        XBOT_L.isaacgym_urdf.read_text(encoding="utf-8").replace("29.90062", "30"), encoding="utf-8"
    )
    monkeypatch.setattr(make_urdf, "URDF", stale)
    monkeypatch.setattr("sys.argv", ["make_urdf.py", "--check"])
    assert make_urdf.main() == 1
    monkeypatch.setattr("sys.argv", ["make_urdf.py"])
    assert make_urdf.main() == 0
    monkeypatch.setattr("sys.argv", ["make_urdf.py", "--check"])
    assert make_urdf.main() == 0
    assert list(tmp_path.iterdir()) == [stale]


def test_urdf_loads_in_mujoco(model: mujoco.MjModel) -> None:
    """MuJoCo fixes a URDF's root link to the world, so the base is not among its bodies."""
    loaded = mujoco.MjModel.from_xml_path(str(XBOT_L.isaacgym_urdf))
    assert tuple(loaded.joint(i).name for i in range(loaded.njnt)) == XBOT_L.joint_names
    for link, expected in MOVING.items():
        assert loaded.body(link).mass[0] == pytest.approx(expected["mass"], rel=1e-6)
    for joint in XBOT_L.joint_names:
        np.testing.assert_allclose(loaded.joint(joint).range, model.joint(joint).range, atol=1e-9)


def test_urdf_collides_where_the_mjcf_meets_the_ground(model: mujoco.MjModel, urdf: ET.Element) -> None:
    """Each box as a box, each capsule as a cylinder and two spheres."""
    ground = model.geom("floor").contype[0]
    for link in LINKS:
        mine = (model.geom_bodyid == model.body(link).id) & (model.geom_conaffinity & ground != 0)
        kinds = model.geom_type[mine].tolist()
        boxes = kinds.count(int(mujoco.mjtGeom.mjGEOM_BOX))
        capsules = kinds.count(int(mujoco.mjtGeom.mjGEOM_CAPSULE))
        shapes = [shape.tag for shape in urdf.findall(f"link[@name='{link}']/collision/geometry/*")]
        assert sorted(shapes) == ["box"] * boxes + ["cylinder"] * capsules + ["sphere"] * (2 * capsules)
