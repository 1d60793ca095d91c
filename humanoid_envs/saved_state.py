"""Whether a saved state of an environment can go on in another one."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence

import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from humanoid_envs.errors import UserError
from humanoid_envs.simulators.simulator import Simulator
from humanoid_envs.tasks import TaskConfig, restored_task
from humanoid_envs.tasks.memory import FIELDS, TaskMemory


def setting(simulator: Simulator, config: TaskConfig, mode: AutoresetMode) -> Dict[str, Any]:
    """What a state belongs to, in plain values."""
    return {
        "robot": simulator.robot.name,
        "simulator": type(simulator).__name__,
        "num_envs": simulator.num_envs,
        "autoreset_mode": mode.name,
        "task": config.plain(to_save=False),
    }


_NEWER_MEMORY = ("first_step", "term_memory", "live", "curricula", "parameter_draws")
_NEWER = ("setting", "draws", *_NEWER_MEMORY)  # than the first states
_RENAMED = {
    "push_velocity": "pushes",
    "mean_velocity_error": "command_error",
    "reward_memory": "term_memory",
}
"""Parts of a memory as earlier versions called them."""


def require_like(state: Any, own: Any, where: str = "the saved state", shapes: bool = False) -> None:
    """UserError unless a saved state holds what an environment's own does, in tensors, numbers and texts of
    the same types. What came with later versions may lack; what belongs to an earlier one may be there.

    where: what the state is called in messages. shapes: those of tensors are the same, too.
    """
    if isinstance(own, dict) and isinstance(state, dict):
        for key, value in own.items():
            if key in state:
                within = f"{where}.{key}" if ":" in where else f"{where}: {key}"
                require_like(state[key], value, within, shapes)
            elif key not in _NEWER:
                raise UserError(f"{where} lacks {key!r}: it is damaged. Take another, or begin anew.")
        return
    there, here = _kind(state, shapes), _kind(own, shapes)
    if there != here:
        raise UserError(f"{where} is {there}, not {here}: it is damaged. Take another, or begin anew.")


def upgraded(state: Any) -> Any:
    """A state of any version with the memory as this one has it."""
    memory = state.get("memory") if isinstance(state, dict) else None
    if not isinstance(memory, dict):
        return state
    memory = {_RENAMED.get(name, name): value for name, value in memory.items()}
    stacks = memory.get("frames"), memory.pop("privileged_frames", None)
    if all(isinstance(stack, Tensor) and stack.dim() == 3 for stack in stacks):
        memory["frames"] = torch.cat([stack.flatten(1) for stack in stacks], dim=1)  # pyright: ignore
    return {**state, "memory": memory}


def require_sound(state: Any, setting: Dict[str, Any], memory: TaskMemory) -> None:
    """UserError if a state of an environment is damaged. Its simulator's part is left to the simulator."""
    plain = {name: value for name, value in setting.items() if name != "task"}
    generator = torch.get_rng_state()
    parts = {"setting": plain, "memory": vars(memory), "generator": generator, "started": True}
    require_like(state, {**parts, "simulator": {}, "draws": {}})


def _kind(value: Any, shapes: bool) -> str:
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"a tensor of {value.dtype}" + (f" of shape {tuple(value.shape)}" if shapes else "")


def difference(
    state: Dict[str, Any], own: Dict[str, Any], memory: TaskMemory, told: Sequence[int]
) -> Optional[str]:
    """In words, the first thing that a state has otherwise than an environment with that setting and memory:
    its own setting, or the commands that are fixed. None also for states of earlier versions, without any.
    told: the columns of commands that robots are told."""
    state = upgraded(state)
    require_sound(state, own, memory)
    if "setting" not in state:
        return None
    other = setting_difference(state["setting"], own)
    if other is None:
        other = command_difference(vars(memory_of(state, memory)), memory, told)
    return other


def setting_difference(saved: Dict[str, Any], own: Dict[str, Any]) -> Optional[str]:
    """In words, the first thing that two settings (see `HumanoidVectorEnv.setting`) do not share, or None."""
    # A field that is newer than the saved setting has its default there.
    task = restored_task(saved.get("task"), "the saved state").plain(to_save=False)
    return _difference({**saved, "task": task}, own, "")


def command_difference(saved: Dict[str, Tensor], own: TaskMemory, told: Sequence[int]) -> Optional[str]:
    """In words, how the commands that are fixed (see `set_command`) differ, or None. saved: the memory in a
    state of as many envs."""
    columns = list(told)
    fixed = saved["command_fixed"].cpu()
    same = (fixed == own.command_fixed.cpu()) & (
        ~fixed | (saved["command"].cpu() == own.command.cpu())[:, columns].all(dim=1)
    )
    if bool(same.all()):
        return None
    env = int((~same).nonzero()[0, 0])

    def words(is_fixed: Tensor, command: Tensor) -> str:
        return (
            str([round(value, 6) for value in command[env, columns].tolist()]) if is_fixed[env] else "drawn"
        )

    return (
        f"env {env}'s command is {words(fixed, saved['command'])} there, "
        f"{words(own.command_fixed, own.command)} here"
    )


def memory_of(state: Dict[str, Any], own: TaskMemory) -> TaskMemory:
    """The memory in a state of this version, on the device of an environment's own.

    Raises:
        UserError: its tensors have other shapes.
    """
    # In earlier versions every episode's clock began at 0, and nothing else changed while the task ran.
    newer = {name: torch.zeros_like(getattr(own, name)) for name in _NEWER_MEMORY}
    saved = {**newer, "live": own.live, **state["memory"]}
    memory = TaskMemory(**{name: saved[name].to(own.clock.device) for name in FIELDS})
    for name, value in vars(own).items():
        there, here = tuple(getattr(memory, name).shape), tuple(value.shape)
        require_no_difference(None if there == here else f"{name} has shape {there} instead of {here}")
    return memory


def require_no_difference(difference: Optional[str]) -> None:
    """UserError if a saved state and an environment have a difference."""
    if difference is not None:
        raise UserError(
            f"This state is of another environment: {difference}. Make the same one, or reset() this one."
        )


def _difference(saved: Any, own: Any, where: str) -> Optional[str]:
    if isinstance(saved, dict) and isinstance(own, dict):
        for key in {**own, **saved}:
            name = f"{where}.{key}" if where else key
            found = _difference(saved.get(key), own.get(key), name)
            if found is not None:
                return found
        return None
    return None if saved == own else f"{where} is {saved} there, {own} here"
