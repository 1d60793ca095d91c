"""What tasks are made of: terms, each a value that holds what it computes, its parameters and its weight.

A group is a frozen dataclass whose fields are terms; the order of the fields is that of the terms. Who wants
another term writes its class and a group that inherits one of ours and has a field more.

Terms are functions of a `Step` for N robots at once, the same on CPU and GPU. What a term must remember from
step to step it declares: `memory_size`, `start`, `advance`; episodes that end forget it by themselves.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple, Type, TypeVar

import torch
from torch import Tensor

from humanoid_envs.configs import Config
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.step import Step
from humanoid_envs.robots import Robot

T = TypeVar("T")


@dataclass(frozen=True)
class Term(Config):
    """Something that is computed in each step.

    Numbers whose annotation is `Live` may be changed while the task runs, see `humanoid_envs.mdp.live`; a
    formula that reads one must take a tensor of no dimensions as well.
    """

    def __call__(self, step: Step) -> Tensor:
        """The term's value for N robots."""
        raise UserError(f"{type(self).__name__} needs __call__(step), or advance(step, memory).")

    def memory_size(self, robot: Robot) -> int:
        """Numbers that it remembers from step to step for one robot."""
        return 0

    def start(self, step: Step) -> Tensor:
        """(N, K) what it remembers where an episode starts, before anything of it is seen. step: that of the
        start."""
        return step.zeros(self.memory_size(step.robot))

    def advance(self, step: Step, memory: Tensor) -> Tuple[Tensor, Tensor]:
        """The value, and the new memory (N, K): for terms that remember something, instead of `__call__`."""
        return self(step), memory


def terms_of(group: Any, kind: Type[T]) -> Dict[str, T]:
    """The terms of that kind in a group, by their fields' names, in order."""
    return {
        field.name: value
        for field in dataclasses.fields(group)
        for value in (getattr(group, field.name),)
        if isinstance(value, kind)
    }


class TermList:
    """Terms by their names for one robot, with what they remember side by side in a table (N, K)."""

    def __init__(self, terms: Mapping[str, Term], robot: Robot) -> None:
        self.names = tuple(terms)
        self.terms = tuple(terms.values())
        self.memory_sizes = [term.memory_size(robot) for term in self.terms]
        self.memory_size = sum(self.memory_sizes)

    def start(self, step: Step) -> Tensor:
        """(N, K) what they remember where episodes start."""
        starts = [term.start(seen) for term, seen in zip(self.terms, self.each(step))]
        return join_columns(starts, step.joint_pos)

    def advance(self, step: Step, memory: Tensor) -> Tuple[List[Tensor], Tensor]:
        """Their values, and the new memory."""
        values: List[Tensor] = []
        memories: List[Tensor] = []
        parts = zip(self.terms, self.each(step), split_columns(memory, self.memory_sizes))
        for term, seen, remembered in parts:
            value, remembered = term.advance(seen, remembered)
            values.append(value)
            memories.append(remembered)
        return values, join_columns(memories, step.joint_pos)

    def each(self, step: Step) -> Iterable[Step]:
        """The step as each term sees it."""
        return [step] * len(self.terms)


def with_own_draws(step: Step, uniforms: Sequence[int], normals: Sequence[int]) -> List[Step]:
    """The step as each of several sees it: with its own columns of the random numbers, so many uniform and so
    many normal ones."""
    if not sum(uniforms) + sum(normals):
        return [step] * len(uniforms)
    own = zip(split_columns(step.uniform, uniforms), split_columns(step.normal, normals))
    return [dataclasses.replace(step, uniform=uniform, normal=normal) for uniform, normal in own]


def split_columns(table: Tensor, sizes: Sequence[int]) -> List[Tensor]:
    """Views of a table's columns, (N, size) each."""
    return list(table.split(list(sizes), dim=1)) if sizes else []


def join_columns(parts: Sequence[Tensor], like: Tensor) -> Tensor:
    """Columns side by side; where there are none a table without columns, of as many rows as `like`."""
    wide = [part for part in parts if part.shape[1]]
    return torch.cat(wide, dim=1) if wide else like[:, :0].clone()
