"""Configs to YAML and back."""

from __future__ import annotations

import dataclasses
import sys
import types
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

import pytest
import yaml

from humanoid_envs.configs import Config, from_plain, to_plain, values_of
from humanoid_envs.errors import MissingPlugIn, UserError
from humanoid_envs.simulators.simulator import PhysicsConfig
from humanoid_envs.tasks import PRESETS, preset, restored_task
from humanoid_envs.tasks.velocity import VelocityCommands, VelocityConfig, fast
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
def test_task_round_trip(name: str) -> None:
    task = preset(name)
    assert restored_task(through_yaml(task.plain())) == task


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
    values["rewards"]["alife"] = {"weight": 1.0}
    with pytest.raises(
        ValueError, match=r"runs/a/config\.yaml: VelocityRewards has no field 'alife'; did you mean 'alive'"
    ):
        from_plain(VelocityConfig, values, "runs/a/config.yaml")


@pytest.mark.parametrize("values", [None, [1, 2], "fast"])
def test_something_else_than_a_mapping(values: object) -> None:
    with pytest.raises(ValueError, match=r"a\.yaml: Outer needs a mapping of its fields, not"):
        from_plain(Outer, values, "a.yaml")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"a\.yaml: Inner needs a mapping"):
        from_plain(Outer, {"inner": values}, "a.yaml")


@dataclass(frozen=True)
class Wider(Inner):
    more: float = 0.5


@dataclass(frozen=True)
class Holder(Config):
    inner: Inner = dataclasses.field(default_factory=Inner)
    perhaps: Optional[Inner] = None
    several: Tuple[Inner, ...] = ()
    named: Dict[str, Inner] = dataclasses.field(default_factory=dict)
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.low <= self.high, "low", f"at most high {self.high:g}")


@dataclass(frozen=True)
class Grown(Config):
    """Earlier versions called the speed `pace`, in km/h."""

    speed: float = 1.0

    @classmethod
    def upgraded(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        rest = {name: value for name, value in values.items() if name != "pace"}
        return {**rest, "speed": values["pace"] / 3.6} if "pace" in values else values


NAME = f"{__name__}.Wider"
SUBCLASSED = Holder(
    inner=Wider(more=2.0),
    perhaps=Wider(),
    several=(Inner(), Wider(limit=1.0)),
    named={"a": Wider(), "b": Inner()},
)


def test_a_subclass_is_named_and_restored_wherever_its_base_is_annotated() -> None:
    plain = through_yaml(SUBCLASSED)
    assert plain["inner"] == {"class": NAME, "bounds": [0.0, 1.0], "limit": None, "more": 2.0}
    assert "class" not in plain["several"][0]
    assert "class" not in plain["named"]["b"]
    assert from_plain(Holder, plain) == SUBCLASSED
    assert type(from_plain(Holder, plain).several[1]) is Wider


def test_the_outermost_class_is_named_where_another_will_be_asked_for() -> None:
    assert "class" not in to_plain(Wider())
    assert "class" not in to_plain(Inner(), Inner)
    plain = to_plain(Wider(more=3.0), Inner)
    assert from_plain(Inner, plain) == Wider(more=3.0)


@pytest.mark.parametrize("name", ["my_walk.MyRewards", f"{__name__}.Outer", "os.system", 3, None, [NAME]])
def test_a_class_that_is_not_there_names_the_plug_in(name: object) -> None:
    with pytest.raises(
        MissingPlugIn, match=r"^a\.yaml: there is no Inner of class .* here; load the plug-in"
    ) as caught:
        from_plain(Holder, {"inner": {"class": name}}, "a.yaml")
    if name == "my_walk.MyRewards":
        assert str(caught.value).endswith("that has it: --plugin my_walk.")


def test_nothing_is_imported_for_a_name() -> None:
    with pytest.raises(MissingPlugIn):
        from_plain(Inner, {"class": "antigravity.Flight"})
    assert "antigravity" not in sys.modules


def test_classes_that_nobody_would_find_again_are_refused_when_saved() -> None:
    @dataclass(frozen=True)
    class Local(Inner):
        pass

    with pytest.raises(UserError, match=r"Local cannot be saved: it is defined in a function"):
        to_plain(Holder(inner=Local()))
    assert to_plain(Local()) == to_plain(Inner())  # by itself no name is needed
    plain = to_plain(Holder(inner=Local()), to_save=False)  # to compare with another here
    assert from_plain(Holder, plain) == Holder(inner=Local())
    main = dataclasses.make_dataclass("Typed", [], bases=(Inner,), frozen=True)
    main.__module__ = "__main__"
    with pytest.raises(
        UserError, match=r"__main__\.Typed cannot be saved: it is defined in the program itself"
    ):
        to_plain(Holder(inner=main()))


def test_of_classes_of_one_name_the_newest_counts() -> None:
    def define() -> type:
        cls = dataclasses.make_dataclass("Twice", [], bases=(Inner,), frozen=True)
        cls.__module__ = "reloaded"
        return cls

    classes = [define(), define()]
    module = types.ModuleType("reloaded")
    sys.modules["reloaded"] = module
    try:
        assert type(from_plain(Inner, {"class": "reloaded.Twice"})) is classes[1]
        module.Twice = classes[0]  # pyright: ignore[reportAttributeAccessIssue]  what the module has now
        assert type(from_plain(Inner, {"class": "reloaded.Twice"})) is classes[0]
    finally:
        del sys.modules["reloaded"]


def test_what_looks_like_a_field_and_is_none_is_refused() -> None:
    class Undecorated(Inner):
        more: float = 2.0

    @dataclass(frozen=True)
    class Unannotated(Holder):
        inner = Wider()

    @dataclass(frozen=True)
    class Stray(Inner):
        part = Wider()

    @dataclass(frozen=True)
    class Unknown(Inner):
        more: Nowhere = 1.0  # type: ignore[name-defined]  # noqa: F821

    @dataclass(frozen=True)
    class Fine(Wider):
        def twice(self) -> float:
            return 2.0 * self.more

    Fine()
    for cls, message in (
        (Undecorated, r"^Undecorated needs @dataclass\(frozen=True\): more is no field without"),
        (Unannotated, r"^Unannotated\.inner is no field without an annotation: write inner: Wider = Wider\("),
        (Stray, r"^Stray\.part is no field without an annotation"),
        (Unknown, r"^Unknown: an annotation cannot be read here: name 'Nowhere' is not defined"),
    ):
        with pytest.raises(UserError, match=message):
            cls()


def test_values_of_earlier_versions() -> None:
    assert from_plain(Grown, {"pace": 7.2}) == Grown(2.0)
    assert from_plain(Grown, {"speed": 2.0}) == Grown(2.0)


def test_replace_reaches_into_configs_within() -> None:
    changed = fast().replace({"rewards.foot_slip.weight": -0.1}, commands=VelocityCommands())
    assert changed.rewards.foot_slip.weight == -0.1
    assert changed.commands == VelocityCommands()
    back = changed.replace(**{"rewards.foot_slip.weight": -0.2}, commands=fast().commands)
    assert back == fast()
    assert type(SUBCLASSED.replace(**{"inner.more": 4.0}).inner) is Wider


def test_replace_makes_changes_of_one_config_together() -> None:
    assert Holder().replace(low=2.0, high=3.0) == Holder(low=2.0, high=3.0)
    physics = VelocityConfig().replace(
        **{"physics.contact_time_constant": 0.002, "physics.timestep": 0.001},
        physics=PhysicsConfig(timestep=0.01),
    )
    assert physics.physics == PhysicsConfig(contact_time_constant=0.002)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inner.bonds": 1}, r"^Holder\.inner has no field 'bonds'; did you mean 'bounds'\?$"),
        ({"more": 1}, r"^Holder has no field 'more'; did you mean 'inner\.more'\?$"),
        (
            {"zzz": 1},
            r"^Holder has no field 'zzz'; there are 'inner', 'perhaps', 'several', 'named', 'low', 'high'\.$",
        ),
        ({"low.a": 1}, r"^Holder\.low has no fields: it is 0\.0\.$"),
        ({"inner.": 1}, r"^Holder\.inner has no field ''"),
        ({"low": 5.0}, r"^Holder\.low must be at most high 1; got 5\.0\.$"),
        ({"inner.more": "2"}, r"^Wider\.more must be a valid number; got '2'"),
    ],
)
def test_replace_refuses(changes: Dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Holder(inner=Wider()).replace(changes)


def test_values_by_their_names_with_dots() -> None:
    values = values_of(Holder(inner=Wider()))
    assert values["inner"] == Wider()
    assert values["inner.more"] == 0.5
    assert Holder(inner=Wider()).replace(values) == Holder(inner=Wider())
