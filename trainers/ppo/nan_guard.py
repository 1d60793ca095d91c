"""NaN guard: training stops at the first NaN or infinity, with a message that says where it appeared."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Dict, Iterator, Mapping, Optional, Sequence

import torch
from torch import Tensor

from humanoid_envs.errors import UserError
from humanoid_envs.programs import example_command
from trainers.ppo.distributed import ALONE, Workers
from trainers.ppo.observation_store import ObservationStore
from trainers.ppo.rollout_buffer import RolloutBuffer
from trainers.ppo.tensor_env import TensorEnv

_REMEDIES = {
    "observation": "the simulation of these environments: a state diverges, or a sensor divides by zero.",
    "privileged observation": "what the environment puts into info['privileged'].",
    "action": "the actor: its learning rate, its std and the scale of the observations.",
    "value estimate": "the critic: its learning rate and the scale of the observations.",
    "reward": "the reward terms of these environments.",
    "value of a final observation": "the environment's final observations.",
    "advantage": "the size of rewards and values.",
}


class NonFiniteError(UserError, RuntimeError):
    """Training met a NaN or an infinity. No callback has run since, so the last checkpoint is good.

    envs: the environments in which it appeared, as far as it is known; None: it is not. Empty: in those of
    another worker.
    """

    def __init__(self, message: str, envs: Optional[Sequence[int]] = None) -> None:
        super().__init__(message)
        self.envs = envs


def check_rollout(rollout: RolloutBuffer, env: TensorEnv, workers: Workers = ALONE) -> None:
    """Raise NonFiniteError if a rollout, or the observation that follows it, holds a NaN or infinity.

    Names the first such quantity on the way from the environment to the loss, and where it appeared. Waits
    for the device once, and for all workers: where one raises, all do.
    """
    bad = {
        "observation": _non_finite_observations(rollout.obs, env.obs),
        "privileged observation": _non_finite_observations(rollout.critic_obs, env.critic_obs),
        "action": _non_finite(rollout.actions),
        "value estimate": _non_finite(rollout.values),
        "reward": _non_finite(rollout.rewards),
        "value of a final observation": _non_finite(rollout.bootstraps),
        "advantage": _non_finite(rollout.advantages),
    }
    flags = workers.any(torch.stack([mask.any() for mask in bad.values()]))
    if not any(flags):
        return
    name = list(bad)[flags.index(True)]
    steps, envs = bad[name].nonzero().unbind(1)
    if len(envs) == 0:
        raise NonFiniteError(f"Training stopped: non-finite {name} in another worker, which tells more.", ())
    affected = list(dict.fromkeys(envs.tolist()))  # first those where it was first
    raise NonFiniteError(
        f"Training stopped: non-finite {name} in {len(affected)} of {rollout.num_envs} environments, "
        f"first in environment {affected[0]} at step {int(steps[0])} of the rollout. "
        f"Look at {_REMEDIES[name]}",
        affected,
    )


@contextlib.contextmanager
def explained(rollout: RolloutBuffer, env: TensorEnv, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Around the collection of a rollout: that the environment refuses NaN actions is explained by where they
    came from, with a NonFiniteError instead of its own error. weights: of the policy."""
    try:
        yield
    except Exception:
        check_rollout(rollout, env)
        for name, weight in weights.items():
            if not bool(weight.isfinite().all()):
                raise NonFiniteError(
                    f"Training stopped: the policy's weights {name} are not finite since the last update. "
                    "Look at the learning rate, max_grad_norm and the size of the rewards."
                ) from None
        raise


@contextlib.contextmanager
def dumped(env: TensorEnv, folder: Optional[Path], workers: Workers = ALONE) -> Iterator[None]:
    """Around an update: where a NonFiniteError stops it and the environment offers
    `write_dump(path, envs, reason)`, have it write what it remembers to `nan_dump.pt`, of other workers than
    the first `nan_dump_<rank>.pt`, and say so in the error.

    folder: None writes nothing, and says how to.
    """
    try:
        yield
    except NonFiniteError as error:
        # What nobody knows the place of, each worker meets at once.
        elsewhere = not workers.is_first if error.envs is None else not error.envs
        if elsewhere or not hasattr(env.env.unwrapped, "write_dump"):
            raise
        raise NonFiniteError(f"{error} {_dump(error, env, folder, workers)}", error.envs) from error


def _dump(error: NonFiniteError, env: TensorEnv, folder: Optional[Path], workers: Workers) -> str:
    """Write the dump. Returns what to tell of it."""
    if folder is None:
        return "env.unwrapped.write_dump(path) writes the last second; with a log_dir that is done for you."
    path = folder / ("nan_dump.pt" if workers.is_first else f"nan_dump_{workers.rank}.pt")
    try:
        env.env.unwrapped.write_dump(path, error.envs or (), str(error))  # pyright: ignore[reportAttributeAccessIssue]
    except UserError as reason:
        return f"No dump of the last second: {reason}"
    return f"The last second is in {path}: {example_command('replay_dump.py', path)}"


def check_losses(losses: Dict[str, Tensor]) -> Dict[str, float]:
    """Means over the minibatches of an update, read from the device at once.

    Raises NonFiniteError, naming the first quantity and minibatch, if one is a NaN or an infinity.
    """
    rows = torch.stack([values.double() for values in losses.values()]).cpu()
    finite = rows.isfinite()
    if not bool(finite.all()):
        minibatch = int((~finite).any(0).nonzero()[0])
        name = next(name for name, row in zip(losses, finite) if not row[minibatch])
        raise NonFiniteError(
            f"Training stopped: non-finite {name} in minibatch {minibatch} of the update, from finite "
            "samples. Look at the learning rate, max_grad_norm and the size of the rewards."
        )
    return dict(zip(losses, rows.mean(1).tolist()))


def _non_finite_observations(store: ObservationStore, following: Tensor) -> Tensor:
    """(T + 1, N) where what a step shows anew, or the observation that follows the rollout, is not finite."""
    shown = _non_finite(store.frames[store.history - 1 :]) | _non_finite(store.tails)
    return torch.cat([shown, _non_finite(following[None])])


def _non_finite(values: Tensor) -> Tensor:
    """(T, N) where anything in the trailing axes is not finite: a sum is, unless a summand is not."""
    return ~(values.flatten(2).sum(-1) if values.dim() > 2 else values).isfinite()
