"""What the velocity task remembers from step to step."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from torch import Tensor

from humanoid_envs.simulators.simulator import where_rows


@dataclass
class TaskMemory:
    """What the task remembers from step to step, one row per env."""

    clock: Tensor
    """() int64: policy steps since the envs were made; pushes hit all envs by this clock."""
    episode_step: Tensor
    """(N,) int64: the clock of time-outs and redrawn commands: `first_step` at the episode's start, then one
    more with each policy step."""
    first_step: Tensor
    """(N,) int64: 0 but in staggered episodes, which time out early."""
    done: Tensor
    """(N,) bool: the last step ended the episode."""
    command: Tensor
    """(N, 4) vx, vy, yaw rate, heading."""
    command_fixed: Tensor
    """(N,) bool: the command was set from outside and is neither redrawn nor turned after a heading."""
    action: Tensor
    last_action: Tensor
    """(N, J) executed actions of the last step and the one before."""
    joint_vel: Tensor
    """(N, J) at the end of the last step."""
    base_velocity: Tensor
    """(N, 6) linear and angular, world frame, after the last step's push or reset."""
    reference_joint_pos: Tensor
    """(N, J) that the last observation showed."""
    push_velocity: Tensor
    """(N, 5) of the last push; 0 before the first."""
    air_time: Tensor
    """(N, 2) s; 0 while a foot counts as down."""
    contact: Tensor
    """(N, 2) bool: foot contacts of the last step."""
    lift: Tensor
    """(N, 2) height each foot has gained since its last contact, m."""
    foot_height: Tensor
    """(N, 2) height of the soles at the last step, m."""
    mean_velocity_error: Tensor
    """(N, 3) low-pass filtered command minus velocity: vx, vy, yaw rate."""
    phase_offset: Tensor
    """(N,) gait phase at the episode's start, in cycles."""
    frames: Tensor
    """(N, H, F) the actor's latest frames, oldest first, unclipped."""
    privileged_frames: Tensor
    episode_return: Tensor
    """(N,) sum of rewards."""
    term_returns: Tensor
    """(N, T) sum of each weighted reward term."""
    reward_memory: Tensor
    """(N, K) what reward terms remember."""

    @property
    def steps_played(self) -> Tensor:
        """(N,) int64: policy steps since the episode's start."""
        return self.episode_step - self.first_step

    def assign(self, other: TaskMemory) -> None:
        """Write another memory's values into this one's tensors."""
        own = {id(getattr(self, name)) for name in _FIELDS}
        # A value may be another field's tensor (the action becomes the last action): copy before overwriting.
        values = [getattr(other, name) for name in _FIELDS]
        self.overwrite(TaskMemory(*[value.clone() if id(value) in own else value for value in values]))

    def take(self, other: TaskMemory) -> None:
        """Hold another memory's tensors from now on: faster than `assign`, but no part of a CUDA graph."""
        for name in _FIELDS:
            setattr(self, name, getattr(other, name))

    def overwrite(self, other: TaskMemory) -> None:
        """`assign` for a memory that shares no tensor with this one, or only in the same field."""
        for name in _FIELDS:
            if getattr(self, name) is not getattr(other, name):
                getattr(self, name).copy_(getattr(other, name))


_FIELDS = tuple(field.name for field in dataclasses.fields(TaskMemory))


def choose_rows(mask: Tensor, new: TaskMemory, old: TaskMemory) -> TaskMemory:
    """The new memory in the masked rows, the old one elsewhere."""

    def choose(new: Tensor, old: Tensor) -> Tensor:
        return old if new is old else where_rows(mask, new, old)

    return TaskMemory(**{name: choose(getattr(new, name), getattr(old, name)) for name in _FIELDS})
