"""How legs lift their feet: the joint angles put the feet where they are to be."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
import torch

from humanoid_envs.errors import UserError
from humanoid_envs.mdp.gait import Gait, lift_table, lifted
from humanoid_envs.robots import LIFT_STEP, STAR1, XBOT_L, Robot
from humanoid_envs.robots.measure import measured_robot
from humanoid_envs.simulators.mujoco_model import index_model, load_model
from humanoid_envs.simulators.simulator import PhysicsConfig
from tests.robots.others import FIVE_JOINTS, REORDERED
from tests.robots.test_measure import measured, two_legs

STEPS = 8


def feet(robot: Robot, angles: np.ndarray) -> Any:
    """Places (2, 3) and orientations (2, 3, 3) of the feet, with the joints so far from the default."""
    model = load_model(robot, PhysicsConfig())
    index, data = index_model(model, robot), mujoco.MjData(model)
    data.qpos[index.base_qpos : index.base_qpos + 7] = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    data.qpos[index.joint_qpos] = angles + [joint.default_pos for joint in robot.joints]
    mujoco.mj_kinematics(model, data)
    return data.xpos[index.foot_bodies], data.xmat[index.foot_bodies].reshape(2, 3, 3)


@pytest.mark.parametrize("robot", [measured(XBOT_L), measured(REORDERED), measured(FIVE_JOINTS), STAR1])
def test_feet_go_straight_up_and_stay_level(robot: Robot) -> None:
    table = np.array(robot.lifts())
    assert table.shape == (2, STEPS, robot.num_joints)
    rest, level = feet(robot, np.zeros(robot.num_joints))
    for side in range(2):
        for step in range(STEPS):
            places, turned = feet(robot, table[side, step])
            moved = places - rest
            np.testing.assert_allclose(moved[1 - side], 0.0, atol=1e-12)
            height = (step + 1) * LIFT_STEP * robot.leg_length
            np.testing.assert_allclose(moved[side], [0.0, 0.0, height], atol=2e-4)
            np.testing.assert_allclose(turned[side], level[side], atol=1e-3)


def test_star1_has_what_is_measured_of_it() -> None:
    found = measured_robot(
        name="found",
        mjcf=STAR1.mjcf,
        joints=[dataclasses.replace(joint, lift=()) for joint in STAR1.joints],
        base_body=STAR1.base_body,
        foot_bodies=STAR1.foot_bodies,
        knee_bodies=STAR1.knee_bodies,
        upper_joints=STAR1.upper_joints,
    )
    lifts, expected = found.lifts(), STAR1.lifts()
    assert lifts is not None
    assert expected is not None
    np.testing.assert_allclose(lifts, expected, atol=2e-4)


def test_straight_legs_bend_forward(tmp_path: Path) -> None:
    robot = two_legs(tmp_path)
    (thigh, knee, ankle), joints = (joint.lift for joint in robot.joints[:3]), robot.joints
    # Two links of 0.3 m: 2 · 0.3 · (1 − cos θ) high.
    heights = np.arange(1, STEPS + 1) * LIFT_STEP * robot.leg_length
    bent = np.arccos(1.0 - heights / 0.6)
    np.testing.assert_allclose([thigh, knee, ankle], [-bent, 2.0 * bent, -bent], atol=1e-3)
    assert joints[3].lift == tuple(-angle for angle in thigh)  # the right hip turns the other way
    assert joints[5].lift == ankle


def test_legs_that_reach_nowhere_have_none(tmp_path: Path) -> None:
    """Knees that may not bend."""
    path = tmp_path / "stiff.xml"
    spec = mujoco.MjSpec.from_file(str(XBOT_L.mjcf))
    for side in ("left", "right"):
        spec.joint(f"{side}_knee_joint").range = [-0.01, 0.01]
    spec.compile()
    path.write_text(spec.to_xml())
    assert measured(dataclasses.replace(XBOT_L, mjcf=path, urdf=None)).lifts() is None


def test_in_between_and_beyond() -> None:
    table = torch.tensor([[[1.0, 0.0], [4.0, 0.0]], [[0.0, 2.0], [0.0, 3.0]]])
    heights = torch.tensor([[0.0, 0.0], [0.5, 0.0], [1.5, 1.0], [2.0, 0.25], [7.0, 9.0]])
    expected = torch.tensor([[0.0, 0.0], [0.5, 0.0], [2.5, 2.0], [4.0, 0.5], [4.0, 3.0]])
    torch.testing.assert_close(lifted(heights, table), expected)


def test_the_reference_lifts_the_swinging_foot_with_the_clock() -> None:
    gait, star = Gait(swing_lift=0.08), STAR1
    phase = torch.tensor([0.0, 0.01, 0.25, 0.6, 0.75])  # left stands in the first half
    reference = gait.read(phase, star).reference_joint_pos
    again = gait.read(phase, star, lift_table(star, phase.device)).reference_joint_pos
    assert torch.equal(again, reference)
    rest, _ = feet(star, np.zeros(12))
    lift = [0.0, 0.0, 0.08, 0.0, 0.0], [0.0, 0.0, 0.0, 0.08 * np.sin(0.2 * np.pi), 0.08]
    for row, right, left in zip(reference, *lift):
        places, _ = feet(star, row.numpy())
        np.testing.assert_allclose((places - rest)[:, 2], [left, right], atol=4e-4)


def test_it_is_the_releases_of_xbot_l() -> None:
    """As high at its peak, whichever way it is said."""
    peak = torch.tensor([0.25])
    by_angles = Gait().read(peak, XBOT_L).reference_joint_pos
    in_space = Gait().read(peak, measured(XBOT_L)).reference_joint_pos
    torch.testing.assert_close(in_space, by_angles, rtol=0.0, atol=0.003)


def test_all_lifts_are_of_one_length() -> None:
    joints = (dataclasses.replace(XBOT_L.joints[0], lift=(0.1, 0.2)), *XBOT_L.joints[1:])
    dataclasses.replace(XBOT_L, joints=joints)
    joints = (*joints[:-1], dataclasses.replace(XBOT_L.joints[-1], lift=(0.1,)))
    with pytest.raises(UserError, match="'xbot_l': `lift` must have as many angles"):
        dataclasses.replace(XBOT_L, joints=joints)
