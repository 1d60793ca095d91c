"""A NaN that stops training leaves a dump of the last second."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Optional

import pytest
import torch

from humanoid_envs import HumanoidVectorEnv
from humanoid_envs.flight_recorder import Dump
from humanoid_envs.registration import make_mujoco
from tests.trainers.ppo.counting_env import CountingEnv
from trainers.ppo import PPO, NonFiniteError, PPOConfig
from trainers.ppo.distributed import Workers
from trainers.ppo.nan_guard import dumped
from trainers.ppo.tensor_env import TensorEnv

pytest.importorskip("mujoco.batch")

CONFIG = PPOConfig(
    num_steps=4, num_epochs=1, num_minibatches=1, actor_hidden=(8,), critic_hidden=(8,), device="cpu"
)


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> HumanoidVectorEnv:
    """Robot 2's sixth observation is not finite."""
    env = make_mujoco(3, "fast", array="torch")
    step, steps = env.step, []

    def sick(actions: Any) -> Any:
        result = step(actions)
        steps.append(None)
        if len(steps) == 6:
            result[0][2] = float("nan")
        return result

    monkeypatch.setattr(env, "step", sick)
    return env


def test_the_dump_has_the_robot_and_the_message_how_to_replay_it(
    env: HumanoidVectorEnv, tmp_path: Path
) -> None:
    with pytest.raises(NonFiniteError) as caught:
        PPO(env, CONFIG, tmp_path).learn(100, progress_bar=False)
    file = tmp_path / "nan_dump.pt"
    message = str(caught.value)
    assert "first in environment 2" in message
    assert message.endswith(f"python examples/replay_dump.py {file}")
    assert caught.value.envs == [2]
    dump = Dump.read(file)
    assert (dump.envs, dump.seed) == ([2, 0, 1], CONFIG.seed)
    assert message.startswith(dump.reason)
    assert "non-finite observation in 1 of 3" in dump.reason


def test_weights_that_an_update_ruined_are_named(tmp_path: Path) -> None:
    def ruin(ppo: PPO) -> None:
        with torch.no_grad():
            ppo.policy.actor[0].bias[1] = float("nan")  # pyright: ignore[reportIndexIssue]

    env = make_mujoco(3, "fast", array="torch")
    with pytest.raises(NonFiniteError, match=r"weights actor\.0\.bias are not finite") as caught:
        PPO(env, CONFIG, tmp_path).learn(100, ruin, progress_bar=False)
    assert caught.value.envs is None
    action = Dump.read(tmp_path / "nan_dump.pt").record.action
    assert not action[-1].isfinite().all()
    assert action[:-1].isfinite().all()


def test_without_a_folder_the_message_says_how_to_get_one(env: HumanoidVectorEnv) -> None:
    with pytest.raises(NonFiniteError, match=r"write_dump\(path\).*log_dir"):
        PPO(env, CONFIG).learn(100, progress_bar=False)


def test_that_it_cannot_be_written_hides_nothing(env: HumanoidVectorEnv, tmp_path: Path) -> None:
    (tmp_path / "nan_dump.pt").mkdir()
    with pytest.raises(NonFiniteError, match=r"non-finite observation.*No dump.*nan_dump\.pt cannot be"):
        PPO(env, CONFIG, tmp_path).learn(100, progress_bar=False)


@pytest.mark.parametrize(
    ("rank", "envs", "name"),
    [
        (0, [1], "nan_dump.pt"),
        (1, [1], "nan_dump_1.pt"),
        (1, (), None),  # in those of another
        (0, None, "nan_dump.pt"),
        (1, None, None),  # nobody knows, and the first writes
    ],
)
def test_of_several_workers_those_write_whose_robots_they_are(
    rank: int, envs: Any, name: Optional[str], tmp_path: Path
) -> None:
    env = make_mujoco(2, "fast")
    env.reset(seed=0)
    tensor_env = TensorEnv(env, torch.device("cpu"))
    with pytest.raises(NonFiniteError), dumped(tensor_env, tmp_path, Workers(rank, 2)):
        raise NonFiniteError("a NaN", envs)
    assert [file.name for file in tmp_path.iterdir()] == ([] if name is None else [name])


@pytest.mark.parametrize("error", [NonFiniteError("a NaN", [0]), KeyError("else")])
def test_environments_without_a_recorder_and_other_errors(error: Exception, tmp_path: Path) -> None:
    make: Callable[[], Any] = CountingEnv
    with pytest.raises(type(error)) as caught, dumped(TensorEnv(make(), torch.device("cpu")), tmp_path):
        raise error
    assert caught.value is error
    assert not list(tmp_path.iterdir())
