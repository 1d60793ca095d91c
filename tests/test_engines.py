"""Engines by name, and one of a user's own."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List

import gymnasium
import numpy as np
import pytest

from humanoid_envs.engines import ENGINES, register_engine
from humanoid_envs.errors import UserError
from humanoid_envs.registration import make
from humanoid_envs.single_env import HumanoidEnv
from humanoid_envs.tasks import preset
from humanoid_envs.terrain import Rough, TerrainConfig, build_terrain
from trainers.evaluation.env import available_simulators, evaluation_env
from trainers.presets import TrainConfig
from trainers.training import make_env

pytest.importorskip("mujoco")
from humanoid_envs.simulators.mujoco import MuJoCoSimulator

ISAAC = "HumanoidXBotL-IsaacGym-v0"
given: List[Dict[str, Any]] = []


class Mine(MuJoCoSimulator):
    """C MuJoCo that notes what it was made with."""

    def __init__(
        self, robot: Any, physics: Any, num_envs: int, *, device: str = "cpu", gears: int = 3
    ) -> None:
        super().__init__(robot, physics, num_envs, num_threads=1)
        given.append({"device": device, "gears": gears})


@pytest.fixture(autouse=True)
def mine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    given.clear()
    register_engine("mine")(Mine)
    yield
    del ENGINES["mine"]


def test_it_is_an_engine_wherever_one_is_named() -> None:
    assert "mine" in available_simulators()
    envs = [
        make(2, "fast", engine="mine"),
        gymnasium.make_vec(ISAAC, num_envs=2, engine="mine"),
        evaluation_env("fast", 2, 1.0, simulator="mine:fast"),
        make_env(TrainConfig(engine="mine", num_envs=2, sim_device="cpu", compiled=False)),
    ]
    for env in envs:
        assert env.metadata is not None
        assert env.metadata["engine"] == "mine"
        assert isinstance(env.unwrapped.simulator, Mine)  # pyright: ignore[reportAttributeAccessIssue]
        env.close()
    single = gymnasium.make(ISAAC, engine="mine", gears=5)
    assert isinstance(single.unwrapped, HumanoidEnv)
    assert given[-1]["gears"] == 5
    single.close()


def test_options_reach_the_engine_that_has_them_and_others_are_left_out() -> None:
    make(1, engine="mine", gears=4, device="cpu", num_threads=2, max_contacts=3, headless=False).close()
    assert given == [{"device": "cpu", "gears": 4}]
    make(1, engine="mujoco", gears=4).close()
    with pytest.raises(TypeError, match="gear"):
        make(1, engine="mine", gear=4)
    with pytest.raises(UserError, match="Engine 'mujoco' runs on the CPU, not on 'cuda:1'"):
        make(1, engine="mujoco", device="cuda:1")


def test_a_terrain_needs_an_engine_that_takes_one() -> None:
    rough = preset("fast").replace(terrain=TerrainConfig(levels=1, columns=20))
    with pytest.raises(UserError, match=r"engine 'mine' takes none: set config.terrain to None"):
        make(2, rough, engine="mine")
    with pytest.raises(UserError, match="The ground is given twice"):
        make(2, rough, engine="mujoco", terrain=build_terrain(TerrainConfig(levels=1)))


def test_the_tasks_terrain_is_that_of_the_simulator() -> None:
    config = TerrainConfig(kinds=Rough().only("stairs_up"), levels=2, columns=1)
    env = make(2, preset("fast").replace(terrain=config), engine="mujoco", num_threads=1)
    assert env.simulator.terrain is not None
    assert np.array_equal(env.simulator.terrain.heights, build_terrain(config).heights)
    env.close()
    flat = make(2, "fast", engine="mujoco", num_threads=1)
    assert flat.simulator.terrain is None
    flat.close()


def test_unknown_engines() -> None:
    with pytest.raises(
        UserError, match=r"^Unknown engine 'mujocow'; did you mean 'mujoco' or 'mujoco_warp'\?$"
    ):
        make(1, engine="mujocow")
    with pytest.raises(
        UserError, match=r"TrainConfig\.engine must be one of auto, mujoco, .*mine; got 'theirs'"
    ):
        TrainConfig(engine="theirs")


def test_what_cannot_be_made_is_no_engine() -> None:
    with pytest.raises(UserError, match="must take a robot, a PhysicsConfig and a number of envs"):
        register_engine("short")(lambda robot: robot)
    with pytest.raises(
        UserError, match=r"The engine 'mujoco' is there already, humanoid_envs\.engines\._mujoco"
    ):
        register_engine("mujoco")(Mine)
    assert "short" not in ENGINES
