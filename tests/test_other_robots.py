"""Robots that are not XBot-L go through every tool: environment, training, checkpoint, export, run_policy.py,
sim2sim.py, play.py, Stable-Baselines3."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest
import torch

from humanoid_envs.configs import values_of
from humanoid_envs.registration import make_mujoco
from humanoid_envs.robots import ROBOTS, XBOT_L, Robot, register_robot
from humanoid_envs.tasks import preset
from humanoid_envs.vector_env import HumanoidVectorEnv
from tests.examples.script import run_here
from tests.examples.test_sim2sim import TINY, load_script
from tests.robots.others import FIVE_JOINTS, REORDERED
from trainers.evaluation import evaluate_commands
from trainers.evaluation.env import evaluation_env, fallen_height, measured_task, robot_for
from trainers.export import contract_of, robot_of
from trainers.policies import load_policy
from trainers.ppo import PPO
from trainers.presets import TrainConfig
from trainers.presets import preset as training_preset
from trainers.runs import Run
from trainers.training import make_env, train

pytest.importorskip("mujoco")

ROBOTS_HERE = [REORDERED, FIVE_JOINTS]
STAND = (0.0, 0.0, 0.0)
MUJOCO = ("--protocol", "gap", "--simulators", "mujoco")


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    names = set(ROBOTS)
    for robot in (REORDERED, FIVE_JOINTS):
        register_robot(robot)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    for name in set(ROBOTS) - names:
        del ROBOTS[name]


def config_for(robot: Robot) -> TrainConfig:
    """Two updates of 4 robots × 8 steps."""
    cpu = training_preset("cpu")
    ppo = dataclasses.replace(cpu.ppo, num_steps=8, actor_hidden=(8,), critic_hidden=(8,), device="cpu")
    return dataclasses.replace(
        cpu,
        robot=robot.name,
        ppo=ppo,
        num_envs=4,
        total_timesteps=64,
        engine="mujoco",
        compiled=False,
        keep_every=100,
    )


def order_of(robot: Robot) -> torch.Tensor:
    """Places of XBot-L's joints, in its order, among the robot's."""
    return torch.tensor([robot.joint_names.index(name) for name in XBOT_L.joint_names])


def walk(robot: Robot, actions: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """Bases, and rewards, of robots that act so, in XBot-L's order: (T, N, 7) and (T, N)."""
    task = preset("fast").without_randomization()
    env = make_mujoco(actions.shape[1], task, robot=robot, array="torch", command=(0.3, 0.0, 0.0))
    env.reset(seed=0)
    bases, rewards, order = [], [], order_of(robot)
    for action in actions:
        own = torch.zeros_like(action)
        own[:, order] = action
        _, reward, *_ = env.step(own)
        state = env.simulator.state
        bases.append(torch.cat([state.base_pos, state.base_quat], dim=1))
        rewards.append(reward)
    env.close()
    return torch.stack(bases), torch.stack(rewards)


def test_the_same_actions_are_the_same_walk_in_any_order() -> None:
    """Bit for bit."""
    actions = torch.randn(60, 2, 12, generator=torch.Generator().manual_seed(0))
    ours, theirs = walk(XBOT_L, actions), walk(REORDERED, actions)
    assert torch.equal(ours[0], theirs[0])


def test_and_earn_the_same() -> None:
    actions = torch.randn(60, 2, 12, generator=torch.Generator().manual_seed(0))
    ours, theirs = walk(XBOT_L, actions), walk(REORDERED, actions)
    torch.testing.assert_close(theirs[1], ours[1], rtol=1e-5, atol=1e-7)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Of a robot, the run that trained it."""
    runs = {}

    def run_of(robot: Robot) -> Run:
        if robot.name not in runs:
            run = Run(tmp_path_factory.mktemp("runs") / robot.name)
            train(config_for(robot), run, progress_bar=False)
            runs[robot.name] = run
        return runs[robot.name]

    return run_of


@pytest.mark.parametrize("robot", ROBOTS_HERE)
def test_a_training_leaves_its_robot_in_every_file(trained: Any, robot: Robot) -> None:
    run = trained(robot)
    assert run.read_config() == config_for(robot)
    ppo = PPO.load(run.last_checkpoint, device="cpu")
    assert robot_of(ppo) == robot
    contract = contract_of(ppo)
    assert (contract.robot, contract.joint_names) == (robot.name, robot.joint_names)
    assert contract.stiffness == tuple(joint.stiffness for joint in robot.joints)
    for name in ("last.pt", "policy.onnx", "policy.jit.pt"):
        policy = load_policy(run.checkpoints / name)
        assert policy.contract == contract
        assert policy.robot == robot
        assert robot_for(policy) == robot


@pytest.mark.parametrize("robot", ROBOTS_HERE)
def test_a_run_is_resumed_where_it_stopped(trained: Any, robot: Robot, tmp_path: Path) -> None:
    longer = dataclasses.replace(config_for(robot), total_timesteps=128)
    resumed = train(longer, Run(tmp_path / "a"), trained(robot).last_checkpoint, progress_bar=False)
    whole = train(longer, Run(tmp_path / "b"), progress_bar=False)
    for name, value in whole.policy.state_dict().items():
        assert torch.equal(value, resumed.policy.state_dict()[name]), name


@pytest.mark.parametrize("robot", ROBOTS_HERE)
def test_its_policy_is_measured_on_it(trained: Any, robot: Robot) -> None:
    policy = load_policy(trained(robot).checkpoints / "policy.onnx")
    (score,) = evaluate_commands(policy, [STAND], config=policy.task, episodes=1, seconds=0.2, start_up=0.0)
    assert score.episodes == 1
    with pytest.raises(ValueError, match=f"its robot is {robot.name}, the environment's is xbot_l"):
        evaluate_commands(policy, [STAND], config=policy.task, episodes=1, seconds=0.2, robot="xbot_l")


@pytest.mark.parametrize("robot", ROBOTS_HERE)
def test_the_programs_run_with_it(
    trained: Any, robot: Robot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    policy = str(trained(robot).checkpoints / "policy.onnx")
    still = ("--seconds", "0.2", "--command", "0", "0", "0")
    assert run_here(tmp_path, "run_policy.py", policy, *still, monkeypatch=monkeypatch) == 0
    assert "Walked 0.20 s" in capsys.readouterr().out
    script = load_script()
    monkeypatch.setattr(script, "sizes", lambda *_: TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["sim2sim.py", "--policy", policy, "--json", "numbers.json", *MUJOCO])
    script.main()
    walks = json.loads((tmp_path / "numbers.json").read_text())["gap"]["walks"]
    assert tuple(walks[0]["joints"]) == robot.joint_names


def test_a_robot_that_is_not_there_is_named(trained: Any, tmp_path: Path) -> None:
    run = trained(REORDERED)
    del ROBOTS["reordered"]
    policy = load_policy(run.checkpoints / "policy.onnx")
    with pytest.raises(ValueError, match=r"for robot 'reordered', which there is not here.*--plugin NAME"):
        evaluate_commands(policy, [STAND], config=policy.task, episodes=1, seconds=0.2)
    with pytest.raises(ValueError, match=r"Unknown robot 'reordered'"):
        run.read_config()
    # A checkpoint has its robot with it.
    assert load_policy(run.last_checkpoint).robot == REORDERED


def test_a_changed_robot_begins_new_episodes(trained: Any, tmp_path: Path) -> None:
    """As a changed task does: the saved state of the environment is of another one."""
    del ROBOTS["reordered"]
    joints = tuple(dataclasses.replace(joint, damping=9.0) for joint in REORDERED.joints)
    stiffer = register_robot(dataclasses.replace(REORDERED, joints=joints))
    longer = dataclasses.replace(config_for(stiffer), total_timesteps=96)
    ppo = train(longer, Run(tmp_path / "a"), trained(REORDERED).last_checkpoint, progress_bar=False)
    assert ppo.num_updates == 3
    assert robot_of(ppo) == stiffer


def test_old_checkpoints_are_of_xbot_l(tmp_path: Path) -> None:
    config = config_for(XBOT_L)
    env = make_env(config)
    ppo = PPO(env, config.ppo)
    ppo.metadata.update(task={}, engine="mujoco")
    ppo.save(tmp_path / "old.pt")
    env.close()
    policy = load_policy(tmp_path / "old.pt")
    assert policy.robot is XBOT_L
    assert contract_of(PPO.load(tmp_path / "old.pt", device="cpu")).robot == "xbot_l"


def test_falls_are_measured_by_the_robots_height() -> None:
    assert fallen_height(XBOT_L) == 0.5
    small = dataclasses.replace(XBOT_L, standing_height=XBOT_L.standing_height / 2, start_height=0.5)
    assert fallen_height(small) == 0.25
    assert values_of(measured_task("v0", small))["terminations.low_base.height"] == 0.25


def test_robots_are_named_or_given(trained: Any) -> None:
    env = evaluation_env("v0", 1, 1.0, robot="reordered")
    assert isinstance(env, HumanoidVectorEnv)
    assert env.simulator.robot is REORDERED
    env.close()
    with pytest.raises(ValueError, match="Unknown robot 'reorderd'; did you mean 'reordered'"):
        make_mujoco(1, robot="reorderd")
    with pytest.raises(ValueError, match="Unknown robot 'reorderd'"):
        dataclasses.replace(config_for(REORDERED), robot="reorderd")
