"""examples/play.py as a user runs it, without a display."""

from __future__ import annotations

import dataclasses
import os
import runpy
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
import torch

from humanoid_envs.contract import PolicyContract
from humanoid_envs.tasks.standing import stand
from humanoid_envs.tasks.velocity import VelocityConfig
from tests.examples.script import ROOT, run, run_here
from tests.test_viewer import Window
from trainers.evaluation import evaluation_env
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


Play = Callable[..., str]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Play:
    """Plays within this process, in a folder and with these arguments: what it says of what is wrong."""

    def play(folder: Path, *arguments: str) -> str:
        end = run_here(folder, "play.py", *arguments, monkeypatch=monkeypatch)
        errors = capsys.readouterr().err
        assert bool(end) == bool(errors or isinstance(end, str)), (end, errors)
        return f"{end}\n" if isinstance(end, str) else errors

    return play


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
def test_plays_an_exported_policy(trained: Path, tmp_path: Path, play: Play) -> None:
    policy = trained / "runs/mine/checkpoints/policy.onnx"
    arguments = ("--video", "walk.mp4", "--seconds", "0.1", "--size", "160", "120")
    assert play(tmp_path, str(policy), *arguments) == ""
    assert len(imageio.mimread(tmp_path / "walk.mp4", memtest=False)) == 5


@pytest.mark.usefixtures("opengl")
def test_plays_torchscript_by_a_contract(tmp_path: Path, play: Play) -> None:
    contract = dataclasses.replace(PolicyContract.of(VelocityConfig()), observation_history=2)
    (tmp_path / "contract.json").write_text(contract.to_json())
    torch.jit.script(torch.nn.Linear(94, 12)).save(str(tmp_path / "policy.pt"))
    arguments = ("--video", "walk.mp4", "--seconds", "0.1", "--size", "160", "120")
    by_contract = ("policy.pt", "--contract", "contract.json", *arguments)
    assert "policy.pt is TorchScript: it runs code" in play(tmp_path, *by_contract)
    assert not (tmp_path / "walk.mp4").exists()
    assert play(tmp_path, *by_contract, "--trust") == ""
    assert (tmp_path / "walk.mp4").exists()
    refusal = play(tmp_path, "policy.pt", *arguments, "--trust")
    assert refusal.startswith("Error: policy.pt does not map 705 observations to 12 actions")


def test_a_task_of_another_kind_takes_its_own_numbers(tmp_path: Path, play: Play) -> None:
    export_network(torch.nn.Linear(450, 12), tmp_path / "stand.onnx", PolicyContract.of(stand()))
    short = ("--seconds", "0.1", "--size", "160", "120")
    refusal = play(tmp_path, "stand.onnx", "--video", "stand.mp4", "--command", "0.8", "0", *short)
    names = "height (m), pitch (rad), lift (1 left, -1 right)"
    assert refusal.strip() == f"Error: --command takes 3 numbers of this policy: {names}; got 2."


@pytest.mark.usefixtures("opengl")
def test_films_a_task_of_another_kind(tmp_path: Path, play: Play) -> None:
    export_network(torch.nn.Linear(450, 12), tmp_path / "stand.onnx", PolicyContract.of(stand()))
    arguments = ("--command", "0.8", "-0.1", "1", "--seconds", "0.1", "--size", "160", "120")
    assert play(tmp_path, "stand.onnx", "--video", "stand.mp4", *arguments) == ""
    assert len(imageio.mimread(tmp_path / "stand.mp4", memtest=False)) == 5


def test_a_policy_for_another_robot_is_refused(tmp_path: Path, play: Play) -> None:
    contract = dataclasses.replace(PolicyContract.of(VelocityConfig()), robot="other")
    export_network(torch.nn.Linear(705, 12), tmp_path / "policy.onnx", contract)
    refusal = play(tmp_path, "policy.onnx", "--video", "walk.mp4")
    expected = (
        "Error: the policy is for robot 'other', which there is not here; load the plug-in that has it: "
        "--plugin NAME."
    )
    assert refusal.strip() == expected


def test_policies_of_something_else_are_refused(trained: Path, tmp_path: Path, play: Play) -> None:
    env = make_env(Run(trained / "runs/mine").read_config())
    PPO(env, Run(trained / "runs/mine").read_config().ppo).save(tmp_path / "other.pt")
    env.close()
    refusal = play(tmp_path, "other.pt", "--video", "walk.mp4")
    assert refusal.startswith("Error: This checkpoint names no velocity task")
    assert not (tmp_path / "walk.mp4").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "Error: 'nowhere' is neither a checkpoint file nor a run"),
        (["--video", "walk.gif"], "--video writes an mp4"),
        (["--seconds", "0"], "--seconds: must be a finite number, at least 0.1"),
        (["mine", "mine"], "several policies need --web"),
        (["--web", "--video", "walk.mp4"], "choose --video or --web"),
        (["--web", "nowhere"], "Error: 'nowhere' is neither a checkpoint file nor a run"),
        (
            ["--command", "0.4"],
            "--command takes 3 numbers of this policy: vx (m/s), vy (m/s), yaw_rate (rad/s)",
        ),
        (["--web", "mine", "--command", "0.4"], "--command takes 3 numbers"),
        (["--command", "nan", "0", "0"], "--command: must be a finite number, not 'nan'"),
        (["--size", "0", "0"], "--size: must be an integer, at least 16"),
    ],
)
def test_bad_input_gets_one_clear_error(trained: Path, arguments: list, message: str, play: Play) -> None:
    assert message in play(trained, *arguments)


@pytest.mark.skipif(
    sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")),
    reason="needs a machine without a display",
)
def test_without_a_display_the_remedy_is_named(trained: Path) -> None:
    """As a program of its own: it ends with one line."""
    result = run(trained, "play.py", "--seconds", "0.2")
    assert result.returncode == 1
    assert "needs a display" in result.stderr
    assert "--video" in result.stderr
    assert "Traceback" not in result.stderr


def test_keys_in_the_window_steer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """The window presses a key for the second step; the fourth is the last that it shows."""
    pytest.importorskip("mujoco.viewer")
    windows: List[Window] = []

    def launch(model: Any, data: Any, key_callback: Any) -> Window:
        windows.append(Window(model, data, key_callback))
        return windows[-1]

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("mujoco.viewer.launch_passive", launch)
    env = evaluation_env(preset("cpu").task, num_envs=1, seconds=1.0)
    commands = []

    def steps() -> Iterator[int]:
        env.reset(seed=0)
        env.set_command((0.2, 0.0, 0.0))
        for step in range(10):
            _, _, _, _, info = env.step(torch.zeros(1, 12))
            commands.append(info["command"][0].tolist())
            if step == 1:
                windows[0].press(265)  # the arrow up
            windows[0].running = step < 3
            yield step

    script = runpy.run_path(str(ROOT / "examples/play.py"))
    script["watch"](env, steps(), (0.2, 0.0, 0.0))
    env.close()
    expected = [[0.2, 0.0, 0.0]] * 2 + [[0.3, 0.0, 0.0]] * 2
    torch.testing.assert_close(torch.tensor(commands), torch.tensor(expected))
    shown = capsys.readouterr().out
    assert shown.startswith("Keys in the window:")
    assert "Command: vx 0.3 m/s, vy 0.0 m/s, yaw rate 0.0 rad/s" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to a process there")
def test_a_page_for_the_browser_until_interrupted(trained: Path) -> None:
    pytest.importorskip("viser")
    command = [sys.executable, str(ROOT / "examples/play.py"), "mine", "--web", "--port", "8970"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=trained, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        said = next(line for line in server.stdout if line.startswith("Open "))
        with urllib.request.urlopen(said.split()[1]) as page:
            assert page.status == 200
        server.send_signal(signal.SIGINT)
        server.stdout.read()
        assert server.wait(timeout=30) == 0
    assert said.startswith("Open http://127.0.0.1:89")
