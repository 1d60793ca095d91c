"""HumanoidVectorEnv on C MuJoCo, through the registered ids."""

from __future__ import annotations

import dataclasses
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

import humanoid_envs
from humanoid_envs import HumanoidVectorEnv
from humanoid_envs.tasks import preset
from tests.other_arrays import HasArray, HasDLPack

pytest.importorskip("mujoco")

MUJOCO = "HumanoidXBotL-MuJoCo-v0"
ISAAC = "HumanoidXBotL-IsaacGym-v0"


def make(num_envs: int = 4, **kwargs: Any) -> HumanoidVectorEnv:
    kwargs.setdefault("array", "torch")
    env = gymnasium.make_vec(kwargs.pop("id", MUJOCO), num_envs=num_envs, **kwargs)
    assert isinstance(env, HumanoidVectorEnv)
    return env


def short_episodes(seconds: float = 0.05) -> humanoid_envs.TaskConfig:
    v0 = preset("v0")
    return dataclasses.replace(v0, terminations=dataclasses.replace(v0.terminations, episode_length=seconds))


def actions(num_envs: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(num_envs, 12, generator=torch.Generator().manual_seed(seed))


# Spaces and arrays


def test_spaces() -> None:
    env = make(3)
    assert env.single_observation_space == gymnasium.spaces.Box(-18, 18, (705,), np.float32)
    assert env.single_action_space == gymnasium.spaces.Box(-18, 18, (12,), np.float32)
    assert env.observation_space.shape == (3, 705)
    assert env.single_privileged_space.shape == (219,)
    observation, info = env.reset(seed=0)
    assert observation.shape == (3, 705)
    assert info["privileged"].shape == (3, 219)
    assert info["command"].shape == (3, 3)
    env.close()


@pytest.mark.parametrize(("array", "kind"), [("torch", torch.Tensor), ("numpy", np.ndarray)])
def test_arrays(array: str, kind: type) -> None:
    env = make(2, array=array)
    observation, info = env.reset(seed=0)
    for action in (actions(2), actions(2).numpy(), actions(2).double()):
        observation, reward, terminated, truncated, info = env.step(action)
        values = (*info.pop("simulator").values(), *info.values())
        assert all(isinstance(v, kind) for v in (observation, reward, terminated, truncated, *values))
        assert str(reward.dtype).endswith("float32")
        assert str(terminated.dtype).endswith("bool")
    env.close()


@pytest.mark.parametrize(
    "kind", [lambda a: a.tolist(), lambda a: tuple(map(tuple, a.tolist())), list, HasArray, HasDLPack]
)
def test_actions_of_any_kind(kind: Any) -> None:
    env, action = make(2), actions(2)
    env.reset(seed=0)
    expected = env.step(action)[0]
    env.reset(seed=0)
    assert torch.equal(env.step(kind(action))[0], expected)
    assert not np.shares_memory(env._action.numpy(), action.numpy())
    env.close()


def test_commands_and_masks_of_any_kind() -> None:
    env = make(3)
    env.reset(seed=0)
    env.set_command(HasDLPack(torch.tensor([0.4, 0.0, 0.1])), mask=[True, False, True])
    command = env.step(torch.zeros(3, 12))[4]["command"]
    torch.testing.assert_close(command[[0, 2]], torch.tensor([[0.4, 0.0, 0.1]] * 2))
    assert not torch.isclose(command[1], command[0]).all()
    env.reset(options={"reset_mask": HasArray(torch.tensor([True, False, False]))})
    env.close()


def test_action_bound_is_recorded_and_leaves_the_meaning_of_an_action() -> None:
    plain, bounded = make(2), make(2, action_bound=1.0)
    assert bounded.single_action_space == gymnasium.spaces.Box(-1.0, 1.0, (12,), np.float32)
    assert bounded.contract.action_clip == 1.0
    with pytest.raises(ValueError, match=r"its action_clip is 18.0, the environment's is 1.0"):
        plain.contract.require_match(bounded.contract, "The policy")
    within = 0.8 * actions(2).clamp(-1.0, 1.0)  # with its noise of 2 % it stays within the bound
    results = []
    for env, action in (
        (plain, within),
        (bounded, within),
        (bounded, 100.0 * within.sign()),
        (bounded, within.sign()),
    ):
        env.reset(seed=0)
        results.append(torch.cat([env.step(action)[0] for _ in range(3)]))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[2], results[3])
    plain.close()
    bounded.close()


def test_action_bound_reaches_the_engine_that_is_chosen() -> None:
    env = make(2, id=ISAAC, engine="mujoco", action_bound=2.0)
    assert env.config.actions.clip == 2.0
    env.close()


def test_the_kind_of_arrays_may_change() -> None:
    env = make(2, array="numpy")
    env.reset(seed=0)
    env.array = "torch"
    assert isinstance(env.step(actions(2))[0], torch.Tensor)
    with pytest.raises(ValueError, match="'torch' or 'numpy'"):
        env.array = "jax"
    assert env.array == "torch"
    env.close()


def test_numpy_is_the_default_of_the_mujoco_id_and_torch_of_the_isaacgym_id() -> None:
    env = gymnasium.make_vec(MUJOCO, num_envs=1)
    assert isinstance(env.reset()[0], np.ndarray)
    env.close()
    env = gymnasium.make_vec(ISAAC, num_envs=1, engine="mujoco")
    assert isinstance(env.reset()[0], torch.Tensor)
    env.close()


@pytest.mark.parametrize("array", ["torch", "numpy"])
def test_dict_observations(array: str) -> None:
    env = make(2, array=array, dict_obs=True, config=short_episodes())
    observation, info = env.reset(seed=0)
    assert set(observation) == {"policy", "critic"}
    np.testing.assert_array_equal(observation["critic"], info["privileged"])
    for _ in range(7):
        observation, *_, info = env.step(actions(2))
        if "final_obs" in info:
            break
    final = info["final_obs"]["policy"][0] if array == "torch" else info["final_obs"][0]["policy"]
    assert final.shape == (705,)
    env.close()


def test_returned_arrays_are_not_overwritten() -> None:
    env = make(2)
    first, info = env.reset(seed=0)
    kept, command = first.clone(), info["command"].clone()
    second, reward, *_ = env.step(actions(2))
    assert isinstance(reward, torch.Tensor)
    kept_second, kept_reward = second.clone(), reward.clone()
    for seed in range(3):
        env.step(actions(2, seed))
    assert torch.equal(first, kept)
    assert torch.equal(second, kept_second)
    assert torch.equal(info["command"], command)
    assert torch.equal(reward, kept_reward)
    env.close()


# Seeding


def rollout(env: HumanoidVectorEnv, steps: int = 20) -> torch.Tensor:
    return torch.cat([env.step(actions(env.num_envs, seed))[0] for seed in range(steps)])


def test_same_seed_same_run() -> None:
    env = make(4)
    env.reset(seed=3)
    first, friction = rollout(env), env.simulator.parameters.foot_friction.clone()
    env.reset(seed=3)
    assert torch.equal(rollout(env), first)
    assert torch.equal(env.simulator.parameters.foot_friction, friction)
    env.reset(seed=4)
    assert not torch.equal(rollout(env), first)
    assert not torch.equal(env.simulator.parameters.foot_friction, friction)
    env.close()


def test_threads_do_not_matter() -> None:
    runs = []
    for threads in (1, 2):
        env = make(5, num_threads=threads)
        env.reset(seed=0)
        runs.append(rollout(env, 50))
        env.close()
    assert torch.equal(*runs)


def test_parameters_are_drawn_per_env_within_their_ranges() -> None:
    env = make(64)
    env.reset(seed=0)
    friction, mass = env.simulator.parameters.foot_friction, env.simulator.parameters.base_mass
    assert friction.min() >= 0.1
    assert friction.max() <= 2.0
    assert friction.std() > 0.3
    assert (mass - env.simulator.robot.base_mass).abs().max() <= 5.0
    assert mass.std() > 1.5
    env.close()


# Autoreset


def until_done(env: HumanoidVectorEnv) -> tuple:
    for seed in range(50):
        result = env.step(actions(env.num_envs, seed, scale=0.1))
        if bool((result[2] | result[3]).all()):
            return result
    raise AssertionError("no episode ended")


def test_same_step_gives_the_true_last_observation() -> None:
    """The final observation is the one that an environment which never resets shows in that step."""
    same, never = (
        make(3, config=short_episodes(), autoreset_mode=mode)
        for mode in (AutoresetMode.SAME_STEP, AutoresetMode.DISABLED)
    )
    same.reset(seed=0)
    never.reset(seed=0)
    observation, reward, _, truncated, info = until_done(same)
    reference, reference_reward, _, reference_truncated, reference_info = until_done(never)
    assert torch.equal(info["final_obs"], reference)
    assert torch.equal(info["final_info"]["privileged"], reference_info["privileged"])
    assert torch.equal(reward, reference_reward)
    assert truncated.all()
    assert reference_truncated.all()
    assert info["_final_obs"].all()
    assert not torch.equal(observation, reference)
    assert torch.equal(observation[:, : 14 * 47], torch.zeros(3, 14 * 47))  # only one frame since the reset
    same.close()
    never.close()


def test_next_step_ignores_the_action_after_done() -> None:
    env = make(3, config=short_episodes(), autoreset_mode="NEXT_STEP")
    env.reset(seed=0)
    observation, _, _, truncated, info = until_done(env)
    assert truncated.all()
    assert "final_obs" not in info
    assert observation[:, : 9 * 47].any()
    observation, reward, terminated, truncated, _ = env.step(actions(3))
    assert not reward.any()
    assert not (terminated | truncated).any()
    assert torch.equal(observation[:, : 14 * 47], torch.zeros(3, 14 * 47))
    assert torch.equal(observation[:, 14 * 47 + 29 : 14 * 47 + 41], torch.zeros(3, 12))
    env.close()


def test_disabled_resets_by_mask_only() -> None:
    env = make(4, config=short_episodes(), autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    before, *_ = until_done(env)
    mask = torch.tensor([True, False, False, True])
    after, _ = env.reset(options={"reset_mask": mask})
    assert torch.equal(after[~mask], before[~mask])
    assert torch.equal(after[mask][:, : 14 * 47], torch.zeros(2, 14 * 47))
    again, _ = env.reset(options={"reset_mask": mask.numpy()})
    assert torch.equal(again[~mask], before[~mask])
    env.close()


def test_episode_sums() -> None:
    """final_info sums the rewards that were given, and its terms add up where none was clipped."""
    config = short_episodes()
    config = dataclasses.replace(config, rewards=dataclasses.replace(config.rewards, only_positive=False))
    env = make(2, config=config)
    env.reset(seed=0)
    results = [env.step(actions(2, seed, scale=0.1)) for seed in range(6)]
    total = torch.stack([torch.as_tensor(result[1]) for result in results]).sum(dim=0)
    _, _, _, truncated, info = results[-1]
    assert truncated.all()
    final = info["final_info"]
    torch.testing.assert_close(final["episode_return"], total)
    torch.testing.assert_close(sum(final["reward_terms"].values()), total)
    assert final["episode_length"].tolist() == [6, 6]
    assert set(final["reward_terms"]) == set(env.task.term_names)
    env.close()


def test_a_fall_terminates() -> None:
    env = make(2)
    env.reset(seed=0)
    results = (env.step(torch.full((2, 12), 4.0)) for _ in range(300))
    _, _, terminated, truncated, info = next(result for result in results if result[2].any())
    assert not truncated.any()
    assert torch.equal(info["_final_info"], torch.as_tensor(terminated))
    fell = info["final_info"]["episode_metrics"]["fall_rate"]
    assert torch.equal(fell, torch.as_tensor(terminated).float())
    env.close()


@pytest.mark.parametrize("array", ["torch", "numpy"])
def test_tracking_error_at_the_end_of_an_episode(array: str) -> None:
    env = make(2, config=short_episodes(), array=array, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    info: dict = {}
    for seed in range(6):
        info = env.step(actions(2, seed, scale=0.1))[-1]
    metrics = info["final_info"]["episode_metrics"]
    errors = torch.stack(
        [torch.as_tensor(metrics[f"tracking_error_{axis}"]) for axis in ("vx", "vy", "yaw_rate")]
    )
    torch.testing.assert_close(errors.T, env._memory.command_error.abs())
    assert metrics["fall_rate"].tolist() == [0.0, 0.0]
    assert (errors > 0.0).all()
    env.close()


# Commands


def test_fixed_commands() -> None:
    env = make(3, config=short_episodes(), command=(0.1, 0.0, 0.2))
    _, info = env.reset(seed=0)
    for seed in range(20):  # through three resets
        _, *_, info = env.step(actions(3, seed, scale=0.1))
        assert info["command"].tolist() == [pytest.approx([0.1, 0.0, 0.2])] * 3
    env.set_command(np.eye(3))
    observation, *_, info = env.step(actions(3))
    assert torch.equal(info["command"], torch.eye(3))
    assert torch.equal(observation[:, -47 + 2 : -47 + 5], torch.eye(3) * torch.tensor([2.0, 2.0, 1.0]))
    env.set_command(None, mask=torch.tensor([True, False, False]))
    _, info = env.reset(seed=0)
    assert not torch.equal(info["command"][0], torch.eye(3)[0])
    assert torch.equal(info["command"][1:], torch.eye(3)[1:])
    env.close()


# Continuing


def test_state_dict_continues_bit_for_bit() -> None:
    env = make(3, config=short_episodes(0.2))
    env.reset(seed=0)
    rollout(env, 10)
    state = env.state_dict()
    expected = rollout(env, 40)
    env.close()
    other = make(3, config=short_episodes(0.2))
    other.load_state_dict(state)
    assert torch.equal(rollout(other, 40), expected)
    del state["draws"]  # as in states saved before there were any
    other.load_state_dict(state)
    assert torch.equal(other.state_dict()["memory"]["frames"], state["memory"]["frames"])
    other.close()
    wrong = make(2, config=short_episodes(0.2))
    with pytest.raises(ValueError, match="another environment"):
        wrong.load_state_dict(state)
    wrong.close()


# Engines


def test_isaacgym_id_says_what_it_runs_on() -> None:
    with pytest.warns(UserWarning, match=r"runs on mujoco"):
        env = make(2, id=ISAAC)
    assert env.metadata["engine"] in ("mujoco", "mujoco_warp")
    assert isinstance(env.reset()[0], torch.Tensor)
    env.close()


def test_isaacgym_engine_without_it_is_a_clear_error() -> None:
    with pytest.raises(ImportError, match="Isaac Gym"):
        make(2, id=ISAAC, engine="isaacgym")
