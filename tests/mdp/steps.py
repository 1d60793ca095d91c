"""A `Step` to give to terms."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from humanoid_envs.mdp import GaitReading, Step
from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.simulator import default_parameters
from humanoid_envs.terrain.surface import FlatSurface
from tests.scripted_simulator import standing


def step(num_envs: int = 1, **changes: Any) -> Step:
    """A robot that stands still on both feet, as told; names with a double underscore reach into the gait,
    the state or the parameters: `state__base_pos`. The ground is flat unless `base_height` says otherwise."""

    def zeros(*shape: int) -> Tensor:
        return torch.zeros(num_envs, *shape)

    down = torch.ones(num_envs, 2, dtype=torch.bool)
    clock = GaitReading(zeros(), zeros(2), down, zeros(2), zeros(12))
    still = Step(
        robot=XBOT_L,
        period=0.01,
        state=standing(num_envs),
        parameters=default_parameters(XBOT_L, num_envs, "cpu"),
        commands={"velocity": zeros(4)},
        command_error=zeros(3),
        base_lin_vel=zeros(3),
        base_ang_vel=zeros(3),
        euler=zeros(3),
        gravity=torch.tensor([[0.0, 0.0, -1.0]]).expand(num_envs, 3),
        joint_pos=zeros(12),
        action=zeros(12),
        last_action=zeros(12),
        second_last_action=zeros(12),
        last_joint_vel=zeros(12),
        base_velocity=zeros(6),
        last_base_velocity=zeros(6),
        pushes={"push": zeros(5)},
        gait=clock,
        shown_reference_joint_pos=zeros(12),
        contact=down,
        lift=zeros(2),
        ground=FlatSurface(),
        base_height=zeros(),
        foot_height=zeros(2),
        sole_height=0.05,
        air_time=zeros(2),
        landed=~down,
        episode_step=torch.ones(num_envs, dtype=torch.int64),
        uniform=zeros(0),
        normal=zeros(0),
    )
    for name in [name for name in changes if "__" in name]:
        whole, part = name.split("__")
        within = dataclasses.replace(changes.get(whole, getattr(still, whole)), **{part: changes.pop(name)})
        changes[whole] = within
    changes.setdefault("base_height", changes.get("state", still.state).base_pos[:, 2])
    return dataclasses.replace(still, **changes)
