"""Denoising world model learning and its rivals, made comparable: with the same critic and settings of PPO,
and actors with about as many weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional

from humanoid_envs.errors import UserError
from humanoid_envs.registry import Registry
from humanoid_envs.tasks import TaskConfig
from humanoid_envs.tasks.velocity.dwl import PrivilegedFrame
from trainers.dwl.concurrent import ConcurrentPolicy
from trainers.dwl.distillation import Distillation, StudentLosses
from trainers.dwl.dwl import DWLLosses, dwl_config
from trainers.dwl.estimating import EstimateLosses
from trainers.dwl.him import HIMLosses, HIMPolicy
from trainers.dwl.networks import DWLPolicy
from trainers.ppo.actor_critic import PolicyConfig
from trainers.ppo.config import PPOConfig
from trainers.ppo.losses import Losses
from trainers.ppo.recurrent import GRUPolicy


@dataclass(frozen=True)
class Method:
    """Networks and losses, and what they are to see."""

    ppo: PPOConfig
    history: int = 1
    """Frames of the actor's observation."""
    privileged: bool = False
    """The actor sees what the critic sees."""

    def task(self, task: TaskConfig) -> TaskConfig:
        """The task with what the method's actor is to see, and the critic that all methods have."""
        frame = PrivilegedFrame()
        if self.privileged:
            return task.replace({"observations.policy": frame, "observations.critic": frame})
        return task.replace({"observations.policy.history": self.history, "observations.critic": frame})


METHODS: Registry[Callable[[], Method]] = Registry("method")
"""By their names."""


def method(name: str, teacher: Optional[str] = None) -> Method:
    """The method of that name. teacher: for `student`, the checkpoint of a policy of method `teacher`.

    Raises:
        UserError: there is none, or a student without a teacher.
    """
    found = METHODS.find(name)()
    if name != "student":
        return found
    if teacher is None:
        raise UserError("Method 'student' needs a teacher: the checkpoint of a policy of method 'teacher'.")
    losses = StudentLosses(distillation=Distillation(teacher=teacher))
    return Method(found.ppo.replace(losses=losses))


def _like_dwl(policy: PolicyConfig, losses: Optional[Losses] = None, **widths: tuple) -> PPOConfig:
    return dwl_config().replace({"policy": policy, "losses": losses or Losses(), **widths})


@METHODS.register("dwl")
def dwl() -> Method:
    """Denoising world model learning."""
    return Method(dwl_config())


@METHODS.register("dwl_cut")
def dwl_cut() -> Method:
    """The same, whose encoder learns nothing from acting."""
    return Method(_like_dwl(DWLPolicy(cut=True), DWLLosses()))


@METHODS.register("wmr")
def wmr() -> Method:
    """World model reconstruction (arXiv 2502.16230): the head sees what is reconstructed alone, and changes
    nothing of it."""
    return Method(_like_dwl(DWLPolicy(cut=True, reconstructed=True), DWLLosses()))


@METHODS.register("gru")
def gru() -> Method:
    """A memory without a decoder: what remembering brings by itself."""
    return Method(_like_dwl(GRUPolicy(hidden=256, critic=False)))


@METHODS.register("history")
def history() -> Method:
    """Perceptrons that see 15 frames."""
    return Method(_like_dwl(PolicyConfig(), actor_hidden=(256, 192, 128)), history=15)


@METHODS.register("concurrent")
def concurrent() -> Method:
    """Concurrent estimation of velocity and foot heights from 15 frames."""
    return Method(_like_dwl(ConcurrentPolicy(), EstimateLosses(), actor_hidden=(192, 96)), history=15)


@METHODS.register("him")
def him() -> Method:
    """The hybrid internal model on 15 frames."""
    return Method(_like_dwl(HIMPolicy(), HIMLosses(), actor_hidden=(192, 96)), history=15)


@METHODS.register("teacher")
def teacher() -> Method:
    """An actor that sees all: the upper bound."""
    return Method(_like_dwl(PolicyConfig(), actor_hidden=(384, 256, 128)), privileged=True)


@METHODS.register("student")
def student() -> Method:
    """A memory that learns from a teacher and by PPO, half and half."""
    return Method(_like_dwl(GRUPolicy(hidden=256, critic=False), StudentLosses()))
