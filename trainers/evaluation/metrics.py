"""How robots walk, in numbers that add up while they walk: no trajectory is kept.

docs/sim2sim.md defines each number.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Callable, Dict, Iterable

import torch
from torch import Tensor

from humanoid_envs.errors import UserError
from humanoid_envs.robots.robot import GRAVITY
from humanoid_envs.simulators.simulator import SimState
from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.evaluation.intervals import Estimate, combined, mean_estimate, share_estimate
from trainers.evaluation.rollout import RolloutStep, planar_velocity

_SATURATED = 0.999
_LEAST_SPEED = 0.05
"""Robots that cover less ground have no cost of transport, m/s."""


@dataclass(frozen=True)
class PerAxis:
    """Forward and left in m/s, yaw rate in rad/s; body frame."""

    vx: Estimate
    vy: Estimate
    yaw_rate: Estimate


@dataclass(frozen=True)
class Metrics:
    """A group of rollouts. All but `survived` from when the robots have got going until they fall."""

    survived: Estimate
    """Share of rollouts without a fall."""
    velocity: PerAxis
    """Mean velocity."""
    error: PerAxis
    """Mean of velocity minus command."""
    abs_error: PerAxis
    """Mean of its magnitude, at each instant."""
    rms_error: PerAxis
    """Root of the mean of its square, at each instant."""
    cycle_abs_error: PerAxis
    """As `abs_error`, of the error averaged over each gait cycle."""
    cycle_rms_error: PerAxis
    """As `rms_error`, of the error averaged over each gait cycle."""
    drift: Estimate
    """Displacement over time when told to stand, m/s; no value with other commands."""
    torque: Estimate
    """Mean absolute joint torque, N·m."""
    saturation: Estimate
    """Share of joints and steps with the torque at its limit."""
    power: Estimate
    """Absolute mechanical power of all joints, W."""
    cost_of_transport: Estimate
    """Power over weight and speed; no value when told to stand, or below 0.05 m/s."""
    action_rate: Estimate
    """Change of a joint's target between two policy steps, mean magnitude, rad."""
    slip: Estimate
    """Horizontal speed of a foot in contact, m/s."""
    schedule: Estimate
    """Share of feet and steps in which contact is as the gait clock wants it."""


class WalkStatistics:
    """Sums over the steps in which a robot stands, on the simulator's device."""

    def __init__(self, env: HumanoidVectorEnv, command: Tensor, start_up: float) -> None:
        """command: (N, 3) that the robots are given. start_up: time at the start that does not count, s; at
        least one step, from whose end distances are measured."""
        self._env, self._command = env, command.to(env.device)
        self._first = max(1, env.config.steps(start_up))
        self._cycle_steps = env.config.steps(env.config.gait.period)
        self._sums: Dict[str, Tensor] = {}
        self._steps, self._cycles = (torch.zeros(env.num_envs, device=env.device) for _ in range(2))
        self._survived = torch.ones(env.num_envs, dtype=torch.bool, device=env.device)
        self._cycle_error = torch.zeros_like(self._command)
        self._start = self._cycle_start = self._end = torch.zeros(env.num_envs, 2, device=env.device)
        self._last_action = torch.zeros(env.num_envs, env.simulator.robot.num_joints, device=env.device)

    def add(self, now: RolloutStep) -> None:
        """Take a step into account; to be called after every one."""
        self._survived = now.standing
        if now.step >= self._first:
            self._add_step(now)
        elif now.step == self._first - 1:
            self._start, self._cycle_start, self._end = (now.state.base_pos[:, :2].clone() for _ in range(3))
        self._last_action = now.action

    def _add_step(self, now: RolloutStep) -> None:
        state, env, standing = now.state, self._env, now.standing
        position = state.base_pos[:, :2]
        self._end = torch.where(standing[:, None], position, self._end)
        self._steps += standing
        velocity = planar_velocity(state)
        error = velocity - self._command
        torque, limit = state.joint_torque.abs(), env.simulator.parameters.torque_limit
        self._sum("velocity", velocity, standing)
        self._sum("abs_error", error.abs(), standing)
        self._sum("square_error", error.square(), standing)
        self._sum("torque", torque.mean(dim=1), standing)
        self._sum("saturation", (torque >= _SATURATED * limit).float().mean(dim=1), standing)
        self._sum("power", mechanical_power(state), standing)
        change = (now.action - self._last_action).abs().mean(dim=1)
        self._sum("action_rate", env.config.actions.scale * change, standing)
        contact = state.feet_contact_force[..., 2] > env.config.feet.contact_force
        stance = env.config.gait.read(gait_phase(env, now.step), env.simulator.robot).stance.to(env.device)
        self._sum("contacts", contact.float().sum(dim=1), standing)
        self._sum("slip", (state.feet_vel[..., :2].norm(dim=-1) * contact).sum(dim=1), standing)
        self._sum("schedule", (contact == stance).float().mean(dim=1), standing)
        self._cycle_error += error
        if (now.step + 1 - self._first) % self._cycle_steps == 0:
            self._end_cycle(position, standing)

    def _end_cycle(self, position: Tensor, standing: Tensor) -> None:
        self._cycles += standing
        error = self._cycle_error / self._cycle_steps
        self._sum("cycle_abs_error", error.abs(), standing)
        self._sum("cycle_square_error", error.square(), standing)
        self._sum("distance", (position - self._cycle_start).norm(dim=1), standing)
        self._cycle_error.zero_()
        self._cycle_start = position.clone()

    def _sum(self, name: str, value: Tensor, standing: Tensor) -> None:
        weighted = value * (standing if value.dim() == 1 else standing[:, None])
        self._sums[name] = self._sums[name] + weighted if name in self._sums else weighted

    def per_rollout(self) -> RolloutTable:
        """What each robot did, on the CPU."""
        if not self._sums:
            raise UserError("Nothing was measured: the walk ended before its start-up time.")
        steps, cycles, period = self._steps, self._cycles, self._env.config.policy_period

        def mean(name: str, over: Tensor = steps) -> Tensor:
            total = self._sums.get(name, torch.full_like(steps, float("nan")))
            return total / (over if total.dim() == 1 else over[:, None])  # 0 / 0 is NaN: not measured

        speed = mean("distance", cycles) / (self._cycle_steps * period)
        robot = self._env.simulator.robot
        legs = robot.total_mass - robot.base_mass
        weight = GRAVITY * (self._env.simulator.parameters.base_mass + legs)
        cost = mean("power") / (weight * speed)
        wandered = (self._end - self._start).norm(dim=1) / (steps * period)
        told_to_stand = (self._command == 0.0).all(dim=1) & self._survived
        travels = self._command[:, :2].any(dim=1) & (speed >= _LEAST_SPEED)
        nothing = torch.full_like(steps, float("nan"))
        table = RolloutTable(
            survived=self._survived,
            velocity=mean("velocity"),
            error=mean("velocity") - self._command,
            abs_error=mean("abs_error"),
            rms_error=mean("square_error").sqrt(),
            cycle_abs_error=mean("cycle_abs_error", cycles),
            cycle_rms_error=mean("cycle_square_error", cycles).sqrt(),
            drift=torch.where(told_to_stand, wandered, nothing),
            torque=mean("torque"),
            saturation=mean("saturation"),
            power=mean("power"),
            cost_of_transport=torch.where(travels, cost, nothing),
            action_rate=mean("action_rate"),
            slip=mean("slip", self._sums["contacts"]),
            schedule=mean("schedule"),
        )
        return table.to_cpu()


@dataclass(frozen=True)
class RolloutTable:
    """The numbers of `Metrics` for each rollout, (N,) or (N, 3); NaN where nothing was measured."""

    survived: Tensor
    velocity: Tensor
    error: Tensor
    abs_error: Tensor
    rms_error: Tensor
    cycle_abs_error: Tensor
    cycle_rms_error: Tensor
    drift: Tensor
    torque: Tensor
    saturation: Tensor
    power: Tensor
    cost_of_transport: Tensor
    action_rate: Tensor
    slip: Tensor
    schedule: Tensor

    def to_cpu(self) -> RolloutTable:
        return RolloutTable(**{name: value.cpu() for name, value in vars(self).items()})

    def summarize(self, rows: slice) -> Metrics:
        """Estimates over some of the rollouts."""

        def estimate(name: str) -> object:
            values = getattr(self, name)[rows]
            if name == "survived":
                return share_estimate(int(values.sum()), len(values))
            if values.dim() == 1:
                return mean_estimate(values)
            return PerAxis(*(mean_estimate(column) for column in values.unbind(dim=1)))

        return _metrics(estimate)


def average(groups: Iterable[Metrics]) -> Metrics:
    """Over groups of rollouts that count the same; of `survived`, all rollouts together."""
    groups = list(groups)

    def estimate(name: str) -> object:
        parts = [getattr(group, name) for group in groups]
        if name == "survived":
            successes = sum(round((part.value or 0.0) * part.samples) for part in parts)
            return share_estimate(successes, sum(part.samples for part in parts))
        if isinstance(parts[0], Estimate):
            return combined(parts)
        axes = (field.name for field in fields(PerAxis))
        return PerAxis(*(combined(getattr(part, axis) for part in parts) for axis in axes))

    return _metrics(estimate)


def _metrics(estimate: Callable[[str], object]) -> Metrics:
    values = {field.name: estimate(field.name) for field in fields(Metrics)}
    return Metrics(**values)  # pyright: ignore[reportArgumentType]


def mechanical_power(state: SimState) -> Tensor:
    """(N,) Σ |torque · velocity| over the joints, W."""
    return (state.joint_torque * state.joint_vel).abs().sum(dim=1)


def gait_phase(env: HumanoidVectorEnv, step: int) -> Tensor:
    """(1,) gait cycles since the start, at the end of a walk's step; the same for all robots."""
    return env.config.gait.cycles(torch.tensor([step + 1]), env.config.policy_period)
