"""Wherever a config is taken, a mapping of its fields is taken as well, and a preset's name where there are
presets: with the same result."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import pytest
import torch

pytest.importorskip("mujoco")

from humanoid_envs.configs import to_plain
from humanoid_envs.errors import UserError
from humanoid_envs.tasks import preset
from tests.trainers.ppo.test_import_humanoid_gym import TheirActorCritic
from tests.trainers.sb3.robots import make
from trainers import presets
from trainers.evaluation import compare_simulators, evaluate_commands, evaluation_env
from trainers.evaluation.env import NOMINAL, DomainRandomization, measured_task
from trainers.evaluation.gap import GapConfig, walk_commands
from trainers.evaluation.pushes import PushConfig, push_test
from trainers.evaluation.scorecard import ScorecardConfig, make_scorecard
from trainers.evaluation.step_response import StepConfig, step_responses
from trainers.evaluation.tour import TourConfig, walk_tour
from trainers.evaluation.training_scorecard import ScorecardCallback
from trainers.evaluation.video import VideoCallback
from trainers.given_configs import config_of
from trainers.policies import policy_of
from trainers.ppo import PPO, Every, PPOConfig, import_humanoid_gym
from trainers.runs import Run
from trainers.training import choose_engine, make_env, train

STAND = (0.0, 0.0, 0.0)
ALWAYS = Every(updates=1)
FAST = preset("fast")
WHERE: Dict[str, Any] = {"simulator": "mujoco", "randomization": NOMINAL}
PUSHES = PushConfig(directions=1, commands=(STAND,), repeats=1, rounds=1, start_up=0.1, watch=0.1)
STEPS = StepConfig(robots=1, before=0.1, after=0.1)
CARD = ScorecardConfig(
    commands=(STAND,), beyond=(), rollouts=1, seconds=0.1, start_up=0.0, pushes=PUSHES, steps=STEPS
)
GAP = GapConfig(commands=(STAND,), rollouts=1, seconds=0.1, start_up=0.0)
TOUR = TourConfig(runs=1, legs=((0.1, 0.0, 0.0),), leg_seconds=0.2, punch_time=(0.02, 0.05))
SMALL = PPOConfig(actor_hidden=(8,), critic_hidden=(8,), num_steps=4, device="cpu", seed=3)


def limp(observation: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(observation), 12)


def without_clock(result: Any) -> Dict[str, Any]:
    """What was measured, but not how long that took."""
    return {name: value for name, value in to_plain(result).items() if "seconds" not in name}


def weights(ppo: PPO) -> np.ndarray:
    return torch.cat([each.flatten() for each in ppo.policy.parameters()]).detach().numpy()


@functools.lru_cache(maxsize=None)
def trained() -> PPO:
    ppo = PPO(make(config=FAST), SMALL)
    ppo.metadata["task"] = to_plain(preset("v0"))
    return ppo


@functools.lru_cache(maxsize=None)
def trained_with_sb3() -> Any:
    algorithm = pytest.importorskip("stable_baselines3").PPO
    from trainers.sb3 import HumanoidVecEnv

    return algorithm("MlpPolicy", HumanoidVecEnv(make(config=FAST)), n_steps=4, batch_size=8, device="cpu")


def scorecard_callback(task: Any, config: Any = CARD) -> Any:
    return vars(ScorecardCallback(task, "cards", ALWAYS, config))


def sb3_policy(task: Any) -> Any:
    model = trained_with_sb3()
    from trainers.sb3 import as_policy

    return as_policy(model, task).contract


def sb3_networks(config: Any) -> Any:
    pytest.importorskip("stable_baselines3")
    from trainers.sb3 import HumanoidVecEnv, policy_kwargs

    return policy_kwargs(HumanoidVecEnv(make(dict_obs=True)), config)["config"]


def sb3_widths(config: Any) -> Any:
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    from trainers.sb3 import AsymmetricPolicy, HumanoidVecEnv

    env, networks = HumanoidVecEnv(make(dict_obs=True)), {"config": config}
    algorithm = stable_baselines3.PPO
    model = algorithm(AsymmetricPolicy, env, policy_kwargs=networks, n_steps=4, batch_size=8, device="cpu")
    return [tuple(each.shape) for each in model.policy.parameters()]


def loaded(config: Any) -> Any:
    trained().save("checkpoint.pt")
    return PPO.load("checkpoint.pt", config=config).config


def imported(config: Any) -> Any:
    weights = {"model_state_dict": TheirActorCritic().state_dict()}
    torch.save(weights, "release.pt")
    return import_humanoid_gym("release.pt", config=config).config


def fields(config: Any) -> Any:
    """As mappings, where lists stay what they are."""
    if not dataclasses.is_dataclass(config):
        return config
    return {name: fields(value) for name, value in vars(config).items()}


TASKS: Dict[str, Callable[[Any], Any]] = {
    "evaluation_env": lambda task: evaluation_env(task, 1, 0.1).config,
    "measured_task": measured_task,
    "evaluate_commands": lambda task: evaluate_commands(
        limp, [STAND], config=task, episodes=1, seconds=0.1, start_up=0.0
    ),
    "make_scorecard": lambda task: without_clock(make_scorecard(limp, task, config=CARD)),
    "walk_tour": lambda task: without_clock(walk_tour(limp, task, config=TOUR)),
    "push_test": lambda task: push_test(limp, task, config=PUSHES, **WHERE),
    "step_responses": lambda task: step_responses(limp, task, config=STEPS, **WHERE),
    "compare_simulators": lambda task: compare_simulators(limp, task, ["mujoco"], config=GAP).floor,
    "walk_commands": lambda task: without_clock(walk_commands(limp, task, "mujoco", GAP)),
    "policy_of": lambda task: policy_of(trained(), task).task,
    "as_policy": sb3_policy,
    "ScorecardCallback": scorecard_callback,
    "VideoCallback": lambda task: VideoCallback(task, "videos", ALWAYS)._env.config,
}
CONFIGS: Dict[str, Any] = {
    "PPO": (SMALL, lambda config: weights(PPO(make(), config))),
    "PPO.load": (dataclasses.replace(SMALL, gamma=0.5), loaded),
    "import_humanoid_gym": (dataclasses.replace(SMALL, gamma=0.5), imported),
    "AsymmetricPolicy": (SMALL, sb3_widths),
    "policy_kwargs": (SMALL, sb3_networks),
    "randomization": (
        DomainRandomization(gains=0.3),
        lambda randomization: evaluation_env("v0", 1, 0.1, randomization=randomization).config,
    ),
    "make_scorecard": (CARD, lambda config: without_clock(make_scorecard(limp, "fast", config=config))),
    "ScorecardCallback": (CARD, lambda config: scorecard_callback("fast", config)),
    "walk_tour": (TOUR, lambda config: without_clock(walk_tour(limp, "fast", config=config))),
    "push_test": (PUSHES, lambda config: push_test(limp, "fast", config=config, **WHERE)),
    "step_responses": (STEPS, lambda config: step_responses(limp, "fast", config=config, **WHERE)),
    "compare_simulators": (
        GAP,
        lambda config: compare_simulators(limp, "v0", ["mujoco"], config=config).floor,
    ),
    "walk_commands": (GAP, lambda config: without_clock(walk_commands(limp, "v0", "mujoco", config))),
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def same(first: Any, second: Any) -> None:
    np.testing.assert_equal(to_plain(second), to_plain(first))


@pytest.mark.parametrize("name", TASKS)
def test_tasks(name: str) -> None:
    expected = TASKS[name](FAST)
    same(expected, TASKS[name](to_plain(FAST)))
    same(expected, TASKS[name]("fast"))


@pytest.mark.parametrize("name", CONFIGS)
def test_configs(name: str) -> None:
    config, use = CONFIGS[name]
    same(use(config), use(fields(config)))


@pytest.mark.parametrize("use", [TASKS["evaluation_env"], TASKS["policy_of"], TASKS["as_policy"]])
def test_what_is_no_task(use: Callable[[Any], Any]) -> None:
    for wrong, message in (
        ({"gait": 3}, "gait|Gait"),
        ("slow", "Unknown preset 'slow'"),
        (3, "config must be"),
    ):
        with pytest.raises(UserError, match=message):
            use(wrong)


def test_what_is_no_config() -> None:
    assert config_of(PPOConfig, None) == PPOConfig()
    assert config_of(PPOConfig, None, SMALL) is config_of(PPOConfig, SMALL) is SMALL
    for wrong, message in (
        ({"gama": 0.9}, "gama"),
        ("fast", "PPOConfig or a mapping of its fields, not 'fast'"),
    ):
        with pytest.raises(UserError, match=message):
            PPO(make(), wrong)  # pyright: ignore[reportArgumentType]


def test_training_runs(tmp_path: Path) -> None:
    tiny = {"engine": "mujoco", "num_envs": 2, "total_timesteps": 8, "compiled": False, "ppo": fields(SMALL)}
    assert choose_engine(tiny)[0] == "mujoco"
    env = make_env(tiny)
    assert env.num_envs == 2
    env.close()
    assert train(tiny, Run(tmp_path / "run"), progress_bar=False).num_timesteps == 8
    cpu = presets.preset("cpu")
    assert presets.preset(cpu) is cpu
    assert presets.preset(to_plain(cpu)) == cpu
    assert presets.preset({"num_envs": 8, "ppo": {"gamma": 0.9}}).ppo.gamma == 0.9
    with pytest.raises(UserError, match="TrainConfig or a mapping of its fields, not 3"):
        presets.preset(3)  # pyright: ignore[reportArgumentType]
