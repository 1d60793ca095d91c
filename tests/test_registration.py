"""The registered ids, and which engine stands behind them."""

from __future__ import annotations

from typing import Optional

import gymnasium
import pytest
import torch

from humanoid_envs import HumanoidVectorEnv, isaacgym_first
from humanoid_envs.registration import best_engine
from humanoid_envs.single_env import HumanoidEnv

MUJOCO = "HumanoidXBotL-MuJoCo-v0"
ISAAC = "HumanoidXBotL-IsaacGym-v0"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that says it has a CUDA device, without Isaac Gym."""
    monkeypatch.setattr(isaacgym_first, "PROBLEM", "NVIDIA Isaac Gym is not installed. Install it.")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: "Test GPU")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_ids() -> None:
    ours = {name for name in gymnasium.registry if name.startswith("HumanoidXBotL-")}
    engines = "MuJoCo", "MuJoCoWarp", "IsaacGym"
    assert ours == {f"HumanoidXBotL-{task}{name}-v0" for task in ("", "Stand-") for name in engines}


def test_make_and_make_vec() -> None:
    pytest.importorskip("mujoco")
    single = gymnasium.make(MUJOCO)
    assert isinstance(single.unwrapped, HumanoidEnv)
    assert single.unwrapped.metadata["engine"] == "mujoco"
    single.close()
    vector = gymnasium.make_vec(MUJOCO, num_envs=3, config="fast")
    assert isinstance(vector, HumanoidVectorEnv)
    assert vector.num_envs == 3
    assert vector.metadata["engine"] == "mujoco"
    assert vector.config.physics.implicit_damping
    vector.close()


def test_metadata_belongs_to_the_instance() -> None:
    pytest.importorskip("mujoco")
    env = gymnasium.make_vec(MUJOCO, num_envs=1)
    assert "engine" not in HumanoidVectorEnv.metadata
    assert env.metadata["render_fps"] == 100
    env.close()


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("device", [None, "cuda", "cuda:0"])
def test_best_engine_with_a_gpu(device: Optional[str]) -> None:
    engine, reason = best_engine(device)
    assert engine == "mujoco_warp"
    assert reason == "this machine has Test GPU, and NVIDIA Isaac Gym is not installed"


@pytest.mark.usefixtures("gpu")
def test_best_engine_with_a_gpu_and_isaac_gym(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isaacgym_first, "PROBLEM", None)
    assert best_engine()[0] == "isaacgym"
    assert best_engine("cpu")[0] == "mujoco"


@pytest.mark.usefixtures("gpu")
def test_best_engine_when_the_cpu_is_asked_for() -> None:
    assert best_engine("cpu") == ("mujoco", "the CPU was asked for")
    assert best_engine(torch.device("cpu"))[0] == "mujoco"


@pytest.mark.usefixtures("no_gpu")
def test_best_engine_without_a_gpu() -> None:
    assert best_engine() == ("mujoco", "no CUDA device was found")


@pytest.mark.usefixtures("no_gpu")
def test_auto_says_once_what_it_chose_and_why() -> None:
    pytest.importorskip("mujoco")
    with pytest.warns(
        UserWarning, match=r"runs on mujoco: no CUDA device.*engine='mujoco' chooses"
    ) as caught:
        env = gymnasium.make_vec(ISAAC, num_envs=1)
    assert len([warning for warning in caught if "runs on" in str(warning.message)]) == 1
    env.close()


@pytest.mark.usefixtures("no_gpu")
def test_a_named_engine_is_silent(recwarn: pytest.WarningsRecorder) -> None:
    pytest.importorskip("mujoco")
    env = gymnasium.make_vec(ISAAC, num_envs=1, engine="mujoco")
    assert not [warning for warning in recwarn if "runs on" in str(warning.message)]
    env.close()


def test_room_for_contacts_reaches_the_engine_that_has_it() -> None:
    pytest.importorskip("mujoco_warp")
    env = gymnasium.make_vec(
        ISAAC, num_envs=1, engine="mujoco_warp", device="cpu", max_contacts=5, max_constraints=7
    )
    room = env.unwrapped.simulator.room  # pyright: ignore[reportAttributeAccessIssue]
    assert (room.contacts, room.constraints) == (5, 7)
    env.close()
    gymnasium.make_vec(ISAAC, num_envs=1, engine="mujoco", max_contacts=5, max_constraints=7).close()
