"""What a policy and an environment must agree on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

import gymnasium as gym
import numpy as np
import pydantic
import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from torch import Tensor
from typing_extensions import Annotated

from humanoid_envs.configs import Config, Count, Index, PlainDict
from humanoid_envs.errors import UserError, WrongType
from trainers.ppo.wrappers import observation_wrapper

Bound = Annotated[float, pydantic.AllowInfNan(True)]


@dataclass(frozen=True)
class EnvSignature(Config):
    """Shapes of observations and actions of one environment, and what the environment says about itself."""

    obs_shape: Tuple[Index, ...]
    """Shape of the actor's observation."""
    critic_shape: Optional[Tuple[Index, ...]]
    """Shape of the privileged observation; None where the critic sees the actor's."""
    action_shape: Tuple[Index, ...]
    """Shape of one action; () for a discrete one."""
    num_actions: Optional[Count]
    """Number of discrete actions; None for continuous ones."""
    action_start: int
    """The smallest discrete action."""
    action_low: Tuple[Bound, ...]
    """Lower bounds of the flattened continuous action."""
    action_high: Tuple[Bound, ...]
    """Upper bounds of the flattened continuous action."""
    details: PlainDict = field(default_factory=dict)
    """The environment's own `signature`, e.g. the robot's name and its joints in order."""
    wrapper: Optional[str] = None
    """Name of a wrapper that may change observations: what `details` says of their entries does not hold."""

    @property
    def obs_dim(self) -> int:
        return int(np.prod(self.obs_shape))

    @property
    def critic_dim(self) -> int:
        return self.obs_dim if self.critic_shape is None else int(np.prod(self.critic_shape))

    @property
    def action_dim(self) -> int:
        """Outputs of the actor: continuous actions, or discrete choices."""
        return int(np.prod(self.action_shape)) if self.num_actions is None else self.num_actions

    @property
    def discrete(self) -> bool:
        return self.num_actions is not None

    @classmethod
    def of(cls, env: VectorEnv) -> EnvSignature:
        """The signature of a vector environment. Raises TypeError for spaces that PPO cannot train on."""
        action_space = env.single_action_space
        privileged_space = getattr(env.unwrapped, "single_privileged_space", None)
        # A default for getattr would hide an AttributeError inside a property.
        has_signature = "signature" in dir(env.unwrapped)
        details = env.unwrapped.signature if has_signature else {}  # pyright: ignore[reportAttributeAccessIssue]
        obs_shape = _box("observation", env.single_observation_space).shape
        critic_shape = (
            None if privileged_space is None else _box("privileged observation", privileged_space).shape
        )
        if isinstance(action_space, spaces.Discrete):
            return cls(
                obs_shape=obs_shape,
                critic_shape=critic_shape,
                action_shape=(),
                num_actions=int(action_space.n),
                action_start=int(action_space.start),
                action_low=(),
                action_high=(),
                details=dict(details),
                wrapper=observation_wrapper(env),
            )
        action_box = _box("action", action_space)
        return cls(
            obs_shape=obs_shape,
            critic_shape=critic_shape,
            action_shape=action_box.shape,
            num_actions=None,
            action_start=0,
            action_low=tuple(float(x) for x in action_box.low.ravel()),
            action_high=tuple(float(x) for x in action_box.high.ravel()),
            details=dict(details),
            wrapper=observation_wrapper(env),
        )

    def symmetry(self) -> Dict[str, Any]:
        """The environment's mirrors: "policy", "critic" and "action", each with "permutation" and "sign", and
        the first two with the "index" of an entry that every mirror image turns round.

        Raises UserError if the environment tells none, or those of other observations than a wrapper shows.
        """
        if self.wrapper is not None:
            raise UserError(
                f"PPOConfig.symmetry mirrors the entries of the environment's own observation, which the "
                f"wrapper {self.wrapper} may change: train without it, or with symmetry=False."
            )
        if "symmetry" not in self.details:
            raise UserError(
                "PPOConfig.symmetry needs an environment that tells its mirrors in signature['symmetry']."
            )
        return self.details["symmetry"]

    def history(self) -> Tuple[int, int]:
        """How many equal frames, oldest first, the actor's and the critic's observation stack; 1 where the
        environment's `signature["history"]` does not say more, or a wrapper may change each frame anew."""
        frames = self.details.get("history", {}) if self.wrapper is None else {}
        return frames.get("policy", 1), frames.get("critic", 1)

    def tail(self) -> Tuple[int, int]:
        """How many entries behind those frames are not stacked, by `signature["tail"]`."""
        entries = self.details.get("tail", {}) if self.wrapper is None else {}
        return entries.get("policy", 0), entries.get("critic", 0)

    def require_match(self, env: EnvSignature, source: str) -> None:
        """Raise ValueError, naming the first difference, unless a policy with this signature fits `env`.
        source: where the policy comes from, for the message."""
        names = {
            "obs_shape": "observation shape",
            "critic_shape": "privileged observation shape",
            "action_shape": "action shape",
            "num_actions": "number of discrete actions",
        }
        pairs = {text: (getattr(self, name), getattr(env, name)) for name, text in names.items()}
        for key in self.details.keys() & env.details.keys():
            pairs[key] = (_plain(self.details[key]), _plain(env.details[key]))
        for what, (mine, theirs) in pairs.items():
            if mine != theirs:
                raise UserError(
                    f"{source} does not fit this environment: its {what} is {mine}, the environment's is "
                    f"{theirs}. Make the environment it was trained on, or load another checkpoint."
                )


class ActionMap:
    """From the policy's actions to those that the environment takes."""

    def __init__(self, signature: EnvSignature, device: torch.device) -> None:
        self._signature = signature
        self._low = torch.tensor(signature.action_low, device=device)
        self._high = torch.tensor(signature.action_high, device=device)

    def __call__(self, actions: Tensor) -> Tensor:
        """(N, A) to (N, *action_shape), clipped to the bounds of the space; (N,) indices of discrete actions
        to (N,), counted from the space's start."""
        if self._signature.discrete:
            return actions + self._signature.action_start
        return actions.clamp(self._low, self._high).reshape(-1, *self._signature.action_shape)


def _box(what: str, space: gym.Space) -> spaces.Box:
    if isinstance(space, spaces.Box):
        return space
    remedy = "use a Box or Discrete space" if what == "action" else "flatten it to a Box with a wrapper"
    raise WrongType(f"PPO cannot train on the {what} space {space}: {remedy}.")


def _plain(value: Any) -> Any:
    """The value with tuples as lists, as it is after a round trip through a file."""
    return json.loads(json.dumps(value))
