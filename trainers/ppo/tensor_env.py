"""A Gymnasium vector environment as PPO sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Optional, Sequence

import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

from humanoid_envs.errors import UserError, WrongType
from humanoid_envs.saved_state import require_like
from trainers.ppo.signature import ActionMap, EnvSignature


@dataclass(frozen=True)
class TensorStep:
    """Rewards, flags and infos of one step of N environments. Tensors are valid until the next step."""

    reward: Tensor
    """(N,)"""
    terminated: Tensor
    """(N,) bool"""
    truncated: Tensor
    """(N,) bool"""
    final_critic_obs: Optional[Tensor]
    """(N, critic_dim) what the critic would see at the end of the step, before any reset: in the rows that
    are done (others may hold anything). None where no environment is done."""
    valid: Optional[Tensor]
    """(N,) bool, False where the environment ignored the action because it was resetting; None: all count."""
    final_info: Dict[str, Any]
    """The environment's `info["final_info"]`, or {}."""
    simulator: Dict[str, Any] = field(default_factory=dict)
    """The environment's `info["simulator"]`, or {}: by the kind of trouble, (N,) bool which envs had it."""


class TensorEnv:
    """A vector environment in tensors on one device, with one meaning of an episode's end.

    The environment may speak numpy or torch and may reset its sub-environments in any of Gymnasium's modes:
    SAME_STEP (the true last observation is `info["final_obs"]`), NEXT_STEP (the observation of a done step is
    the last one and the next step only resets) or DISABLED (this class resets, with a `reset_mask`).

    A privileged observation for the critic is used where `env.unwrapped.single_privileged_space` is a Box:
    then `info["privileged"]` holds it, (N, P), after every reset and step, and in SAME_STEP mode
    `info["final_info"]["privileged"]` that of the true last state.
    """

    def __init__(self, env: VectorEnv, device: torch.device) -> None:
        if not isinstance(env, VectorEnv):
            raise WrongType(
                f"PPO trains a gymnasium.vector.VectorEnv; got {type(env).__name__}. "
                "Make one with gymnasium.make_vec(id, num_envs=…)."
            )
        mode = (env.metadata or {}).get("autoreset_mode")
        if mode is None:
            raise UserError(
                f"{env} does not say how it resets: set metadata['autoreset_mode'] to a "
                "gymnasium.vector.AutoresetMode."
            )
        self.env = env
        self.device = device
        self.num_envs = env.num_envs
        self.mode = AutoresetMode(mode)
        self.signature = EnvSignature.of(env)
        self.obs: Tensor
        """(N, obs_dim) current observation; may share memory with the environment's."""
        self.critic_obs: Tensor
        """(N, critic_dim) current observation of the critic."""
        self._to_env_actions = ActionMap(self.signature, device)
        self._ended = torch.zeros(self.num_envs, dtype=torch.bool, device=device)
        self._env_device: Optional[torch.device] = None  # None: the environment speaks numpy
        self._env_step = env.step

    @property
    def has_reset_steps(self) -> bool:
        """Whether there are steps in which an environment only resets."""
        return self.mode is AutoresetMode.NEXT_STEP

    def reset(self, seed: Optional[int] = None) -> None:
        """Start new episodes everywhere."""
        obs, info = self.env.reset(seed=seed)
        self._env_device = obs.device if isinstance(obs, Tensor) else None
        self.obs = self._observation(obs)
        self.critic_obs = self._critic_observation(info, self.obs)
        self._ended.zero_()

    def step(self, actions: Tensor) -> TensorStep:
        """Act in every environment. actions: (N, A), or (N,) indices of discrete actions. Continuous ones are
        clipped to the bounds of the action space here, and only here."""
        valid = ~self._ended if self.has_reset_steps else None
        obs, reward, terminated, truncated, info = self._env_step(self._env_action(actions))
        terminated = torch.as_tensor(terminated, dtype=torch.bool, device=self.device)
        truncated = torch.as_tensor(truncated, dtype=torch.bool, device=self.device)
        self._ended = terminated | truncated
        self.obs = self._observation(obs)
        self.critic_obs = self._critic_observation(info, self.obs)
        result = TensorStep(
            reward=torch.as_tensor(reward, dtype=torch.float32, device=self.device),
            terminated=terminated,
            truncated=truncated,
            final_critic_obs=self._final_critic_observation(info, truncated),
            valid=valid,
            final_info=info.get("final_info", {}),
            simulator=info.get("simulator", {}),
        )
        if self.mode is AutoresetMode.DISABLED and bool(self._ended.any()):
            self._reset_ended()
        return result

    @property
    def can_accelerate(self) -> bool:
        """Whether the environment offers `accelerate`, see `Collector`, and it pays here."""
        # A wrapper would not see the steps that its environment takes by itself.
        bare = self.env.unwrapped is self.env and hasattr(self.env, "accelerate")
        same_gpu = self.device.type == "cuda" and (
            getattr(self.env, "device", None) == torch.empty(0, device=self.device).device
        )
        return bare and same_gpu and self.mode is AutoresetMode.SAME_STEP

    def accelerate(
        self, function: Callable[[], None], generators: Sequence[torch.Generator]
    ) -> Callable[[], None]:
        """See `Collector`."""
        self._env_step = self.env.step_tensors  # pyright: ignore[reportAttributeAccessIssue]
        return self.env.accelerate(function, generators)  # pyright: ignore[reportAttributeAccessIssue]

    def state_dict(self) -> Optional[Dict[str, Any]]:
        """The environment's state between two steps, or None if it does not offer its own."""
        if not hasattr(self.env.unwrapped, "state_dict"):
            return None
        return {
            "env": self.env.unwrapped.state_dict(),  # pyright: ignore[reportAttributeAccessIssue]
            "obs": self.obs.clone(),
            "critic_obs": self.critic_obs.clone(),
            "ended": self._ended.clone(),
        }

    def difference(self, state: Dict[str, Any]) -> Optional[str]:
        """In words, what keeps a state that `state_dict` returned from going on in this environment: what its
        own `difference` says, where it offers one. None: nothing. Raises UserError if it is damaged."""
        rows = torch.zeros(0)
        require_like(state, {"env": state.get("env"), "obs": rows, "critic_obs": rows, "ended": rows.bool()})
        counts = {tuple(state[name].shape[:1]) for name in ("obs", "critic_obs", "ended")}
        if len(counts) > 1 or counts == {()}:
            raise UserError(
                "The saved state's rows differ in number: it is damaged. Take another, or begin anew."
            )
        if counts != {(self.num_envs,)}:
            return f"num_envs is {len(state['obs'])} there, {self.num_envs} here"
        if not hasattr(self.env.unwrapped, "difference"):
            return None
        return self.env.unwrapped.difference(state["env"])  # pyright: ignore[reportAttributeAccessIssue]

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Continue from what `state_dict` returned. Call `reset` first."""
        own = {"obs": self.obs, "critic_obs": self.critic_obs, "ended": self._ended}
        require_like(state, own, shapes=True)
        self.env.unwrapped.load_state_dict(state["env"])  # pyright: ignore[reportAttributeAccessIssue]
        self.obs = state["obs"].to(self.device)
        self.critic_obs = state["critic_obs"].to(self.device)
        self._ended = state["ended"].to(self.device)

    def _reset_ended(self) -> None:
        ended = self._ended
        mask = ended.cpu().numpy() if self._env_device is None else ended.to(self._env_device)
        obs, info = self.env.reset(options={"reset_mask": mask})
        new_obs = self._observation(obs)
        new_critic_obs = self._critic_observation(info, new_obs)
        self.obs = torch.where(ended[:, None], new_obs, self.obs)
        self.critic_obs = torch.where(ended[:, None], new_critic_obs, self.critic_obs)

    def _observation(self, obs: Any) -> Tensor:
        return self._rows(obs, self.signature.obs_shape, "observation")

    def _critic_observation(self, info: Dict[str, Any], obs: Tensor) -> Tensor:
        if self.signature.critic_shape is None:
            return obs
        if "privileged" not in info:
            raise UserError(
                f"{self.env} has a single_privileged_space, but its info has no 'privileged' observation."
            )
        return self._rows(info["privileged"], self.signature.critic_shape, "privileged observation")

    def _final_critic_observation(self, info: Dict[str, Any], truncated: Tensor) -> Optional[Tensor]:
        if self.mode is not AutoresetMode.SAME_STEP:
            return self.critic_obs
        if self.signature.critic_shape is None:
            final, shape, key = info.get("final_obs"), self.signature.obs_shape, "final_obs"
        else:
            final = info.get("final_info", {}).get("privileged")
            shape, key = self.signature.critic_shape, "final_info']['privileged"
        if final is not None:
            return self._rows(_dense(final, shape), shape, key)
        if bool(truncated.any()):
            raise UserError(
                f"{self.env} truncated an episode in SAME_STEP mode without info['{key}'], which PPO needs "
                "to value what was cut off."
            )
        return None

    def _rows(self, values: Any, shape: tuple, what: str) -> Tensor:
        rows = torch.as_tensor(values, dtype=torch.float32, device=self.device)
        if rows.shape != (self.num_envs, *shape):
            raise UserError(
                f"The {what} of {self.env} has shape {tuple(rows.shape)}; its space and number of "
                f"environments say {(self.num_envs, *shape)}."
            )
        return rows.reshape(self.num_envs, -1)

    def _env_action(self, actions: Tensor) -> Any:
        actions = self._to_env_actions(actions)
        if self._env_device is not None:
            return actions.to(self._env_device)
        return actions.cpu().numpy().astype(self.env.single_action_space.dtype)


def _dense(final: Any, shape: tuple) -> Any:
    """Gymnasium's own environments give an object array with one observation per ended environment."""
    if not isinstance(final, np.ndarray) or final.dtype != object:
        return final
    rows = np.zeros((len(final), *shape), dtype=np.float32)
    for row, value in enumerate(final):
        if value is not None:
            rows[row] = value
    return rows
