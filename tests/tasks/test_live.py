"""Numbers that change while a task runs, plain and compiled for a CPU: from outside, and by a curriculum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List

import pytest
import torch
from torch import Tensor

from humanoid_envs.compilation import can_compile
from humanoid_envs.errors import UserError
from humanoid_envs.mdp import Curricula
from humanoid_envs.mdp.curricula import RaiseWithSuccess
from humanoid_envs.tasks.velocity import VelocityConfig, v0
from humanoid_envs.vector_env import HumanoidVectorEnv
from tests.scripted_simulator import ScriptedSimulator, standing

N = 6
EPISODE = 6
"""Policy steps of an episode."""


@dataclass(frozen=True)
class Harder(Curricula):
    """Each episode without a fall adds 0.4 rad/s to the pushes."""

    turns: RaiseWithSuccess = RaiseWithSuccess(
        "randomization.push.ang_vel", target=2.0, rate=0.25, episodes=1.0
    )


CONFIG = v0().replace(
    rewards=v0().rewards.only("tracking_lin_vel", "alive"),
    curricula=Harder(),
    **{
        "commands.resample_period": 0.02,
        "commands.velocity.heading_mode": False,
        "commands.velocity.min_speed": 0.0,
        "randomization.push.period": 0.02,
        "randomization.foot_friction.range": (1.0, 1.0),
        "randomization.added_mass.range": (0.0, 0.0),
        "terminations.episode_length": 0.01 * EPISODE,
    },
)
CHANGED: Dict[str, Any] = {
    "rewards.alive.weight": -3.0,
    "rewards.tracking_lin_vel.weight": 2.0,
    "randomization.push.lin_vel": 5.0,
    "commands.velocity.lin_vel_x": (1.0, 2.0),
    "commands.velocity.standing_share": 0.25,
    "actions.delay": 0.1,
}


def make(config: VelocityConfig, compiled: bool = False) -> HumanoidVectorEnv:
    """Over a simulator whose robots stand still whatever is done to them."""
    return HumanoidVectorEnv(ScriptedSimulator(standing(N)), config, compiled=compiled)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "compiled"])
def module_env(request: pytest.FixtureRequest) -> Iterator[HumanoidVectorEnv]:
    if request.param and not can_compile():
        pytest.skip("torch.compile does not work here")
    env = make(CONFIG, request.param)
    yield env
    env.close()


@pytest.fixture
def env(module_env: HumanoidVectorEnv) -> HumanoidVectorEnv:
    """With the numbers of its config."""
    initial = module_env.task.live.values(module_env.task.live.initial(module_env.device))
    module_env.reset(seed=0)
    for name, value in initial.items():
        module_env.set_live(name, value)
    module_env.set_command(None)
    assert module_env.live == initial
    return module_env


def pushes_of(env: HumanoidVectorEnv) -> List[Any]:
    assert isinstance(env.simulator, ScriptedSimulator)
    return env.simulator.pushes


def act(env: HumanoidVectorEnv) -> Any:
    return env.step(torch.full((N, 12), 0.5))


def rollout(env: HumanoidVectorEnv, steps: int = 5) -> Dict[str, Tensor]:
    """All that is seen from a seed on, within an episode."""
    env.reset(seed=1)
    pushes_of(env).clear()
    rows = []
    for _ in range(steps):
        observation, reward, _, _, info = act(env)
        _, lin_vel, ang_vel = pushes_of(env)[-1]
        rows.append((observation, reward, info["privileged"], info["command"], lin_vel, ang_vel))
    names = ("observation", "reward", "privileged", "command", "lin_vel", "ang_vel")
    return {name: torch.stack(values) for name, values in zip(names, zip(*rows))}


def test_changed_numbers_make_the_task_that_is_made_with_them(env: HumanoidVectorEnv) -> None:
    before = rollout(env)
    for name, value in CHANGED.items():
        env.set_live(name, value)
        assert env.live[name] == value
    assert env.config == CONFIG
    changed = rollout(env)
    made_so, as_before = rollout(make(CONFIG.replace(CHANGED))), rollout(make(CONFIG))
    for name, expected in made_so.items():
        torch.testing.assert_close(changed[name], expected, atol=1e-5, rtol=1e-5, msg=name)
        torch.testing.assert_close(before[name], as_before[name], atol=1e-5, rtol=1e-5, msg=name)
        if name != "ang_vel":  # of which nothing was changed
            assert (changed[name] - before[name]).abs().max() > 1e-3, name


def test_a_reward_weight_counts_from_the_next_step(env: HumanoidVectorEnv) -> None:
    env.set_command([0.5, 0.0, 0.0])
    env.set_live("rewards.tracking_lin_vel.weight", 0.0)
    for weight in (1.0, 1.0, 0.25, 4.0, 0.0):
        env.set_live("rewards.alive.weight", weight)
        _, reward, *_ = act(env)
        torch.testing.assert_close(reward, torch.full((N,), 0.01 * weight))


def test_pushes_are_stronger_from_the_next_on(env: HumanoidVectorEnv) -> None:
    strengths = []
    for lin_vel in (0.2, 0.2, 10.0, 10.0, 0.0, 0.0):
        env.set_live("randomization.push.lin_vel", lin_vel)
        act(env)
        mask, velocity, _ = pushes_of(env)[-1]
        if mask.all():
            strengths.append(velocity[:, :2].abs().max().item())
    weak, strong, none = strengths
    assert 0.0 < weak <= 0.2 < 2.0 < strong <= 10.0
    assert none == 0.0


def test_commands_come_from_the_new_range(env: HumanoidVectorEnv) -> None:
    for bounds in ((-0.3, 0.6), (5.0, 5.5), (-2.0, -1.0)):
        env.set_live("commands.velocity.lin_vel_x", bounds)
        act(env)
        *_, info = act(env)  # one of both draws
        speeds = info["command"][:, 0]
        assert bool(((speeds >= bounds[0]) & (speeds <= bounds[1])).all()), bounds
        assert speeds.std() > 0.0
    env.set_live("commands.velocity.standing_share", 1.0)
    act(env)
    *_, info = act(env)
    assert not info["command"].any()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rewards.torques.weight", -1.0, "weight was 0 at first"),
        ("randomization.push.period", 1.0, "is fixed when the task is made"),
        ("randomization.push.lin_vel", -1.0, "must be at least 0"),
        ("randomization.push.linvel", 1.0, "did you mean 'randomization.push.lin_vel'"),
    ],
)
def test_what_cannot_change_says_so(env: HumanoidVectorEnv, name: str, value: Any, message: str) -> None:
    before = env.live
    with pytest.raises(UserError, match=message):
        env.set_live(name, value)
    assert env.live == before


def turns(env: HumanoidVectorEnv) -> float:
    value = env.live["randomization.push.ang_vel"]
    assert isinstance(value, float)
    return value


def test_a_curriculum_moves_a_number(env: HumanoidVectorEnv) -> None:
    """By 0.4 with each episode without a fall, as in the closed form, and back when robots fall."""
    env.reset(seed=2)
    for k in range(3 * (EPISODE + 1)):
        assert turns(env) == pytest.approx(0.4 * (1 + k // (EPISODE + 1)))
        act(env)
    assert turns(env) == pytest.approx(1.6)
    simulator = env.simulator
    assert isinstance(simulator, ScriptedSimulator)
    for k in range(1, 6):
        simulator.state = standing(N, base_contact_force=torch.full((N, 3), 50.0))
        act(env)
        assert turns(env) == pytest.approx(max(0.4, 1.6 - 0.4 * k))
    simulator.state = standing(N)


def test_what_a_curriculum_moved_acts(env: HumanoidVectorEnv) -> None:
    env.set_live("randomization.push.ang_vel", 2.0)
    act(env)
    act(env)
    mask, _, ang_vel = pushes_of(env)[-1]
    assert mask.all()
    assert 0.4 < ang_vel.abs().max() <= 2.0


def test_a_seed_puts_a_curriculum_back_to_its_beginning(env: HumanoidVectorEnv) -> None:
    env.set_live("randomization.push.lin_vel", 1.0)
    env.reset(seed=2)
    for _ in range(EPISODE + 1):
        act(env)
    assert turns(env) == pytest.approx(0.8)
    env.reset()
    assert turns(env) == pytest.approx(0.8)
    env.reset(seed=2)
    assert turns(env) == pytest.approx(0.4)
    assert env.live["randomization.push.lin_vel"] == 1.0  # which no curriculum has
