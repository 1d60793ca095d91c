"""One robot as a `gymnasium.Env`: for `gymnasium.make`, tutorials, and watching a policy."""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, Optional, Tuple

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode

from humanoid_envs.arrays import AnyArray, as_tensor
from humanoid_envs.errors import UserError
from humanoid_envs.fixed import FixedAttributes
from humanoid_envs.plain_spec import PlainSpec
from humanoid_envs.tasks import TaskConfig
from humanoid_envs.vector_env import HumanoidVectorEnv

_OF_ENDS = ("final_info", "final_obs")


class HumanoidEnv(FixedAttributes, gymnasium.Env):
    """The vector environment with one robot, without the batch axis.

    Its infos are those of the vector environment, but for `"episode_so_far"` instead of what that has where
    an episode ends: `"episode_return"`, `"episode_length"` and `"reward_terms"` up to the last step.

    Arguments that name a task, a robot or an engine go to `humanoid_envs.registration.make`.

    Like Gymnasium's own MuJoCo environments it is pickled and copied as the arguments that it was made with:
    reset a copy before its first step.

    Args:
        vector_env: one env, not resetting by itself, with numpy arrays.
        render_mode: `"human"` opens the engine's viewer and keeps real time, `"rgb_array"` gives pictures.
        remake: makes another one, for pickle and copy; it must be picklable itself.
    """

    _FIXED = frozenset(("vector_env", "config"))
    metadata: Dict[str, Any] = {"render_modes": ["human", "rgb_array"]}  # noqa: RUF012  Gymnasium's own attribute
    spec = PlainSpec()  # pyright: ignore[reportAssignmentType, reportIncompatibleVariableOverride]

    def __init__(
        self,
        vector_env: HumanoidVectorEnv,
        render_mode: Optional[str] = None,
        remake: Optional[Callable[[], HumanoidEnv]] = None,
    ) -> None:
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise UserError(f"render_mode must be 'human', 'rgb_array' or None, not {render_mode!r}.")
        self.vector_env = vector_env
        self.render_mode = render_mode
        self.metadata = {**vector_env.metadata, **self.metadata}
        self.observation_space = vector_env.single_observation_space
        self.action_space = vector_env.single_action_space
        self._viewer: Optional[Any] = None
        self._remake = remake

    def __reduce__(self) -> Tuple[Any, ...]:
        if self._remake is None:
            raise UserError(
                "This HumanoidEnv can't be pickled or copied: it was made around a vector environment. Make "
                "it with gymnasium.make, so that a copy can be made from the same arguments."
            )
        return _made_again, (self._remake, self.spec)

    def reset(
        self, *, seed: Optional[int] = None, options: Optional[Dict[str, Any]] = None
    ) -> Tuple[Any, Dict[str, Any]]:
        """Start an episode; see `HumanoidVectorEnv.reset`."""
        observation, info = self.vector_env.reset(seed=seed, options=options)
        super().reset(seed=seed)
        self._show()
        return _first(observation), self._info(info)

    def step(self, action: AnyArray) -> Tuple[Any, float, bool, bool, Dict[str, Any]]:
        """One policy step; see `HumanoidVectorEnv.step`. action: (J,)."""
        given = as_tensor(action, "The action")
        if given.shape != self.action_space.shape:
            shape = tuple(given.shape)
            raise UserError(f"The action must have shape {self.action_space.shape}, not {shape}.")
        observation, reward, terminated, truncated, info = self.vector_env.step(given[None])
        self._show()
        return (
            _first(observation),
            float(reward[0]),
            bool(terminated[0]),
            bool(truncated[0]),
            self._info(info),
        )

    def render(self) -> Optional[np.ndarray]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The picture in mode `"rgb_array"`; the viewer of mode `"human"` follows by itself."""
        self.vector_env.require_usable()
        return self.vector_env.simulator.render() if self.render_mode == "rgb_array" else None

    @property
    def config(self) -> TaskConfig:
        """The task's."""
        return self.vector_env.config

    def set_command(self, command: Optional[AnyArray]) -> None:
        """Fix what the robot is told: vx, vy (m/s) and yaw rate (rad/s); None draws it. See
        `HumanoidVectorEnv.set_command`."""
        self.vector_env.set_command(command)

    def close(self) -> None:
        """Close the viewer and free the simulator."""
        if self._viewer is not None:
            self._viewer.close()
            self._viewer = None
        self.vector_env.close()

    def _info(self, info: Dict[str, Any]) -> Dict[str, Any]:
        """The same entries in every info, for libraries that put infos side by side: the episode so far
        instead of that which has ended."""
        kept = {name: value for name, value in info.items() if name not in _OF_ENDS and name[0] != "_"}
        return _first({**kept, "episode_so_far": self.vector_env.episode_so_far()})

    def _show(self) -> None:
        if self.render_mode == "human" and not getattr(self.vector_env.simulator, "has_viewer", False):
            if self._viewer is None:
                from humanoid_envs.viewer import Viewer

                self._viewer = Viewer(self.vector_env.simulator)
            self._viewer.show()


def make_mujoco(render_mode: Optional[str] = None, **kwargs: Any) -> HumanoidEnv:
    """`HumanoidXBotL-MuJoCo-v0` for `gymnasium.make`."""
    return _single("make_mujoco", render_mode, kwargs)


def make_mujoco_warp(render_mode: Optional[str] = None, **kwargs: Any) -> HumanoidEnv:
    """`HumanoidXBotL-MuJoCoWarp-v0` for `gymnasium.make`."""
    return _single("make_mujoco_warp", render_mode, kwargs)


def make(render_mode: Optional[str] = None, **kwargs: Any) -> HumanoidEnv:
    """`HumanoidXBotL-IsaacGym-v0` for `gymnasium.make`."""
    # Isaac Gym must know before the simulation is made whether there will be anything to see.
    pictures = "rgb_array" if render_mode == "rgb_array" else None
    shown = {"headless": render_mode != "human", "render_mode": pictures}
    return _single("make", render_mode, {**shown, **kwargs})


def _single(maker: str, render_mode: Optional[str], kwargs: Dict[str, Any]) -> HumanoidEnv:
    from humanoid_envs import registration

    make = getattr(registration, maker)
    env = make(1, array="numpy", autoreset_mode=AutoresetMode.DISABLED, **kwargs)
    return HumanoidEnv(env, render_mode, functools.partial(_single, maker, render_mode, kwargs))


def _made_again(remake: Callable[[], HumanoidEnv], spec: Optional[EnvSpec]) -> HumanoidEnv:
    env = remake()
    env.spec = spec
    return env


def _first(value: Any) -> Any:
    return {name: _first(entry) for name, entry in value.items()} if isinstance(value, dict) else value[0]
