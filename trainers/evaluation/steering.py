"""Commands by hand: which numbers a policy is told, within what bounds, and by which keys."""

from __future__ import annotations

import math
import queue
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from humanoid_envs.contract import PolicyContract
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.commands import VelocityCommand
from humanoid_envs.vector_env import HumanoidVectorEnv

_WORDS = {"vx": "forward", "vy": "left", "yaw_rate": "turn"}
"""What visitors read instead of a number's name."""
_PAIRS = (
    ("↑ ↓", 265, 264),
    ("comma and period", ord(","), ord(".")),
    ("← →", 263, 262),
    ("Page Up and Down", 266, 267),
    ("Home and End", 268, 269),
)
"""For each number in order the keys that raise and lower it, and GLFW's codes of them, as MuJoCo reports."""
_CHANGES = {
    code: (axis, sign) for axis, (_, *codes) in enumerate(_PAIRS) for code, sign in zip(codes, (1, -1))
}
_ENTER = 257
_LARGEST_STEP, _STEPS = 0.05, 12


@dataclass(frozen=True)
class CommandNumber:
    """One of the numbers that policies are told."""

    name: str
    unit: str
    low: float
    high: float
    """What any of the policies was trained on."""
    standing: float = 0.0
    """What robots do of it that stand as they are built to."""

    @property
    def word(self) -> str:
        """Its name for visitors."""
        return _WORDS.get(self.name, self.name.replace("_", " "))

    @property
    def neutral(self) -> float:
        """As robots stand, or where that was not trained the middle of what was."""
        trained = self.low <= self.standing <= self.high
        return self.standing if trained else round(0.5 * (self.low + self.high), 6)

    @property
    def step(self) -> float:
        """A round part of the range: at least twelve fill it."""
        return min(_LARGEST_STEP, round_step((self.high - self.low) / _STEPS))

    def within(self, value: float) -> float:
        """The nearest value that was trained."""
        return min(max(value, self.low), self.high)

    def shown(self, value: float) -> str:
        """With name and unit, to a tenth or to a key's step."""
        digits = max(1, -math.floor(math.log10(2.0 * self.step)))
        unit = f"({self.unit})" if " " in self.unit else self.unit
        return f"{self.name.replace('_', ' ')} {value:.{digits}f} {unit}".rstrip()


def round_step(most: float) -> float:
    """The largest of 1, 2, 5, 10, 20, … and their tenths, hundredths, … that is not above `most`; that is
    positive, or 1 comes back."""
    if most <= 0.0:
        return 1.0
    exponent = math.floor(math.log10(most) + 1e-9)
    factor = next(factor for factor in (5, 2, 1) if factor <= most / 10.0**exponent * (1.0 + 1e-6))
    return float(f"{factor}e{exponent}")


def command_numbers(contracts: Sequence[PolicyContract]) -> List[CommandNumber]:
    """What the policies are told.

    Raises:
        UserError: not all are told the same.
    """
    told = {tuple((command.name, command.unit) for command in contract.commands) for contract in contracts}
    if len(told) > 1:
        lists = sorted(f"({', '.join(name for name, _ in names)})" for names in told)
        raise UserError(
            f"These policies are told different things: {', '.join(lists)}. Show them one by one."
        )
    return [
        CommandNumber(
            same[0].name,
            same[0].unit,
            min(command.range[0] for command in same),
            max(command.range[1] for command in same),
            same[0].neutral,
        )
        for same in zip(*[contract.commands for contract in contracts])
    ]


def neutral_command(numbers: Sequence[CommandNumber]) -> Tuple[float, ...]:
    """All as they are when nothing is asked for: of the velocity task, standing."""
    return tuple(number.neutral for number in numbers)


def neutral_word(numbers: Sequence[CommandNumber]) -> str:
    """What that is called."""
    names = tuple(number.name for number in numbers)
    return "stand" if names == VelocityCommand.labels else "neutral"


def require_command(command: Optional[Sequence[float]], contract: PolicyContract) -> None:
    """UserError, which names the numbers, unless a command from a command line has as many as it takes."""
    if command is None or len(command) == len(contract.commands):
        return
    if not contract.commands:
        raise UserError("This policy is told nothing: leave --command out.")
    names = ", ".join(f"{told.name} ({told.unit})" for told in contract.commands)
    numbers = "one number" if len(contract.commands) == 1 else f"{len(contract.commands)} numbers"
    raise UserError(f"--command takes {numbers} of this policy: {names}; got {len(command)}.")


class CommandKeys:
    """Keys that change the command of all robots, by 0.1 or by less of numbers with a small range, within the
    bounds of a policy's training. The first one starts from the neutral command, and from then on the task
    draws no commands.

    `press` may be called from any thread; `apply` sets the command, between two steps.
    """

    def __init__(self, env: HumanoidVectorEnv, command: Optional[Sequence[float]] = None) -> None:
        """command: to start from."""
        self._env, self.numbers = env, command_numbers([env.contract])
        self.command: Tuple[float, ...] = neutral_command(self.numbers) if command is None else tuple(command)
        self._pressed: queue.SimpleQueue = queue.SimpleQueue()

    @property
    def help(self) -> str:
        """Which keys there are."""
        pairs = [f"{keys} {number.word}" for (keys, *_), number in zip(_PAIRS, self.numbers)]
        return f"Keys in the window: {', '.join([*pairs, f'Enter {neutral_word(self.numbers)}'])}."

    @property
    def shown(self) -> str:
        """The command in words."""
        return ", ".join(number.shown(value) for number, value in zip(self.numbers, self.command))

    def press(self, key: int) -> None:
        """A key's code, as `Viewer` reports it."""
        axis, _ = _CHANGES.get(key, (len(self.numbers), 0))
        if self.numbers and (axis < len(self.numbers) or key == _ENTER):
            self._pressed.put(key)

    def apply(self) -> bool:
        """Set the command that was asked for since the last call, if any; whether there was one."""
        changed = False
        while not self._pressed.empty():
            self.command, changed = self._after(self._pressed.get()), True
        if changed:
            self._env.set_command(self.command)
        return changed

    def _after(self, key: int) -> Tuple[float, ...]:
        if key == _ENTER:
            return neutral_command(self.numbers)
        axis, sign = _CHANGES[key]
        number = self.numbers[axis]
        value = round(number.within(self.command[axis] + 2.0 * sign * number.step), 6)
        return (*self.command[:axis], value, *self.command[axis + 1 :])
