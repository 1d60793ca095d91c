"""What an environment refuses to be given, and in which words."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from humanoid_envs.errors import UserError
from tests.test_vector_env import ISAAC, MUJOCO, actions, make

pytest.importorskip("mujoco")


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"num_envs": 0}, ValueError, "num_envs must be a positive integer, not 0"),
        ({"num_envs": -3}, ValueError, "num_envs must be a positive"),
        ({"config": "v9"}, ValueError, "Unknown preset 'v9'; there are 'v0'"),
        ({"config": {"physic": {}}}, ValueError, "VelocityConfig has no field 'physic'"),
        (
            {"config": 1.5},
            ValueError,
            "preset's name, a TaskConfig, or a mapping of its fields, not float",
        ),
        (
            {"action_bound": 0.0},
            ValueError,
            "action_bound must be a positive number of action units, not 0.0",
        ),
        ({"action_bound": float("nan")}, ValueError, "action_bound must be a positive number"),
        ({"action_bound": "1"}, ValueError, "action_bound must be a positive number"),
        ({"array": "jax"}, ValueError, "'torch' or 'numpy'"),
        ({"autoreset_mode": "sometimes"}, ValueError, "SAME_STEP"),
        ({"render_mode": "ansi"}, ValueError, "render_mode"),
        ({"command": (1.0, 2.0)}, ValueError, "vx, vy, yaw_rate"),
        ({"command": (1.0, 2.0, float("nan"))}, ValueError, "finite"),
        ({"no_such_option": 1}, TypeError, "no_such_option"),
        ({"id": ISAAC, "engine": "physx"}, ValueError, "Unknown engine 'physx'"),
        ({"id": ISAAC, "engine": "mujoco", "device": "cuda:0"}, ValueError, "runs on the CPU"),
    ],
)
def test_bad_arguments(kwargs: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        make(**kwargs)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_missing_cuda_device() -> None:
    with pytest.raises(RuntimeError, match=r"(?i)cuda"):
        make(2, id="HumanoidXBotL-MuJoCoWarp-v0")
    with pytest.raises(RuntimeError, match="cuda:7"):
        make(2, id=ISAAC, engine="mujoco_warp", device="cuda:7")


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (torch.zeros(2, 11), r"shape \(2, 12\)"),
        (torch.zeros(12), r"shape \(2, 12\)"),
        (torch.zeros(2, 12, dtype=torch.int64), "floats"),
        (np.full((2, 12), np.nan), "NaN"),
        (torch.full((2, 12), float("inf")), "infinite"),
        ("0" * 24, "got a str"),
        ([[0.0] * 12, [0.0] * 11], "cannot be read as one array"),
        ([["0"] * 12] * 2, "got an array of <U1"),
        (None, "got a NoneType"),
    ],
)
def test_bad_actions(action: Any, message: str) -> None:
    env = make(2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=message):
        env.step(action)
    env.close()


def test_huge_actions_are_finite() -> None:
    """They are clipped, whatever their sum overflows to."""
    env = make(2)
    env.reset(seed=0)
    env.step(torch.full((2, 12), 3e38))
    env.close()


def test_bad_calls() -> None:
    env = make(2)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(actions(2))
    with pytest.raises(ValueError, match="'speed'"):
        env.reset(options={"speed": 1})
    with pytest.raises(ValueError, match="bool of shape"):
        env.reset(options={"reset_mask": np.zeros(3, dtype=bool)})
    with pytest.raises(ValueError, match="one integer"):
        env.reset(seed=[1, 2])  # pyright: ignore[reportArgumentType]
    with pytest.raises(UserError, match="either seed or"):
        env.reset(seed=1, options={"reset_mask": np.ones(2, dtype=bool)})
    with pytest.raises(ValueError, match="render_mode"):
        env.render()
    env.close()


@pytest.mark.parametrize("seed", [2**70, 2**64, -1, 1.0, True, "1", np.array(1)])
def test_bad_seeds(seed: Any) -> None:
    env = make(1)
    first, _ = env.reset(seed=7)
    with pytest.raises(UserError, match=r"from 0 to 2\*\*64 - 1"):
        env.reset(seed=seed)
    assert env.np_random_seed == 7
    as_numpy: Any = np.int64(7)
    assert torch.equal(env.reset(seed=as_numpy)[0], first)
    env.reset(seed=2**64 - 1)
    env.close()


@pytest.mark.parametrize("options", [5, "reset_mask", {"reset_mask": ["a"]}, {"reset_mask": None}])
def test_bad_reset_options(options: Any) -> None:
    env = make(1)
    with pytest.raises(UserError, match="reset_mask"):
        env.reset(options=options)
    env.close()


@pytest.mark.parametrize(
    "command",
    [
        [1e30, 0.0, 0.0],
        [0.0, -10.1, 0.0],
        [0.0, 0.0, 10.1],
        [0.0, math.inf, 0.0],
        [[0.1, 0.0, 0.0], [0.1, 0.0, math.nan]],
        ["0.1", "0", "0"],
        "forwards",
        [True, False, False],
        [0.1j, 0.0, 0.0],
        [[0.1], [0.2, 0.3]],
        torch.zeros(3, 3),
        {},
    ],
)
def test_bad_commands_are_refused_at_each_door(command: Any) -> None:
    env = make(2)
    single = gymnasium.make(MUJOCO)
    _, info = env.reset(seed=0)
    within = r", within \(-10 to 10 m/s, -10 to 10 m/s, -10 to 10 rad/s\)"
    message = rf"vx, vy, yaw_rate\)({within}| must be numbers| cannot be read)"
    for door in (
        lambda: env.set_command(command),
        lambda: single.get_wrapper_attr("set_command")(command),
        lambda: make(2, command=command),
    ):
        with pytest.raises(UserError, match=message):
            door()
    after = env.step(actions(2))[-1]["command"]  # the task goes on with its own, and turns to its headings
    assert torch.equal(after[:, :2], info["command"][:, :2])
    assert not torch.equal(after[:, 2], info["command"][:, 2])
    env.close()
    single.close()
