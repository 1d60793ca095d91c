"""The task over the adapter: conformance, and a published policy walks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Iterator

import gymnasium
import pytest
import torch
from gymnasium.vector import AutoresetMode

import humanoid_envs
from humanoid_envs import HumanoidVectorEnv, TaskConfig, preset
from humanoid_envs.checker import check_vector_env
from humanoid_envs.rotations import rotate_inverse

ID = "HumanoidXBotL-IsaacGym-v0"
POLICY = Path(
    os.environ.get(
        "POLICY_EXAMPLE",
        Path(humanoid_envs.__file__).parents[1] / ".." / "shared" / "reference" / "policy_example.pt",
    )
)


def make(num_envs: int, **options: Any) -> HumanoidVectorEnv:
    env = gymnasium.make_vec(ID, num_envs=num_envs, engine="isaacgym", device="cpu", **options)
    assert isinstance(env, HumanoidVectorEnv)
    return env


def short_episodes() -> TaskConfig:
    """Episodes that time out after 60 ms, or end before when the base sinks by 1 cm: some of either kind."""
    return preset("v0").replace({"terminations.episode_length": 0.06, "terminations.low_base.height": 0.94})


@pytest.mark.filterwarnings("error::humanoid_envs.checker.VectorEnvWarning")
def test_conformance() -> None:
    check_vector_env(
        lambda autoreset_mode: make(2, config=short_episodes(), autoreset_mode=autoreset_mode), max_steps=100
    )


def test_engine_is_stated_and_chosen_silently(recwarn: pytest.WarningsRecorder) -> None:
    env = make(2)
    assert env.metadata["engine"] == "isaacgym"
    observation, _ = env.reset(seed=0)
    assert isinstance(observation, torch.Tensor)
    env.close()
    assert not [warning for warning in recwarn if "runs on" in str(warning.message)]


def test_single_environment() -> None:
    env = gymnasium.make(ID, engine="isaacgym", device="cpu", render_mode="rgb_array")
    env.reset(seed=0)
    env.step(env.action_space.sample())
    picture = env.render()
    assert getattr(picture, "shape", None) == (480, 640, 3)
    env.close()
    watched: Any = gymnasium.make(ID, engine="isaacgym", device="cpu", render_mode="human").unwrapped
    watched.reset(seed=0)
    watched.step(watched.action_space.sample())
    assert watched.vector_env.simulator._window._viewer[-1] == "draw"
    watched.close()


def test_preset_fast_is_refused_clearly() -> None:
    with pytest.raises(ValueError, match=r"needs MuJoCo\. Use preset 'v0'"):
        make(1, config="fast")


def test_ppo_learns_on_it() -> None:
    from trainers.ppo import PPO, PPOConfig

    config = PPOConfig(num_steps=8, num_minibatches=2, actor_hidden=(16,), critic_hidden=(16,))
    ppo = PPO(make(2, config=short_episodes()), config)
    before = [parameter.clone() for parameter in ppo.policy.parameters()]
    ppo.learn(32)
    assert ppo.num_timesteps == 32
    assert all(bool(parameter.isfinite().all()) for parameter in ppo.policy.parameters())
    assert any(not torch.equal(old, new) for old, new in zip(before, ppo.policy.parameters()))


@pytest.fixture
def single_thread() -> Iterator[None]:
    """Tensors of one robot are too small to share out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("single_thread")
@pytest.mark.skipif(not POLICY.is_file(), reason="the published policy is not here: set POLICY_EXAMPLE")
def test_published_policy_walks() -> None:
    """10 s at 0.4 m/s with no fall: observation, joint order, gains and model are those of its training."""
    config = preset("v0").without_randomization().replace({"randomization.start_joint_pos.angle": 0.1})
    policy = torch.jit.load(str(POLICY))
    env = make(1, config=config, autoreset_mode=AutoresetMode.DISABLED, command=(0.4, 0.0, 0.0))
    observation, _ = env.reset(seed=0)
    velocity = torch.zeros(1, 3)
    with torch.no_grad():
        for step in range(1000):
            observation, _, terminated, _, _ = env.step(policy(observation))
            assert not terminated.any(), f"fell after {step} steps"
            if step >= 300:
                state = env.simulator.state
                velocity += rotate_inverse(state.base_quat, state.base_lin_vel) / 700
    env.close()
    assert env.simulator.state.base_pos[:, 2].min() > 0.8
    torch.testing.assert_close(velocity[:, 0], torch.tensor([0.4]), atol=0.03, rtol=0.0)
    assert velocity[:, 1].abs().max() < 0.08
