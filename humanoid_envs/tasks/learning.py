"""How a task changes as robots get better."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from humanoid_envs.mdp.curricula import Episodes, written
from humanoid_envs.mdp.live import LiveTable
from humanoid_envs.tasks.config import TaskConfig
from humanoid_envs.tasks.memory import TaskMemory


class Curriculum:
    """The curricula of a task, which write to its table of live numbers. What is drawn ahead, on a CPU for a
    few steps, was drawn with the numbers before."""

    def __init__(self, config: TaskConfig, live: LiveTable) -> None:
        self._period = config.policy_period
        self._terms = [(term, live.place(term.parameter)) for term in config.curricula.active.values()]
        self._begins = live.initial(torch.device("cpu")).tolist()
        self.memory_size = sum(term.memory_size for term, _ in self._terms)
        """Numbers that the curricula remember."""

    def start(self, memory: TaskMemory) -> None:
        """Put the numbers that curricula change back to where the config has them."""
        memory.curricula.zero_()
        for _, place in self._terms:
            memory.live[place] = self._begins[place]

    def advance(self, memory: TaskMemory, terminated: Tensor) -> TaskMemory:
        """The memory after a step with live numbers as the curricula want them. terminated: (N,) bool."""
        if not self._terms:
            return memory
        episodes = Episodes(
            done=memory.done,
            fallen=terminated,
            length=memory.steps_played * self._period,
            command_error=memory.command_error,
        )
        live, remembered, first = memory.live, [], 0
        for term, place in self._terms:
            own = memory.curricula[first : first + term.memory_size]
            value, own = term.advance(live[place], self._begins[place], own, episodes)
            live, first = written(live, place, value), first + term.memory_size
            remembered.append(own)
        return dataclasses.replace(memory, live=live, curricula=torch.cat(remembered))
