"""The trainer's networks as a policy of Stable-Baselines3."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
import torch
from gymnasium import spaces

pytest.importorskip("mujoco")
pytest.importorskip("stable_baselines3")

from stable_baselines3 import A2C, PPO, SAC

from tests.trainers.sb3.robots import make_vec, observations
from trainers.ppo import PPOConfig
from trainers.sb3 import AsymmetricPolicy, policy_kwargs

TINY = PPOConfig(actor_hidden=(16, 8), critic_hidden=(12,), init_std=0.4)
SYMMETRIC = PPOConfig(actor_hidden=(16,), critic_hidden=(12,), symmetry=True)


def make(config: PPOConfig = TINY, dict_obs: bool = True, **options: Any) -> PPO:
    env = make_vec(dict_obs=dict_obs)
    options = {"n_steps": 8, "batch_size": 8, "n_epochs": 2, "seed": 0, "device": "cpu", **options}
    return PPO(AsymmetricPolicy, env, policy_kwargs=policy_kwargs(env, config), **options)


def both(rows: int = 4) -> Dict[str, torch.Tensor]:
    return {
        "policy": torch.from_numpy(observations(rows)).requires_grad_(),
        "critic": torch.from_numpy(observations(rows, 237, seed=1)).requires_grad_(),
    }


def gaussian(policy: Any, seen: Any) -> Any:
    return policy.get_distribution(seen).distribution


def test_actor_and_critic_see_their_own_parts() -> None:
    seen = both()
    _, value, log_prob = make().policy(seen, deterministic=True)
    assert value.shape == (4, 1)
    assert log_prob.shape == (4,)
    value.sum().backward()
    assert seen["policy"].grad is None
    assert seen["critic"].grad is not None
    assert bool((seen["critic"].grad != 0.0).any())
    seen = both()
    make().policy.get_distribution(seen).mode().sum().backward()
    assert seen["critic"].grad is None
    assert seen["policy"].grad is not None


def test_networks_are_as_the_config_says() -> None:
    policy = make().policy
    shapes = [tuple(weight.shape) for name, weight in policy.named_parameters() if name.endswith("weight")]
    assert shapes == [(16, 705), (8, 16), (12, 8), (12, 237), (1, 12)]
    assert "ELU" in str(policy)
    std = gaussian(policy, both()).stddev
    torch.testing.assert_close(std, torch.full((4, 12), 0.4))


def test_of_a_box_both_see_all() -> None:
    model = make(SYMMETRIC, dict_obs=False)
    model.learn(16)
    assert model.policy.value_net.__class__ is torch.nn.Identity
    assert model.predict(observations(3))[0].shape == (3, 12)


@pytest.mark.parametrize("dict_obs", [True, False])
def test_symmetric_networks_act_as_their_mirror_image(dict_obs: bool) -> None:
    model = make(SYMMETRIC, dict_obs)
    with torch.no_grad():
        model.policy.log_std.copy_(torch.linspace(-1.0, 0.0, 12))
    mirrors = model.env.get_attr("signature")[0]["symmetry"]  # pyright: ignore[reportOptionalMemberAccess]

    def mirrored(values: torch.Tensor, what: str) -> torch.Tensor:
        return values[:, mirrors[what]["permutation"]] * torch.tensor(mirrors[what]["sign"])

    seen: Any = {name: value.detach() for name, value in both().items()}
    image: Any = {name: mirrored(value, name) for name, value in seen.items()}
    if not dict_obs:
        seen, image = seen["policy"], image["policy"]
    one, other = (gaussian(model.policy, obs) for obs in (seen, image))
    torch.testing.assert_close(other.mean, mirrored(one.mean, "action"))
    torch.testing.assert_close(other.stddev, one.stddev[:, mirrors["action"]["permutation"]])
    assert one.stddev[0].unique().numel() == 6
    values = [model.policy.predict_values(obs) for obs in (seen, image)]
    torch.testing.assert_close(*values)


def test_learns_and_is_saved_and_resumed(tmp_path: Path) -> None:
    model = make(SYMMETRIC)
    before = [weight.detach().clone() for weight in model.policy.parameters()]
    model.learn(32)
    moved = [not torch.equal(a, b) for a, b in zip(before, model.policy.parameters())]
    assert all(moved)
    model.save(tmp_path / "model.zip")
    again = PPO.load(tmp_path / "model.zip", env=make_vec(3, dict_obs=True))
    for saved, loaded in zip(model.policy.parameters(), again.policy.parameters()):
        assert torch.equal(saved, loaded)
    again.learn(24, reset_num_timesteps=False)
    assert again.num_timesteps == 32 + 24

    model.policy.save(str(tmp_path / "policy.zip"))
    alone = AsymmetricPolicy.load(str(tmp_path / "policy.zip"))
    seen = {name: value.detach().numpy() for name, value in both().items()}
    np.testing.assert_array_equal(
        alone.predict(seen, deterministic=True)[0], model.predict(seen, deterministic=True)[0]
    )


def test_the_same_seed_gives_the_same_weights() -> None:
    one, other = (make(SYMMETRIC).learn(16).policy.state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a2c_takes_it_too() -> None:
    env = make_vec(dict_obs=True)
    model = A2C(AsymmetricPolicy, env, policy_kwargs=policy_kwargs(env, TINY), n_steps=4, device="cpu")
    model.learn(16)
    assert model.num_timesteps == 16


def test_what_does_not_fit_is_refused() -> None:
    box, action = spaces.Box(-1.0, 1.0, (5,)), spaces.Box(-1.0, 1.0, (2,))

    def constant(progress: float) -> float:
        return 1e-3

    with pytest.raises(ValueError, match="leave out use_sde=True"):
        AsymmetricPolicy(box, action, constant, use_sde=True)
    with pytest.raises(ValueError, match="a Box of one axis, or a Dict of 'policy' and 'critic'"):
        AsymmetricPolicy(spaces.Dict({"policy": box}), action, constant)
    with pytest.raises(ValueError, match="actions in a Box of one axis, not Discrete"):
        AsymmetricPolicy(box, spaces.Discrete(2), constant)
    with pytest.raises(TypeError, match="needs a HumanoidVecEnv, or wrappers around one; got DummyVecEnv"):
        policy_kwargs(SAC("MlpPolicy", "Pendulum-v1", buffer_size=10).get_env(), TINY)  # pyright: ignore[reportArgumentType]
