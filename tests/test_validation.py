"""Wrong values are refused where they enter, by one error that names the field and the value."""

from __future__ import annotations

import dataclasses
import functools
import math
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple, Type, get_type_hints

import gymnasium
import numpy as np
import pytest

from humanoid_envs.configs import Config, from_plain, to_plain, values_of
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.events import FootFriction
from humanoid_envs.tasks import PRESETS, preset, restored_task
from humanoid_envs.tasks.velocity import VelocityConfig, VelocityRandomization
from trainers.evaluation.env import DomainRandomization
from trainers.evaluation.gap import GapConfig
from trainers.evaluation.pushes import PushConfig
from trainers.evaluation.scorecard import ScorecardConfig
from trainers.evaluation.step_response import StepConfig
from trainers.evaluation.tour import TourConfig
from trainers.ppo import PPOConfig
from trainers.presets import PRESETS as TRAIN_PRESETS
from trainers.presets import TrainConfig
from trainers.presets import preset as train_preset
from trainers.runs import read_config

WRONG: Dict[type, List[Any]] = {
    float: ["0.5", math.nan, math.inf, -math.inf, True, None, 1e30, (0.1,), 1j],
    int: ["1", 2.5, math.nan, True, None, -1, 2**70, [1]],
    bool: ["maybe", "no", 0, 1, None],
    tuple: ["ab", (1.0,), (0.0, math.nan), (0.0, "1"), (1.0, 2.0, 3.0), 0.5, (0.6, -0.6), (-1e30, 1e30)],
    str: [1, None, True],
}
CONFIGS = (
    VelocityConfig, PPOConfig, TrainConfig,
    DomainRandomization, TourConfig, PushConfig, StepConfig, GapConfig, ScorecardConfig,
)  # fmt: skip
OPTIONAL = {(PPOConfig, "desired_kl"), (TrainConfig, "save_minutes")}


def leaves(config: Any, path: Tuple[str, ...] = ()) -> Iterator[Tuple[Tuple[str, ...], Any]]:
    for name, value in vars(config).items():
        if isinstance(value, Config):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


def with_value(config: Any, path: Tuple[str, ...], value: Any) -> Any:
    first, *rest = path
    if rest:
        value = with_value(getattr(config, first), tuple(rest), value)
    return dataclasses.replace(config, **{first: value})


def wrong_values() -> Iterator[Tuple[Type[Config], Tuple[str, ...], Any]]:
    for cls in CONFIGS:
        for path, default in leaves(cls()):
            if default is None or (cls is TrainConfig and path[:1] in (("task",), ("ppo",))):
                continue
            allows_none = any(cls is owner and path == (name,) for owner, name in OPTIONAL)
            for value in WRONG[type(default)]:
                if value is not None or not allows_none:
                    yield cls, path, value


def test_there_is_a_wrong_value_for_every_field() -> None:
    assert len(list(wrong_values())) > 800


def refusal(make: Callable[[], Any]) -> str:
    try:
        make()
    except UserError as error:
        return str(error)
    return "accepted"


def test_wrong_values_are_refused_in_python_and_in_files() -> None:
    for cls, path, value in wrong_values():
        case = f"{cls.__name__}.{'.'.join(path)}={value!r}"
        assert f".{path[-1]}" in refusal(functools.partial(with_value, cls(), path, value)), case
        plain: Any = to_plain(cls())
        inner = plain
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = to_plain(value)
        assert f".{path[-1]}" in refusal(functools.partial(from_plain, cls, plain, "a.yaml")), case


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("actions.scale", 0.0),
        ("commands.resample_period", 0.0),
        ("commands.resample_period", 0.004),
        ("terminations.episode_length", 0.0),
        ("gait.period", 0.0),
        ("observations.policy.history", 0),
        ("observations.policy.joint_pos.noise", -0.1),
        ("randomization.push.period", 0.004),
        ("randomization.push.period", -4.0),
        ("randomization.foot_friction.range", (-2.0, -2.0)),
        ("randomization.gains.share", 1.5),
        ("commands.velocity.lin_vel_x", (0.6, -0.3)),
        ("commands.velocity.lin_vel_x", (0.0, 30.0)),
        ("commands.velocity.standing_share", 1.5),
        ("commands.velocity.single_axis_share", -0.1),
        ("terminations.tilt.angle", 0.0),
        ("rewards.feet_distance.most", 0.1),
        ("physics.decimation", 10**9),
        ("physics.timestep", -0.001),
        ("physics.ground_friction", -0.6),
    ],
)
def test_what_no_task_can_have(path: str, value: Any) -> None:
    with pytest.raises(UserError, match=rf"\.{path.split('.')[-1]}.* must be"):
        with_value(VelocityConfig(), tuple(path.split(".")), value)


def test_shares_that_make_more_than_one() -> None:
    with pytest.raises(
        UserError, match=r"single_axis_share must be at most 1 - standing_share, 0\.3; got 0\.5"
    ):
        dataclasses.replace(VelocityConfig().commands.velocity, standing_share=0.7, single_axis_share=0.5)


def test_a_base_without_mass() -> None:
    pytest.importorskip("mujoco.batch")
    task = VelocityConfig().replace({"randomization.added_mass.range": (-40.0, -40.0)})
    with pytest.raises(UserError, match=r"AddedMass\.range must begin at -\d+\.\d kg.*; got -40"):
        gymnasium.make_vec("HumanoidXBotL-MuJoCo-v0", num_envs=1, config=task)


def test_right_values_of_other_kinds() -> None:
    commands = VelocityConfig().commands.velocity.replace(lin_vel_x=[0, np.float32(0.5)], min_speed=1)
    assert commands.lin_vel_x == (0.0, 0.5)
    assert [type(value) for value in (*commands.lin_vel_x, commands.min_speed)] == [float] * 3
    assert dataclasses.replace(TrainConfig(), num_envs=np.int64(8)).num_envs == 8
    assert from_plain(
        VelocityConfig, {"randomization": {"foot_friction": {"range": [1, 1]}}}
    ) == VelocityConfig(randomization=VelocityRandomization(foot_friction=FootFriction(range=(1.0, 1.0))))


@pytest.mark.parametrize("name", [*PRESETS])
def test_presets_stand(name: str) -> None:
    assert restored_task(preset(name).plain()) == preset(name)


@pytest.mark.parametrize("name", [*TRAIN_PRESETS])
def test_training_presets_stand(name: str) -> None:
    assert from_plain(TrainConfig, to_plain(train_preset(name))) == train_preset(name)


def test_every_config_is_checked() -> None:
    for cls in (VelocityConfig, TrainConfig):
        for hint in get_type_hints(cls).values():
            assert not dataclasses.is_dataclass(hint) or issubclass(hint, Config)  # pyright: ignore[reportArgumentType]


# Files


def config_of(tmp_path: Path, text: str) -> TrainConfig:
    (tmp_path / "a.yaml").write_text(text)
    return read_config(tmp_path / "a.yaml")


def test_numbers_without_a_point(tmp_path: Path) -> None:
    text = "ppo: {learning_rate: 1e-3, min_learning_rate: 1E-5}\ntask: {rewards: {torques: {weight: -2e-5}}}"
    config = config_of(tmp_path, text)
    assert (config.ppo.learning_rate, config.ppo.min_learning_rate) == (0.001, 1e-5)
    assert values_of(config.task)["rewards.torques.weight"] == -2e-5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("compiled: 'no'", "a.yaml: TrainConfig.compiled must be a valid boolean; got 'no', which is text"),
        ("ppo: {gamma: '0.9'}", "PPOConfig.gamma must be a valid number; got '0.9', which is text"),
        ("ppo: {gama: 0.9}", r"PPOConfig has no field 'gama'; did you mean 'gamma'\?"),
        ("num_envs: 64\nnum_envs: 128", "'num_envs' stands there twice"),
        ("max_minutes: .nan", "max_minutes must be a finite number; got nan"),
        ("total_timesteps: 0", "total_timesteps must be at least 1; got 0"),
        ("task: 2026-11-25", "TaskConfig needs a mapping of its fields"),
        ("task: " + "[" * 5000 + "]" * 5000, "nested too deeply|no YAML"),
        ("ppo: {seed: 1180591620717411303424}", "seed must be at most"),
        ("engine: bullet", "engine must be one of auto, mujoco, mujoco_warp, isaacgym; got 'bullet'"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        config_of(tmp_path, text)
