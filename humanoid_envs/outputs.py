"""What a step gives to the user: new tensors, for the step's own are overwritten by the next, as the arrays
and dicts of Gymnasium's interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Tuple

import numpy as np
import torch
from torch import Tensor

from humanoid_envs.arrays import Array
from humanoid_envs.mdp.terms import split_columns
from humanoid_envs.tasks.memory import TaskMemory
from humanoid_envs.tasks.task import StepResult, Task
from humanoid_envs.trouble import KINDS


@dataclass(frozen=True)
class View:
    """What actor, critic and user see."""

    observations: Tuple[Tensor, ...]
    """(N, H·F) for each group of observations: the actor's, the critic's, others."""
    command: Tensor
    """(N, C) what the robots are told."""


@dataclass(frozen=True)
class Finals:
    """Episodes that may have ended, before any reset."""

    view: View
    episode_return: Tensor
    episode_length: Tensor
    """(N,)"""
    term_returns: Tensor
    """(T, N) sums of the weighted reward terms."""
    fallen: Tensor
    """(N,) 1 where the task ended the episode, 0 elsewhere."""
    command_error: Tensor
    """(C, N) averaged distance of what the robot does from what it is told."""


class Outputs:
    """Takes out of a task what the user gets.

    Args:
        task: the task.
        dict_obs: observations are those of all groups.
        with_final_obs: a step that ends an episode already shows the next one, so that the last observation
            comes apart.
        fused: fuses the operations of a function of tensors, or leaves it as it is.
    """

    def __init__(
        self,
        task: Task,
        dict_obs: bool,
        with_final_obs: bool,
        fused: Callable[[Callable[..., Any]], Callable[..., Any]],
    ) -> None:
        config = task.config
        self.numpy = False
        """Arrays instead of tensors."""
        self._dict_obs, self._with_final_obs = dict_obs, with_final_obs
        self._term_names, self._labels = task.term_names, config.commands.labels
        self._groups, self._clip = tuple(config.observations.groups), config.observations.clip
        self._terms = task.terms
        # There a step may be a graph that writes to the same tensors each time; on a CPU each makes new ones.
        self._on_gpu = task.simulator.device.type != "cpu"
        self._view, self._finals = fused(self.view), fused(self.finals)
        self._flags = fused(self.flags) if self._on_gpu else self.flags

    # For the user

    def reset(self, memory: TaskMemory) -> Tuple[Any, Dict[str, Any]]:
        """Observation and info of a reset."""
        seen = self._view(memory)
        none = torch.zeros(len(KINDS), len(seen.command), dtype=torch.bool, device=seen.command.device)
        return self._observation(seen), {**self._info(seen), "simulator": dict(zip(KINDS, self._array(none)))}

    def step(self, memory: TaskMemory, result: StepResult) -> Tuple[Any, Array, Array, Array, Dict[str, Any]]:
        """Observation, reward, terminated, truncated and info of a step. memory: after resets."""
        seen, (reward, terminated, truncated, done, trouble) = self._view(memory), self._flags(result)
        info = {**self._info(seen), "simulator": dict(zip(KINDS, self._array(trouble)))}
        if self._on_gpu or done.numpy().any():
            info.update(self._final(self._finals(result), done))
        return self._observation(seen), *map(self._array, (reward, terminated, truncated)), info  # pyright: ignore

    def so_far(self, memory: TaskMemory) -> Dict[str, Any]:
        """Return, length and reward terms' sums of the running episodes, or of those that just ended without
        a reset: (N,) each, 0 after a reset."""
        terms = zip(self._term_names, map(self._array, memory.term_returns.T.clone()))
        return {
            "episode_return": self._array(memory.episode_return.clone()),
            "episode_length": self._array(memory.steps_played.clone()),
            "reward_terms": dict(terms),
        }

    # In tensors

    def view(self, memory: TaskMemory) -> View:
        """What is seen now."""
        stacks = split_columns(memory.frames, self._terms.stack_sizes)
        return View(
            observations=tuple([stack.clamp(-self._clip, self._clip) for stack in stacks]),
            command=self._terms.commands.told(memory.command).clone(),
        )

    def finals(self, result: StepResult) -> Finals:
        """The episodes as a step left them."""
        last = result.last
        return Finals(
            view=self.view(last),
            episode_return=last.episode_return.clone(),
            episode_length=last.steps_played,
            term_returns=last.term_returns.T.clone(),
            fallen=result.terminated.float(),
            command_error=last.command_error.abs().T,
        )

    def flags(self, result: StepResult) -> Tuple[Tensor, ...]:
        """Reward, terminated, truncated, done and trouble of a step."""
        told = result.reward, result.terminated, result.truncated, result.done, result.trouble
        return tuple([value.clone() for value in told]) if self._on_gpu else told

    # As arrays and dicts

    def _array(self, value: Tensor) -> Array:
        return value.cpu().numpy() if self.numpy else value

    def _observation(self, seen: View) -> Any:
        if not self._dict_obs:
            return self._array(seen.observations[0])
        return {name: self._array(value) for name, value in zip(self._groups, seen.observations)}

    def _info(self, seen: View) -> Dict[str, Any]:
        _, critic, *others = seen.observations
        info: Dict[str, Any] = {"privileged": self._array(critic), "command": self._array(seen.command)}
        if others:
            info["observations"] = dict(zip(self._groups[2:], map(self._array, others)))
        return info

    def _final(self, last: Finals, done: Tensor) -> Dict[str, Any]:
        """What `info` holds in addition when episodes have ended; done: (N,) bool, which."""
        errors = zip(self._labels, last.command_error)
        final: Dict[str, Any] = {
            "episode_return": self._array(last.episode_return),
            "episode_length": self._array(last.episode_length),
            "reward_terms": dict(zip(self._term_names, self._array(last.term_returns))),
            "episode_metrics": {
                "fall_rate": self._array(last.fallen),
                **{f"tracking_error_{label}": self._array(error) for label, error in errors},
            },
        }
        ended = self._array(done)
        infos: Dict[str, Any] = {"final_info": final, "_final_info": ended}
        if self._with_final_obs:
            final["privileged"] = self._array(last.view.observations[1])
            infos["final_obs"], infos["_final_obs"] = self._final_observation(last.view, ended), ended
        return infos

    def _final_observation(self, seen: View, done: Array) -> Any:
        observation = self._observation(seen)
        if not (self._dict_obs and self.numpy):
            return observation
        # Gymnasium's convention for spaces that are no single array: one object for each env that is done.
        rows = np.full(len(done), None, dtype=object)
        for index in np.flatnonzero(done):
            rows[index] = {name: value[index] for name, value in observation.items()}
        return rows
