"""What changes in a step that is a CUDA graph on a GPU, in which Python takes no part."""

from __future__ import annotations

import pytest
import torch

from humanoid_envs.registration import make_mujoco_warp
from humanoid_envs.tasks.velocity import fast
from tests.simulators.conftest import WARP_DEVICES
from tests.tasks.test_live import Harder

pytest.importorskip("mujoco_warp")

CONFIG = fast().replace(
    curricula=Harder(),
    **{"randomization.push.period": 0.02, "terminations.episode_length": 0.06},
)


@pytest.mark.parametrize("device", WARP_DEVICES)
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


@pytest.mark.parametrize("device", WARP_DEVICES)
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


@pytest.mark.parametrize("device", WARP_DEVICES)
def test_parameters_are_drawn_anew_with_each_episode_within_it(device: str) -> None:
    config = CONFIG.replace(**{"randomization.foot_friction.each_episode": True})
    env = make_mujoco_warp(64, config, device=device)
    env.reset(seed=0)
    seen = []
    for _ in range(30):  # four episodes
        env.step(torch.zeros(64, 12, device=device))
        friction = env.simulator.parameters.foot_friction
        shown = env.task.frames(env._memory)["critic"][:, -1, 67]
        torch.testing.assert_close(shown, friction)
        seen.append(friction.clone())
    drawn = torch.stack(seen)
    assert 4 <= len(torch.unique_consecutive(drawn[:, 0])) <= 6
    assert (drawn.amax(0) > drawn.amin(0)).all()
    assert ((drawn >= 0.3) & (drawn <= 1.6)).all()
    env.close()
