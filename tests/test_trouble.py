"""What goes wrong in a simulator is counted, shown and told once."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Dict, List

import gymnasium
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from humanoid_envs import HumanoidVectorEnv
from humanoid_envs.device_flags import DeviceFlags
from humanoid_envs.registration import make_mujoco, make_mujoco_warp
from humanoid_envs.trouble import KINDS, TroubleWarning
from tests.simulators.conftest import NEEDS_CUDA
from trainers.ppo import PPO, PPOConfig
from trainers.ppo.loggers import format_table

STILL = torch.zeros(3, 12)


def bury(env: Any, robot: int) -> None:
    env.unwrapped.simulator._qpos[robot, 2] = -5.0


@pytest.fixture
def env() -> HumanoidVectorEnv:
    env = make_mujoco(3, "fast", array="torch")
    env.reset(seed=0)
    return env


def messages(caught: List[warnings.WarningMessage]) -> List[str]:
    return [str(each.message) for each in caught if each.category is TroubleWarning]


def test_divergence_is_in_the_info_and_told_once(env: HumanoidVectorEnv) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        info = env.step(STILL)[-1]
        assert {name: mask.tolist() for name, mask in info["simulator"].items()} == {
            kind: [False] * 3 for kind in KINDS
        }
        assert not messages(caught)
        for _ in range(2):
            bury(env, 1)
            _, reward, terminated, _, info = env.step(STILL)
            assert info["simulator"]["diverged"].tolist() == terminated.tolist() == [False, True, False]
            assert reward[1] == 0.0
        env.reset(seed=1)
        bury(env, 2)
        env.step(STILL)
    (message,) = messages(caught)
    assert "simulation of a robot diverged" in message


def test_masks_of_earlier_steps_stay_as_they_are(env: HumanoidVectorEnv) -> None:
    bury(env, 1)
    with pytest.warns(TroubleWarning):
        first = env.step(STILL)[-1]["simulator"]["diverged"]
    env.step(STILL)
    assert first.tolist() == [False, True, False]


@pytest.mark.parametrize("kind", KINDS[1:])
def test_lack_of_room_is_told_with_its_remedy(
    env: HumanoidVectorEnv, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    simulator = env.simulator
    step = simulator.step

    def dropping(targets: torch.Tensor) -> None:
        step(targets)
        getattr(simulator, kind)[2] = True

    monkeypatch.setattr(simulator, "step", dropping)
    with pytest.warns(TroubleWarning, match=r"no room for all (contacts|constraints).*<size memory"):
        info = env.step(STILL)[-1]
    assert info["simulator"][kind].tolist() == [False, False, True]


def test_of_a_single_environment() -> None:
    env = gymnasium.make("HumanoidXBotL-MuJoCo-v0", config="fast")
    env.reset(seed=0)
    bury(env.unwrapped.vector_env, 0)  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.warns(TroubleWarning):
        _, reward, terminated, _, info = env.step(env.action_space.sample() * 0.0)
    assert (bool(info["simulator"]["diverged"]), reward, terminated) == (True, 0.0, True)


def test_in_metrics_table_and_tensorboard(env: HumanoidVectorEnv, tmp_path: Path) -> None:
    def bury_one(ppo: PPO) -> None:
        bury(env, 0)

    metrics: List[Dict[str, float]] = []
    ppo = PPO(env, PPOConfig(num_steps=4, num_minibatches=1, device="cpu"), tmp_path)
    with pytest.warns(TroubleWarning):
        ppo.learn(3 * 12, [bury_one, lambda ppo: metrics.append(ppo.metrics)], progress_bar=False)
    assert [each["simulator/diverged"] for each in metrics] == [0.0, 1.0, 1.0]
    assert "simulator" in format_table(metrics[-1], 0)
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [event.value for event in events.Scalars("simulator/diverged")] == [0.0, 1.0, 1.0]
    assert {f"simulator/{kind}" for kind in KINDS} <= set(events.Tags()["scalars"])


@pytest.mark.parametrize("device", [pytest.param("cuda:0", marks=NEEDS_CUDA)])
def test_on_a_gpu_the_host_is_told_without_waiting(device: str) -> None:
    env = make_mujoco_warp(64, "fast", device=device, max_contacts=2)
    env.reset(seed=0)
    still = torch.zeros(64, 12, device=device)
    info: Dict[str, Any] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step in range(60):
            bury(env, step)
            info = env.step(still)[-1]
            torch.cuda.synchronize()
            assert info["simulator"]["diverged"].nonzero().flatten().tolist() == [step]
    assert info["simulator"]["contacts_dropped"].all()
    told = messages(caught)
    assert sum("diverged:" in message for message in told) == 1
    assert sum("max_contacts larger than 2" in message for message in told) == 1


@pytest.mark.parametrize("device", [pytest.param("cuda:0", marks=NEEDS_CUDA)])
def test_flags_of_a_device_are_kept_apart(device: str) -> None:
    flags = DeviceFlags(torch.device(device), 3)
    for well in ([True, False, True], [True, True, True]):
        flags.check(torch.tensor(well, device=device))
    flags.send()
    torch.cuda.synchronize()
    assert flags.raised() == [False, True, False]
    flags.reset()
    assert flags.raised() == [False] * 3
