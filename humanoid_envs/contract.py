"""What one must know about a policy to run it anywhere: on another simulator, or on a robot."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

import annotated_types as limits
from typing_extensions import Annotated, Literal

from humanoid_envs.configs import (
    Config,
    Count,
    NonNegative,
    Number,
    PlainDict,
    Positive,
    Range,
    from_plain,
    to_plain,
)
from humanoid_envs.errors import UserError
from humanoid_envs.robots import XBOT_L, Robot
from humanoid_envs.tasks.config import TaskConfig

VERSION = 5

Size = Annotated[int, limits.Interval(ge=1, le=100_000)]
_JOINT_NUMBERS = ("default_joint_pos", "stiffness", "damping", "torque_limit", "armature", "action_scale")
_TRAINING_ONLY = (
    "timestep", "decimation", "implicit_damping", "armature", "config_sha256", "engine", "task",
)  # fmt: skip
"""What may differ between a policy and where it acts."""
_JOINT_TERMS = ("joint_pos", "joint_vel", "action")


@dataclass(frozen=True)
class ObservationTerm(Config):
    """One reading in a frame."""

    name: str
    """What is read, in SI units; docs/policies.md defines each."""
    size: Size
    """Number of entries."""
    scale: Number
    """Factor of the reading in the frame."""


@dataclass(frozen=True)
class CurrentTerm(ObservationTerm):
    """A reading behind the frames, as it is now."""

    reading: PlainDict = field(default_factory=dict)
    """What else it takes to read it: of a height scan its grid, frame and what heights are relative to."""
    noise: PlainDict = field(default_factory=dict, compare=False)
    """What training did to it. Terms that differ in it alone are equal."""


@dataclass(frozen=True)
class Command(Config):
    """A number that the policy is told."""

    name: str
    """`"vx"`, `"vy"`, `"yaw_rate"`: see docs/policies.md."""
    unit: str
    range: Range
    """What the policy was trained on."""
    neutral: Number = 0.0
    """What a robot does of it that stands as it is built to: zero but for heights and the like."""


@dataclass(frozen=True)
class PolicyContract(Config):
    """Everything that running a policy takes, but its weights. Joint-wise values are in the order of
    `joint_names`, which is that of observations and actions."""

    robot: str
    """Name of the robot."""
    joint_names: Tuple[str, ...]
    """Names of the joints in the model files."""
    default_joint_pos: Tuple[Number, ...]
    """Joint angles of a zero action, rad."""
    stiffness: Tuple[NonNegative, ...]
    """Proportional gains kp of the PD law, N·m/rad."""
    damping: Tuple[NonNegative, ...]
    """Derivative gains kd of the PD law, N·m·s/rad."""
    torque_limit: Tuple[Positive, ...]
    """Bounds on the PD law's torque in either direction, N·m."""
    action_scale: Tuple[Positive, ...]
    """Joint target per unit of action, rad: target = default_joint_pos + action_scale · action."""
    action_clip: Positive
    """Bound on an action's magnitude."""
    timestep: Annotated[float, limits.Interval(gt=0, le=1)]
    """Step of the physics and of the PD law in training, s."""
    decimation: Annotated[int, limits.Interval(ge=1, le=1000)]
    """Steps of the PD law per action: a new action is due every timestep · decimation seconds."""
    implicit_damping: bool
    """Whether the physics of the training treated the PD law's damping implicitly, as a step beyond 2 ms
    needs (MuJoCo's `implicitfast`)."""
    clock_period: Positive
    """Duration of a gait cycle, s; the clock starts with the episode."""
    observation_terms: Tuple[ObservationTerm, ...]
    """Terms of a frame in order."""
    observation_history: Size
    """Latest frames in an observation; those from before the start are zero."""
    observation_order: Literal["oldest_first"]
    """Order of the frames in an observation: `"oldest_first"`."""
    observation_clip: Positive
    """Bound on every entry of an observation. The frames are kept unclipped."""
    commands: Tuple[Command, ...]
    """What the policy is told, in the order of `run_policy.py --command`."""
    config_sha256: str
    """Fingerprint of the whole config of the task that the policy was trained on."""
    armature: Tuple[Optional[NonNegative], ...] = field(compare=False)
    """Inertia of the motors' rotors behind the gears, kg·m², for simulations: some oscillate without it. None
    is that of the model file. Contracts that differ in it alone are equal."""
    engine: Optional[str] = field(default=None, compare=False)
    """Physics engine that the policy was trained on, if known: `"mujoco_warp"`. Contracts that differ in it
    alone are equal."""
    task: Optional[PlainDict] = field(default=None, compare=False)
    """The whole task, for this project's own tools: see `TaskConfig.plain`. Robots need none of it. Contracts
    that differ in it alone are equal."""
    current_terms: Tuple[CurrentTerm, ...] = ()
    """Terms that do not stack: an observation has the frames and, once, behind them, these as they are now,
    in order."""
    version: Count = VERSION
    """Of this list of fields. Version 1 had no engine; version 2 one number as action_scale, for all joints,
    and no armature; version 3 the ranges of three commands in fields of their own; version 4 no
    `current_terms`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        names = self.joint_names
        self.require(len(names) > 0 and len(set(names)) == len(names), "joint_names", "names that differ")
        for name in _JOINT_NUMBERS:
            self.require(len(getattr(self, name)) == len(names), name, f"{len(names)} numbers, one a joint")
        terms, current = (
            [term.name for term in some] for some in (self.observation_terms, self.current_terms)
        )
        self.require(
            len(terms) > 0 and len(set(terms)) == len(terms), "observation_terms", "terms that differ"
        )
        different = len(set(terms + current)) == len(terms + current)
        self.require(different, "current_terms", "terms that differ, also from observation_terms")
        told = [command.name for command in self.commands]
        self.require(len(set(told)) == len(told), "commands", "numbers whose names differ")
        for term in self.observation_terms:
            self.require(
                term.name not in _JOINT_TERMS or term.size == len(names),
                "observation_terms",
                f"such that {term.name!r} has {len(names)} entries, one a joint",
            )

    @classmethod
    def of(cls, config: TaskConfig, robot: Robot = XBOT_L, engine: Optional[str] = None) -> PolicyContract:
        """The contract of a policy that is trained on this task with this robot."""
        o, told, task = config.observations, config.commands, config.plain(to_save=False)
        terms = o.policy.terms.items()
        return cls(
            robot=robot.name,
            joint_names=robot.joint_names,
            default_joint_pos=tuple(joint.default_pos for joint in robot.joints),
            stiffness=tuple(joint.stiffness for joint in robot.joints),
            damping=tuple(joint.damping for joint in robot.joints),
            torque_limit=tuple(joint.torque_limit for joint in robot.joints),
            action_scale=tuple(robot.action_scales(config.actions.scale)),
            action_clip=config.actions.clip,
            timestep=config.physics.timestep,
            decimation=config.physics.decimation,
            implicit_damping=config.physics.implicit_damping,
            clock_period=config.gait.period,
            observation_terms=tuple(
                ObservationTerm(name, term.size(robot), term.scale) for name, term in terms if term.stacked
            ),
            current_terms=tuple(
                CurrentTerm(name, term.size(robot), term.scale, term.reading(robot), term.noises())
                for name, term in terms
                if not term.stacked
            ),
            observation_history=o.policy.history,
            observation_order="oldest_first",
            observation_clip=o.clip,
            commands=tuple(map(Command, told.labels, told.units, told.ranges(), told.neutral(robot))),
            config_sha256=_sha256(task),
            armature=tuple(joint.armature for joint in robot.joints),
            engine=engine,
            task=task,
        )

    @property
    def policy_period(self) -> float:
        """Time between two actions, s."""
        return self.timestep * self.decimation

    @property
    def observation_size(self) -> int:
        """Entries of an observation."""
        frame, tail = (
            sum(term.size for term in some) for some in (self.observation_terms, self.current_terms)
        )
        return self.observation_history * frame + tail

    @property
    def action_size(self) -> int:
        """Entries of an action: one per joint."""
        return len(self.joint_names)

    @property
    def sha256(self) -> str:
        """Fingerprint of the content: sha256 of its JSON with sorted keys and no spaces."""
        return _sha256(to_plain(self))

    def to_json(self) -> str:
        """The contract as text, with its fingerprint."""
        return json.dumps({**to_plain(self), "sha256": self.sha256}, indent=2)

    @classmethod
    def from_json(cls, text: str, source: str = "This text") -> PolicyContract:
        """The contract that `to_json` wrote. source: where the text is from, for messages.

        Raises:
            ValueError: it is no contract, one of another version, or its content was changed.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{source} is no policy contract: it is not JSON ({error}).") from error
        if not isinstance(content, dict) or "sha256" not in content or "version" not in content:
            raise UserError(f"{source} is no policy contract: it has no sha256 or no version.")
        if content["version"] not in range(1, VERSION + 1):
            raise UserError(
                f"{source} is a policy contract of version {content['version']}; this code reads 1 to "
                f"{VERSION}."
            )
        if content.pop("sha256") != _sha256(content):
            raise UserError(
                f"{source} was changed: its content is not what its sha256 says. Export the policy again, "
                "from a config that says what you want."
            )
        return from_plain(cls, _upgraded(content), source)

    def require_match(self, env: PolicyContract, source: str) -> None:
        """Raise ValueError, naming the first difference, unless a policy with this contract can act where
        `env` is the contract. source: where the policy is from, for the message.

        The step of the physics may differ if the time between two actions does not, and so may the commands
        and whatever else only training is about.
        """
        mine, theirs = self._what_must_match(), env._what_must_match()
        for name, value in mine.items():
            if value != theirs[name]:
                what, own, other = _difference(name, value, theirs[name], self.joint_names)
                raise UserError(
                    f"{source} does not fit this environment: its {what} is {own}, the environment's is "
                    f"{other}."
                )

    def _what_must_match(self) -> Dict[str, Any]:
        values = {name: value for name, value in vars(self).items() if name not in _TRAINING_ONLY}
        told = tuple((command.name, command.unit) for command in self.commands)
        return {**values, "commands": told, "policy period": round(self.policy_period, 9)}


_EARLIER_COMMANDS = (
    ("command_lin_vel_x", "vx", "m/s"),
    ("command_lin_vel_y", "vy", "m/s"),
    ("command_yaw_rate", "yaw_rate", "rad/s"),
)


def _upgraded(content: Dict[str, Any]) -> Dict[str, Any]:
    """The content of a contract of any version as this one would have it."""
    names, scale = content.get("joint_names"), content.get("action_scale")
    if content["version"] < 3 and isinstance(names, list):
        content = {**content, "armature": [None] * len(names), "action_scale": [scale] * len(names)}
    if content["version"] < 4 and all(field in content for field, _, _ in _EARLIER_COMMANDS):
        content = dict(content)
        content["commands"] = [
            {"name": name, "unit": unit, "range": content.pop(field)}
            for field, name, unit in _EARLIER_COMMANDS
        ]
    return {"engine": None, **content, "version": VERSION}


def _difference(name: str, mine: Any, theirs: Any, joints: Tuple[str, ...]) -> Tuple[str, Any, Any]:
    """What differs, and both values: of lists of the same length the first entry that does."""
    if not isinstance(mine, tuple) or len(mine) != len(theirs):
        return name, mine, theirs
    index = next(i for i, (own, other) in enumerate(zip(mine, theirs)) if own != other)
    own, other = mine[index], theirs[index]
    if name in ("observation_terms", "current_terms"):
        mine, theirs = (
            tuple(value for field, value in vars(term).items() if field != "noise") for term in (own, other)
        )
        return f"{name}[{index}]", mine, theirs
    where = f"[{index}]" if name in ("joint_names", "commands") else f" of {joints[index]}"
    return f"{name}{where}", own, other


def _sha256(plain: Any) -> str:
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
