"""Pictures: the same for the same state, and cheaper where there is no GPU."""

from __future__ import annotations

from typing import Any, Iterator, Tuple

import numpy as np
import pytest
import torch

from humanoid_envs.registration import make_mujoco
from humanoid_envs.vector_env import HumanoidVectorEnv

pytest.importorskip("mujoco.batch")
mujoco_render = pytest.importorskip("humanoid_envs.simulators.mujoco_render")

pytestmark = pytest.mark.usefixtures("opengl")


@pytest.fixture
def env() -> Iterator[HumanoidVectorEnv]:
    env = make_mujoco(1, array="torch", render_mode="rgb_array")
    env.reset(seed=0)
    yield env
    env.close()


def picture(env: HumanoidVectorEnv, size: Tuple[int, int] = (240, 320)) -> np.ndarray:
    return env.simulator.render(0, size)


def test_a_state_always_looks_the_same(env: HumanoidVectorEnv) -> None:
    first = picture(env)
    np.testing.assert_array_equal(picture(env), first)
    for _ in range(60):  # it falls forward, and the camera goes with it
        env.step(torch.full((1, 12), 3.0))
    moved = picture(env)
    assert (moved != first).any()
    np.testing.assert_array_equal(picture(env), moved)
    env.reset(seed=0)
    np.testing.assert_array_equal(picture(env), first)


@pytest.mark.parametrize(
    ("in_software", "shadows", "smooth"), [(True, 2048, False), (False, 8192, True)], ids=["software", "GPU"]
)
def test_without_a_gpu_pictures_are_cheaper(
    env: HumanoidVectorEnv, monkeypatch: pytest.MonkeyPatch, in_software: bool, shadows: int, smooth: bool
) -> None:
    monkeypatch.setattr(mujoco_render, "renders_in_software", lambda: in_software)
    assert picture(env, (48, 64)).std() > 5.0
    simulator: Any = env.simulator
    used = simulator._renderer._renderer._mjr_context
    assert (used.shadowSize, used.offSamples > 0) == (shadows, smooth)


@pytest.mark.parametrize(
    ("name", "in_software"),
    [
        (b"llvmpipe (LLVM 15.0.6, 256 bits)", True),
        (b"softpipe", True),
        (b"ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero)))", True),
        (b"Mesa OffScreen", True),
        (b"NVIDIA H200/PCIe/SSE2", False),
        (b"Mesa Intel(R) UHD Graphics 620 (KBL GT2)", False),
    ],
)
def test_opengl_says_whether_there_is_one(
    monkeypatch: pytest.MonkeyPatch, name: bytes, in_software: bool
) -> None:
    monkeypatch.setattr("OpenGL.GL.glGetString", lambda what: name)
    mujoco_render.renders_in_software.cache_clear()
    assert mujoco_render.renders_in_software() is in_software
    mujoco_render.renders_in_software.cache_clear()
