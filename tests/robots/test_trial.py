"""Trials of a robot: they pass XBot-L, and each finds its own fault."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from humanoid_envs.robots import XBOT_L, Joint, Robot
from humanoid_envs.robots.model_comparison import agrees
from humanoid_envs.robots.trial import mirrors, shakes, stands, try_robot


def changed(robot: Robot, role: str, **changes: Any) -> Robot:
    """Another robot, with joints of a role changed."""

    def of(joint: Joint) -> Joint:
        return dataclasses.replace(joint, **changes) if joint.role == role else joint

    return dataclasses.replace(robot, joints=tuple(map(of, robot.joints)))


def edited(folder: Path, path: str, attribute: str, value: str) -> Path:
    tree = ET.parse(XBOT_L.mjcf)
    element = tree.find(path)
    assert element is not None
    element.set(attribute, value)
    tree.write(folder / "edited.xml")
    return folder / "edited.xml"


def test_xbot_l_passes() -> None:
    trials = try_robot(XBOT_L)
    assert [trial.name for trial in trials if trial.passed] == ["stands", "parts", "moves", "mirrors"]
    assert "soles carry 520 of 520 N" in trials[0].text


def test_weak_knees_sag() -> None:
    trial = stands(changed(XBOT_L, "knee", stiffness=30.0))
    assert not trial.passed
    assert "look at stiffer gains, or higher torque limits" in trial.text


def test_wrong_weight_is_not_carried() -> None:
    trial = stands(dataclasses.replace(XBOT_L, total_mass=80.0))
    assert not trial.passed
    assert "soles carry 520 of 785 N" in trial.text


def test_a_joint_that_is_all_damping_does_not_move() -> None:
    trials = list(shakes(changed(XBOT_L, "hip_yaw", stiffness=5.0)))
    (failed,) = (trial for trial in trials if not trial.passed)
    assert failed.name == "moves"
    assert failed.text.startswith("left_leg_yaw_joint reaches")


def test_damping_that_steps_of_1_ms_do_not_bear_chatters() -> None:
    """XBot-L's ankles without armature: kd·dt/I is far above 2."""
    trials = list(shakes(changed(XBOT_L, "ankle_roll", armature=0.0)))
    failed = {trial.name: trial.text for trial in trials if not trial.passed}
    assert "left_ankle_roll_joint" in failed["calms"]
    assert "more armature" in failed["calms"]


def test_parts_that_touch_are_named(tmp_path: Path) -> None:
    path = edited(tmp_path, ".//geom[@name='left_shank']", "size", "0.2")
    trials = list(shakes(dataclasses.replace(XBOT_L, mjcf=path)))
    assert not trials[0].passed
    assert "left_knee_link and right_knee_link" in trials[0].text


def test_a_wrong_mirror_sign_is_found() -> None:
    trial = mirrors(changed(XBOT_L, "knee", mirror_sign=1.0))
    assert not trial.passed
    assert "look at mirror_sign" in trial.text


@pytest.mark.parametrize(
    ("path", "attribute", "value", "what"),
    [
        (".//body[@name='left_knee_link']", "pos", "0 -0.33 0", r"places of links by 0\.01 m \(left_"),
        (".//joint[@name='left_knee_joint']", "range", "-1 1.1", r"ranges .* 0\.05 rad \(left_knee_joint"),
        (".//body[@name='left_knee_link']/inertial", "mass", "2.5", r"masses .* 0\.037 of one \(left_knee"),
    ],
)
def test_files_that_differ(tmp_path: Path, path: str, attribute: str, value: str, what: str) -> None:
    assert agrees(XBOT_L, XBOT_L.isaacgym_urdf).passed
    trial = agrees(XBOT_L, edited(tmp_path, path, attribute, value))
    assert not trial.passed
    assert re.search(what, trial.text)
