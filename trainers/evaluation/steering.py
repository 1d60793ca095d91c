"""Commands by hand: within what bounds, and by which keys."""

from __future__ import annotations

import queue
from typing import List, Sequence, Tuple

from humanoid_envs.contract import PolicyContract
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.evaluation.rollout import Command

KEYS = (
    "Keys in the window: ↑ ↓ faster and slower, ← → turn, comma and period step left and right, Enter stand."
)

_STEP = 0.1
# Codes of GLFW, as MuJoCo's window reports them: axis of the command, and in which direction.
_CHANGES = {265: (0, 1), 264: (0, -1), ord(","): (1, 1), ord("."): (1, -1), 263: (2, 1), 262: (2, -1)}
_ENTER = 257


def command_bounds(contracts: Sequence[PolicyContract]) -> List[Tuple[float, float]]:
    """Of each number that the policies are told: what any of them was trained on. All are told the same."""
    ranges = zip(*[[command.range for command in contract.commands] for contract in contracts])
    return [(min(low for low, _ in pairs), max(high for _, high in pairs)) for pairs in ranges]


class CommandKeys:
    """Keys that change the command of all robots by 0.1, within the bounds of a policy's training. The first
    one starts from standing, and from then on the task draws no commands.

    `press` may be called from any thread; `apply` sets the command, between two steps.
    """

    def __init__(self, env: HumanoidVectorEnv, command: Command = (0.0, 0.0, 0.0)) -> None:
        """command: to start from."""
        self._env, self._bounds = env, command_bounds([env.contract])
        self.command = command
        self._pressed: queue.SimpleQueue = queue.SimpleQueue()

    def press(self, key: int) -> None:
        """A key's code, as `Viewer` reports it."""
        if key in _CHANGES or key == _ENTER:
            self._pressed.put(key)

    def apply(self) -> bool:
        """Set the command that was asked for since the last call, if any; whether there was one."""
        changed = False
        while not self._pressed.empty():
            self.command, changed = self._after(self._pressed.get()), True
        if changed:
            self._env.set_command(self.command)
        return changed

    def _after(self, key: int) -> Command:
        if key == _ENTER:
            return 0.0, 0.0, 0.0
        axis, direction = _CHANGES[key]
        low, high = self._bounds[axis]
        value = round(min(max(self.command[axis] + direction * _STEP, low), high), 3)
        vx, vy, yaw_rate = (value if i == axis else old for i, old in enumerate(self.command))
        return vx, vy, yaw_rate
