"""Configs to YAML and back."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Optional, Tuple

import pytest
import yaml

from humanoid_envs.configs import Config, from_plain, to_plain
from humanoid_envs.tasks.velocity import PRESETS, VelocityConfig, preset
from trainers.presets import PRESETS as TRAIN_PRESETS
from trainers.presets import TrainConfig
from trainers.presets import preset as train_preset


@dataclass(frozen=True)
class Inner(Config):
    bounds: Tuple[float, float] = (0.0, 1.0)
    limit: Optional[float] = None


@dataclass(frozen=True)
class Outer(Config):
    inner: Inner = dataclasses.field(default_factory=Inner)
    name: str = "a"


def through_yaml(config: object) -> dict:
    return yaml.safe_load(yaml.safe_dump(to_plain(config), sort_keys=False))


@pytest.mark.parametrize("name", PRESETS)
def test_velocity_config_round_trip(name: str) -> None:
    assert from_plain(VelocityConfig, through_yaml(preset(name))) == preset(name)


@pytest.mark.parametrize("name", TRAIN_PRESETS)
def test_train_config_round_trip(name: str) -> None:
    assert from_plain(TrainConfig, through_yaml(train_preset(name))) == train_preset(name)


def test_changed_values_survive() -> None:
    config = Outer(Inner((-1.0, 2.5), 3.0), "b")
    assert from_plain(Outer, through_yaml(config)) == config


def test_plain_values_are_yamls_own() -> None:
    assert to_plain(Outer()) == {"inner": {"bounds": [0.0, 1.0], "limit": None}, "name": "a"}


def test_lists_become_tuples_again() -> None:
    assert from_plain(Inner, {"bounds": [1, 2]}).bounds == (1, 2)
    hash(from_plain(TrainConfig, through_yaml(train_preset("fast"))))  # no list anywhere


def test_fields_left_out_take_their_defaults() -> None:
    assert from_plain(Outer, {"inner": {"limit": 2.0}}) == Outer(Inner(limit=2.0))
    assert from_plain(Outer, {}) == Outer()


def test_unknown_field_is_named_with_its_file() -> None:
    values = through_yaml(preset("v0"))
    values["rewards"]["scales"]["alife"] = 1.0
    with pytest.raises(ValueError, match=r"runs/a/config\.yaml: RewardScales has no field 'alife'.* alive,"):
        from_plain(VelocityConfig, values, "runs/a/config.yaml")


@pytest.mark.parametrize("values", [None, [1, 2], "fast"])
def test_something_else_than_a_mapping(values: object) -> None:
    with pytest.raises(ValueError, match=r"a\.yaml: Outer needs a mapping of its fields, not"):
        from_plain(Outer, values, "a.yaml")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"a\.yaml: Inner needs a mapping"):
        from_plain(Outer, {"inner": values}, "a.yaml")
