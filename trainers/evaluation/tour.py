"""The tour: a minute from waypoint to waypoint, with a punch on the way to each."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass, field
from typing import List, Optional, Tuple

import torch
from torch import Tensor
from typing_extensions import Annotated

from humanoid_envs.configs import Config, Count, Index, NonNegative, Positive, Range
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.measures import FORCE, LENGTH, RATE, SPEED, TIME, Columns
from humanoid_envs.robots import AnyRobot, Robot
from humanoid_envs.rotations import heading, wrap_angle
from humanoid_envs.simulators.simulator import SimState
from humanoid_envs.tasks import AnyConfig, TaskConfig
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.evaluation.env import DomainRandomization, evaluation_env, measured_task, robot_for
from trainers.evaluation.intervals import Estimate, mean_estimate, share_estimate
from trainers.evaluation.metrics import mechanical_power
from trainers.evaluation.rollout import Policy, Progress, no_progress, rollout
from trainers.given_configs import Given, config_of

Pose = Tuple[float, float, float]
"""x, y (m), yaw (rad)."""

LEGS: Tuple[Pose, ...] = (
    (1.8, 0.0, 0.0),
    (1.6, 0.4, math.pi / 4),
    (1.6, 0.0, 0.0),
    (1.5, -0.4, -math.pi / 4),
    (0.0, 0.8, 0.0),
    (1.8, 0.0, 0.0),
    (1.2, 0.6, math.pi / 3),
    (-0.8, 0.0, 0.0),
    (0.0, 0.0, -math.pi / 3),
    (1.6, -0.4, -math.pi / 6),
    (0.0, -0.8, 0.0),
    (1.8, 0.0, 0.0),
)
"""Each waypoint as seen from the one before: ahead, to the left, turned by. Straights, curves, sidesteps, a
step back and a turn on the spot."""


@dataclass(frozen=True)
class TourConfig(Config):
    """The course, its pace, the punches and the controller that follows the course."""

    legs: Annotated[Tuple[Pose, ...], Columns((SPEED, SPEED, None))] = LEGS
    leg_seconds: Positive = 5.0
    """Time for each leg; at its end the robot is to be at the waypoint."""
    runs: Count = 256
    punch: Annotated[Range, FORCE] = (0.0, 600.0)
    """Force of a punch, drawn evenly, N."""
    punch_seconds: Annotated[NonNegative, TIME] = 0.08
    """Duration of a punch, s."""
    punch_time: Range = (0.5, 3.5)
    """A punch begins so long after its leg, drawn evenly, s."""
    reach: Annotated[Positive, LENGTH] = 0.5
    """A robot that is farther from a waypoint when it is due has missed it, m."""
    position_gain: NonNegative = 1.0
    """Commanded speed per distance to the waypoint, 1/s."""
    yaw_gain: NonNegative = 1.0
    """Commanded yaw rate per angle to its yaw, 1/s."""
    lin_vel_x: Annotated[Range, SPEED] = (-0.3, 0.6)
    """Bounds on the commands: those of the release's task; m/s."""
    lin_vel_y: Annotated[Range, SPEED] = (-0.3, 0.3)
    yaw_rate: Annotated[Range, RATE] = (-0.5, 0.5)
    randomization: DomainRandomization = field(default_factory=DomainRandomization)
    seed: Index = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.punch_time[1] + self.punch_seconds >= self.leg_seconds:
            raise UserError(
                f"A punch must end within its leg: TourConfig.punch_time {self.punch_time} and punch_seconds "
                f"{self.punch_seconds} do not fit into leg_seconds {self.leg_seconds}."
            )

    @property
    def seconds(self) -> float:
        return self.leg_seconds * len(self.legs)

    def env_steps(self, task: TaskConfig) -> int:
        """Env-steps of all runs."""
        return self.runs * task.steps(self.seconds)

    def waypoints(self) -> Tuple[Pose, ...]:
        """The legs' ends in the world, from a start at the origin facing along x."""
        x, y, yaw, found = 0.0, 0.0, 0.0, []
        for ahead, left, turn in self.legs:
            x += ahead * math.cos(yaw) - left * math.sin(yaw)
            y += ahead * math.sin(yaw) + left * math.cos(yaw)
            yaw += turn
            found.append((x, y, yaw))
        return tuple(found)


@dataclass(frozen=True)
class PunchGroup:
    """Punches of one kind: of a range of forces, or on one link."""

    name: str
    forces: Range
    """N"""
    survived: Estimate
    """Share of punches after which the robot stands until the next, or to the end of the tour."""


@dataclass(frozen=True)
class Track:
    """One run, for a map."""

    positions: Tuple[Tuple[float, float], ...]
    """x, y of the base five times a second until it falls, m."""
    punches: Tuple[Tuple[float, float, float], ...]
    """x, y where punches hit the standing robot, and their force, N."""
    fell: bool


@dataclass(frozen=True)
class Tour:
    """What came of all runs."""

    simulator: str
    config: TourConfig
    waypoints: Tuple[Pose, ...]
    completed: Estimate
    """Share of runs without a fall that had every waypoint within reach when it was due."""
    survived: Estimate
    """Share of runs without a fall."""
    position_error: Estimate
    """Distance to a waypoint when it is due, mean over a run's waypoints up to a fall, m."""
    yaw_error: Estimate
    """Angle to its yaw, likewise, rad."""
    position_error_at: Tuple[Estimate, ...]
    """At each waypoint, m."""
    energy: Estimate
    """Absolute mechanical work of all joints in a completed run, J."""
    by_strength: Tuple[PunchGroup, ...]
    by_link: Tuple[PunchGroup, ...]
    tracks: Tuple[Track, ...]
    wall_seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class _Punches:
    """One for each run and leg, (N, legs)."""

    force: Tensor
    """(N, legs, 3) N, world frame."""
    link: Tensor
    """Link that is hit: 0 is the base, 1 + j the one that joint j moves."""
    begin: Tensor
    """First policy step of it."""


_FORCES = 4
"""Ranges of force in `Tour.by_strength`."""
_TRACKS = 12
_TRACK_RATE = 5.0


def walk_tour(
    policy: Policy,
    task: AnyConfig,
    *,
    simulator: str = "mujoco",
    config: Optional[Given[TourConfig]] = None,
    robot: Optional[AnyRobot] = None,
    progress: Progress = no_progress,
) -> Tour:
    """Send robots on the tour, all at once, each with its own punches. See `docs/sim2sim.md`.

    robot: see `robot_for`.
    """
    config, robot = config_of(TourConfig, config), robot_for(policy, robot)
    start, cpu_start = time.perf_counter(), time.process_time()
    task = measured_task(task, robot)
    env = evaluation_env(
        task,
        config.runs,
        config.seconds,
        simulator=simulator,
        randomization=config.randomization,
        robot=robot,
    )
    log = _Log(env, config)
    env.set_command((0.0, 0.0, 0.0))
    for now in rollout(env, policy, config.seconds, seed=config.seed, progress=progress):
        log.add(now.step, now.state, now.standing)
        leg = (now.step + 1) // log.leg_steps
        if leg < len(config.legs):
            env.set_command(command_towards(now.state, config.waypoints()[leg], config))
            log.apply_punches(now.step + 1, leg)
    env.close()
    return dataclasses.replace(
        log.result(simulator),
        wall_seconds=time.perf_counter() - start,
        cpu_seconds=time.process_time() - cpu_start,
    )


def command_towards(state: SimState, waypoint: Pose, config: TourConfig) -> Tensor:
    """(N, 3) velocity command that leads to a pose: proportional to the distance in the robot's frame, and to
    the angle, within bounds."""
    yaw = heading(state.base_quat)
    away = torch.tensor(waypoint[:2], device=yaw.device) - state.base_pos[:, :2]
    ahead = away[:, 0] * yaw.cos() + away[:, 1] * yaw.sin()
    left = away[:, 1] * yaw.cos() - away[:, 0] * yaw.sin()
    wanted = (
        (config.position_gain * ahead).clamp(*config.lin_vel_x),
        (config.position_gain * left).clamp(*config.lin_vel_y),
        (config.yaw_gain * wrap_angle(waypoint[2] - yaw)).clamp(*config.yaw_rate),
    )
    return torch.stack(wanted, dim=1)


def draw_punches(config: TourConfig, robot: Robot, policy_period: float) -> _Punches:
    """The same on every simulator. Directions are even over the sphere."""
    generator = torch.Generator().manual_seed(config.seed)
    shape = (config.runs, len(config.legs))

    def between(bounds: Range) -> Tensor:
        return bounds[0] + (bounds[1] - bounds[0]) * torch.rand(shape, generator=generator)

    direction = torch.nn.functional.normalize(torch.randn(*shape, 3, generator=generator), dim=-1)
    link = torch.randint(1 + robot.num_joints, shape, generator=generator)
    leg_start = config.leg_seconds * torch.arange(len(config.legs))
    begin = ((leg_start + between(config.punch_time)) / policy_period).round().long()
    return _Punches(between(config.punch)[..., None] * direction, link, begin)


class _Log:
    """What happened on the way."""

    def __init__(self, env: HumanoidVectorEnv, config: TourConfig) -> None:
        self._env, self._config = env, config
        period, legs = env.config.policy_period, len(config.legs)
        self.leg_steps = env.config.steps(config.leg_seconds)
        self._punch_steps = env.config.steps(config.punch_seconds)
        self._punches = draw_punches(config, env.simulator.robot, period)
        self._on_device = _Punches(*(value.to(env.device) for value in vars(self._punches).values()))
        self._forces = torch.zeros(config.runs, 1 + env.simulator.robot.num_joints, 3, device=env.device)
        self._everyone = torch.arange(config.runs, device=env.device)
        self._pushing = False
        self._track_every = round(1.0 / (_TRACK_RATE * period))
        self._standing = torch.ones(config.runs, dtype=torch.bool)
        self._errors: List[Tensor] = []  # (N, 2) position and yaw, NaN after a fall
        self._energy = torch.zeros(config.runs, device=env.device)
        self._fell_at = torch.full((config.runs,), torch.iinfo(torch.int64).max)
        self._track: List[Tensor] = []
        self._hit_at = torch.full((config.runs, legs, 2), float("nan"), device=env.device)

    def add(self, step: int, state: SimState, standing: Tensor) -> None:
        """Take a step into account."""
        self._energy += mechanical_power(state) * self._env.config.policy_period * standing
        on_cpu = standing.cpu()
        self._fell_at[self._standing & ~on_cpu] = step
        self._standing = on_cpu
        if step % self._track_every == 0:
            self._track.append(state.base_pos[:_TRACKS, :2].cpu().clone())
        if (step + 1) % self.leg_steps == 0:
            x, y, yaw = self._config.waypoints()[step // self.leg_steps]
            distance = (state.base_pos[:, :2].cpu() - torch.tensor([x, y])).norm(dim=1)
            turned = wrap_angle(heading(state.base_quat).cpu() - yaw).abs()
            errors = torch.stack([distance, turned], dim=1)
            self._errors.append(torch.where(on_cpu[:, None], errors, float("nan")))

    def apply_punches(self, step: int, leg: int) -> None:
        """Set the forces of the coming step."""
        begin = self._on_device.begin[:, leg]
        active = (begin <= step) & (step < begin + self._punch_steps)
        self._hit_at[:, leg] = torch.where(
            (begin == step)[:, None], self._env.simulator.state.base_pos[:, :2], self._hit_at[:, leg]
        )
        any_active = bool(active.any())
        if any_active or self._pushing:
            force = self._on_device.force[:, leg] * active[:, None]
            self._forces.zero_()
            self._forces[self._everyone, self._on_device.link[:, leg]] = force
            self._env.simulator.apply_forces(self._forces)
        self._pushing = any_active

    def result(self, simulator: str) -> Tour:
        config = self._config
        errors = torch.stack(self._errors, dim=1)  # (N, legs, 2)
        arrived = (errors[..., 0] <= config.reach).all(dim=1)  # NaN is never
        runs = config.runs
        return Tour(
            simulator=simulator,
            config=config,
            waypoints=config.waypoints(),
            completed=share_estimate(int((arrived & self._standing).sum()), runs),
            survived=share_estimate(int(self._standing.sum()), runs),
            position_error=mean_estimate(errors[..., 0].nanmean(dim=1)),
            yaw_error=mean_estimate(errors[..., 1].nanmean(dim=1)),
            position_error_at=tuple(mean_estimate(column) for column in errors[..., 0].unbind(dim=1)),
            energy=mean_estimate(self._energy.cpu()[arrived & self._standing]),
            by_strength=self._by_strength(),
            by_link=self._by_link(),
            tracks=tuple(self._track_of(run) for run in range(min(_TRACKS, runs))),
            wall_seconds=0.0,
            cpu_seconds=0.0,
        )

    def _survival(self) -> Tuple[Tensor, Tensor]:
        """(N, legs) bool: the punch hit a standing robot; and it stood until the next, or to the end."""
        begin = self._punches.begin
        until = torch.cat([begin[:, 1:], torch.full_like(begin[:, :1], torch.iinfo(torch.int64).max)], dim=1)
        fell = self._fell_at[:, None]
        return fell >= begin, fell >= until

    def _group(self, name: str, forces: Range, chosen: Tensor) -> PunchGroup:
        hit, survived = (punches & chosen for punches in self._survival())
        return PunchGroup(name, forces, share_estimate(int(survived.sum()), int(hit.sum())))

    def _by_strength(self) -> Tuple[PunchGroup, ...]:
        force, (least, most) = self._punches.force.norm(dim=-1), self._config.punch
        bounds = [least + (most - least) * i / _FORCES for i in range(_FORCES + 1)]
        return tuple(
            self._group(f"{low:g}–{high:g} N", (low, high), (force >= low) & (force <= high))
            for low, high in zip(bounds, bounds[1:])
        )

    def _by_link(self) -> Tuple[PunchGroup, ...]:
        robot = self._env.simulator.robot
        names = [robot.base_body, *(f"link of {name}" for name in robot.joint_names)]
        forces = self._config.punch
        return tuple(self._group(name, forces, self._punches.link == i) for i, name in enumerate(names))

    def _track_of(self, run: int) -> Track:
        fell_at = int(self._fell_at[run])
        positions = [
            track[run].tolist() for i, track in enumerate(self._track) if i * self._track_every < fell_at
        ]
        force = self._punches.force[run].norm(dim=-1)
        punches = [
            (*self._hit_at[run, leg].tolist(), float(force[leg]))
            for leg in range(len(self._config.legs))
            if int(self._punches.begin[run, leg]) <= fell_at
        ]
        return Track(
            positions=tuple((x, y) for x, y in positions),
            punches=tuple((x, y, newton) for x, y, newton in punches),
            fell=not bool(self._standing[run]),
        )
