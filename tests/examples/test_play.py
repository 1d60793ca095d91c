"""examples/play.py as a user runs it, without a display."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest
import torch

from humanoid_envs.contract import PolicyContract
from humanoid_envs.tasks.velocity import VelocityConfig
from tests.examples.script import run
from trainers.export import export_network
from trainers.ppo import PPO
from trainers.presets import preset
from trainers.runs import Run
from trainers.training import make_env, train

pytest.importorskip("mujoco")
imageio = pytest.importorskip("imageio.v2")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run, of a policy that has learned nothing yet."""
    folder = tmp_path_factory.mktemp("trained")
    cpu = preset("cpu")
    ppo = dataclasses.replace(cpu.ppo, num_steps=4, actor_hidden=(8,), critic_hidden=(8,), device="cpu")
    config = dataclasses.replace(
        cpu, ppo=ppo, num_envs=4, total_timesteps=16, engine="mujoco", compiled=False
    )
    train(config, Run(folder / "runs/mine"), progress_bar=False)
    return folder


@pytest.mark.usefixtures("opengl")
def test_writes_a_video_and_a_picture(trained: Path) -> None:
    arguments = ("--command", "0.4", "0", "0", "--seconds", "0.4", "--size", "160", "120")
    result = run(trained, "play.py", "mine", "--video", "videos/walk.mp4", *arguments)
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (trained / "videos").iterdir()) == ["walk.mp4", "walk.png"]
    frames = imageio.mimread(trained / "videos/walk.mp4", memtest=False)
    assert len(frames) == 20  # 50 a second
    assert frames[0].shape == (120, 160, 3)
    picture = imageio.imread(trained / "videos/walk.png")
    assert picture.shape == (120, 160, 3)
    assert picture.std() > 5.0  # something is in it


@pytest.mark.usefixtures("opengl")
def test_plays_an_exported_policy(trained: Path, tmp_path: Path) -> None:
    policy = trained / "runs/mine/checkpoints/policy.onnx"
    arguments = ("--video", "walk.mp4", "--seconds", "0.1", "--size", "160", "120")
    result = run(tmp_path, "play.py", str(policy), *arguments)
    assert result.returncode == 0, result.stderr
    assert len(imageio.mimread(tmp_path / "walk.mp4", memtest=False)) == 5


@pytest.mark.usefixtures("opengl")
def test_plays_torchscript_by_a_contract(tmp_path: Path) -> None:
    contract = dataclasses.replace(PolicyContract.of(VelocityConfig()), observation_history=2)
    (tmp_path / "contract.json").write_text(contract.to_json())
    torch.jit.script(torch.nn.Linear(94, 12)).save(str(tmp_path / "policy.pt"))
    arguments = ("--video", "walk.mp4", "--seconds", "0.1", "--size", "160", "120")
    result = run(tmp_path, "play.py", "policy.pt", "--contract", "contract.json", *arguments)
    assert result.returncode == 0, result.stderr
    result = run(tmp_path, "play.py", "policy.pt", *arguments)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: policy.pt does not map 705 observations to 12 actions")


def test_a_policy_for_another_robot_is_refused(tmp_path: Path) -> None:
    contract = dataclasses.replace(PolicyContract.of(VelocityConfig()), robot="other")
    export_network(torch.nn.Linear(705, 12), tmp_path / "policy.onnx", contract)
    result = run(tmp_path, "play.py", "policy.onnx", "--video", "walk.mp4")
    assert result.returncode == 1
    expected = (
        "Error: This policy does not fit this environment: its robot is other, the environment's is xbot_l."
    )
    assert result.stderr.strip() == expected


def test_policies_of_something_else_are_refused(trained: Path, tmp_path: Path) -> None:
    env = make_env(Run(trained / "runs/mine").read_config())
    PPO(env, Run(trained / "runs/mine").read_config().ppo).save(tmp_path / "other.pt")
    env.close()
    result = run(tmp_path, "play.py", "other.pt", "--video", "walk.mp4")
    assert result.returncode == 1
    assert result.stderr.startswith("Error: This checkpoint names no velocity task")
    assert not (tmp_path / "walk.mp4").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "Error: 'nowhere' is neither a checkpoint file nor a run"),
        (["--video", "walk.gif"], "--video writes an mp4"),
        (["--seconds", "0"], "--seconds must be at least 0.1"),
        (["--command", "1", "2"], "expected 3 arguments"),
        (
            ["--command", "nan", "0", "0", "--video", "walk.mp4"],
            "Error: A command is finite (vx, vy, yaw rate)",
        ),
    ],
)
def test_bad_input_gets_one_clear_error(trained: Path, arguments: list, message: str) -> None:
    result = run(trained, "play.py", *arguments)
    assert result.returncode != 0
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(
    sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")),
    reason="needs a machine without a display",
)
def test_without_a_display_the_remedy_is_named(trained: Path) -> None:
    result = run(trained, "play.py", "--seconds", "0.2")
    assert result.returncode == 1
    assert "needs a display" in result.stderr
    assert "--video" in result.stderr
    assert "Traceback" not in result.stderr
