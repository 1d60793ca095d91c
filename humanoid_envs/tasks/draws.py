"""Everything random in one step, drawn at once.

Draws are physical values (m/s, rad, …), so that a recorded or hand-made set can take their place.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Callable, Dict, List

import numpy as np
import torch
from torch import Tensor

from humanoid_envs.errors import UserError


@dataclass(frozen=True)
class Draws:
    """The random numbers of one policy step."""

    action_delay: Tensor
    """(N, 1) share of the previous executed action."""
    action_noise: Tensor
    """(N, J) relative action noise."""
    command: Tensor
    """(N, K) commands to take where they are due."""
    reset_command: Tensor
    """(N, K) commands to take where an episode starts."""
    pushes: Tensor
    """(N, K) what the pushes do, side by side: of `Push` horizontal (m/s) and angular velocity (rad/s), world
    frame."""
    starts: Tensor
    """(N, K) how an episode starts, side by side: of preset v0 heading (rad), gait phase (cycles) and joint
    angles from the default pose (rad)."""
    parameters: Tensor
    """(N, K) physical parameters that are drawn with each episode, side by side."""
    observation_noise: Tensor
    """(N, F + U) noise on the groups of observations that have some."""
    term_uniform: Tensor
    term_normal: Tensor
    """(N, K) numbers of observation terms that draw some, uniform in [0, 1) and standard normal."""


_STREAM = 0x656E76  # "env"


class DrawsAhead:
    """The draws of the next steps, made for several at once: on a CPU those of few robots for one step take
    hardly less time.

    Args:
        draw: makes the draws of so many steps, one after the other in the tensors' rows.
        steps: how many at once.
    """

    def __init__(self, draw: Callable[[int], Draws], steps: int) -> None:
        self._draw = draw
        self._steps = steps
        self._ahead: List[Draws] = []

    def next(self) -> Draws:
        """Those of one step."""
        if self._steps == 1:
            return self._draw(1)
        if not self._ahead:
            self._ahead = _each_step(vars(self._draw(self._steps)), self._steps)
        return self._ahead.pop(0)

    def clear(self) -> None:
        """Forget those not used yet."""
        self._ahead.clear()

    def state_dict(self) -> Dict[str, Tensor]:
        """Those not used yet, for `load_state_dict` to go on with."""
        names = vars(self._ahead[0]) if self._ahead else ()
        return {name: torch.stack([getattr(draws, name) for draws in self._ahead]) for name in names}

    def load_state_dict(self, state: Dict[str, Tensor]) -> None:
        """Go on with what `state_dict` returned. Raises UserError if it is anything else."""
        state = _upgraded(state)
        names = [field.name for field in dataclasses.fields(Draws)] if state else []
        sizes = {value.shape[:2] if isinstance(value, Tensor) else None for value in state.values()}
        if (
            sorted(map(str, state)) != sorted(names)
            or len(sizes) > 1
            or any(len(s or ()) != 2 for s in sizes)
        ):
            raise UserError("The saved state's draws are damaged. Take another, or begin anew.")
        steps = len(next(iter(state.values()), ()))
        self._ahead = _each_step({name: value.flatten(0, 1) for name, value in state.items()}, steps)


def _upgraded(state: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """The state of a time in which the velocity task's events had their own names, or terms drew nothing."""
    old = ("push_velocity", "start_yaw", "start_phase", "start_joint_pos")
    if all(isinstance(state.get(name), Tensor) for name in old) and state["start_joint_pos"].dim() == 3:
        push, yaw, phase, joints = (state[name] for name in old)
        starts = torch.cat([yaw[..., None], phase[..., None], joints], dim=2)
        kept = {name: value for name, value in state.items() if name not in old}
        state = {**kept, "pushes": push, "starts": starts, "parameters": starts[..., :0].clone()}
    delay = state.get("action_delay")
    if not isinstance(delay, Tensor) or delay.dim() != 3:
        return state
    return {"term_uniform": delay[..., :0].clone(), "term_normal": delay[..., :0].clone(), **state}


def _each_step(values: Dict[str, Tensor], steps: int) -> List[Draws]:
    parts = {name: value.tensor_split(steps) for name, value in values.items()}
    return [Draws(**{name: part[step] for name, part in parts.items()}) for step in range(steps)]


def own_seed(seed: int) -> int:
    """The seed of a stream of its own, also beside a trainer that seeds its torch generator with the same
    number."""
    return int(np.random.SeedSequence([seed, _STREAM]).generate_state(1, np.uint64)[0])
