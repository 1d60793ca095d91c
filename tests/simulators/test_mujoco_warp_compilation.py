"""Nothing is left to compile for a step of which the parts were compiled side by side."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators import mujoco_warp

# In a process of its own, because other tests have loaded the kernels into this one.
PROGRAM = """
import mujoco_warp as mjw
import warp as wp
from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators import mujoco_warp, mujoco_warp_kernels
from humanoid_envs.simulators.mujoco_model import load_model
from humanoid_envs.simulators.mujoco_warp_compilation import compile_step
from humanoid_envs.simulators.simulator import PhysicsConfig

wp.set_device("cpu")
wp.config.log_level = wp.LOG_INFO
physics = PhysicsConfig(implicit_damping={implicit_damping})
mujoco_model = load_model(XBOT_L, physics, visuals=False, sensors=False)
model = mjw.put_model(mujoco_model)
make_data = lambda: mjw.make_data(mujoco_model, 1, nconmax=24, njmax=96)
compile_step(model, make_data, mujoco_warp_kernels)
print("compiled")
data = make_data()
mjw.set_const(model, data, restore=False)
mjw.step(model, data)
wp.load_module(mujoco_warp_kernels, "cpu")
"""


@pytest.mark.parametrize("implicit_damping", [False, True])
def test_step_compiles_nothing_more(implicit_damping: bool) -> None:
    program = PROGRAM.format(implicit_damping=implicit_damping)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600)
    before, compiled, after = done.stdout.partition("compiled\n")
    assert compiled, done.stderr
    assert before.count(" load on device ") > 10
    assert " load on device " not in after


def test_parts_are_launched_on_as_many_envs_as_the_model_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels that go over more envs than there are data read what is not theirs."""
    seen = []

    def compile_step(model: Any, make_data: Any, own_kernels: Any) -> None:
        rows = {len(getattr(model, name)) for name in ("body_mass", "actuator_acc0", "body_invweight0")}
        seen.append((rows, make_data().nworld))

    monkeypatch.setattr(mujoco_warp, "compile_step", compile_step)
    mujoco_warp.MuJoCoWarpSimulator(XBOT_L, num_envs=3, device="cpu").close()
    assert seen == [({1}, 1)]
