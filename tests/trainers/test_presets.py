from __future__ import annotations

import pytest

from humanoid_envs.tasks import PRESETS as TASK_PRESETS
from humanoid_envs.tasks import TaskConfig
from humanoid_envs.tasks import preset as task_preset
from trainers.presets import PRESETS, TrainConfig, preset


@pytest.mark.parametrize("name", PRESETS)
def test_presets(name: str) -> None:
    config = preset(name)
    assert isinstance(config, TrainConfig)
    assert config.total_timesteps > config.ppo.num_steps * config.num_envs
    if config.ppo.decay_updates is not None:
        updates = config.total_timesteps / (config.ppo.num_steps * config.num_envs)
        assert config.ppo.decay_updates[1] <= updates + 1  # it gets to its end


def test_v0_is_the_releases_recipe() -> None:
    config = preset("v0")
    assert config == TrainConfig()
    assert (config.num_envs, config.ppo.num_steps) == (4096, 60)
    assert (config.task.physics.timestep, config.task.physics.decimation) == (0.001, 10)


@pytest.mark.parametrize(("engine", "name"), [("mujoco", "cpu"), ("mujoco_warp", "fast"), ("isaacgym", "v0")])
def test_auto_suits_the_machine(monkeypatch: pytest.MonkeyPatch, engine: str, name: str) -> None:
    monkeypatch.setattr("trainers.presets.best_engine", lambda: (engine, "the test says so"))
    assert preset("auto") == preset(name)


def test_unknown_preset() -> None:
    with pytest.raises(
        ValueError, match="Unknown preset 'v9'; there are 'auto', 'v0', 'fast', 'walk', 'fast_wide', "
    ):
        preset("v9")


def test_the_budget_on_a_cpu_is_samples() -> None:
    """A slow machine trains longer, not less: at a quarter of the README's speed it comes to its end."""
    config = preset("cpu")
    assert config.total_timesteps == 3_600_000
    assert config.max_minutes is not None
    assert config.max_minutes >= 4 * 5.0


def test_a_tasks_preset_is_trained_as_suits_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def my_walk() -> TaskConfig:
        return task_preset("fast").replace(**{"gait.period": 0.7})

    monkeypatch.setattr("trainers.presets.best_engine", lambda: ("mujoco", "test"))
    monkeypatch.setitem(TASK_PRESETS, "my_walk", my_walk)
    assert preset("my_walk") == preset("cpu").replace(task=my_walk())
