"""What a step gives to the user: new tensors, for the step's own are overwritten by the next."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from humanoid_envs.tasks.velocity import TaskMemory, VelocityConfig, observations
from humanoid_envs.tasks.velocity.task import StepResult


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


def ends(result: StepResult) -> Ends:
    """A step's reward and flags."""
    return Ends(
        reward=result.reward.clone(),
        terminated=result.terminated.clone(),
        truncated=result.truncated.clone(),
        done=result.terminated | result.truncated,
    )


def finals(result: StepResult, config: VelocityConfig) -> Finals:
    """The episodes as a step left them."""
    last = result.last
    return Finals(
        view=view(last, config),
        episode_return=last.episode_return.clone(),
        episode_length=last.episode_step.clone(),
        term_returns=last.term_returns.T.clone(),
        fallen=result.terminated.float(),
        tracking_error=last.mean_velocity_error.abs().T,
    )
