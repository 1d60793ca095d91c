"""The code of docs/from_humanoid_gym.md runs as it stands there."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest
import torch

from humanoid_envs.tasks import PRESETS

PAGE = Path(__file__).resolve().parents[1] / "docs/from_humanoid_gym.md"


def test_its_code_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mujoco.batch")
    codes = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    module = types.ModuleType("my_habits")
    monkeypatch.setitem(sys.modules, "my_habits", module)
    there = vars(module)
    try:
        for code in codes:
            exec(code, there)
        assert PRESETS["my_habits"] is not None
    finally:
        PRESETS.pop("my_habits", None)
    assert there["env"].live["rewards.knee_torque.weight"] == pytest.approx(-2e-4)
    assert there["info"]["command"][:, 0].tolist() == pytest.approx([0.4, 0.4])
    assert (there["env"].episode_so_far()["reward_terms"]["knee_torque"] < 0).all()
    assert there["env"].config.randomization.push.lin_vel == 0.3
    assert there["env"].config.randomization.foot_friction.range == (0.4, 1.2)
    there["env"].close()
    second = there["second"]
    observation, _ = second.reset(seed=0)
    assert observation.shape == (2, 15 * (47 + 12))
    assert second.contract.observation_terms[-1].name == "joint_torque"
    assert second.live["commands.velocity.lin_vel_x"] == pytest.approx((0.0, 0.5))
    assert not second.step(torch.zeros(2, 12))[2].any()
    second.close()
    spun = there["config"].replace(**{"terminations.fast_spin.rate": 0.0})
    with_ends = there["make_mujoco"](2, config=spun, array="torch")
    with_ends.reset(seed=0)
    assert with_ends.step(torch.zeros(2, 12))[2].all()  # any turning is too fast
    with_ends.close()
    short = there["config"].replace(**{"terminations.episode_length": 0.05})
    widening = there["make_mujoco"](2, config=short, array="torch")
    widening.reset(seed=0)
    while not widening.step(torch.zeros(2, 12))[3].any():
        pass
    low, high = widening.live["commands.velocity.lin_vel_x"]  # pyright: ignore
    assert low == 0.0
    assert 0.5 < high < 1.0  # nobody fell
    widening.close()
