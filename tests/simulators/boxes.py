"""A robot of 14 boxes that lies flat on the ground, on 56 corners."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from humanoid_envs.robots import XBOT_L, Robot

HALF_HEIGHT = 0.02


def box_robot(folder: Path) -> Robot:
    """Base and head, and two legs of six links with XBot-L's names, all in one plane."""
    box = f'<geom {{}} type="box" size="0.08 0.08 {HALF_HEIGHT}"/>'

    def leg(side: str, y: float) -> str:
        names = [joint.name for joint in XBOT_L.joints if joint.name.startswith(side)]
        text = box.format(f'name="{side}_sole" priority="1"')
        for i, name in reversed([*enumerate(names)]):
            link = name.replace("_joint", "_link")
            pos = "0.2 0 0" if i else f"0.2 {y} 0"
            geom = "" if i == len(names) - 1 else box.format("")
            text = f'<body name="{link}" pos="{pos}"><joint name="{name}" axis="0 1 0"/>{geom}{text}</body>'
        return text

    motors = "".join(f'<position name="{name}" joint="{name}" kp="1"/>' for name in XBOT_L.joint_names)
    head = f'<geom type="box" size="0.08 0.08 {HALF_HEIGHT}" pos="-0.2 0 0"/>'
    path = folder / "boxes.xml"
    path.write_text(
        '<mujoco><default><geom contype="0" conaffinity="1"/><joint armature="0.01"/></default><worldbody>'
        '<geom type="plane" size="0 0 1" contype="1"/>'
        f'<body name="base_link" pos="0 0 {HALF_HEIGHT}"><freejoint/>{box.format("")}{head}'
        f"{leg('left', 0.2)}{leg('right', -0.2)}</body></worldbody><actuator>{motors}</actuator></mujoco>"
    )
    return dataclasses.replace(XBOT_L, name="boxes", mjcf=path, base_mass=10.0, start_height=HALF_HEIGHT)
