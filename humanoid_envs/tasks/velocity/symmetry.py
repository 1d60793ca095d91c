"""Left and right: what the robot sees and does when it is looked at in a mirror.

A mirrored situation has the legs swapped and half a gait cycle passed; vectors change the sign of their y
entry, rotations (angular velocities, Euler angles) those of x and z. A mirror is a dict of plain values: x
has the image `sign * x[permutation]`, which applied twice gives x again.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from humanoid_envs.robots import Robot
from humanoid_envs.tasks.velocity import observations

_VECTOR, _ROTATION = (1.0, -1.0, 1.0), (-1.0, 1.0, -1.0)
_SIGNS: Dict[str, Sequence[float]] = {
    "clock": (-1.0, -1.0),
    "command_lin_vel": (1.0, -1.0),
    "command_yaw_rate": (-1.0,),
    "base_lin_vel": _VECTOR,
    "base_ang_vel": _ROTATION,
    "euler": _ROTATION,
    "push": (1.0, -1.0, *_ROTATION),
    "mean_velocity_error": (1.0, -1.0, -1.0),
    "base_height": (1.0,),
    "foot_friction": (1.0,),
    "base_mass": (1.0,),
}
_SIDES = ("stance", "contact", "foot_height")
_JOINTS = ("joint_pos", "joint_vel", "action", "joint_pos_error")


def frame_mirror(robot: Robot, terms: Tuple, history: int) -> Dict[str, Any]:
    """Of a stack of frames with these terms (`observations.ACTOR_TERMS` or `PRIVILEGED_TERMS`).

    "index" is the position of the newest frame's clock sine, which the mirror turns round: its sign tells the
    halves of the gait cycle apart.
    """
    permutation: List[int] = []
    sign: List[float] = []
    joints = robot.joint_mirror()
    for _ in range(history):
        for name, size in observations.layout(terms, robot.num_joints):
            start = len(permutation)
            if name in _JOINTS:
                permutation += [start + index for index in joints["permutation"]]
                sign += joints["sign"]
            elif name in _SIDES:
                permutation += [start + 1, start]
                sign += [1.0, 1.0]
            else:
                permutation += range(start, start + size)
                sign += _SIGNS[name]
    newest = (history - 1) * observations.frame_size(terms, robot.num_joints)
    return {"permutation": permutation, "sign": sign, "index": newest}
