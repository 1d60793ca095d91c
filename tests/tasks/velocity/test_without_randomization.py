"""Without randomization robots that get the same command and the same actions are all alike."""

from __future__ import annotations

from typing import Tuple

import pytest
import torch
from torch import Tensor

from humanoid_envs import TaskConfig, preset
from humanoid_envs.registration import make_mujoco

pytest.importorskip("mujoco.batch")


def seen(config: TaskConfig) -> Tuple[Tensor, Tensor]:
    """What the actors and the critics of three robots see after ten steps."""
    env = make_mujoco(3, config, command=(0.3, 0.0, 0.1), array="torch", num_threads=1)
    obs, info = env.reset(seed=0)
    action = torch.linspace(-0.5, 0.5, 12).expand(3, 12)
    for _ in range(10):
        obs, *_, info = env.step(action)
    env.close()
    return obs, info["privileged"]


@pytest.mark.parametrize("name", ["v0", "fast", "walk"])
def test_robots_see_the_same(name: str) -> None:
    config = preset(name)
    for noisy, exact in zip(seen(config), seen(config.without_randomization())):
        assert (noisy[1:] != noisy[0]).any(dim=1).all()
        assert torch.equal(exact, exact[:1].expand_as(exact))
