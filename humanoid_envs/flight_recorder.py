"""The last second of all robots, kept for finding out what went wrong, and the file that it is written to."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from humanoid_envs import plugins
from humanoid_envs.errors import UserError
from humanoid_envs.files import replacing
from humanoid_envs.robots import Robot, restored_robot
from humanoid_envs.simulators.simulator import PhysicsParameters, Simulator
from humanoid_envs.tasks import TaskConfig, restored_task
from humanoid_envs.tasks.memory import TaskMemory

_FORMAT, _VERSION = "humanoid_envs.dump", 1
_MOST_ROBOTS = 16
_EMPTY = -1.0


@dataclass(frozen=True)
class Record:
    """How K robots stood at the beginnings of T policy steps, oldest first. World frame, float32."""

    base_pos: Tensor
    """(T, K, 3) m."""
    base_quat: Tensor
    """(T, K, 4) wxyz."""
    base_velocity: Tensor
    """(T, K, 6) linear (m/s) and angular (rad/s), as the simulator shows it."""
    pushed_velocity: Tensor
    """(T, K, 6) the same after the push, where one hit just then."""
    joint_pos: Tensor
    """(T, K, J) rad."""
    joint_vel: Tensor
    """(T, K, J) rad/s."""
    joint_targets: Tensor
    """(T, K, J) rad: those of the step that led here."""
    action: Tensor
    """(T, K, J) as it was given in this state. In the last row the latest one given: that of the row before
    once more, unless it was refused, and 0 after a reset."""
    steps_played: Tensor
    """(T, K, 1) since the episode's start. Where it is not one more than in the row before, the robot was put
    here by a reset after the step that the targets are of."""

    @property
    def follows(self) -> Tensor:
        """(T, K) bool: the state came from that of the row before by one step."""
        played = self.steps_played[..., 0]
        first = torch.zeros_like(played[:1], dtype=torch.bool)
        return torch.cat([first, played[1:] == played[:-1] + 1.0])

    def finite(self) -> Tensor:
        """(T, K) bool: everything is, actions and targets included."""
        return torch.stack([value.isfinite().all(-1) for value in vars(self).values()]).all(0)


def _widths(num_joints: int) -> Dict[str, int]:
    sizes = (3, 4, 6, 6, num_joints, num_joints, num_joints, num_joints, 1)
    return dict(zip((field.name for field in dataclasses.fields(Record)), sizes))


@dataclass(frozen=True)
class Dump:
    """The last second of some robots and what it takes to simulate it again."""

    reason: str
    seed: Optional[int]
    """That of the last `reset(seed=…)` of the environment, None if there was none."""
    clock: int
    """Policy steps from the last full reset to the last row of the record."""
    engine: str
    """The simulator's class."""
    robot: Robot
    task: TaskConfig
    envs: List[int]
    """(K) which of the environment's robots."""
    parameters: PhysicsParameters
    """(K, …) on the CPU."""
    record: Record

    def write(self, path: Union[str, Path]) -> None:
        """Write a file of tensors and plain values, whole or not at all.

        Raises:
            StorageError: it cannot be written.
        """
        buffer = io.BytesIO()
        content = {
            **vars(self),
            **plugins.record(),
            "format": _FORMAT,
            "version": _VERSION,
            "robot": self.robot.plain(),
            "task": self.task.plain(),
            "parameters": dict(vars(self.parameters)),
            "record": dict(vars(self.record)),
        }
        torch.save(content, buffer)
        with replacing(path) as temporary:
            temporary.write_bytes(buffer.getbuffer())

    @classmethod
    def read(cls, path: Union[str, Path]) -> Dump:
        """The dump in a file.

        Raises:
            FileNotFoundError: there is none.
            UserError: it is damaged, or something else.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"There is no dump {path}.")
        try:
            with zipfile.ZipFile(path) as archive:
                intact = archive.testzip() is None  # torch does not look at the checksums in it
            content = torch.load(str(path), map_location="cpu", weights_only=True) if intact else None
        except Exception as error:
            raise UserError(f"{path} cannot be read as a dump: it is damaged, or something else.") from error
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise UserError(f"{path} is damaged or no dump; env.write_dump(path) writes one.")
        if content.get("version") != _VERSION:
            raise UserError(
                f"{path} is a dump of version {content.get('version')}; this code reads version {_VERSION}."
            )
        try:
            with plugins.naming_missing(content.get("plugins")):
                return cls._of(content, path)
        except (KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path} is no dump: {error!r:.200}.") from error

    @classmethod
    def _of(cls, content: Dict[str, Any], path: Path) -> Dump:
        robot = restored_robot(content["robot"], str(path))
        record = Record(**content["record"])
        steps, robots, joints = len(record.base_pos), len(content["envs"]), robot.num_joints
        earlier = {"base_com": torch.zeros(robots, 3)}  # of dumps from before it could be another
        parameters = PhysicsParameters(**{**earlier, **content["parameters"]})
        for name, width in _widths(joints).items():
            _require_shape(getattr(record, name), (steps, robots, width), name, path)
        for name, value in vars(parameters).items():
            row = {"foot_friction": (), "base_mass": (), "base_com": (3,)}.get(name, (joints,))
            _require_shape(value, (robots, *row), name, path)
        names = ("reason", "seed", "clock", "engine", "envs")
        return cls(
            **{name: content[name] for name in names},
            robot=robot,
            task=restored_task(content["task"], str(path)),
            parameters=parameters,
            record=record,
        )


class FlightRecorder:
    """Notes each step of all robots, and forgets what is older than its length.

    steps: its length. Takes 272 bytes for each robot and step of XBot-L. fused: fuses the operations of a
    function of tensors, or leaves it as it is.
    """

    def __init__(
        self,
        simulator: Simulator,
        steps: int,
        fused: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda function: function,
    ) -> None:
        self._simulator = simulator
        self._next_row = fused(self.next_row)
        self._split = list(_widths(simulator.robot.num_joints).values())
        self._ring = torch.zeros(steps, simulator.num_envs, sum(self._split), device=simulator.device)
        self._next = torch.zeros(1, dtype=torch.int64, device=simulator.device)
        self._at = 0
        self._by_host: Optional[List[List[Tensor]]] = None
        """Where the host counts the rows, for each the places of `_parts`: a third of the time. A CUDA graph
        finds its row by a number on the device."""
        if simulator.device.type == "cpu":
            lin_and_ang = [3, 3]
            split = [*self._split[:2], *lin_and_ang, *self._split[3:]]
            self._by_host = [list(row.split(split, dim=1)) for row in self._ring]
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._ring[:, :, -1].fill_(_EMPTY)

    def note(self, memory: TaskMemory, action: Tensor) -> None:
        """Call at the beginning of a step; may be part of a CUDA graph. action: (N, J), as given."""
        if self._by_host is None:
            row, following = self._next_row(memory, action, self._next)
            self._ring.index_copy_(0, self._next, row)
            self._next.copy_(following)
        else:
            _copy_each(self._by_host[self._at], self._parts(memory, action))
            self._at = (self._at + 1) % len(self._by_host)

    def next_row(self, memory: TaskMemory, action: Tensor, place: Tensor) -> Tuple[Tensor, Tensor]:
        """(1, N, K) what `note` writes at a place, () or (1,) int64, and the place after that."""
        return _row(self._parts(memory, action))[None], (place + 1) % len(self._ring)

    def dump(self, memory: TaskMemory, action: Tensor, first: Sequence[int], **about: Any) -> Dump:
        """What was noted, and how things stand now, of at most 16 robots.

        Args:
            first: those that must be among them; then come those with numbers that are not finite.
            about: reason, seed and task of the `Dump`.

        Raises:
            UserError: there is no such robot.
        """
        simulator, total = self._simulator, self._simulator.num_envs
        wrong = [env for env in first if not 0 <= env < total]
        if wrong:
            raise UserError(f"There is no env {wrong[0]} to dump: there are {total}, counted from 0.")
        oldest = int(self._next) if self._by_host is None else self._at
        rows = torch.cat([torch.roll(self._ring, -oldest, 0), _row(self._parts(memory, action))[None]])
        rows = rows[rows[:, 0, -1] != _EMPTY]
        sick = (~rows.isfinite()).any(dim=2).any(dim=0).nonzero()[:, 0].tolist()
        envs = list(dict.fromkeys([*map(int, first), *sick, *range(min(total, _MOST_ROBOTS))]))[:_MOST_ROBOTS]
        parts = rows[:, envs].cpu().split(self._split, dim=2)
        return Dump(
            clock=int(memory.clock),
            engine=type(simulator).__name__,
            robot=simulator.robot,
            envs=envs,
            parameters=PhysicsParameters(
                **{name: value[envs].cpu() for name, value in vars(simulator.parameters).items()}
            ),
            record=Record(*[part.clone() for part in parts]),
            **about,
        )

    def _parts(self, memory: TaskMemory, action: Tensor) -> List[Tensor]:
        """(N, …) in a row's order; integers are to become floats."""
        state = self._simulator.state
        return [
            state.base_pos,
            state.base_quat,
            state.base_lin_vel,
            state.base_ang_vel,
            memory.base_velocity,
            state.joint_pos,
            state.joint_vel,
            self._simulator.joint_targets,
            action,
            memory.steps_played[:, None],
        ]


def _row(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([*parts[:-1], parts[-1].to(parts[0].dtype)], dim=1)


def _copy_each(targets: List[Tensor], values: List[Tensor]) -> None:
    if hasattr(torch, "_foreach_copy_"):  # torch 2.1 and later
        torch._foreach_copy_(targets, values)  # pyright: ignore[reportPrivateImportUsage]
    else:
        for target, value in zip(targets, values):
            target.copy_(value)


def _require_shape(value: Tensor, shape: Sequence[int], name: str, path: Path) -> None:
    if not isinstance(value, Tensor) or tuple(value.shape) != tuple(shape) or value.dtype != torch.float32:
        raise UserError(f"{path} is no dump: its {name} is not float32 of shape {tuple(shape)}.")
