"""Forward kinematics of the legs: what it refuses. That it is right: test_isaacgym.py, against MuJoCo."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from humanoid_envs.robots import XBOT_L, Robot
from humanoid_envs.simulators.leg_kinematics import LegKinematics
from humanoid_envs.simulators.simulator import RobotState


def edited(tmp_path: Path, old: str, new: str) -> Robot:
    text = XBOT_L.isaacgym_urdf.read_text()
    assert old in text
    path = tmp_path / "robot.isaacgym_urdf"
    path.write_text(text.replace(old, new))
    return dataclasses.replace(XBOT_L, urdf=path)


def test_velocities_are_the_derivatives_of_positions() -> None:
    generator = torch.Generator().manual_seed(0)
    values = [torch.randn(5, n, generator=generator) for n in (3, 4, 3, 3, 12, 12)]
    pos, quat, lin_vel, ang_vel, joint_pos, joint_vel = values
    quat = quat / quat.norm(dim=1, keepdim=True)
    legs, dt = LegKinematics(XBOT_L), 1e-3

    def at(time: float) -> RobotState:
        angle = time * ang_vel.norm(dim=1, keepdim=True)
        axis = ang_vel / ang_vel.norm(dim=1, keepdim=True)
        turn = torch.cat([torch.cos(angle / 2), torch.sin(angle / 2) * axis], dim=1)
        from humanoid_envs.rotations import multiply

        turned = multiply(turn, quat)
        return RobotState(
            pos + time * lin_vel, turned, lin_vel, ang_vel, joint_pos + time * joint_vel, joint_vel
        )

    before, now, after = (legs(at(time)) for time in (-dt, 0.0, dt))
    for part in ("feet", "knees"):
        difference = (getattr(after, f"{part}_pos") - getattr(before, f"{part}_pos")) / (2 * dt)
        torch.testing.assert_close(difference, getattr(now, f"{part}_vel"), atol=5e-3, rtol=1e-3)


def test_fixed_joints_are_folded_in(tmp_path: Path) -> None:
    """The knee hangs on a bracket that is fixed to the thigh: the same kinematics."""
    parent = '<parent link="left_leg_pitch_link" />'
    joint = '<joint name="bracket" type="fixed"><origin xyz="0 -0.32 0"/>'
    robot = edited(tmp_path, parent, '<parent link="bracket" />')
    text = robot.isaacgym_urdf.read_text()
    start = text.index('<joint name="left_knee_joint"')
    text = text[:start] + text[start:].replace('xyz="0 -0.32 0"', 'xyz="0 0 0"', 1)
    robot.isaacgym_urdf.write_text(
        text.replace(
            "</robot>", f'<link name="bracket"/>{joint}{parent}<child link="bracket"/></joint></robot>'
        )
    )
    generator = torch.Generator().manual_seed(0)
    values = [torch.randn(3, n, generator=generator) for n in (3, 4, 3, 3, 12, 12)]
    state = RobotState(values[0], torch.nn.functional.normalize(values[1]), *values[2:])
    ours, reference = LegKinematics(robot)(state), LegKinematics(XBOT_L)(state)
    for name, value in vars(reference).items():
        torch.testing.assert_close(getattr(ours, name), value, atol=1e-5, rtol=1e-5)


def test_a_robot_without_a_urdf() -> None:
    with pytest.raises(ValueError, match="Isaac Gym needs a URDF, and robot 'xbot_l' has none"):
        LegKinematics(dataclasses.replace(XBOT_L, urdf=None))


def test_bad_urdfs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'left_knee_joint' is prismatic"):
        LegKinematics(
            edited(tmp_path, '"left_knee_joint" type="revolute"', '"left_knee_joint" type="prismatic"')
        )
    with pytest.raises(
        ValueError, match="no chain of joints leads from 'base_link' to 'left_ankle_roll_link'"
    ):
        LegKinematics(edited(tmp_path, '<child link="left_knee_link" />', '<child link="other" />'))
    with pytest.raises(ValueError, match=r"no joints unknown to robot 'xbot_l' \(found: \['left_hip'\]\)"):
        LegKinematics(edited(tmp_path, '"left_leg_roll_joint"', '"left_hip"'))
    with pytest.raises(FileNotFoundError, match="missing"):
        LegKinematics(dataclasses.replace(XBOT_L, urdf=tmp_path / "missing.urdf"))
