"""Other libraries train on these environments, for a few updates."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("mujoco")

from tests.examples.script import ROOT, run_here

FOLDER = "other_libraries"
GPU = (pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"))
WIDTHS = [128, pytest.param(512, marks=GPU)]
"""Of the first hidden layer, which the scripts choose by the device."""


def test_cleanrl_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    options = ("--num-envs", "16", "--updates", "2")
    assert run_here(tmp_path, f"{FOLDER}/cleanrl_ppo.py", *options, monkeypatch=monkeypatch) == 0
    assert re.search(r"update 2: 1,024 env-steps, .*env-steps/s", capsys.readouterr().out)


def test_cleanrls_advantages() -> None:
    """One robot that falls, one whose time is up, one that goes on, worked out by hand."""
    script: Any = runpy.run_path(str(ROOT / "examples" / FOLDER / "cleanrl_ppo.py"))
    gamma, both = script["GAMMA"], script["GAMMA"] * script["LAMBDA"]
    rewards = torch.tensor([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    values = torch.tensor([[5.0, 5.0, 5.0], [6.0, 6.0, 6.0]])
    next_values = torch.tensor([[9.0, 9.0, 6.0], [7.0, 7.0, 7.0]])
    fell = torch.tensor([[True, False, False], [False, False, False]])
    ended = torch.tensor([[True, True, False], [False, False, False]])
    advantages = script["estimate_advantages"](rewards, values, next_values, fell, ended)
    last = 2.0 + gamma * 7.0 - 6.0
    first = [1.0 - 5.0, 1.0 + gamma * 9.0 - 5.0, 1.0 + gamma * 6.0 - 5.0 + both * last]
    torch.testing.assert_close(advantages, torch.tensor([first, [last] * 3]))


@pytest.mark.parametrize("width", WIDTHS)
def test_rsl_rl_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, width: int
) -> None:
    pytest.importorskip("rsl_rl.runners", exc_type=ImportError)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: width == 512)
    options = ("--num-envs", "4", "--iterations", "2", "--steps", "8", "--log-dir", "runs/mine")
    assert run_here(tmp_path, f"{FOLDER}/rsl_rl_ppo.py", *options, monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr().out
    assert "Learning iteration 1/2" in printed
    assert "in_features=705" in printed  # the actor's
    assert "in_features=237" in printed  # the critic's
    saved = torch.load(tmp_path / "runs/mine/model_1.pt", weights_only=True)
    assert saved["iter"] == 1
    assert saved["actor_state_dict"]["mlp.0.weight"].shape == (width, 705)


def test_rsl_rl_is_told_what_ends_an_episode() -> None:
    pytest.importorskip("rsl_rl.runners", exc_type=ImportError)
    from tests.trainers.sb3.robots import make, short_task

    script: Any = runpy.run_path(str(ROOT / "examples" / FOLDER / "rsl_rl_ppo.py"))
    for task, fell in ((short_task(2), False), (short_task(50, falls=True), True)):
        env = script["RslRlEnv"](make(3, task, dict_obs=True, array="torch"))
        assert env.max_episode_length == task.steps(task.terminations.episode_length)
        assert env.get_observations()["critic"].shape == (3, 237)
        done, extras = torch.zeros(3, dtype=torch.bool), {}
        for _ in range(1 if fell else 2):
            assert not done.any()
            observation, reward, done, extras = env.step(torch.zeros(3, 12))
            assert reward.shape == (3,)
            assert torch.equal(observation["policy"], env.get_observations()["policy"])
        assert done.all()
        assert extras["time_outs"].tolist() == [not fell] * 3
        assert float(extras["log"]["/episode/fall_rate"]) == float(fell)
        assert "/reward/alive" in extras["log"]


def test_rsl_rl_sees_and_sets_how_long_episodes_are() -> None:
    """As its runner does with `init_at_random_ep_len`: who is set further times out earlier."""
    pytest.importorskip("rsl_rl.runners", exc_type=ImportError)
    from tests.trainers.sb3.robots import make, short_task

    script: Any = runpy.run_path(str(ROOT / "examples" / FOLDER / "rsl_rl_ppo.py"))
    env = script["RslRlEnv"](make(3, short_task(5), dict_obs=True, array="torch"))
    assert env.episode_length_buf.tolist() == [0, 0, 0]
    env.step(torch.zeros(3, 12))
    assert env.episode_length_buf.tolist() == [1, 1, 1]
    env.episode_length_buf = torch.tensor([1, 3, 2])
    assert env.episode_length_buf.tolist() == [1, 3, 2]
    ends = torch.stack([env.step(torch.zeros(3, 12))[2] for _ in range(4)])
    assert ends.int().argmax(0).tolist() == [3, 1, 2]
    assert env.episode_length_buf.tolist() == [0, 2, 1]


@pytest.mark.parametrize("width", WIDTHS)
def test_skrl_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    pytest.importorskip("skrl")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: width == 512)
    options = ("--num-envs", "4", "--updates", "2", "--steps", "50", "--log-dir", "runs")
    assert run_here(tmp_path, f"{FOLDER}/skrl_ppo.py", *options, monkeypatch=monkeypatch) == 0
    assert list((tmp_path / "runs/skrl").glob("events.out.tfevents.*"))
    saved = torch.load(next((tmp_path / "runs/skrl/checkpoints").glob("agent_*.pt")), weights_only=True)
    assert saved["policy"]["net.0.weight"].shape == (width, 705)
    assert saved["value"]["net.0.weight"].shape == (width, 237)


@pytest.mark.parametrize("fell", [False, True])
def test_skrl_values_time_outs_by_the_last_state(fell: bool) -> None:
    """Of the episode that ended, not of the one that begins; a fall by nothing at all."""
    pytest.importorskip("skrl")
    from skrl.agents.torch.ppo import PPO_CFG
    from skrl.envs.wrappers.torch import wrap_env
    from skrl.memories.torch import RandomMemory

    from tests.trainers.sb3.robots import make, short_task

    script: Any = runpy.run_path(str(ROOT / "examples" / FOLDER / "skrl_ppo.py"))
    task = short_task(2, fell)
    env = wrap_env(make(3, task, dict_obs=True, array="torch"), wrapper="isaaclab-single-agent")
    settings = PPO_CFG(rollouts=2, discount_factor=0.5, time_limit_bootstrap=True)
    settings.experiment.write_interval = settings.experiment.checkpoint_interval = 0
    agent = script["TimeOutPPO"](
        models={"policy": script["Actor"](env, (8,)), "value": script["Critic"](env, (8,))},
        memory=RandomMemory(memory_size=2, num_envs=3),
        cfg=settings,
        **script["spaces"](env),
    )
    agent.init()
    agent.enable_training_mode(True)
    observations, expected = env.reset()[0], []
    terminated = truncated = torch.zeros(3, 1, dtype=torch.bool)
    for timestep in range(2):
        states, actions = env.state(), torch.zeros(3, 12)
        with torch.no_grad():
            agent.act(observations, states, timestep=timestep, timesteps=2)
        following, rewards, terminated, truncated, infos = env.step(actions)
        value = torch.zeros(3, 1)
        if bool(truncated.all()) and not fell:
            final = infos["final_obs"]["critic"]
            assert not torch.equal(final, env.state())
            value = 0.5 * agent.value.act({"states": final}, role="value")[0].detach()
            assert value.abs().min() > 0.0
        expected.append(rewards.clone() + value)
        agent.record_transition(
            observations=observations,
            states=states,
            actions=actions,
            rewards=rewards,
            next_observations=following,
            next_states=env.state(),
            terminated=terminated,
            truncated=truncated | terminated,  # in a fall time may run out as well
            infos=infos,
            timestep=timestep,
            timesteps=2,
        )
        observations = following
    assert bool((terminated if fell else truncated).all())
    torch.testing.assert_close(agent.memory.get_tensor_by_name("rewards"), torch.stack(expected))
