"""A task over a simulator, as a Gymnasium vector environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Sequence, Tuple, Union

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from humanoid_envs import checks, compilation, saved_state, spaces
from humanoid_envs.arrays import AnyArray, Array
from humanoid_envs.capture import accelerated
from humanoid_envs.compilation import F
from humanoid_envs.contract import PolicyContract
from humanoid_envs.errors import UserError
from humanoid_envs.fixed import FixedAttributes
from humanoid_envs.flight_recorder import FlightRecorder
from humanoid_envs.outputs import Outputs
from humanoid_envs.plain_spec import PlainSpec
from humanoid_envs.simulators.simulator import Simulator
from humanoid_envs.tasks import AnyConfig, Task, preset
from humanoid_envs.tasks.draws import DrawsAhead, own_seed
from humanoid_envs.tasks.task import StepResult
from humanoid_envs.watch import Watch

_STEPS_DRAWN_AHEAD = 8


class HumanoidVectorEnv(FixedAttributes, VectorEnv):
    """N robots that learn a task, such as to walk at a commanded velocity.

    Observation: a `Box`, the actor's latest frames (in preset v0 15 of 47 entries: 705); with `dict_obs=True`
    a `Dict` of `"policy"`, `"critic"` (in v0 219 entries, without noise, with what only a simulator knows)
    and further groups of observations that the task has. Action: `Box(J)`, joint targets in units of
    `config.actions.scale` around the default pose.

    `info` of `reset` and `step` holds
    - `"privileged"`: (N, P) the critic's observation,
    - `"command"`: (N, C) what the robots are told, in the order of `config.commands.labels`,
    - `"observations"`: those of further groups by name, if the task has any,
    - `"simulator"`: (N,) bool `"diverged"`, `"contacts_dropped"`, `"constraints_dropped"`: robots
      whose simulation went wrong in this step, see `Simulator`,

    and, when episodes have ended (on a GPU always, to save the host from asking), with masks `"_final_info"`
    and, in mode SAME_STEP, `"_final_obs"`,
    - `"final_info"`: `"episode_return"`, `"episode_length"` (steps), `"reward_terms"` (weighted sums),
      `"episode_metrics"` (whether it fell, last command errors) and, in SAME_STEP, `"privileged"`,
    - `"final_obs"`: the true last observation of the episode, not the first of the next (SAME_STEP only).

    Args:
        simulator: the physics. The env owns it and closes it.
        config: the task.
        autoreset_mode: SAME_STEP resets a finished env in the step in which it finishes, NEXT_STEP in the one
            after, DISABLED leaves it to `reset(options={"reset_mask": mask})`.
        array: what observations, rewards, flags and infos are: `"torch"` on the simulator's device, or
            `"numpy"`. Actions may be either, lists, or arrays of other libraries, see `as_tensor`.
        dict_obs: observe all groups of observations as a `Dict`.
        command: what all robots get instead of drawn ones; see `set_command`.
        stagger_episodes: after a full reset let each env's first episode time out early, by a random part of
            its length, so that time-outs spread over time (the release trains so).
        compiled: see `Task`. The default of GPU engines is True.
        render_mode: `"rgb_array"` or None.

    What it was made with stays as it is: another config, say, takes a new environment. Closed, or in a
    process that was forked from the one it was made in, it refuses to be used.

    Raises:
        UserError: unknown autoreset mode, array kind or render mode, or a command that `set_command` refuses.
    """

    _FIXED = frozenset(("simulator", "config", "task", "num_envs", "device", "autoreset_mode", "dict_obs"))
    metadata: Dict[str, Any] = {"render_modes": ["rgb_array"]}  # noqa: RUF012  Gymnasium's own attribute
    spec = PlainSpec()  # pyright: ignore[reportAssignmentType, reportIncompatibleVariableOverride]

    def __init__(
        self,
        simulator: Simulator,
        config: AnyConfig,
        *,
        autoreset_mode: Union[AutoresetMode, str] = AutoresetMode.SAME_STEP,
        array: str = "torch",
        dict_obs: bool = False,
        command: Optional[AnyArray] = None,
        stagger_episodes: bool = False,
        compiled: bool = False,
        render_mode: Optional[str] = None,
    ) -> None:
        self._process = os.getpid()
        config = preset(config, simulator.robot)
        self.simulator, self.config = simulator, config
        self.task = Task(simulator, config, compiled)
        self.num_envs, self.device = simulator.num_envs, simulator.device
        self.autoreset_mode = checks.checked_autoreset_mode(autoreset_mode)
        self.render_mode, self.dict_obs = checks.checked_render_mode(render_mode), dict_obs
        self.metadata = {
            **self.metadata,
            "autoreset_mode": self.autoreset_mode,
            "render_fps": round(1.0 / config.policy_period),
        }
        self._stagger = stagger_episodes
        self._generator = torch.Generator(self.device)
        self._generator.seed()
        self._memory = self.task.initial_memory()
        ahead = _STEPS_DRAWN_AHEAD if self.device.type == "cpu" else 1
        self._draws = DrawsAhead(lambda steps: self.task.draw(self._memory, self._generator, steps), ahead)
        self._action = torch.zeros(self.num_envs, self.task.num_joints, device=self.device)
        self._seed: Optional[int] = None
        self._everyone = torch.ones(self.num_envs, dtype=torch.bool, device=self.device)
        self._result: Optional[StepResult] = None

        def fused(function: F) -> F:
            return compilation.compiled_step(function, self.device) if compiled else function

        same_step = self.autoreset_mode == AutoresetMode.SAME_STEP
        self._outputs = Outputs(self.task, dict_obs, same_step, fused)
        self.array = array
        single = spaces.observation_spaces(config, simulator.robot)
        self.single_privileged_space = single["critic"]
        self.single_observation_space = gymnasium.spaces.Dict(dict(single)) if dict_obs else single["policy"]
        self.single_action_space = spaces.action_space(config, simulator.robot)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._watch = Watch(simulator, fused)
        self._recorder = FlightRecorder(simulator, config.steps(1.0), fused)
        with torch.no_grad():
            self._advance = accelerated(simulator, self._compute_step, [self._generator])
        self._started = self._parameters_drawn = False
        if command is not None:
            self.set_command(command)

    # Gymnasium's interface

    def reset(
        self, *, seed: Optional[int] = None, options: Optional[Dict[str, Any]] = None
    ) -> Tuple[Any, Dict[str, Any]]:
        """Start new episodes.

        Args:
            seed: makes everything random from here on repeat, the envs' physical parameters included.
            options: `{"reset_mask": (N,) bool}` restarts the masked envs only.

        Raises:
            UserError: unknown option, or a mask of wrong shape or type; a seed that is no integer from 0 to
                2**64 - 1, or one together with a mask.
        """
        self.require_usable()
        mask = checks.checked_reset_mask(options, self.num_envs)
        if seed is not None:
            self._seed = seed = checks.checked_seed(seed, mask)
            super().reset(seed=seed)  # for np_random
            self._generator.manual_seed(own_seed(seed))
            self._draws.clear()
            self.task.curriculum.start(self._memory)
        with torch.no_grad():
            if seed is not None or not self._parameters_drawn:
                self._draw_parameters()
            draws = self._draws.next()
            rows = mask.to(self.device) if mask is not None and self._started else self._everyone
            if rows is self._everyone:  # before anything is seen of it
                self._memory.clock.zero_()
                self._memory.pushes.zero_()
            self.task.reset(self._memory, rows, draws)
            if rows is self._everyone and self._stagger:
                self.task.stagger(self._memory, self._generator)
            self._action.zero_()  # also what was not finite
            self._watch.reset()
            self._started = True
            return self._outputs.reset(self._memory)

    def step(self, actions: AnyArray) -> Tuple[Any, Array, Array, Array, Dict[str, Any]]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Advance all envs by one policy step. actions: (N, J) floats, see `as_tensor`, on any device.

        Raises:
            gymnasium.error.ResetNeeded: before the first reset.
            UserError: actions of wrong shape or type, or with NaN or infinite entries. On a GPU the last is
                noticed without waiting for the device, a step or two later; until then such entries act as 0.
        """
        self.require_usable()
        if not self._started:
            raise gymnasium.error.ResetNeeded("Call reset() before step().")
        self._action.copy_(checks.checked_action(actions, tuple(self._action.shape)))
        with torch.no_grad():
            self._watch.before(self._action)
            self._advance()
            self._watch.started()
            result = self._result
            assert result is not None
            self._watch.after(result.trouble)
            return self._outputs.step(self._memory, result)

    def step_tensors(self, action: Tensor) -> Tuple[Any, Any, Any, Any, Dict[str, Any]]:
        """`step` for functions that are accelerated, see `accelerate`: on the device alone, without a check.
        action: (N, J) float32 on the device. The next step writes to some of the tensors that it returns."""
        self._action.copy_(action)
        return self._outputs.step(self._memory, self._device_step())

    def render(self) -> Tuple[np.ndarray, ...]:
        """A picture of each env, uint8 (height, width, 3).

        Raises:
            UserError: no render mode was chosen, or there are more envs than one would want pictures of.
        """
        self.require_usable()
        checks.require_renderable(self.render_mode, self.num_envs)
        return tuple(self.simulator.render(index) for index in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """Free the simulator, its threads and all memory. In a forked process they are left to the parent."""
        if "simulator" in vars(self) and self._process == os.getpid():
            self.simulator.close()
            for name in ("_advance", "_memory", "_draws", "_result", "_action", "_recorder"):
                vars(self).pop(name, None)

    # Beyond Gymnasium

    @property
    def array(self) -> str:
        """What it speaks, `"torch"` or `"numpy"`; it may be set."""
        return "numpy" if self._outputs.numpy else "torch"

    @array.setter
    def array(self, array: str) -> None:
        if array not in ("torch", "numpy"):
            raise UserError(f"array must be 'torch' or 'numpy', not {array!r}.")
        self._outputs.numpy = array == "numpy"

    def set_command(self, command: Optional[AnyArray], mask: Optional[AnyArray] = None) -> None:
        """Fix the command of all or the masked envs until it is set again; None lets the task draw it anew.

        command: the numbers that `config.commands.labels` names, (C,) for all or (N, C): of the velocity task
        vx, vy (m/s, body frame) and yaw rate (rad/s). It acts from the next step, and the observation after
        that shows it.

        Raises:
            UserError: wrong shape, not finite, or beyond what `config.commands.limits` allows.
        """
        self.require_usable()
        rows = self._everyone if mask is None else checks.checked_mask(mask, self.num_envs, "mask")
        rows = rows.to(self.device)
        if command is None:
            self._memory.command_fixed.masked_fill_(rows, False)
            return
        value = checks.checked_command(command, self.config.commands, self.num_envs).to(self.device)
        self.task.fix_command(self._memory, rows, value)

    @property
    def command_error(self) -> Tensor:
        """(N, C) what the robots are told less what they do, averaged over `commands.averaging_time`."""
        return self._memory.command_error.clone()

    def episode_so_far(self) -> Dict[str, Any]:
        """Of each robot's episode `"episode_return"`, `"episode_length"` and `"reward_terms"` up to now."""
        return self._outputs.so_far(self._memory)

    @property
    def live(self) -> Dict[str, Union[float, Tuple[float, float]]]:
        """The numbers of the config that may change while the environment runs, by their names with dots, as
        they are now. It waits for a GPU."""
        return self.task.live.values(self._memory.live)

    def set_live(self, name: str, value: Any) -> None:
        """Change one of the numbers in `live` from the next step on, also in compiled code and CUDA graphs:
        `env.set_live("randomization.push.lin_vel", 1.0)`. The `config` still tells what it was made with.

        Raises:
            UserError: there is no such number, it is fixed, or the value breaks a rule of the config.
        """
        self.require_usable()
        self.task.live.write(self._memory.live, name, value)
        self._draws.clear()  # made with the value before

    def accelerate(
        self, function: Callable[[], None], generators: Sequence[torch.Generator] = ()
    ) -> Callable[[], None]:
        """What does the same as `function`, which calls `step_tensors`: on a GPU as one CUDA graph, in which
        Python takes no part.

        Everything that `function` does must be torch operations on tensors that stay where they are; it may
        draw from the `generators`. It is run a few times here, so reset the environment afterwards. That
        actions are NaN is noticed some calls later.
        """
        self.require_usable()
        with torch.no_grad():
            advance = accelerated(self.simulator, function, [self._generator, *generators])

        def call() -> None:
            self.require_usable()
            self._watch.before(self._action)
            advance()
            self._watch.started()

        return call

    def require_usable(self) -> None:
        """Raise ClosedEnvironmentError once it is closed, UserError in a process forked from its own."""
        checks.require_usable(self.closed, self._process)

    def write_dump(self, path: Union[str, Path], envs: Sequence[int] = (), reason: str = "") -> None:
        """Write the last second of at most 16 robots, see `Dump`, for `examples/replay_dump.py` to replay.

        envs: those that must be among them; then come those with numbers that are not finite.

        Raises:
            UserError: there is no such env, or nothing to write before the first reset.
            StorageError: the file cannot be written.
        """
        self.require_usable()
        if not self._started:
            raise UserError("Before the first reset() there is nothing to dump.")
        about = {"reason": reason, "seed": self._seed, "task": self.config}
        self._recorder.dump(self._memory, self._action, envs, **about).write(path)

    @property
    def signature(self) -> Dict[str, Any]:
        """What a policy trained here must match to act here."""
        return spaces.signature(self.config, self.simulator.robot)

    @property
    def contract(self) -> PolicyContract:
        """What a policy trained here needs to run elsewhere."""
        return PolicyContract.of(self.config, self.simulator.robot, self.metadata.get("engine"))

    def state_dict(self) -> Dict[str, Any]:
        """Everything needed to continue from here, bit for bit on a CPU: physics, task and random numbers."""
        self.require_usable()
        return {
            "simulator": self.simulator.state_dict(),
            "memory": {name: value.clone() for name, value in vars(self._memory).items()},
            "generator": self._generator.get_state(),
            "draws": self._draws.state_dict(),
            "started": self._started,
            "setting": self.setting,
        }

    @property
    def setting(self) -> Dict[str, Any]:
        """What a state belongs to, in plain values: robot, simulator, number of envs, mode, task."""
        return saved_state.setting(self.simulator, self.config, self.autoreset_mode)

    def difference(self, state: Dict[str, Any]) -> Optional[str]:
        """In words, the first thing that a state has otherwise than this environment: its `setting`, or the
        commands that are fixed. None where there is none, or the state is of an earlier version.

        Raises:
            UserError: it is damaged.
        """
        told = self.task.terms.commands.told_columns
        return saved_state.difference(state, self.setting, self._memory, told)

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Continue from what `state_dict` returned.

        Raises:
            UserError: it is of another number of envs, another task, robot or simulator, or damaged. States
                of earlier versions do not say, but for their shapes.
        """
        self.require_usable()
        state = saved_state.upgraded(state)
        saved_state.require_sound(state, self.setting, self._memory)
        if "setting" in state:
            saved_state.require_no_difference(saved_state.setting_difference(state["setting"], self.setting))
        memory = saved_state.memory_of(state, self._memory)
        self.simulator.load_state_dict(state["simulator"])
        self._memory.assign(memory)
        self._recorder.clear()
        self._seed = None  # which the state does not tell
        self._generator.set_state(state["generator"].cpu())
        self._draws.load_state_dict(state.get("draws", {}))  # nothing was drawn ahead in earlier versions
        self._started = self._parameters_drawn = bool(state["started"])

    # One step

    def _compute_step(self) -> None:
        self._result = self._device_step()

    def _device_step(self) -> StepResult:
        self._recorder.note(self._memory, self._action)
        action, finite = self._watch.sanitized(self._action)
        result = self.task.step(self._memory, action, self._draws.next(), self.autoreset_mode)
        self._watch.look(finite, result.trouble)
        return result

    def _draw_parameters(self) -> None:
        drawn = self.task.draw_parameters(self._memory, self._generator)
        self.simulator.set_parameters(self._everyone, drawn)
        self._recorder.clear()  # what was noted is of other parameters
        self._parameters_drawn = True

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise UserError(
            f"{type(self).__name__} cannot be copied or pickled: its simulations belong to this process. "
            "Make another with the same arguments; other.load_state_dict(env.state_dict()) makes them equal."
        )
