"""Policies at work in the browser, to be steered, pushed and compared."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Deque, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import torch

from humanoid_envs.errors import UserError
from humanoid_envs.vector_env import HumanoidVectorEnv
from humanoid_envs.web_viewer import WebViewer
from trainers.evaluation.env import evaluation_env
from trainers.evaluation.pushes import push_robots
from trainers.evaluation.rollout import Walker, require_fit
from trainers.evaluation.steering import CommandNumber, command_numbers, neutral_command
from trainers.evaluation.task_score import is_about_velocity
from trainers.evaluation.web_controls import Controls
from trainers.policies import LoadedPolicy

_COLORS = ("#1f62c9", "#c9500a", "#18794a", "#7d3ac1", "#b3261e", "#00838f", "#8d6e00", "#ad1457", "#546e7a")
_SHOWN_SECONDS = 6.0
_FRAME_STEPS, _PLOT_STEPS = 2, 20
"""Policy steps from frame to frame, and from one drawing of the plots to the next."""
_SHOWN_TERMS = 5
_SYMBOLS = {"yaw_rate": "ωz"}
_LOW_PLOT = 1.8
"""Width of a plot of one number over its height."""
_FOREVER = 1e9


class WebPlayer:
    """Serves a page in which one of several policies walks in C MuJoCo at 1 ms, in real time.

    Args:
        policies: by the names to choose them by; all for the same robot.
        command: the numbers that the policies are told, to start with; by default what is neutral.
        host, port: see `WebViewer`.
        seed: of the initial joint angles.

    Raises:
        ValueError: a policy is not for the robot, not all are for the same robot and told the same, or the
            command is not finite or of another size.
    """

    def __init__(
        self,
        policies: Mapping[str, LoadedPolicy],
        *,
        command: Optional[Sequence[float]] = None,
        host: str = "127.0.0.1",
        port: int = 8080,
        seed: int = 0,
    ) -> None:
        self._policies, self._seed = dict(policies), seed
        self.envs = {name: _calm_env(name, policy) for name, policy in self._policies.items()}
        self._name = next(iter(self._policies))
        robots = {env.simulator.robot.name for env in self.envs.values()}
        if len(robots) > 1:
            raise UserError(
                f"One page shows one robot, and these policies are for {', '.join(sorted(robots))}."
            )
        self._numbers = command_numbers([policy.contract for policy in policies.values()])
        if command is None:
            command = neutral_command(self._numbers)
        if self._numbers or len(command):
            self.env.set_command(command)
        self.viewer = WebViewer(self.env.simulator, host=host, port=port)
        gui = self.viewer.server.gui
        self.controls = Controls(gui, list(policies), self._numbers, command)
        self._shown_env: Optional[HumanoidVectorEnv] = None
        self._command_plots = self._make_command_plots(gui)
        self._reward_plot = LivePlot(gui, "reward per second")
        self._begin(self._name)

    @property
    def env(self) -> HumanoidVectorEnv:
        """The environment of the policy that walks."""
        return self.envs[self._name]

    def run(self, stop: Optional[threading.Event] = None) -> None:
        """Walk in real time whenever somebody watches, until `stop` is set."""
        stop = stop or threading.Event()
        while not stop.is_set():
            if self.viewer.num_watchers == 0:
                time.sleep(0.1)
                continue
            self.obey()
            if self.controls.paused.value:
                self._drawn = time.monotonic()
            else:
                self.step()
            if self._steps % _FRAME_STEPS == 0:
                self.viewer.show()
            self.viewer.wait(self.env.config.policy_period)

    def obey(self) -> None:
        """Do what the page's controls say."""
        controls = self.controls
        if controls.policy.value != self._name or controls.restart.is_set():
            controls.restart.clear()
            self._begin(controls.policy.value)
        if controls.command != self._command:
            self._command = controls.command
            self._tell()
        controls.live.apply(self.env)
        while not controls.pushes.empty():
            strength, angle = (torch.tensor([value]) for value in controls.pushes.get())
            push_robots(self.env, torch.ones(1, dtype=torch.bool), strength, angle)

    def step(self) -> None:
        """One policy step. A robot that falls stands up at once."""
        _, reward, terminated = self._walker.step()
        self._steps += 1
        self._note(float(reward))
        if bool(terminated.any()):
            self._falls += 1
            self._stand_up()
        if self._steps % _PLOT_STEPS == 0:
            self._draw()

    def close(self) -> None:
        """Stop serving, and free the simulations."""
        self.viewer.close()
        for env in self.envs.values():
            env.close()

    def _begin(self, name: str) -> None:
        """Let a policy start anew."""
        self._name, self._command = name, self.controls.command
        env = self.env
        self._tell()
        if self._shown_env is not env:
            self._shown_env = env
            self.controls.live.begin(env, self._policies[name].task)
        self._walker = Walker(env, self._policies[name])
        self._walker.start(self._seed)
        self.viewer.simulator = env.simulator
        self._steps, self._falls, self._drawn = 0, 0, time.monotonic()
        self._returns = self._term_returns()
        cycle = env.config.steps(env.config.gait.period)
        self._done: Deque[np.ndarray] = deque(maxlen=cycle)
        self._error = np.zeros(len(self._numbers))
        self._begin_plots()
        self.viewer.show()

    def _begin_plots(self) -> None:
        """Tasks have different reward terms. Those of the largest weights are shown at first."""
        for plot, axes in self._command_plots:
            numbers = [(self._numbers[axis], color) for axis, color in zip(axes, _COLORS)]
            curves = [Curve(f"{_symbol(number)}, {number.unit}", color) for number, color in numbers]
            curves += [Curve(f"{_symbol(number)} command", color, dashed=True) for number, color in numbers]
            plot.begin(curves)
        terms = self.env.config.rewards.active
        names, weights = [*terms], [abs(term.weight) for term in terms.values()]
        self._order = sorted(range(len(names)), key=lambda i: -weights[i])
        curves = [Curve("all", _COLORS[0])]
        for rank, term in enumerate(self._order, start=1):
            curves.append(Curve(names[term], _COLORS[rank % len(_COLORS)], shown=rank <= _SHOWN_TERMS))
        self._reward_plot.begin(curves)

    def _stand_up(self) -> None:
        self._walker.stand_up(torch.ones(1, dtype=torch.bool))
        self._returns = self._term_returns()
        self._done.clear()
        self._error = np.zeros(len(self._numbers))

    def _tell(self) -> None:
        """Give the robot its command, or let the task draw it."""
        if self._numbers:
            self.env.set_command(self._command)
        for axis in self.controls.axes:
            axis.disabled = self._command is None

    def _note(self, reward: float) -> None:
        """Keep what the plots show."""
        period = self.env.config.policy_period
        memory = self._memory()
        returns = memory["term_returns"][0].numpy()
        terms = (returns - self._returns) / period
        self._returns = returns
        told, done = self._told_and_done(memory["command"])
        self._done.append(done)
        if self._steps % _FRAME_STEPS == 0:
            now, mean = self._steps * period, np.mean(self._done, axis=0)
            for plot, axes in self._command_plots:
                plot.add(now, [*mean[axes], *told[axes]])
            self._reward_plot.add(now, [reward / period, *terms[self._order]])

    def _told_and_done(self, commands: torch.Tensor) -> Tuple[np.ndarray, np.ndarray]:
        """(C,) what the robot is told, and what it does: the environment has the distance between both
        averaged, eₜ = e + g (d − e), which gives d. commands: the task's table of them."""
        env, task = self.env, self.env.config
        told = env.task.terms.commands.told(commands)[0].numpy()
        error = env.command_error[0].numpy().astype(np.float64)
        gain = 1.0 - math.exp(-task.policy_period / task.commands.averaging_time)
        distance = self._error + (error - self._error) / gain
        self._error = error
        return told, told - distance

    def _make_command_plots(self, gui: Any) -> List[Tuple[LivePlot, List[int]]]:
        """With which of the numbers each shows: a walk's velocities together, other numbers one by one, for
        they are of different sizes."""
        period = self.env.config.gait.period
        if is_about_velocity(self.env.config):
            return [(LivePlot(gui, "velocity, mean of a gait cycle"), [0, 1, 2])]
        return [
            (LivePlot(gui, f"{number.word}, mean of {period:g} s", _LOW_PLOT), [axis])
            for axis, number in enumerate(self._numbers)
        ]

    def _term_returns(self) -> np.ndarray:
        """The weighted reward terms, summed over the episode."""
        return self._memory()["term_returns"][0].numpy()

    def _memory(self) -> Dict[str, torch.Tensor]:
        return self.env.state_dict()["memory"]

    def _draw(self) -> None:
        for plot, _ in self._command_plots:
            plot.draw()
        self._reward_plot.draw()
        period, now = self.env.config.policy_period, time.monotonic()
        speed = _PLOT_STEPS * period / max(now - self._drawn, 1e-3)
        self._drawn = now
        slow = f", slower than real time (× {speed:.2f})" if speed < 0.95 else ""
        self.controls.status.content = f"{self._steps * period:.1f} s, falls: {self._falls}{slow}"


@dataclass(frozen=True)
class Curve:
    """How a curve looks."""

    name: str
    color: str
    dashed: bool = False
    shown: bool = True

    def series(self) -> Dict[str, Any]:
        """For uPlot."""
        look = {"label": self.name, "stroke": self.color, "width": 1.5, "show": self.shown}
        return {**look, "dash": (5.0, 4.0)} if self.dashed else look


class LivePlot:
    """Curves of the last seconds; a click on a name below shows or hides its curve."""

    def __init__(self, gui: Any, title: str, aspect: float = 1.4) -> None:
        """gui: viser's. aspect: width over height. Nothing is shown before `begin`."""
        self._gui, self._title, self._aspect = gui, title, aspect
        self._plot: Any = None
        self._rows: Deque[List[float]] = deque()
        self._width = 0

    def begin(self, curves: Sequence[Curve]) -> None:
        """Start anew with these curves, at the end of the page."""
        if self._plot is not None:
            self._plot.remove()
        self._rows.clear()
        series = ({"label": "s"}, *(curve.series() for curve in curves))
        self._width = len(series)
        time_axis = {"x": {"time": False}}
        self._plot = self._gui.add_uplot(
            self._data(), series, title=self._title, scales=time_axis, aspect=self._aspect
        )

    def add(self, now: float, values: Sequence[float]) -> None:
        """A point of each curve. now: s."""
        self._rows.append([now, *(float(value) for value in values)])
        while self._rows[0][0] < now - _SHOWN_SECONDS:
            self._rows.popleft()

    def draw(self) -> None:
        """Send what was added. Call `begin` first."""
        self._plot.data = self._data()

    def _data(self) -> Tuple[np.ndarray, ...]:
        # Shown without an extent of time, uPlot would not find one later either.
        table = np.array(self._rows) if len(self._rows) > 1 else np.eye(2, self._width, -1)
        return tuple(np.ascontiguousarray(column) for column in table.T)


def _symbol(number: CommandNumber) -> str:
    return _SYMBOLS.get(number.name, number.name)


def _calm_env(name: str, policy: LoadedPolicy) -> HumanoidVectorEnv:
    env = evaluation_env(policy.task, num_envs=1, seconds=_FOREVER, robot=policy.robot, idle_pushes=True)
    require_fit(policy, env, f"The policy {name}")
    return env
