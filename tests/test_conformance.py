"""The registered environments obey Gymnasium's vector API, as `check_vector_env` sees it."""

from __future__ import annotations

from typing import Any

import gymnasium
import pytest
import torch

from humanoid_envs import HumanoidVectorEnv, TaskConfig, preset
from humanoid_envs.checker import check_vector_env

pytest.importorskip("mujoco")
# What could not be checked comes as a warning: nothing may be left out here.
pytestmark = pytest.mark.filterwarnings("error::humanoid_envs.checker.VectorEnvWarning")

GPU = (pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"))


def short_episodes() -> TaskConfig:
    """Episodes that time out after 60 ms, or end before when the base sinks by 1 cm: some of either kind."""
    return preset("v0").replace({"terminations.episode_length": 0.06, "terminations.low_base.height": 0.94})


def make(**kwargs: Any) -> HumanoidVectorEnv:
    kwargs = {"config": short_episodes(), **kwargs}
    env = gymnasium.make_vec(kwargs.pop("id"), num_envs=3, **kwargs)
    assert isinstance(env, HumanoidVectorEnv)
    return env


MUJOCO = {"id": "HumanoidXBotL-MuJoCo-v0"}
ISAACGYM = {"id": "HumanoidXBotL-IsaacGym-v0"}
WARP = {**ISAACGYM, "engine": "mujoco_warp"}
# On a CPU Warp takes its time to launch kernels, whatever they do: two physics steps a step instead of ten.
FEW_STEPS = short_episodes().replace(
    {"physics": preset("fast").physics.replace({"timestep": 0.005, "decimation": 2})}
)


@pytest.mark.parametrize(
    "kwargs",
    [
        pytest.param(MUJOCO, id="mujoco"),
        pytest.param({**MUJOCO, "array": "torch"}, id="mujoco-torch"),
        pytest.param({**MUJOCO, "dict_obs": True}, id="mujoco-dict"),
        pytest.param({**MUJOCO, "dict_obs": True, "array": "torch"}, id="mujoco-dict-torch"),
        pytest.param({**MUJOCO, "stagger_episodes": True}, id="mujoco-staggered"),
        pytest.param({**ISAACGYM, "engine": "mujoco"}, id="isaacgym-id"),
        pytest.param({**WARP, "device": "cpu", "config": FEW_STEPS}, id="warp-cpu"),
    ],
)
def test_conforms(kwargs: dict) -> None:
    check_vector_env(lambda **mode: make(**kwargs, **mode), max_steps=100)


@pytest.mark.parametrize("array", [pytest.param(array, marks=GPU) for array in ("torch", "numpy")])
@pytest.mark.parametrize("dict_obs", [False, True])
def test_conforms_on_a_gpu(array: str, dict_obs: bool) -> None:
    """Warp adds contact forces up in any order there, so that runs repeat to rounding only."""
    kwargs = {**WARP, "array": array, "dict_obs": dict_obs, "compiled": False}
    check_vector_env(lambda **mode: make(**kwargs, **mode), max_steps=100, atol=1e-3)
