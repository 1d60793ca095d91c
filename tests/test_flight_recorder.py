"""The last second of all robots, and the file that it is written to."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, List

import gymnasium
import pytest
import torch

from humanoid_envs import HumanoidVectorEnv, preset
from humanoid_envs.errors import UserError
from humanoid_envs.flight_recorder import Dump, FlightRecorder
from humanoid_envs.registration import make_mujoco, make_mujoco_warp
from humanoid_envs.robots import XBOT_L
from tests.scripted_simulator import ScriptedSimulator, standing
from tests.simulators.conftest import NEEDS_CUDA
from tests.test_vector_env import actions

ABOUT = {"reason": "a test", "seed": 1, "task": preset("fast")}


def memory(played: List[int]) -> Any:
    count = len(played)
    return SimpleNamespace(
        steps_played=torch.tensor(played), base_velocity=torch.zeros(count, 6), clock=torch.tensor(7)
    )


def noted(num_envs: int = 2, steps: int = 5, length: int = 3) -> FlightRecorder:
    """Actions of step t are t."""
    recorder = FlightRecorder(ScriptedSimulator(standing(num_envs)), length)
    for step in range(steps):
        recorder.note(memory([step] * num_envs), torch.full((num_envs, 12), float(step)))
    return recorder


@pytest.fixture
def env() -> HumanoidVectorEnv:
    env = make_mujoco(3, "fast", array="torch")
    env.reset(seed=5)
    return env


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dump") / "dump.pt"
    noted().dump(memory([5, 5]), torch.zeros(2, 12), [1], **ABOUT).write(path)
    return path


def test_each_row_is_a_state_with_its_action_and_the_targets_that_led_there(
    env: HumanoidVectorEnv, tmp_path: Path
) -> None:
    states, given, targets = [], [], []
    for step in range(4):
        states.append(env.simulator.state.joint_pos.clone())
        given.append(actions(3, seed=step, scale=0.1))
        env.step(given[-1])
        targets.append(env.simulator.joint_targets.clone())
    states.append(env.simulator.state.joint_pos.clone())
    env.write_dump(tmp_path / "dump.pt", [2], "curious")
    dump = Dump.read(tmp_path / "dump.pt")
    assert (dump.reason, dump.seed, dump.clock, dump.envs) == ("curious", 5, 4, [2, 0, 1])
    assert (dump.engine, dump.robot, dump.task) == ("MuJoCoSimulator", XBOT_L, env.config)
    order = [2, 0, 1]
    torch.testing.assert_close(dump.record.joint_pos, torch.stack(states)[:, order])
    assert torch.equal(dump.record.action, torch.stack([*given, given[-1]])[:, order])
    assert torch.equal(dump.record.joint_targets[1:], torch.stack(targets)[:, order])
    assert dump.record.steps_played[:, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert dump.record.follows[:, 0].tolist() == [False, True, True, True, True]
    assert torch.equal(dump.parameters.stiffness, env.simulator.parameters.stiffness[order])


def test_it_is_the_last_second_and_what_comes_now() -> None:
    record = noted(steps=5, length=3).dump(memory([5, 5]), torch.full((2, 12), 9.0), [], **ABOUT).record
    assert record.action[:, 0, 0].tolist() == [2.0, 3.0, 4.0, 9.0]
    assert record.steps_played[:, 1, 0].tolist() == [2.0, 3.0, 4.0, 5.0]
    env = make_mujoco(1, "fast")
    assert len(env._recorder._ring) * env.config.policy_period == pytest.approx(1.0)


def test_rows_are_the_same_whoever_counts_them(env: HumanoidVectorEnv) -> None:
    """On a GPU the device does, so that a step may be a graph."""

    def read(function: Callable[..., Any]) -> Callable[..., Any]:
        return torch.compile(function, fullgraph=True, dynamic=False, backend="eager")

    recorders = [FlightRecorder(env.simulator, 3) for _ in range(2)]
    recorders.append(FlightRecorder(env.simulator, 3, read))  # as the compiler for GPUs reads it
    for recorder in recorders[1:]:
        recorder._by_host = None
    for step in range(5):
        env.step(actions(3, seed=step, scale=0.1))
        for recorder in recorders:
            recorder.note(env._memory, env._action)
    one, *others = [recorder.dump(env._memory, env._action, [], **ABOUT).record for recorder in recorders]
    for other in others:
        for name, value in vars(one).items():
            assert torch.equal(value, getattr(other, name)), name
    assert one.steps_played[:, 0, 0].tolist() == [3, 4, 5, 5]


def test_a_new_episode_does_not_follow() -> None:
    recorder = noted(steps=2)
    record = recorder.dump(memory([0, 2]), torch.zeros(2, 12), [], **ABOUT).record
    assert record.follows.tolist() == [[False, False], [True, True], [False, True]]


def test_a_push_is_seen_in_the_velocities(tmp_path: Path) -> None:
    fast = preset("fast")
    often = {"randomization.push.period": 2 * fast.policy_period, "randomization.push.lin_vel": 0.5}
    env = make_mujoco(1, fast.replace(often))
    env.reset(seed=0)
    for _ in range(4):
        env.step(actions(1, scale=0.0))
    env.write_dump(tmp_path / "dump.pt")
    record = Dump.read(tmp_path / "dump.pt").record
    pushed = (record.base_velocity != record.pushed_velocity).any(2)[:, 0]
    assert pushed.tolist() == [False, False, True, False, True]


def test_at_most_sixteen_robots_the_asked_for_and_the_sick_first() -> None:
    recorder = noted(num_envs=40)
    recorder._ring[1, 30, 4] = float("nan")
    dump = recorder.dump(memory([5] * 40), torch.zeros(40, 12), [20, 3], **ABOUT)
    assert dump.envs == [20, 3, 30, 0, 1, 2, *range(4, 14)]
    assert dump.record.finite().all(0).tolist() == [env != 30 for env in dump.envs]


@pytest.mark.parametrize("number", [-1, 2])
def test_a_robot_that_is_not_there(number: int) -> None:
    with pytest.raises(UserError, match=f"no env {number} to dump: there are 2"):
        noted().dump(memory([5, 5]), torch.zeros(2, 12), [number], **ABOUT)


def test_what_is_of_other_parameters_or_of_another_state_is_forgotten(
    env: HumanoidVectorEnv, tmp_path: Path
) -> None:
    def rows() -> int:
        env.write_dump(tmp_path / "dump.pt")
        return len(Dump.read(tmp_path / "dump.pt").record.action)

    env.step(actions(3))
    state = env.state_dict()
    env.reset()  # goes on with the same parameters
    env.step(actions(3))
    assert rows() == 3
    env.reset(seed=6)
    assert rows() == 1
    env.step(actions(3))
    env.load_state_dict(state)
    assert rows() == 1
    assert Dump.read(tmp_path / "dump.pt").seed is None


def test_refused_actions_are_in_the_last_row(env: HumanoidVectorEnv, tmp_path: Path) -> None:
    env.step(actions(3))
    bad = actions(3)
    bad[1, 4] = float("nan")
    with pytest.raises(UserError, match="write_dump"):
        env.step(bad)
    env.write_dump(tmp_path / "dump.pt")
    dump = Dump.read(tmp_path / "dump.pt")
    assert dump.envs[0] == 1
    assert (~dump.record.action.isfinite()).nonzero().tolist() == [[1, 0, 4]]


def test_not_before_the_first_reset_nor_once_closed(tmp_path: Path) -> None:
    env = make_mujoco(1, "fast")
    with pytest.raises(UserError, match="Before the first reset"):
        env.write_dump(tmp_path / "dump.pt")
    env.reset()
    env.close()
    with pytest.raises(gymnasium.error.ClosedEnvironmentError):
        env.write_dump(tmp_path / "dump.pt")


def test_another_robot_is_in_the_file(tmp_path: Path) -> None:
    simulator = ScriptedSimulator(standing(2))
    simulator.robot = dataclasses.replace(XBOT_L, name="mine")
    recorder = FlightRecorder(simulator, 3)
    recorder.dump(memory([0, 0]), torch.zeros(2, 12), [], **ABOUT).write(tmp_path / "dump.pt")
    assert Dump.read(tmp_path / "dump.pt").robot == simulator.robot


# Files that are none


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no dump"):
        Dump.read(tmp_path / "dump.pt")


def test_a_damaged_file(file: Path, tmp_path: Path) -> None:
    content = file.read_bytes()
    at = content.index(torch.full((12,), 4.0).numpy().tobytes())
    flipped = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    for damaged in (content[: len(content) // 2], b"", b"no archive", flipped):
        (tmp_path / "dump.pt").write_bytes(damaged)
        with pytest.raises(UserError, match="damaged"):
            Dump.read(tmp_path / "dump.pt")


def wrong_record(content: dict) -> None:
    content["record"]["joint_pos"] = content["record"]["joint_pos"][:, :, :11]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(format="humanoid_envs.ppo"), "no dump"),
        (lambda content: content.update(version=2), "version 2"),
        (lambda content: content.pop("parameters"), "no dump.*parameters"),
        (lambda content: content["record"].pop("action"), "no dump"),
        (lambda content: content["robot"].pop("name"), "Robot lacks 'name'"),
        (lambda content: content["task"].update(speed=1.0), "no field 'speed'"),
        (wrong_record, "joint_pos is not float32 of shape"),
    ],
)
def test_a_file_of_something_else(file: Path, tmp_path: Path, change: Any, message: str) -> None:
    content = torch.load(file, weights_only=True)
    change(content)
    torch.save(content, tmp_path / "dump.pt")
    with pytest.raises(UserError, match=message):
        Dump.read(tmp_path / "dump.pt")


@pytest.mark.parametrize("device", [pytest.param("cuda:0", marks=NEEDS_CUDA)])
def test_in_a_captured_step(device: str, tmp_path: Path) -> None:
    """What the graph notes is what the environment shows after the step before."""
    env = make_mujoco_warp(64, "fast", device=device)
    env.reset(seed=0)
    states, given = [], []
    for step in range(120):
        states.append(env.simulator.state.joint_pos.cpu())
        given.append(actions(64, seed=step, scale=0.1).to(device))
        env.step(given[-1])
    given[-1][40, 3] = float("nan")
    env.step(given[-1])
    env.write_dump(tmp_path / "dump.pt", [17])
    dump = Dump.read(tmp_path / "dump.pt")
    assert dump.envs[:2] == [17, 40]
    assert dump.record.action.shape == (101, 16, 12)
    assert torch.equal(dump.record.joint_pos[:99, 0], torch.stack(states)[-99:, 17])
    assert torch.equal(dump.record.action[:98, 0].cpu(), torch.stack(given)[-99:-1, 17].cpu())
    assert (~dump.record.action.isfinite()).nonzero().tolist() == [[99, 1, 3], [100, 1, 3]]
