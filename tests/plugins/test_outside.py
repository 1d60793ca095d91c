"""A package outside of this repository, installed: the programs run what it brings, and say what is missing
without it."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any, List

import gymnasium
import pytest
import torch
import yaml
from gymnasium.envs.registration import EnvSpec

from humanoid_envs import plugins
from humanoid_envs.engines import ENGINES
from humanoid_envs.errors import UserError
from humanoid_envs.tasks import preset as task_preset
from tests.examples.script import run, run_here
from tests.examples.test_sim2sim import TINY, load_script
from trainers.evaluation.env import available_simulators
from trainers.policies import load_policy
from trainers.ppo import PPO
from trainers.presets import preset
from trainers.runs import Run

pytest.importorskip("mujoco.batch")
pytest.importorskip("hatchling")

MISSING = "load the plug-in that has it: --plugin bouncy."
WITHOUT = [
    ("train_ppo.py", "--resume", "a", "--no-evaluate"),
    ("train_ppo.py", "--config", "runs/a/config.yaml", "--no-evaluate"),
    ("play.py", "a"),
    ("sim2sim.py", "--policy", "a"),
    ("benchmark_simulators.py", "a"),
]


@pytest.fixture(scope="module")
def trained(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of two updates that another process trained with the plug-in."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = ("--plugin", "bouncy", "--preset", "bouncy_small", "--task.physics.carried", "0.25")
    arguments += ("--ppo.policy.width", "4", "--ppo.losses.smooth.weight", "0.1")
    arguments += ("--task.rewards.knee-torque.weight", "-2e-4")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site))
        result = run(folder, "train_ppo.py", *arguments, "--run-name", "a", "--no-evaluate")
    assert result.returncode == 0, result.stderr
    assert "Physics: hoisted, because it was asked for." in result.stdout
    return folder


def test_a_run_says_what_it_was_trained_with(trained: Path) -> None:
    config = yaml.safe_load((trained / "runs/a/config.yaml").read_text())
    assert config["plugins"] == ["bouncy"]
    assert config["engine"] == "hoisted"
    physics = config["task"]["physics"]
    assert (physics["class"], physics["carried"]) == ("bouncy_walk.engine.HoistedPhysics", 0.25)
    content = torch.load(str(trained / "runs/a/checkpoints/last.pt"), weights_only=True)
    assert content["num_updates"] == 2
    assert content["metadata"]["plugins"] == ["bouncy"]
    assert content["metadata"]["task"]["physics"] == physics
    assert content["config"]["policy"] == {"class": "bouncy_walk.networks.ElmanPolicy", "width": 4}
    assert content["config"]["losses"]["smooth"]["weight"] == 0.1
    with (trained / "runs/a/progress.csv").open() as file:
        assert "train/smooth" in file.readline()
    rewards = content["metadata"]["task"]["rewards"]
    assert rewards["class"] == "bouncy_walk.rewards.BouncyRewards"
    assert rewards["knee_torque"] == {"weight": -2e-4}
    assert rewards["slow_height"] == {"weight": 0.5, "time": 0.1}
    assert content["environment"]["env"]["memory"]["term_memory"].min() > 0.5  # m


@pytest.mark.parametrize(("program", "arguments"), [(program, rest) for program, *rest in WITHOUT])
def test_without_the_plugin_one_error_names_it(
    trained: Path, monkeypatch: pytest.MonkeyPatch, program: str, arguments: List[str]
) -> None:
    assert "bouncy_walk" not in sys.modules
    end = str(run_here(trained, program, *arguments, monkeypatch=monkeypatch))
    assert end.startswith("Error: ")
    assert end.endswith(MISSING)
    assert "\n" not in end
    assert "bouncy_walk." in end


def test_an_engine_that_is_missing_names_the_plugin(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (trained / "b.yaml").write_text("engine: hoisted\nplugins: [bouncy]\n")
    end = run_here(trained, "train_ppo.py", "--config", "b.yaml", monkeypatch=monkeypatch)
    assert str(end).endswith("It was written with plug-ins that are not loaded: --plugin bouncy.")
    assert "engine must be one of auto, mujoco," in str(end)


@pytest.mark.usefixtures("plugin")
def test_training_goes_on_with_it(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    more = ("--resume", "a", "--total-timesteps", "192", "--no-evaluate")
    assert run_here(tmp_path, "train_ppo.py", "--plugin", "bouncy", *more, monkeypatch=monkeypatch) == 0
    assert PPO.load(tmp_path / "runs/a/checkpoints/last.pt").num_updates == 3
    physics: Any = Run(tmp_path / "runs/a").read_config().task.physics
    assert (type(physics).__name__, physics.carried) == ("HoistedPhysics", 0.25)


def test_its_exported_policy_walks_without_it(trained: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    policy = load_policy(trained / "runs/a/checkpoints/policy.onnx")
    assert policy.contract.engine == "hoisted"
    observation = torch.rand(2, policy.contract.observation_size)
    first = policy(observation)
    assert not torch.equal(policy(observation), first)  # it remembers


@pytest.mark.usefixtures("plugin")
def test_it_plays(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded: List[Any] = []
    monkeypatch.setattr("trainers.evaluation.video.record", lambda *given, **options: recorded.append(given))
    play = ("play.py", "a", "--plugin", "bouncy", "--video", "walk.mp4", "--seconds", "0.2")
    assert run_here(trained, *play, monkeypatch=monkeypatch) == 0
    ((_, policy, *_),) = recorded
    assert policy.task.physics.carried == 0.25


@pytest.mark.usefixtures("plugin")
def test_it_is_measured_on_its_engine(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    script = load_script()
    monkeypatch.setattr(script, "sizes", lambda *_: TINY)
    monkeypatch.chdir(trained)
    simulators = ("--simulators", "hoisted", "hoisted:bouncy")
    sim2sim = ["sim2sim.py", "--plugin", "bouncy", "--policy", "a", "--protocol", "gap", *simulators]
    monkeypatch.setattr(sys, "argv", [*sim2sim, "--json", "gap.json"])
    script.main()
    assert "trained on hoisted" in capsys.readouterr().out
    walks = json.loads((trained / "gap.json").read_text())["gap"]["walks"]
    assert [walk["simulator"] for walk in walks] == ["hoisted", "hoisted:bouncy"]


@pytest.mark.usefixtures("plugin")
@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
def test_stable_baselines3_trains_its_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("stable_baselines3")
    few = ("--num-envs", "2", "--total-timesteps", "64")
    sb3 = ("train_sb3.py", "--plugin", "bouncy", "--task", "bouncy", *few)
    assert run_here(tmp_path, *sb3, monkeypatch=monkeypatch) == 0
    with zipfile.ZipFile(tmp_path / "runs/sb3_ppo/model.zip") as archive:
        metadata = json.loads(archive.read("data"))["metadata"]
    assert metadata["plugins"] == ["bouncy"]
    assert metadata["task"]["physics"]["class"] == "bouncy_walk.engine.HoistedPhysics"


@pytest.mark.usefixtures("plugin")
def test_gymnasium_makes_its_environments() -> None:
    plugins.load("bouncy")
    env = gymnasium.make_vec("HumanoidXBotL-IsaacGym-v0", num_envs=2, engine="hoisted", config="bouncy")
    again = gymnasium.make_vec(EnvSpec.from_json(env.spec.to_json()))  # pyright: ignore
    for each in (env, again):
        simulator = each.unwrapped.simulator  # pyright: ignore[reportAttributeAccessIssue]
        assert type(simulator).__name__ == "HoistedSimulator"
        assert simulator.physics.carried == 0.5
        each.close()
    assert ENGINES["hoisted"].problem() is None
    assert "hoisted" in available_simulators()


@pytest.mark.usefixtures("plugin")
def test_its_task_is_trained_as_suits_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins.load("bouncy")
    assert preset("bouncy").task == task_preset("bouncy")
    assert preset("bouncy").num_envs == preset("auto").num_envs
    with pytest.raises(UserError, match=r"^Unknown preset 'bounzy'; did you mean 'bouncy'"):
        preset("bounzy")
