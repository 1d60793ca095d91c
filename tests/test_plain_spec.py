"""What an environment was made of can be written as JSON, and makes the same environment again."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode

from humanoid_envs.configs import to_plain
from humanoid_envs.registration import make_mujoco
from humanoid_envs.robots import XBOT_L, Robot
from humanoid_envs.tasks.velocity import VelocityCommands, fast

pytest.importorskip("mujoco")

MUJOCO = "HumanoidXBotL-MuJoCo-v0"
CHANGED = fast().replace({"commands.velocity.lin_vel_x": (0.1, 0.2)})
STIFFER = dataclasses.replace(
    XBOT_L, joints=tuple(dataclasses.replace(joint, stiffness=300.0) for joint in XBOT_L.joints)
)


@dataclass(frozen=True)
class Slower(VelocityCommands):
    slowness: float = 1.0


def through_json(spec: Any) -> EnvSpec:
    text = spec.to_json()
    assert "NaN" not in text
    return EnvSpec.from_json(text)


def steps(env: Any, actions: np.ndarray) -> np.ndarray:
    observation, _ = env.reset(seed=3)
    return np.stack([observation, *(env.step(action)[0] for action in actions)])


@pytest.mark.parametrize(
    "kwargs",
    [
        {"config": "fast"},
        {"config": CHANGED},
        {"config": fast().replace(commands=Slower(slowness=2.0))},
        {"config": to_plain(CHANGED)},
        {"config": {"commands": {"velocity": {"lin_vel_x": (0.1, 0.2)}}}},
        {"robot": STIFFER, "command": np.array([0.4, 0.0, 0.0]), "action_bound": 2.0},
    ],
)
def test_a_single_environment_comes_back(kwargs: dict) -> None:
    env = gymnasium.make(MUJOCO, **kwargs)
    again = gymnasium.make(through_json(env.spec))
    ours, theirs = env.unwrapped.vector_env, again.unwrapped.vector_env  # type: ignore[attr-defined]
    assert theirs.config == ours.config
    assert theirs.simulator.robot == ours.simulator.robot
    assert again.action_space == env.action_space
    actions = np.random.default_rng(0).normal(size=(3, 12)).astype(np.float32)
    np.testing.assert_array_equal(steps(env, actions), steps(again, actions))
    env.close()
    again.close()


def test_an_environment_of_a_class_that_only_this_process_knows_can_be_made_and_copied() -> None:
    @dataclass(frozen=True)
    class Local(VelocityCommands):
        pass

    config = fast().replace(commands=Local())
    env = gymnasium.make_vec(MUJOCO, config=config)
    assert env.spec is not None
    assert env.spec.kwargs["config"] == config
    env.reset(seed=0)
    state = env.unwrapped.state_dict()  # type: ignore[attr-defined]
    env.unwrapped.load_state_dict(state)  # type: ignore[attr-defined]
    env.close()


@pytest.mark.parametrize("mode", ["NEXT_STEP", AutoresetMode.NEXT_STEP])
def test_a_vector_environment_comes_back(mode: Any) -> None:
    kwargs = {"config": CHANGED, "autoreset_mode": mode, "command": torch.tensor([0.4, 0.0, 0.0])}
    env = gymnasium.make_vec(MUJOCO, num_envs=3, **kwargs)
    again = gymnasium.make_vec(through_json(env.spec))
    assert again.num_envs == 3
    assert again.metadata == env.metadata
    assert again.unwrapped.config == CHANGED  # type: ignore[attr-defined]
    assert again.spec == env.spec
    actions = np.random.default_rng(0).normal(size=(3, 3, 12)).astype(np.float32)
    np.testing.assert_array_equal(steps(env, actions), steps(again, actions))
    env.close()
    again.close()


def test_environments_made_without_gymnasium_have_no_spec() -> None:
    env = make_mujoco()
    assert env.spec is None
    env.close()


def test_a_robot_comes_back_from_json() -> None:
    values = json.loads(json.dumps(STIFFER.plain()))
    assert Robot.of(values) == STIFFER
    assert Robot.of(STIFFER) is STIFFER
    for wrong in ({}, {**values, "legs": 2}, {**values, "joints": [{"name": "knee"}]}, 3):
        with pytest.raises(ValueError, match=r"^robot: "):
            Robot.of(wrong)  # type: ignore[arg-type]
