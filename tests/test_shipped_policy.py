"""The policies in assets/xbot_l/policies do what their card says, on a sample of it."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

pytest.importorskip("onnxruntime")
pytest.importorskip("mujoco")

from humanoid_envs import rotations
from humanoid_envs.assets import asset_path
from humanoid_envs.contract import PolicyContract
from humanoid_envs.registration import make_mujoco
from humanoid_envs.robots import XBOT_L
from humanoid_envs.tasks import preset
from trainers.evaluation import evaluate_commands
from trainers.evaluation.command_scores import WIDE_COMMANDS
from trainers.policies import load_policy
from trainers.ppo import PPO

FOLDER = "xbot_l/policies"


def test_it_fits_task_v0() -> None:
    """Its inputs and outputs are task v0's, so it also runs in the release's loop."""
    contract = load_policy(asset_path(f"{FOLDER}/walk.onnx")).contract
    assert contract.engine == "mujoco_warp"
    v0 = PolicyContract.of(preset("v0"), XBOT_L)
    own = ("commands", "config_sha256", "implicit_damping")
    assert dataclasses.replace(contract, **{name: getattr(v0, name) for name in own}) == v0


@pytest.mark.parametrize("name", ["walk", "walk_wide"])
def test_weights_and_export_are_one_policy(name: str) -> None:
    observation = torch.randn(16, 705, generator=torch.Generator().manual_seed(0))
    exported = load_policy(asset_path(f"{FOLDER}/{name}.onnx"))(observation)
    weights = PPO.load(asset_path(f"{FOLDER}/{name}.pt"), device="cpu").predict(observation)[0]
    torch.testing.assert_close(exported, weights, rtol=1e-5, atol=1e-5)


def test_it_meets_the_nine_commands() -> None:
    policy = load_policy(asset_path(f"{FOLDER}/walk.onnx"))
    scores = evaluate_commands(policy, config=preset("v0"), episodes=1, seconds=8.0)
    assert [score.command for score in scores if not score.met] == []
    assert max(score.mean_abs_torque or math.inf for score in scores) < 14.0


def test_the_wide_one_meets_its_commands() -> None:
    policy = load_policy(asset_path(f"{FOLDER}/walk_wide.onnx"))
    scores = evaluate_commands(policy, WIDE_COMMANDS, config=preset("v0"), episodes=1, seconds=8.0)
    assert [score.command for score in scores if not score.met] == []


def test_it_walks_with_the_release_s_torque_limit() -> None:
    """The release's own loop clips every torque at ±200 N·m instead of at the joint's limit."""
    joints = tuple(dataclasses.replace(joint, torque_limit=200.0) for joint in XBOT_L.joints)
    robot = dataclasses.replace(XBOT_L, joints=joints)
    env = make_mujoco(2, preset("v0").without_randomization(), robot=robot, array="torch")
    env.set_command((0.4, 0.0, 0.0))
    policy = load_policy(asset_path(f"{FOLDER}/walk.onnx"))
    observation, _ = env.reset(seed=0)
    speed = torch.zeros(2)
    for step in range(600):
        observation, _, terminated, _, _ = env.step(policy(observation))
        assert not terminated.any()
        if step >= 300:
            state = env.simulator.state
            speed += rotations.rotate_inverse(state.base_quat, state.base_lin_vel)[:, 0] / 300
    assert speed.tolist() == pytest.approx([0.4] * 2, abs=0.03)
    env.close()
