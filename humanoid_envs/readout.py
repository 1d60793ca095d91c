"""What a step gives to the user: new tensors, for the step's own are overwritten by the next, as the arrays
and dicts of Gymnasium's interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Tuple, Union

import numpy as np
from torch import Tensor

from humanoid_envs.tasks.velocity import TaskMemory, VelocityConfig, observations
from humanoid_envs.tasks.velocity.task import StepResult
from humanoid_envs.trouble import KINDS

Array = Union[Tensor, np.ndarray]

_AXES = ("vx", "vy", "yaw_rate")


@dataclass(frozen=True)
class View:
    """What actor, critic and user see."""

    policy: Tensor
    """(N, H·F) the actor's observation."""
    critic: Tensor
    """(N, H·F) the privileged observation."""
    command: Tensor
    """(N, 3) vx, vy (m/s) and yaw rate (rad/s)."""


@dataclass(frozen=True)
class Ends:
    """How a step went."""

    reward: Tensor
    """(N,)"""
    terminated: Tensor
    truncated: Tensor
    done: Tensor
    """(N,) bool; done: either."""
    trouble: Tensor
    """(3, N) bool, see `Trouble.table`."""


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
    tracking_error: Tensor
    """(3, N) distance of the averaged vx, vy and yaw rate from the command."""


def view(memory: TaskMemory, config: VelocityConfig) -> View:
    """What is seen of a memory."""
    o = config.observations
    return View(
        policy=observations.stack(memory.frames, o),
        critic=observations.stack(memory.privileged_frames, o),
        command=memory.command[:, :3].clone(),
    )


def ends(result: StepResult, reused: bool) -> Ends:
    """A step's reward and flags. reused: the next step will write to the same tensors."""
    told = [result.reward, result.terminated, result.truncated, result.done, result.trouble]
    return Ends(*[value.clone() for value in told] if reused else told)


def finals(result: StepResult, config: VelocityConfig) -> Finals:
    """The episodes as a step left them."""
    last = result.last
    return Finals(
        view=view(last, config),
        episode_return=last.episode_return.clone(),
        episode_length=last.steps_played,
        term_returns=last.term_returns.T.clone(),
        fallen=result.terminated.float(),
        tracking_error=last.mean_velocity_error.abs().T,
    )


@dataclass(frozen=True)
class Presentation:
    """How the user wants it."""

    numpy: bool
    """Arrays instead of tensors."""
    dict_obs: bool
    """Observations are those of actor and critic."""
    with_final_obs: bool
    """A step that ends an episode already shows the next one, so that the last observation comes apart."""
    term_names: Tuple[str, ...]
    """Of the reward terms."""

    def array(self, value: Tensor) -> Array:
        return value.cpu().numpy() if self.numpy else value

    def observation(self, seen: View) -> Any:
        policy = self.array(seen.policy)
        return {"policy": policy, "critic": self.array(seen.critic)} if self.dict_obs else policy

    def info(self, seen: View) -> Dict[str, Any]:
        return {"privileged": self.array(seen.critic), "command": self.array(seen.command)}

    def simulator(self, trouble: Tensor) -> Dict[str, Any]:
        """What `info["simulator"]` holds after a step; trouble: (3, N)."""
        return dict(zip(KINDS, self.array(trouble)))

    def final(self, last: Finals, done: Tensor) -> Dict[str, Any]:
        """What `info` holds in addition when episodes have ended; done: (N,) bool, which."""
        errors = {
            f"tracking_error_{axis}": self.array(error) for axis, error in zip(_AXES, last.tracking_error)
        }
        final: Dict[str, Any] = {
            "episode_return": self.array(last.episode_return),
            "episode_length": self.array(last.episode_length),
            "reward_terms": dict(zip(self.term_names, self.array(last.term_returns))),
            "episode_metrics": {"fall_rate": self.array(last.fallen), **errors},
        }
        ended = self.array(done)
        infos: Dict[str, Any] = {"final_info": final, "_final_info": ended}
        if self.with_final_obs:
            final["privileged"] = self.array(last.view.critic)
            infos["final_obs"], infos["_final_obs"] = self._final_observation(last.view, ended), ended
        return infos

    def _final_observation(self, seen: View, done: Array) -> Any:
        observation = self.observation(seen)
        if not (self.dict_obs and self.numpy):
            return observation
        # Gymnasium's convention for spaces that are no single array: one object for each env that is done.
        rows = np.full(len(done), None, dtype=object)
        for index in np.flatnonzero(done):
            rows[index] = {name: value[index] for name, value in observation.items()}
        return rows
