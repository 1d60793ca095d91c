"""A package outside of this repository that brings a term of every kind, a task and a robot: all programs run
it."""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any, List

import pytest
import torch

from humanoid_envs import plugins
from humanoid_envs.checker import check_vector_env
from humanoid_envs.errors import MissingPlugIn
from humanoid_envs.registration import make_mujoco
from humanoid_envs.robots import XBOT_L
from tests.examples.script import run, run_here
from trainers.policies import load_policy
from trainers.ppo import PPO
from trainers.runs import Run

pytest.importorskip("mujoco.batch")
pytest.importorskip("hatchling")

LABELS = ("vx", "vy", "yaw_rate", "height")


@pytest.fixture(scope="module")
def trained(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of two updates that another process trained."""
    folder = tmp_path_factory.mktemp("squat")
    arguments = ("--plugin", "bouncy", "--preset", "squat_small", "--task.rewards.height.width", "0.06")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site))
        result = run(folder, "train_ppo.py", *arguments, "--run-name", "a", "--no-evaluate")
    assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.parametrize("file", ["last.pt", "policy.onnx"])
def test_without_it_one_error_names_it(trained: Path, file: str) -> None:
    pytest.importorskip("onnxruntime")
    assert "bouncy_walk" not in sys.modules
    with pytest.raises(MissingPlugIn, match=r"of class 'bouncy_walk\.squat\.\w+' here"):
        load_policy(trained / "runs/a/checkpoints" / file)


@pytest.mark.usefixtures("plugin")
def test_its_run_goes_on(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    more = ("--resume", "a", "--total-timesteps", "192", "--no-evaluate")
    assert run_here(tmp_path, "train_ppo.py", "--plugin", "bouncy", *more, monkeypatch=monkeypatch) == 0
    assert PPO.load(tmp_path / "runs/a/checkpoints/last.pt").num_updates == 3
    task: Any = Run(tmp_path / "runs/a").read_config().task
    assert type(task).__name__ == "SquatConfig"
    assert task.rewards.height.width == 0.06


@pytest.mark.usefixtures("plugin")
def test_its_terms_do_what_they_say() -> None:
    plugins.load("bouncy")
    env = make_mujoco(8, "squat", robot="stiff", array="torch", num_threads=1, command=(0.2, 0.0, 0.1, 0.8))
    _, info = env.reset(seed=0)
    assert info["command"][0].tolist() == torch.tensor([0.2, 0.0, 0.1, 0.8]).tolist()
    names = [name for name, _ in env.config.observations.policy.layout(env.simulator.robot)]
    assert names[-2:] == ["command_height", "acceleration"]
    assert env.action_space.shape == (8, 10)
    weak = env.simulator.parameters.torque_limit.clone()
    begin = env.live
    for _ in range(30):  # episodes of ten steps
        *_, info = env.step(0.1 * torch.ones(8, 10))
    assert not torch.equal(env.simulator.parameters.torque_limit, weak)  # drawn with each episode
    full = torch.tensor([joint.torque_limit for joint in env.simulator.robot.joints])
    share = env.simulator.parameters.torque_limit / full
    assert ((share >= 0.7) & (share <= 1.0)).all()
    assert env.live["rewards.alive.weight"] == pytest.approx(0.3 * (1.0 - 2 / 100), rel=1e-3)
    assert env.live["commands.velocity.lin_vel_x"][1] > begin["commands.velocity.lin_vel_x"][1]  # pyright: ignore
    assert 0.03 < env.simulator.parameters.base_com.abs().max() <= 0.05
    mirror = env.signature["symmetry"]["policy"]
    assert mirror["sign"][-4:] == [1.0, 1.0, -1.0, 1.0]
    env.close()


READINGS = """
import numpy as np

def command_height(sensors, command, contract, step):
    return command[3:]

def acceleration(sensors, command, contract, step):
    return np.zeros(3)
"""


def test_its_policy_runs_from_its_file_alone(trained: Path, tmp_path: Path) -> None:
    """Without this project and the package, with its readings from a file that the user names."""
    pytest.importorskip("onnxruntime")
    (tmp_path / "mine.py").write_text(READINGS)
    policy, model = str(trained / "runs/a/checkpoints/policy.onnx"), str(XBOT_L.mjcf)
    command = ("--command", "0.2", "0", "0", "0.8", "--seconds", "0.3", "--model", model)
    without = run(tmp_path, "run_policy.py", policy, *command)
    assert "command_height" in without.stderr
    assert without.returncode != 0
    result = run(tmp_path, "run_policy.py", policy, *command, "--readings", "mine.py")
    assert result.returncode == 0, result.stderr
    assert "Mean velocity" in result.stdout


@pytest.mark.usefixtures("plugin")
def test_its_environment_keeps_gymnasiums_rules() -> None:
    plugins.load("bouncy")
    check_vector_env(lambda **options: make_mujoco(3, "squat", robot="stiff", num_threads=1, **options))


@pytest.mark.usefixtures("plugin")
def test_it_is_measured_and_played(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = ("--rollouts", "1", "--seconds", "4")
    sim2sim = ("sim2sim.py", "--plugin", "bouncy", "--policy", "a", *few, "--json", "score.json")
    assert run_here(trained, *sim2sim, monkeypatch=monkeypatch) == 0
    assert '"labels": ["vx", "vy", "yaw_rate", "height"]' in (trained / "score.json").read_text()
    recorded: List[Any] = []
    monkeypatch.setattr("trainers.evaluation.video.record", lambda *given, **options: recorded.append(given))
    play = ("play.py", "a", "--plugin", "bouncy", "--video", "walk.mp4", "--seconds", "0.2")
    assert run_here(trained, *play, monkeypatch=monkeypatch) == 0
    ((env, policy, *_),) = recorded
    assert env.simulator.robot.name == "stiff"
    assert tuple(command.name for command in policy.contract.commands) == LABELS


@pytest.mark.usefixtures("plugin")
@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
def test_stable_baselines3_trains_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("stable_baselines3")
    few = ("--num-envs", "2", "--total-timesteps", "64")
    sb3 = ("train_sb3.py", "--plugin", "bouncy", "--task", "squat", *few)
    assert run_here(tmp_path, *sb3, monkeypatch=monkeypatch) == 0
    with zipfile.ZipFile(tmp_path / "runs/sb3_ppo/model.zip") as archive:
        assert b"bouncy_walk.squat.SquatConfig" in archive.read("data")
