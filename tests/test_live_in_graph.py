"""Live numbers in a step that is a CUDA graph, which Python takes no part in."""

from __future__ import annotations

import pytest
import torch

from humanoid_envs.registration import make_mujoco_warp
from humanoid_envs.tasks.velocity import fast
from tests.simulators.conftest import NEEDS_CUDA
from tests.tasks.test_live import Harder

pytest.importorskip("mujoco_warp")

CONFIG = fast().replace(
    curricula=Harder(),
    **{"randomization.push.period": 0.02, "terminations.episode_length": 0.06},
)


@pytest.mark.parametrize("device", [pytest.param("cuda:0", marks=NEEDS_CUDA)])
def test_a_graph_reads_them_from_the_next_step_on(device: str) -> None:
    env = make_mujoco_warp(64, CONFIG, device=device)
    env.reset(seed=0)
    still, rewards, pushes = torch.zeros(64, 12, device=device), [], []
    state = env.state_dict()
    for weight, strength in ((0.3, 0.3), (1.3, 3.0)):
        env.load_state_dict(state)
        env.set_live("rewards.alive.weight", weight)
        env.set_live("randomization.push.lin_vel", strength)
        rewards.append(env.step(still)[1])
        env.step(still)
        pushes.append(env._memory.pushes[:, :2].clone())
    period = env.config.policy_period
    torch.testing.assert_close(rewards[1] - rewards[0], torch.full_like(rewards[0], period))
    torch.testing.assert_close(pushes[1], 10.0 * pushes[0])
    assert pushes[0].abs().max() > 0.2
    env.close()


@pytest.mark.parametrize("device", [pytest.param("cuda:0", marks=NEEDS_CUDA)])
def test_a_curriculum_writes_them_within_it(device: str) -> None:
    env = make_mujoco_warp(64, CONFIG, device=device)
    env.reset(seed=0)
    before = env.live["randomization.push.ang_vel"]
    for _ in range(60):  # eight episodes, in which nobody has the time to fall
        env.step(torch.zeros(64, 12, device=device))
    after = env.live["randomization.push.ang_vel"]
    assert isinstance(before, float)
    assert isinstance(after, float)
    assert after == pytest.approx(2.0)
    assert before == pytest.approx(0.4)
    env.close()
