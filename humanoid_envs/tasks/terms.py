"""The terms of a task for one robot, put together from the groups of its config."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from humanoid_envs.mdp.commands import CommandTerms
from humanoid_envs.mdp.events import Events, PushTerm, StartTerm
from humanoid_envs.mdp.frames import FrameTerms
from humanoid_envs.mdp.live import LiveTable
from humanoid_envs.mdp.step import Step
from humanoid_envs.mdp.terms import TermList, join_columns, split_columns, with_own_draws
from humanoid_envs.robots import Robot
from humanoid_envs.tasks.config import TaskConfig


class Terms:
    """config: its live numbers may be tensors, see `LiveTable.bind`."""

    def __init__(self, config: TaskConfig, robot: Robot) -> None:
        self.commands = CommandTerms(config.commands)
        self.pushes = Events(config.randomization, PushTerm, robot)
        self.starts = Events(config.randomization, StartTerm, robot)
        self.actions = config.actions
        self.rewards = TermList(config.rewards.active, robot)
        self.terminations = TermList(config.terminations.terms, robot)
        self.frames = [FrameTerms(frame, robot) for frame in config.observations.groups.values()]
        lists = [self.rewards, self.terminations, *self.frames]
        self.memory_sizes = [terms.memory_size for terms in lists]
        self.stack_sizes = [frame.stack_size for frame in self.frames]
        self.uniforms = [sum(frame.uniforms) for frame in self.frames]
        self.normals = [sum(frame.normals) for frame in self.frames]

    def start(self, step: Step) -> Tensor:
        """(N, K) what all terms remember where episodes start."""
        own = [self.rewards.start(step), self.terminations.start(step)]
        frames = [frame.start(seen) for frame, seen in zip(self.frames, self._each(step))]
        return join_columns([*own, *frames], step.joint_pos)

    def reward(self, step: Step, memory: Tensor) -> Tuple[Tensor, Tensor]:
        """(N, T) the reward terms without their weights, and what all terms remember."""
        own, *others = split_columns(memory, self.memory_sizes)
        values, own = self.rewards.advance(step, own)
        raw = torch.stack(values, dim=1) if values else step.joint_pos[:, :0]
        return raw, join_columns([own, *others], memory)

    def terminate(self, step: Step, memory: Tensor) -> Tuple[List[Tensor], Tensor]:
        """(N,) bool of each termination, and what all terms remember."""
        rewards, own, *others = split_columns(memory, self.memory_sizes)
        values, own = self.terminations.advance(step, own)
        return values, join_columns([rewards, own, *others], memory)

    def observe(
        self, stacks: Tensor, step: Step, memory: Tensor, noise: Sequence[Tensor]
    ) -> Tuple[Tensor, Tensor]:
        """(N, Σ H·F + U) all observations with the newest reading, and what all terms remember. noise: for
        each group (N, F + U), or (N, 0) for none."""
        own = split_columns(memory, self.memory_sizes)
        stacked: List[Tensor] = []
        remembered = own[:2]  # what rewards and terminations remember
        steps = self._each(step)
        parts = zip(self.frames, steps, split_columns(stacks, self.stack_sizes), own[2:], noise)
        for frame, own_step, stack, before, added in parts:
            seen, after = frame.read(own_step, before)
            stacked.append(frame.push(stack, seen + added if added.shape[1] else seen))
            remembered.append(after)
        return torch.cat(stacked, dim=1), join_columns(remembered, memory)

    def _each(self, step: Step) -> List[Step]:
        """The step with each group's own random numbers."""
        return with_own_draws(step, self.uniforms, self.normals)


class LiveTerms:
    """The terms with their live numbers from a table.

    traced: `at` is called in functions while they are compiled.
    """

    def __init__(self, config: TaskConfig, robot: Robot, traced: bool) -> None:
        self.table = LiveTable(config)
        self.initial = Terms(config, robot)
        self._robot, self._traced = robot, traced
        self._latest: Tuple[Optional[Tensor], Terms] = (None, self.initial)

    def at(self, live: Tensor) -> Terms:
        """live: (L,) float64, see `LiveTable`."""
        if self._traced:
            return Terms(self.table.bind(live), self._robot)
        if self._latest[0] is not live:
            self._latest = (live, Terms(self.table.bind(live), self._robot))
        return self._latest[1]
