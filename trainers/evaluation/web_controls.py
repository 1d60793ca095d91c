"""What a page's visitors can set: policy, command, pushes, and the task's live numbers."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from humanoid_envs.configs import values_of
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.events import PushTerm
from humanoid_envs.mdp.live import Value
from humanoid_envs.mdp.terms import terms_of
from humanoid_envs.tasks import TaskConfig
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.evaluation.steering import CommandNumber, neutral_command, neutral_word, round_step

_ARROWS = ("↖", "↑", "↗"), ("←", "→"), ("↙", "↓", "↘")
_ANGLES = {arrow: math.radians(45 * i) for i, arrow in enumerate("↑↖←↙↓↘→↗")}
_STEPS = 50
_SMALL = 0.01


class Controls:
    """Values are read by the loop; clicks wait until it asks for them."""

    def __init__(
        self, gui: Any, policies: Sequence[str], numbers: Sequence[CommandNumber], command: Sequence[float]
    ) -> None:
        """gui: viser's. command: to start with."""
        self._numbers = tuple(numbers)
        self.policy = gui.add_dropdown("policy", tuple(policies), initial_value=policies[0])
        self.status = gui.add_markdown("")
        self.axes: List[Any] = []
        if numbers:
            with gui.add_folder("command"):
                self.axes = [
                    gui.add_slider(
                        f"{number.word}, {number.unit}",
                        number.low,
                        number.high,
                        number.step,
                        number.within(value),
                    )
                    for number, value in zip(numbers, command)
                ]
                self.neutral = gui.add_button(neutral_word(numbers))
                self.neutral.on_click(self._calm)
        with gui.add_folder("push"):
            self.strength = gui.add_slider("strength, m/s", 0.1, 2.0, 0.1, 0.5)
            self.arrows = [gui.add_button_group("", row, hint="↑: forward for the robot") for row in _ARROWS]
            for row in self.arrows:
                row.on_click(self._push)
        self.paused = gui.add_checkbox("pause", False)
        self.restart = threading.Event()
        self.again = gui.add_button("start anew")
        self.again.on_click(lambda _: self.restart.set())
        self.pushes: queue.SimpleQueue = queue.SimpleQueue()
        """Strength (m/s) and angle to the left of the heading (rad) of pushes that are due."""
        self.live = LiveControls(gui, has_commands=bool(numbers))

    @property
    def command(self) -> Optional[Tuple[float, ...]]:
        """As the sliders say; None if the task is to draw it."""
        return None if self.live.drawn.value else tuple(float(axis.value) for axis in self.axes)

    def _calm(self, event: Any) -> None:
        for axis, value in zip(self.axes, neutral_command(self._numbers)):
            axis.value = value

    def _push(self, event: Any) -> None:
        self.pushes.put((float(self.strength.value), _ANGLES[event.target.value]))


class LiveControls:
    """A folder, closed at first, with a slider for each number of the task that may change while it runs and
    of which something can be seen on the page."""

    def __init__(self, gui: Any, has_commands: bool) -> None:
        self._gui = gui
        self._folder = gui.add_folder("live", expand_by_default=False)
        with self._folder:
            self.notice = gui.add_markdown("")
            hint = "Let the task draw commands within their ranges, instead of the sliders above"
            self.drawn = gui.add_checkbox("draw commands", False, visible=has_commands, hint=hint)
        self.sliders: Dict[str, Any] = {}
        """By the names of the numbers, see `HumanoidVectorEnv.live`."""
        self._groups: List[Any] = []
        self._seen: Dict[str, Any] = {}
        self._scales: Dict[str, float] = {}

    def begin(self, env: HumanoidVectorEnv, trained: TaskConfig) -> None:
        """Show the numbers of another environment. trained: the task as the policy was trained on it."""
        for group in self._groups:
            group.remove()
        self._groups, self.sliders, self._seen = [], {}, {}
        self.notice.content = ""
        values, known = env.live, values_of(trained)
        shown = {name: value for name, value in values.items() if _is_seen(name, env.config)}
        with self._folder:
            for group in dict.fromkeys(name.partition(".")[0] for name in shown):
                folder = self._gui.add_folder(group, expand_by_default=False)
                self._groups.append(folder)
                with folder:
                    for name in filter(lambda name: name.partition(".")[0] == group, shown):
                        self._add(name, shown[name], live_bounds(env.config, name, known.get(name)))

    def apply(self, env: HumanoidVectorEnv) -> None:
        """Change what visitors have changed. What the task refuses goes back, and the page says why."""
        for name, slider in self.sliders.items():
            if slider.value == self._seen[name]:
                continue
            wanted, scale = slider.value, self._scales[name]
            try:
                env.set_live(
                    name,
                    tuple(scale * end for end in wanted) if isinstance(wanted, tuple) else scale * wanted,
                )
            except UserError as error:
                self.notice.content, slider.value = str(error), self._seen[name]
            else:
                self.notice.content, self._seen[name] = "", wanted

    def _add(self, name: str, value: Value, bounds: Bounds) -> None:
        scale = bounds.scale
        _, _, label = name.partition(".")
        label = label[: -len(".weight")] if label.endswith(".weight") else label
        label = label if scale == 1.0 else f"{label}, × {scale:g}"
        low, high = bounds.low / scale, bounds.high / scale
        step = round_step((high - low) / _STEPS)
        ends = tuple(end / scale for end in value) if isinstance(value, tuple) else (value / scale,)
        low, high = min(low, *ends), max(high, *ends)
        if isinstance(value, tuple):
            slider = self._gui.add_multi_slider(label, low, high, step, ends)
        else:
            slider = self._gui.add_slider(label, low, high, step, ends[0])
        self.sliders[name], self._seen[name], self._scales[name] = slider, slider.value, scale


@dataclass(frozen=True)
class Bounds:
    """Between what a slider moves a number."""

    low: float
    high: float

    @property
    def scale(self) -> float:
        """A power of ten in which small numbers are shown: a page shows few digits."""
        most = max(abs(self.low), abs(self.high))
        return 1.0 if most >= _SMALL else float(f"1e{math.floor(math.log10(most))}")


def live_bounds(config: TaskConfig, name: str, trained: Any) -> Bounds:
    """From 0 to twice what a number was in training, or to 1 if that was 0; of a range as much again on both
    sides. Less where the task's rules allow no such value.

    trained: the number, or the range; the config's own if None.
    """
    trained = values_of(config)[name] if trained is None else trained
    if isinstance(trained, tuple):
        low, high = trained
        width = (high - low) or max(abs(low), abs(high)) or 1.0
        ends = [(low - width, high + width), (low - width, high), (low, high + width), (low, high)]
        return next(Bounds(*pair) for pair in ends if pair == trained or _is_allowed(config, name, pair))
    tops = [2.0 * trained or 1.0, math.copysign(1.0, trained), trained]
    top = next(top for top in tops if top == trained or _is_allowed(config, name, top))
    return Bounds(min(0.0, top), max(0.0, top)) if top else Bounds(0.0, 1.0)


def _is_allowed(config: TaskConfig, name: str, value: Value) -> bool:
    with contextlib.suppress(UserError):
        config.replace({name: value})
        return True
    return False


def _is_seen(name: str, config: TaskConfig) -> bool:
    """Whether a live number does anything here: pushes that never come have no strength."""
    pushes = terms_of(config.randomization, PushTerm)
    group, _, rest = name.partition(".")
    push = pushes.get(rest.partition(".")[0]) if group == "randomization" else None
    return push is None or push.period > 0.0
