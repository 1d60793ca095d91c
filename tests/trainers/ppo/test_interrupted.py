"""Fine-tuning trains in the environment that it is given, not in the one that the checkpoint remembers."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("mujoco.batch")

from humanoid_envs.errors import UserError
from humanoid_envs.registration import make_mujoco
from humanoid_envs.tasks import preset
from humanoid_envs.tasks.velocity import VelocityConfig
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.ppo import PPO, PPOConfig

CONFIG = PPOConfig(num_steps=4, num_minibatches=2, actor_hidden=(8,), critic_hidden=(8,), device="cpu")
ROBOTS = 3


SLIPPERY = preset("fast").replace({"randomization.foot_friction.range": (0.1, 0.1)})


def make(config: Any = "fast", **options: Any) -> HumanoidVectorEnv:
    return make_mujoco(ROBOTS, config, num_threads=1, array="torch", **options)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    PPO(make(), CONFIG).learn(12, progress_bar=False).save(tmp_path / "walk.pt")
    return tmp_path / "walk.pt"


@pytest.mark.parametrize("reset", [True, False])
def test_the_physics_is_that_of_the_environment(checkpoint: Path, reset: bool) -> None:
    env = make(SLIPPERY)
    with pytest.warns(
        UserWarning,
        match=r"walk\.pt goes on in new episodes.*friction\.range is \[0\.3, 1\.6\] there, \[0\.1,",
    ):
        ppo = PPO.load(checkpoint, env)
    ppo.learn(12, progress_bar=False, reset_num_timesteps=reset)
    assert ppo.num_timesteps == (12 if reset else 24)
    torch.testing.assert_close(env.simulator.parameters.foot_friction, torch.full((ROBOTS,), 0.1))


def test_the_commands_are_those_of_the_environment(checkpoint: Path) -> None:
    ranges = {"lin_vel_x": (0.7, 0.7), "lin_vel_y": (0.0, 0.0), "yaw_rate": (0.0, 0.0)}
    drawn = {**ranges, "standing_share": 0.0, "single_axis_share": 0.0}
    env = make(preset("fast").replace({f"commands.velocity.{name}": value for name, value in drawn.items()}))
    with pytest.warns(UserWarning, match=r"commands\.velocity\.lin_vel_x"):
        PPO.load(checkpoint, env).learn(12, progress_bar=False)
    _, info = env.reset()
    torch.testing.assert_close(info["command"][:, 0], torch.full((ROBOTS,), 0.7))


@pytest.mark.parametrize("when", ["made", "told"])
def test_fixed_commands_stay_fixed(checkpoint: Path, when: str) -> None:
    env = make(command=(0.3, 0.0, 0.0) if when == "made" else None)
    env.set_command((0.3, 0.0, 0.0))
    with pytest.warns(UserWarning, match=r"env 0's command is drawn there, \[0\.3, 0\.0, 0\.0\] here"):
        ppo = PPO.load(checkpoint, env)
    ppo.learn(12, progress_bar=False, reset_num_timesteps=False)
    _, _, _, _, info = env.step(torch.zeros(ROBOTS, 12))
    torch.testing.assert_close(info["command"], torch.tensor([[0.3, 0.0, 0.0]] * ROBOTS))


def test_commands_that_were_fixed_are_not_brought_along(tmp_path: Path) -> None:
    PPO(make(command=(0.3, 0.0, 0.0)), CONFIG).learn(12, progress_bar=False).save(tmp_path / "walk.pt")
    env = make()
    with pytest.warns(UserWarning, match=r"command is \[0\.3, 0\.0, 0\.0\] there, drawn here"):
        PPO.load(tmp_path / "walk.pt", env)
    assert not env.state_dict()["memory"]["command_fixed"].any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PPO.load(tmp_path / "walk.pt", make(command=(0.3, 0.0, 0.0)))


def test_in_the_same_environment_episodes_go_on(checkpoint: Path) -> None:
    env = make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PPO.load(checkpoint, env)
        PPO.load(checkpoint, make(SLIPPERY), restore_env=False)
    assert (env.state_dict()["memory"]["episode_step"] == 4).all()


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (
            {"config": SLIPPERY},
            r"task\.randomization\.foot_friction\.range is \[0\.3, 1\.6\] there, \[0\.1, 0\.1\] here",
        ),
        (
            {"config": preset("fast").replace({"rewards.only_positive": True})},
            r"task\.rewards\.only_positive",
        ),
        ({"config": "v0"}, r"task\."),
        ({"autoreset_mode": "NEXT_STEP"}, "autoreset_mode is SAME_STEP there, NEXT_STEP here"),
    ],
)
def test_an_environment_refuses_the_state_of_another(other: Any, difference: str) -> None:
    env, another = make(), make(**other)
    env.reset(seed=0)
    another.reset(seed=1)
    before = another.state_dict()
    with pytest.raises(UserError, match=f"state is of another environment: {difference}"):
        another.load_state_dict(env.state_dict())
    assert torch.equal(another.state_dict()["simulator"]["qpos"], before["simulator"]["qpos"])


def test_states_that_do_not_say_load_as_before() -> None:
    env = make()
    env.reset(seed=0)
    state = env.state_dict()
    del state["setting"]
    other = make(SLIPPERY)
    assert other.difference(state) is None
    other.load_state_dict(state)
    assert torch.equal(other.state_dict()["simulator"]["qpos"], state["simulator"]["qpos"])


def test_a_field_that_is_newer_than_the_state_has_its_default() -> None:
    env = make(VelocityConfig())
    env.reset(seed=0)
    state = env.state_dict()
    del state["setting"]["task"]["gait"]["period"]
    assert env.difference(state) is None
