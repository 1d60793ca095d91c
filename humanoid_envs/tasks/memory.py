"""What a task remembers from step to step."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from humanoid_envs.simulators.simulator import where_rows
from humanoid_envs.tasks.terms import Terms


@dataclass
class TaskMemory:
    """What a task remembers from step to step, one row per env."""

    clock: Tensor
    """() int64: policy steps since the envs were made; pushes hit all envs by this clock."""
    live: Tensor
    """(L,) float64: numbers of the config that may change, see `LiveTable`."""
    curricula: Tensor
    """(K,) float64: what curricula remember."""
    episode_step: Tensor
    """(N,) int64: the clock of time-outs and redrawn commands: `first_step` at the episode's start, then one
    more with each policy step."""
    first_step: Tensor
    """(N,) int64: 0 but in staggered episodes, which time out early."""
    done: Tensor
    """(N,) bool: the last step ended the episode."""
    command: Tensor
    """(N, K) what robots are told, see `CommandTerms`."""
    command_fixed: Tensor
    """(N,) bool: the command was set from outside and is neither redrawn nor follows the state."""
    action: Tensor
    last_action: Tensor
    """(N, J) executed actions of the last step and the one before."""
    joint_vel: Tensor
    """(N, J) at the end of the last step."""
    base_velocity: Tensor
    """(N, 6) linear and angular, world frame, after the last step's push or reset."""
    reference_joint_pos: Tensor
    """(N, J) that the last observation showed."""
    pushes: Tensor
    """(N, K) what each push did last; 0 before the first."""
    air_time: Tensor
    """(N, 2) s; 0 while a foot counts as down."""
    contact: Tensor
    """(N, 2) bool: foot contacts of the last step."""
    lift: Tensor
    """(N, 2) height each foot has gained since its last contact, m."""
    foot_height: Tensor
    """(N, 2) height of the soles over the ground at the last step, m."""
    command_error: Tensor
    """(N, C) low-pass filtered command minus what the robot does of it."""
    phase_offset: Tensor
    """(N,) gait phase at the episode's start, in cycles."""
    parameter_draws: Tensor
    """(N, K) what the env's physical parameters were made from."""
    frames: Tensor
    """(N, K) the latest frames of each group of observations, unclipped: each H·F, oldest frame first."""
    episode_return: Tensor
    """(N,) sum of rewards."""
    term_returns: Tensor
    """(N, T) sum of each weighted reward term."""
    term_memory: Tensor
    """(N, K) what terms remember."""

    @classmethod
    def initial(
        cls, num_envs: int, num_joints: int, terms: Terms, live: Tensor, parameters: int, curricula: int
    ) -> TaskMemory:
        """Before the first reset, on the device of `live`. parameters, curricula: how many numbers."""
        n, joints = num_envs, num_joints

        def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=live.device)

        return cls(
            clock=zeros(dtype=torch.int64),
            live=live,
            curricula=zeros(curricula, dtype=torch.float64),
            episode_step=zeros(n, dtype=torch.int64),
            first_step=zeros(n, dtype=torch.int64),
            done=zeros(n, dtype=torch.bool),
            command=zeros(n, terms.commands.size),
            command_fixed=zeros(n, dtype=torch.bool),
            action=zeros(n, joints),
            last_action=zeros(n, joints),
            joint_vel=zeros(n, joints),
            base_velocity=zeros(n, 6),
            reference_joint_pos=zeros(n, joints),
            pushes=zeros(n, terms.pushes.size),
            air_time=zeros(n, 2),
            contact=zeros(n, 2, dtype=torch.bool),
            lift=zeros(n, 2),
            foot_height=zeros(n, 2),
            command_error=zeros(n, len(terms.commands.told_columns)),
            phase_offset=zeros(n),
            parameter_draws=zeros(n, parameters),
            frames=zeros(n, sum(terms.stack_sizes)),
            episode_return=zeros(n),
            term_returns=zeros(n, len(terms.rewards.names)),
            term_memory=zeros(n, sum(terms.memory_sizes)),
        )

    @property
    def steps_played(self) -> Tensor:
        """(N,) int64: policy steps since the episode's start."""
        return self.episode_step - self.first_step

    def assign(self, other: TaskMemory) -> None:
        """Write another memory's values into this one's tensors."""
        own = {id(getattr(self, name)) for name in FIELDS}
        # A value may be another field's tensor (the action becomes the last action): copy before overwriting.
        values = [getattr(other, name) for name in FIELDS]
        self.overwrite(TaskMemory(*[value.clone() if id(value) in own else value for value in values]))

    def take(self, other: TaskMemory) -> None:
        """Hold another memory's tensors from now on: faster than `assign`, but no part of a CUDA graph."""
        for name in FIELDS:
            setattr(self, name, getattr(other, name))

    def overwrite(self, other: TaskMemory) -> None:
        """`assign` for a memory that shares no tensor with this one, or only in the same field."""
        for name in FIELDS:
            if getattr(self, name) is not getattr(other, name):
                getattr(self, name).copy_(getattr(other, name))


FIELDS = tuple(field.name for field in dataclasses.fields(TaskMemory))  # the compiler does not know `vars`


def choose_rows(mask: Tensor, new: TaskMemory, old: TaskMemory) -> TaskMemory:
    """The new memory in the masked rows, the old one elsewhere."""

    def choose(new: Tensor, old: Tensor) -> Tensor:
        return old if new is old else where_rows(mask, new, old)

    return TaskMemory(**{name: choose(getattr(new, name), getattr(old, name)) for name in FIELDS})
