"""A policy's contract: complete, the task's own, and noticed when changed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from typing import Any, Dict, List

import pytest

from humanoid_envs.configs import to_plain
from humanoid_envs.contract import Command, CurrentTerm, PolicyContract
from humanoid_envs.errors import MissingPlugIn, UserError
from humanoid_envs.mdp.frames import FrameTerms
from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.simulator import PhysicsConfig
from humanoid_envs.tasks import preset, restored_task
from humanoid_envs.tasks.velocity import VelocityConfig
from humanoid_envs.tasks.velocity.contracted import contracted_task
from humanoid_envs.terrain import TerrainConfig
from humanoid_envs.vector_env import HumanoidVectorEnv
from tests.scripted_simulator import ScriptedSimulator, standing

V0, FAST = PolicyContract.of(preset("v0")), PolicyContract.of(preset("fast"))


def test_of_the_releases_task() -> None:
    assert V0.robot == "xbot_l"
    assert V0.joint_names == XBOT_L.joint_names
    assert V0.stiffness == (200.0, 200.0, 350.0, 350.0, 15.0, 15.0) * 2
    assert V0.damping == (10.0,) * 12
    assert V0.torque_limit == (85.0, 85.0, 212.5, 212.5, 85.0, 85.0) * 2
    assert V0.default_joint_pos == (0.0,) * 12
    assert (V0.action_scale, V0.action_clip) == ((0.25,) * 12, 18.0)
    assert V0.armature == (0.01,) * 12
    assert (V0.timestep, V0.decimation, V0.implicit_damping) == (0.001, 10, False)
    assert V0.policy_period == 0.01
    assert V0.clock_period == 0.64
    terms = [(term.name, term.size, term.scale) for term in V0.observation_terms]
    assert terms == [
        ("clock", 2, 1.0),
        ("command_lin_vel", 2, 2.0),
        ("command_yaw_rate", 1, 1.0),
        ("joint_pos", 12, 1.0),
        ("joint_vel", 12, 0.05),
        ("action", 12, 1.0),
        ("base_ang_vel", 3, 1.0),
        ("euler", 3, 1.0),
    ]
    assert (V0.observation_history, V0.observation_order, V0.observation_clip) == (15, "oldest_first", 18.0)
    assert (V0.observation_size, V0.action_size) == (705, 12)
    told = [(command.name, command.unit, command.range) for command in V0.commands[:2]]
    assert told == [("vx", "m/s", (-0.3, 0.6)), ("vy", "m/s", (-0.3, 0.3))]


def test_yaw_rates_are_those_that_the_policy_sees() -> None:
    assert V0.commands[2] == Command("yaw_rate", "rad/s", (-1.0, 1.0))  # what a heading asks for at most
    assert FAST.commands[2] == Command("yaw_rate", "rad/s", (-0.7, 0.7))  # as drawn


def test_of_an_environment() -> None:
    config = preset("fast").replace({"observations.policy.history": 4})
    env = HumanoidVectorEnv(ScriptedSimulator(standing(2)), config)
    assert env.contract == PolicyContract.of(config)
    assert env.contract.engine is None
    env.metadata["engine"] = "scripted"
    assert env.contract.engine == "scripted"
    assert env.single_observation_space.shape == (env.contract.observation_size,)
    env.close()


def test_scales_are_those_that_frames_are_built_with() -> None:
    """Whatever a term's scale is in the config, the contract and the frame agree."""
    scales = {"command_lin_vel": 1.5, "joint_vel": 0.25}
    config = VelocityConfig().replace(
        {f"observations.policy.{name}.scale": scale for name, scale in scales.items()}
    )
    contract = PolicyContract.of(config)
    assert [term.scale for term in contract.observation_terms] == FrameTerms(
        config.observations.policy, XBOT_L
    ).scales
    assert [term.scale for term in contract.observation_terms] == [1.0, 1.5, 1.0, 1.0, 0.25, 1.0, 1.0, 1.0]


HEIGHTS = CurrentTerm("heights", 6, 2.0, {"x": [0.0, 0.2], "y": [-0.1, 0.0, 0.1]}, {"noise": 0.02})


def test_terms_that_do_not_stack_are_named_apart() -> None:
    """Their number of entries counts once, what they take to be read must match, their noise need not."""
    contract = dataclasses.replace(V0, current_terms=(HEIGHTS,))
    assert contract.observation_size == 705 + 6
    assert PolicyContract.from_json(contract.to_json()) == contract
    calm = dataclasses.replace(V0, current_terms=(dataclasses.replace(HEIGHTS, noise={}),))
    contract.require_match(calm, "This policy")
    nearer = dataclasses.replace(HEIGHTS, reading={"x": [0.0, 0.1]})
    with pytest.raises(
        UserError, match=r"its current_terms\[0\] is \('heights', 6, 2.0, .*0.2\].* is .*0.1\]"
    ):
        contract.require_match(dataclasses.replace(V0, current_terms=(nearer,)), "This policy")
    clock = dataclasses.replace(HEIGHTS, name="clock")
    with pytest.raises(UserError, match="current_terms must be terms that differ, also from observation_t"):
        dataclasses.replace(V0, current_terms=(clock,))
    with pytest.raises(UserError, match=r"has no such observation.* it has no 'heights'"):
        contracted_task(dataclasses.replace(contract, task=None))


# As text


@pytest.mark.parametrize("contract", [V0, FAST], ids=["v0", "fast"])
def test_json_round_trip(contract: PolicyContract) -> None:
    assert PolicyContract.from_json(contract.to_json()) == contract
    content = json.loads(contract.to_json())
    assert content.pop("sha256") == contract.sha256
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == contract.sha256


def of_version(version: int) -> Dict[str, Any]:
    """V0's content as earlier versions had it. Version 1 had no engine, 2 one scale for all actions and no
    armature, 3 fields for the three commands' ranges, 4 no current terms."""
    named = PolicyContract.of(preset("v0"), engine="isaacgym")
    content = json.loads(dataclasses.replace(named, version=version).to_json())
    del content["sha256"], content["current_terms"]
    if version == 4:
        return content
    del content["commands"]
    content.update(command_lin_vel_x=[-0.3, 0.6], command_lin_vel_y=[-0.3, 0.3], command_yaw_rate=[-1.0, 1.0])
    if version < 3:
        content["action_scale"] = 0.25
        del content["armature"]
    if version < 2:
        del content["engine"]
    return content


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_contracts_of_earlier_versions(version: int) -> None:
    read = PolicyContract.from_json(signed(of_version(version)))
    assert read == V0
    assert (read.engine, read.version) == (None if version == 1 else "isaacgym", 5)
    assert read.armature == (V0.armature if version >= 3 else (None,) * 12)


def test_earlier_versions_are_checked_like_any_other() -> None:
    content = of_version(3)
    del content["command_lin_vel_y"]
    with pytest.raises(UserError, match=r"PolicyContract has no field 'command_lin_vel_x'"):
        PolicyContract.from_json(signed(content))
    content = {**of_version(3), "command_yaw_rate": [0.5, -0.5]}
    with pytest.raises(UserError, match=r"Command\.range.* must be .*; got "):
        PolicyContract.from_json(signed(content))
    content = of_version(2)
    with pytest.raises(UserError, match=r"PolicyContract\.action_scale.* must be"):
        PolicyContract.from_json(signed({**content, "action_scale": "0.25"}))


def test_robots_have_their_own_scales_of_actions() -> None:
    joints = list(XBOT_L.joints)
    joints[3] = dataclasses.replace(joints[3], action_scale=0.4, armature=None)
    contract = PolicyContract.of(preset("v0"), dataclasses.replace(XBOT_L, joints=tuple(joints)))
    assert contract.action_scale == (*[0.25] * 3, 0.4, *[0.25] * 8)
    assert contract.armature[2:4] == (0.01, None)
    assert contracted_task(contract).actions.scale == 0.25


def test_the_engine_is_known_and_makes_no_other_contract() -> None:
    named = PolicyContract.of(preset("v0"), engine="isaacgym")
    assert PolicyContract.from_json(named.to_json()).engine == "isaacgym"
    assert named == V0
    assert named.sha256 != V0.sha256
    named.require_match(V0, "This policy")


def test_the_fingerprint_tells_trainings_apart() -> None:
    other = preset("v0").replace({"commands.resample_period": 9.0})
    assert PolicyContract.of(other).config_sha256 != V0.config_sha256
    assert PolicyContract.of(other) == dataclasses.replace(
        V0, config_sha256=PolicyContract.of(other).config_sha256
    )


def content_with(**changes: Any) -> str:
    """V0's JSON with other content under the same fingerprint."""
    return json.dumps({**json.loads(V0.to_json()), **changes})


def signed(content: dict) -> str:
    """JSON with the right fingerprint, whatever the content."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return json.dumps({**content, "sha256": hashlib.sha256(text.encode()).hexdigest()})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (content_with(action_clip=0.5), "mine.json was changed: its content is not what its sha256 says"),
        (content_with(joint_names=list(XBOT_L.joint_names)[::-1]), "mine.json was changed"),
        (content_with(extra=1), "mine.json was changed"),
        (content_with(version=6), "mine.json is a policy contract of version 6; this code reads 1 to 5"),
        (
            signed({"version": 1, "extra": 1}),
            "mine.json: PolicyContract has no field 'extra'",
        ),
        ('{"robot": "xbot_l"}', "mine.json is no policy contract: it has no sha256 or no version"),
        ("[1, 2]", "mine.json is no policy contract"),
        ("{", "mine.json is no policy contract: it is not JSON"),
    ],
    ids=["changed", "reordered", "added to", "version", "other fields", "no sha256", "a list", "no JSON"],
)
def test_other_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PolicyContract.from_json(text, "mine.json")


NUMBER, INTEGER = [math.nan, math.inf, "0.5", None, True, [1.0]], [0, -1, 2.5, 10**9, "10", None]
JOINTS = [(1.0,) * 11, (1.0,) * 11 + (math.nan,), ("1",) * 12, 1.0, None]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("robot", [1, None]),
        ("joint_names", [(), V0.joint_names[:1] * 12, "left", [1] * 12]),
        ("default_joint_pos", JOINTS),
        ("stiffness", [*JOINTS, (-1.0,) * 12]),
        ("damping", [*JOINTS, (-1.0,) * 12]),
        ("torque_limit", [*JOINTS, (0.0,) * 12, (-1.0,) * 12]),
        ("action_scale", [*JOINTS, (0.0,) * 12, (-0.25,) * 12]),
        ("armature", [*JOINTS[:3], (-0.1,) * 12]),
        ("action_clip", [*NUMBER, 0.0]),
        ("timestep", [*NUMBER, 0.0, -0.001, 2.0]),
        ("decimation", INTEGER),
        ("implicit_damping", ["no", 0, None]),
        ("clock_period", [*NUMBER, 0.0]),
        ("observation_terms", [(), V0.observation_terms[:1] * 2, "frames", 3]),
        ("observation_history", [-1, *INTEGER]),
        ("observation_order", ["newest_first", None]),
        ("observation_clip", [*NUMBER, 0.0]),
        ("commands", ["vx", 3, None, V0.commands[:1] * 2]),
        ("config_sha256", [1, None]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nonsense_is_refused(field: str, values: List[Any]) -> None:
    for value in values:
        with pytest.raises(UserError, match=rf"PolicyContract\.{field}.* must be .*; got "):
            dataclasses.replace(V0, **{field: value})
        content = {name: item for name, item in json.loads(V0.to_json()).items() if name != "sha256"}
        with pytest.raises(UserError, match=rf"mine\.json: .*{field}"):
            PolicyContract.from_json(signed({**content, field: to_plain(value)}), "mine.json")


@pytest.mark.parametrize("bounds", [(1.0, -1.0), (0.0, math.nan), (0.0,), 0.5])
def test_a_range_of_commands_that_is_none(bounds: Any) -> None:
    with pytest.raises(UserError, match=r"Command\.range.* must be .*; got "):
        dataclasses.replace(V0.commands[0], range=bounds)
    content = {name: item for name, item in json.loads(V0.to_json()).items() if name != "sha256"}
    content["commands"][0]["range"] = to_plain(bounds)
    with pytest.raises(UserError, match=r"mine\.json: .*range"):
        PolicyContract.from_json(signed(content), "mine.json")


# What must match


def test_a_policy_may_act_where_only_training_differed() -> None:
    V0.require_match(FAST, "This policy")  # 5 ms × 2 instead of 1 ms × 10, other commands


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"current_terms": (HEIGHTS,)}, r"its current_terms is \(\), the environment's is \(CurrentTerm"),
        ({"robot": "other"}, "This policy does not fit this environment: its robot is xbot_l, .* is other"),
        ({"joint_names": V0.joint_names[::-1]}, "its joint_names"),
        ({"stiffness": (100.0,) * 12}, "its stiffness"),
        ({"observation_history": 3}, "its observation_history is 15, the environment's is 3"),
        ({"observation_terms": V0.observation_terms[1:]}, "its observation_terms"),
        ({"action_scale": (0.5,) * 12}, "its action_scale"),
        ({"clock_period": 0.8}, "its clock_period"),
        ({"commands": V0.commands[:2]}, "its commands is .*yaw_rate"),
        ({"commands": V0.commands[::-1]}, r"its commands\[0\] is .*vx.*, the environment's is .*yaw_rate"),
        ({"decimation": 20}, "its policy period is 0.01, the environment's is 0.02"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_must_match(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        V0.require_match(dataclasses.replace(V0, **changes), "This policy")


# Back to a task


@pytest.mark.parametrize("name", ["v0", "fast"])
def test_task_of_a_contract(name: str) -> None:
    contract = PolicyContract.of(preset(name))
    task = contracted_task(contract)
    again = PolicyContract.of(task)
    assert again == dataclasses.replace(contract, config_sha256=again.config_sha256)


def test_task_of_unusual_numbers() -> None:
    config = VelocityConfig().replace(
        {
            "observations.clip": 5.0,
            "observations.policy.history": 3,
            "observations.policy.command_lin_vel.scale": 1.0,
            "observations.policy.joint_vel.scale": 0.1,
        },
        physics=PhysicsConfig(timestep=0.002, decimation=10),
    )
    task = contracted_task(PolicyContract.of(config))
    assert task.observations == config.observations
    assert task.physics == config.physics


def test_there_is_no_task_with_other_observations() -> None:
    contract = dataclasses.replace(V0, observation_terms=V0.observation_terms[::-1], task=None)
    with pytest.raises(ValueError, match="The velocity task has no such observation"):
        contracted_task(contract)


def test_there_is_no_task_with_other_commands() -> None:
    commands = *V0.commands[:2], Command("height", "m", (0.5, 1.0))
    contract = dataclasses.replace(V0, commands=commands, task=None)
    with pytest.raises(ValueError, match=r"is told \(vx, vy, height\), not \(vx, vy, yaw_rate\)"):
        contracted_task(contract)


def test_contracts_hold_the_task_that_the_velocity_task_cannot_be() -> None:
    contract = PolicyContract.of(preset("stand"))
    assert contracted_task(PolicyContract.from_json(contract.to_json())) == preset("stand")
    assert [command.name for command in contract.commands] == ["height", "pitch", "lift"]
    with pytest.raises(MissingPlugIn, match=r"there is no TaskConfig of class 'far_away\.Task'"):
        contracted_task(dataclasses.replace(contract, task={"class": "far_away.Task"}))


def test_tasks_on_flat_ground_have_the_fingerprint_that_they_had_before_there_was_terrain() -> None:
    assert "terrain" not in (V0.task or {})
    rough = PolicyContract.of(preset("v0").replace(terrain=TerrainConfig()))
    assert rough.config_sha256 != V0.config_sha256
    assert restored_task(rough.task) == preset("v0").replace(terrain=TerrainConfig())
