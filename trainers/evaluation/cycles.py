"""The mean gait cycle: what joints and feet do at each phase of the clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Tuple

import torch
from torch import Tensor

from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.evaluation.rollout import Command, RolloutStep

BINS = 32
"""Parts of a cycle."""

Matrix = Tuple[Tuple[float, ...], ...]


@dataclass(frozen=True)
class GaitCycle:
    """Means over robots and cycles, for each of `BINS` parts of the clock's cycle from its start."""

    command: Command
    joint_pos: Matrix
    """(BINS, J) rad: with `joint_vel` the phase portrait of each joint."""
    joint_vel: Matrix
    """(BINS, J) rad/s."""
    joint_torque: Matrix
    """(BINS, J) N·m."""
    contact: Matrix
    """(BINS, 2) share of cycles in which the left and the right foot is in contact."""
    foot_height: Matrix
    """(BINS, 2) height of the foot links' origins, m."""
    recorded_pos: Matrix
    """(T, J) one robot's joint angles in its last two cycles, step by step, rad; empty if it fell or was not
    recorded."""
    recorded_vel: Matrix
    """(T, J) rad/s."""


class CycleStatistics:
    """Adds up the steps of standing robots by the phase of the gait clock, which all robots share."""

    def __init__(
        self, env: HumanoidVectorEnv, start_up: float, seconds: float, record: Sequence[int] = ()
    ) -> None:
        """record: robots whose last two cycles are kept step by step."""
        self._env, self._record = env, list(record)
        self._first, self._end = env.config.steps(start_up), env.config.steps(seconds)
        self._tail = self._end - 2 * env.config.steps(env.config.gait.period)
        joints = env.simulator.robot.num_joints
        self._sizes = [joints, joints, joints, 2, 2]
        self._sums = torch.zeros(env.num_envs, BINS, sum(self._sizes), device=env.device)
        self._counts = torch.zeros(env.num_envs, BINS, device=env.device)
        self._recorded: List[Tensor] = []
        self._standing = torch.ones(env.num_envs, dtype=torch.bool, device=env.device)

    def add(self, now: RolloutStep) -> None:
        """Take a step into account."""
        self._standing = now.standing
        if now.step < self._first:
            return
        state = now.state
        contact = state.feet_contact_force[..., 2] > self._env.config.feet.contact_force
        values = [state.joint_pos, state.joint_vel, state.joint_torque, contact, state.feet_pos[..., 2]]
        # In float64, with room for its errors: on a boundary a step belongs to the part that begins.
        cycles = (now.step + 1) * self._env.config.policy_period / self._env.config.gait.period
        phase = int(BINS * cycles + 1e-6) % BINS
        self._sums[:, phase] += torch.cat(values, dim=1) * now.standing[:, None]
        self._counts[:, phase] += now.standing
        if now.step >= self._tail:
            both = torch.stack([state.joint_pos, state.joint_vel], dim=1)
            self._recorded.append(both[self._record].cpu())

    def cycle(self, command: Command, rows: slice) -> GaitCycle:
        """The mean cycle of some robots, with the record of the first of them."""
        counts = self._counts[rows].sum(dim=0).clamp(min=1.0)
        means = (self._sums[rows].sum(dim=0) / counts[:, None]).cpu()
        kept = torch.zeros(0, 2, self._sizes[0])
        if rows.start in self._record and bool(self._standing[rows.start]):
            kept = torch.stack(self._recorded)[:, self._record.index(rows.start)]
        parts = [*means.split(self._sizes, dim=1), kept[:, 0], kept[:, 1]]
        return GaitCycle(command, *(_matrix(part) for part in parts))


def _matrix(values: Tensor) -> Matrix:
    return tuple(tuple(row) for row in values.tolist())
