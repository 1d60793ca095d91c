"""What groups of observation terms show, step by step."""

from __future__ import annotations

from typing import Iterable, Tuple

import torch
from torch import Tensor

from humanoid_envs.mdp.observations import Frame
from humanoid_envs.mdp.step import Step
from humanoid_envs.mdp.terms import TermList, join_columns, with_own_draws
from humanoid_envs.robots import Robot


class FrameTerms(TermList):
    """The terms of a group for one robot.

    A reading of a step is a frame, (N, F), and behind it what is not stacked, (N, U). An observation is the
    latest H frames, oldest first, and then the U entries of the latest step.
    """

    def __init__(self, frame: Frame, robot: Robot) -> None:
        super().__init__(frame.terms, robot)
        terms = frame.terms.values()
        self.history = frame.history
        self.size, self.tail_size = frame.frame_size(robot), frame.tail_size(robot)
        self.stack_size = frame.size(robot)
        """Entries of an observation."""
        self.scales = [term.scale for term in terms]
        self.uniforms = [term.uniforms(robot) for term in terms]
        self.normals = [term.normals(robot) for term in terms]

    def read(self, step: Step, memory: Tensor) -> Tuple[Tensor, Tensor]:
        """(N, F + U) a reading without the noise on its entries, and what the terms remember."""
        readings, remembered = self.advance(step, memory)
        scaled = [value if scale == 1.0 else scale * value for value, scale in zip(readings, self.scales)]
        return join_columns(scaled, step.joint_pos), remembered

    def push(self, stack: Tensor, reading: Tensor) -> Tensor:
        """(N, H·F + U) an observation after a step's reading (N, F + U)."""
        end = self.stack_size - self.tail_size
        return torch.cat([stack[:, self.size : end], reading], dim=1)

    def frames(self, stack: Tensor) -> Tensor:
        """(N, H, F) the frames of an observation: a view."""
        return stack[:, : self.stack_size - self.tail_size].unflatten(1, (self.history, self.size))

    def each(self, step: Step) -> Iterable[Step]:
        """The step with each term's own random numbers."""
        return with_own_draws(step, self.uniforms, self.normals)
