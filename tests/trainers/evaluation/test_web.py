"""Policies in the browser: the page's controls reach the robot, and the plots show what it does."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any, Dict, Iterator, List

import numpy as np
import pytest
import torch
from torch import Tensor

from humanoid_envs.contract import PolicyContract
from humanoid_envs.errors import UserError
from humanoid_envs.robots import XBOT_L
from humanoid_envs.tasks import TaskConfig, preset
from trainers.policies import LoadedPolicy

pytest.importorskip("mujoco.batch")
pytest.importorskip("viser")
from trainers.evaluation.rollout import planar_velocity
from trainers.evaluation.web import WebPlayer

FRAME = 47
"""Entries of the newest frame, the last in an observation."""


class Recorder:
    """A network that stands still, and keeps what it sees."""

    def __init__(self, action: float = 0.0) -> None:
        self.action, self.seen = action, []

    def __call__(self, observation: Tensor) -> tuple:
        self.seen.append(observation.clone())
        return (torch.full((len(observation), 12), self.action),)

    @property
    def command(self) -> List[float]:
        """As the policy saw it last, in m/s and rad/s."""
        frame = self.seen[-1][0, -FRAME:]
        return [float(frame[2]) / 2.0, float(frame[3]) / 2.0, float(frame[4])]


def policy(network: Recorder, task: TaskConfig) -> LoadedPolicy:
    return LoadedPolicy(network, PolicyContract.of(task), task)


@pytest.fixture
def networks() -> List[Recorder]:
    return [Recorder(), Recorder(action=4.0)]


@pytest.fixture
def player(networks: List[Recorder]) -> Iterator[WebPlayer]:
    """One policy of preset v0 that stands for a while, and one of preset fast that falls."""
    policies = {"still": policy(networks[0], preset("v0")), "falls": policy(networks[1], preset("fast"))}
    player = WebPlayer(policies, command=(0.4, 0.0, 0.0), port=8950)
    yield player
    player.close()


def walk(player: WebPlayer, steps: int) -> None:
    for _ in range(steps):
        player.obey()
        player.step()


def curves(plot: Any) -> Dict[str, float]:
    """The curves' latest values by their names."""
    names = [series["label"] for series in plot._plot.series]
    return {name: float(column[-1]) for name, column in zip(names, plot._plot.data)}


def test_a_page_shows_one_robot(networks: List[Recorder]) -> None:
    mine = dataclasses.replace(XBOT_L, name="mine")
    contract = PolicyContract.of(preset("v0"), mine)
    others = LoadedPolicy(networks[1], contract, preset("v0"), robot=mine)
    with pytest.raises(UserError, match="shows one robot, and these policies are for mine, xbot_l"):
        WebPlayer({"ours": policy(networks[0], preset("v0")), "others": others}, port=8970)


def test_sliders_are_the_command(player: WebPlayer, networks: List[Recorder]) -> None:
    walk(player, 2)
    assert networks[0].command == pytest.approx((0.4, 0.0, 0.0))
    forward, left, turn = player.controls.axes
    assert (forward.min, forward.max) == (-0.6, 0.8)  # of preset fast, the wider one
    forward.value, left.value, turn.value = -0.3, 0.1, 0.5
    walk(player, 2)
    assert networks[0].command == pytest.approx((-0.3, 0.1, 0.5))


def test_a_button_stops_the_robot(player: WebPlayer, networks: List[Recorder]) -> None:
    player.controls.neutral.value = True  # what a click does
    walk(player, 2)
    assert networks[0].command == [0.0, 0.0, 0.0]
    assert [axis.value for axis in player.controls.axes] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("row", "arrow", "direction"), [(0, "↑", (1, 0)), (1, "←", (0, 1)), (2, "↘", (-(0.5**0.5), -(0.5**0.5)))]
)
def test_arrows_push_in_the_robots_frame(player: WebPlayer, row: int, arrow: str, direction: tuple) -> None:
    quarter_turn = dataclasses.replace(
        player.env.simulator.state, base_quat=torch.tensor([[0.5**0.5, 0.0, 0.0, 0.5**0.5]])
    )
    simulator: Any = player.env.simulator
    simulator.reset(torch.ones(1, dtype=torch.bool), quarter_turn)
    player.controls.strength.value = 1.5
    before = simulator.mujoco_data().qvel[:2].copy()
    player.controls.arrows[row].value = arrow
    player.obey()
    kick = simulator.mujoco_data().qvel[:2] - before
    ahead, left = direction
    np.testing.assert_allclose(kick, (-1.5 * left, 1.5 * ahead), atol=1e-5)
    player.obey()  # but once
    np.testing.assert_allclose(simulator.mujoco_data().qvel[:2] - before, kick)


def test_policies_are_switched_with_their_task_and_the_command_stays(
    player: WebPlayer, networks: List[Recorder]
) -> None:
    walk(player, 2)
    v0_terms, seen = player.env.task.term_names, len(networks[0].seen)
    player.controls.policy.value = "falls"
    walk(player, 3)
    assert len(networks[0].seen) == seen
    assert networks[1].command == pytest.approx((0.4, 0.0, 0.0))
    assert player.viewer.simulator is player.envs["falls"].simulator
    assert player.env.task.term_names != v0_terms
    shown = curves(player._reward_plot)
    assert set(shown) == {"s", "all", *player.env.task.term_names}


def test_a_fallen_robot_stands_up_and_is_counted(player: WebPlayer) -> None:
    player.controls.policy.value = "falls"
    walk(player, 400)
    assert player._falls >= 1
    assert f"falls: {player._falls}" in player.controls.status.content
    assert float(player.env.simulator.state.base_pos[0, 2]) > 0.4


def test_start_anew(player: WebPlayer) -> None:
    walk(player, 30)
    moved = player.env.simulator.state.joint_pos.clone()
    player.controls.again.value = True
    player.obey()
    first = player.env.simulator.state.joint_pos.clone()
    assert not torch.equal(first, moved)
    walk(player, 30)
    player.controls.again.value = True
    player.obey()
    torch.testing.assert_close(player.env.simulator.state.joint_pos, first, rtol=0.0, atol=0.0)


def test_plots_show_velocity_and_rewards(player: WebPlayer) -> None:
    walk(player, 40)
    ((plot, _),) = player._command_plots
    shown = curves(plot)
    assert shown["s"] == pytest.approx(0.4)
    assert shown["vx command"] == pytest.approx(0.4)
    rewards = curves(player._reward_plot)
    terms = [rewards[name] for name in player.env.task.term_names]
    assert rewards["all"] == pytest.approx(max(0.0, sum(terms)), rel=1e-3, abs=1e-3)
    assert any(terms)
    plot = player._reward_plot
    visible = [series["label"] for series in plot._plot.series if series.get("show")]
    assert len(visible) == 6  # all, and the five of the largest weights


def test_what_the_robot_does_is_the_mean_of_its_velocity(player: WebPlayer) -> None:
    walk(player, 3)
    cycle = player.env.config.steps(player.env.config.gait.period)
    velocities = []
    for step in range(cycle):
        player.controls.axes[0].value = 0.6 if step > 20 else -0.3  # of which the velocity has no jump
        walk(player, 1)
        velocities.append(planar_velocity(player.env.simulator.state)[0].numpy().copy())
    np.testing.assert_allclose(np.mean(player._done, axis=0), np.mean(velocities, axis=0), atol=2e-5)


def test_a_task_of_another_kind_has_its_own_sliders_and_plots() -> None:
    stands = policy(Recorder(), preset("stand"))
    player = WebPlayer({"stands": stands}, port=8960)
    controls = player.controls
    assert [axis.label for axis in controls.axes] == ["height, m", "pitch, rad", "lift, 1 left, -1 right"]
    assert [(axis.min, axis.max) for axis in controls.axes] == [(0.78, 0.88), (-0.1, 0.2), (-1.0, 1.0)]
    assert [axis.value for axis in controls.axes] == pytest.approx([0.83, 0.0, 0.0])
    controls.axes[0].value, controls.axes[2].value = 0.8, 1.0
    walk(player, 80)
    shown = {name: value for plot, _ in player._command_plots for name, value in curves(plot).items()}
    assert [shown[f"{name} command"] for name in ("height", "pitch", "lift")] == pytest.approx(
        [0.8, 0.0, 1.0]
    )
    height = float(player.env.simulator.state.base_pos[0, 2])
    assert shown["height, m"] == pytest.approx(height, abs=0.02)
    assert shown["pitch, rad"] == pytest.approx(0.0, abs=0.1)
    assert abs(shown["lift, 1 left, -1 right"]) <= 1.0
    controls.neutral.value = True
    walk(player, 1)
    assert player.env.state_dict()["memory"]["command"][0].tolist() == pytest.approx([0.83, 0.0, 0.0])
    player.close()


def test_live_numbers_change_while_it_runs(player: WebPlayer) -> None:
    player.controls.policy.value = "falls"  # of preset fast
    walk(player, 1)
    env, sliders = player.env, player.controls.live.sliders
    assert set(sliders) == set(env.live)
    alive, push = sliders["rewards.alive.weight"], sliders["randomization.push.lin_vel"]
    assert (push.value, push.min, push.max) == (0.0, 0.0, pytest.approx(0.6))  # twice what was trained
    alive.value, push.value = 0.25, 0.5
    sliders["commands.velocity.lin_vel_x"].value = (-0.1, 0.1)
    walk(player, 1)
    changed = {"rewards.alive.weight": 0.25, "randomization.push.lin_vel": 0.5}
    assert {name: env.live[name] for name in changed} == changed
    assert env.live["commands.velocity.lin_vel_x"] == (-0.1, 0.1)
    small = sliders["rewards.dof_acc.weight"]
    assert "× 1e-07" in small.label
    small.value = small.min
    walk(player, 1)
    assert env.live["rewards.dof_acc.weight"] == pytest.approx(small.min * 1e-7)
    player.controls.policy.value = "still"
    walk(player, 1)
    assert set(player.controls.live.sliders) == {name for name in player.env.live if "push" not in name}
    player.controls.policy.value = "falls"
    walk(player, 1)
    assert player.controls.live.sliders["rewards.alive.weight"].value == 0.25


def test_the_tasks_pushes_come_with_their_strength() -> None:
    pushy = preset("fast").replace({"randomization.push.period": 0.2})
    player = WebPlayer({"still": policy(Recorder(), pushy)}, port=8962)
    pushes = []

    def speed() -> float:
        return float(player.env.simulator.state.base_lin_vel[0, :2].norm())

    for strength in (0.0, 0.6):
        player.controls.live.sliders["randomization.push.lin_vel"].value = strength
        before, jump = speed(), 0.0
        for _ in range(player.env.config.steps(0.22)):  # what a push does is seen a step later
            walk(player, 1)
            before, jump = speed(), max(jump, abs(speed() - before))
        pushes.append(jump)
    assert pushes[0] < 0.05 < pushes[1]
    player.close()


def test_what_the_task_refuses_goes_back_and_says_why(player: WebPlayer) -> None:
    player.controls.policy.value = "falls"
    walk(player, 1)
    live, name = player.controls.live, "commands.velocity.standing_share"
    assert live.sliders[name].value == 0.1
    live.sliders[name].value = 0.95  # more than single_axis_share leaves
    walk(player, 1)
    assert "single_axis_share" in live.notice.content
    assert live.sliders[name].value == player.env.live[name] == 0.1
    live.sliders[name].value = 0.2
    walk(player, 1)
    assert live.notice.content == ""
    assert player.env.live[name] == pytest.approx(0.2)


def test_the_task_draws_commands_if_it_is_asked_to(player: WebPlayer, networks: List[Recorder]) -> None:
    walk(player, 2)
    player.controls.live.sliders["commands.velocity.lin_vel_y"].value = (0.29, 0.3)
    player.controls.live.drawn.value = True
    walk(player, 1 + player.env.config.steps(player.env.config.commands.resample_period))
    assert player.controls.axes[0].disabled
    assert networks[0].command[1] == pytest.approx(0.295, abs=0.01)
    player.controls.live.drawn.value = False
    walk(player, 2)
    assert not player.controls.axes[0].disabled
    assert networks[0].command == pytest.approx((0.4, 0.0, 0.0))


def test_it_walks_only_while_somebody_watches_and_not_in_a_pause(
    player: WebPlayer, networks: List[Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = [(0, False), (1, False), (1, True), (0, False), (1, True), (1, False), (1, False)]
    stop = threading.Event()

    def num_watchers(viewer: Any) -> int:
        watchers, player.controls.paused.value = moments.pop(0)
        if not moments:
            stop.set()
        return watchers

    monkeypatch.setattr(type(player.viewer), "num_watchers", property(num_watchers))
    player.run(stop)
    assert len(networks[0].seen) == 3


def test_bad_input_gets_one_clear_error() -> None:
    v0 = preset("v0")
    with pytest.raises(ValueError, match="A command is finite"):
        WebPlayer({"a": policy(Recorder(), v0)}, command=(float("nan"), 0.0, 0.0))
    stranger = LoadedPolicy(Recorder(), dataclasses.replace(PolicyContract.of(v0), robot="other"), v0)
    with pytest.raises(ValueError, match=r"robot 'other', which there is not here"):
        WebPlayer({"a": policy(Recorder(), v0), "b": stranger})
