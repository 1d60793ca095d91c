"""How fast a policy follows a new command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple

import torch
from torch import Tensor
from typing_extensions import Annotated

from humanoid_envs.configs import Config, Count, Positive
from humanoid_envs.mdp.measures import VELOCITY_COMMAND
from humanoid_envs.robots import AnyRobot
from humanoid_envs.tasks import AnyConfig, TaskConfig, preset
from trainers.evaluation.env import DomainRandomization, evaluation_env, robot_for
from trainers.evaluation.rollout import Command, Policy, Progress, no_progress, planar_velocity, rollout
from trainers.given_configs import Given, config_of

STAND: Command = (0.0, 0.0, 0.0)

_SHOWN_BEFORE = 1.0
_REACHED = 0.9


@dataclass(frozen=True)
class StepConfig(Config):
    """Changes of the command, each made by a few robots at once."""

    steps: Annotated[Tuple[Tuple[Command, Command], ...], VELOCITY_COMMAND] = (
        (STAND, (0.5, 0.0, 0.0)),
        ((0.5, 0.0, 0.0), STAND),
        ((0.4, 0.0, 0.0), (-0.3, 0.0, 0.0)),
        (STAND, (0.0, 0.3, 0.0)),
        (STAND, (0.0, 0.0, 0.5)),
        ((0.4, 0.0, 0.0), (0.4, 0.0, 0.3)),
    )
    """Commands before and after."""
    robots: Count = 4
    """For each change."""
    before: Positive = 4.0
    """Time before the change, with the start of the walk, s."""
    after: Positive = 4.0
    """Time after it, s."""

    def env_steps(self, task: TaskConfig) -> int:
        """Env-steps of all."""
        return len(self.steps) * self.robots * task.steps(self.before + self.after)


@dataclass(frozen=True)
class StepResponse:
    """A change of the command at time 0."""

    before: Command
    after: Command
    survived: int
    robots: int
    """Robots that walked, of which the ones that never fell count."""
    time: Tuple[float, ...]
    """From the step, s."""
    velocity: Tuple[Tuple[float, ...], ...]
    """(T, 3) vx, vy (m/s), yaw rate (rad/s): mean over robots."""
    cycle_velocity: Tuple[Tuple[float, ...], ...]
    """(T, 3) the same, at each time averaged over the gait cycle around it."""
    rise_time: Optional[float]
    """Until the averaged velocity has gone 90 % of the commanded change, on the axis that changes most, s."""
    overshoot: Optional[float]
    """How far it goes beyond the command at most, as a share of the change; 0 if it stays below."""


def step_responses(
    policy: Policy,
    task: AnyConfig,
    *,
    config: Given[StepConfig],
    simulator: str,
    randomization: Given[DomainRandomization],
    seed: int = 0,
    robot: Optional[AnyRobot] = None,
    progress: Progress = no_progress,
) -> Tuple[StepResponse, ...]:
    """Change the commands of walking robots. robot: see `robot_for`."""
    task, config = preset(task), config_of(StepConfig, config)
    seconds, robots = config.before + config.after, config.robots
    robot = robot_for(policy, robot)
    env = evaluation_env(
        task,
        len(config.steps) * robots,
        seconds,
        simulator=simulator,
        randomization=randomization,
        robot=robot,
    )
    before, after = (torch.tensor(config.steps)[:, i].repeat_interleave(robots, dim=0) for i in range(2))
    env.set_command(before)
    change, shown = task.steps(config.before), task.steps(max(0.0, config.before - _SHOWN_BEFORE))
    velocities: List[Tensor] = []
    standing = torch.ones(env.num_envs, dtype=torch.bool)
    for now in rollout(env, policy, seconds, seed=seed, progress=progress):
        velocities.append(planar_velocity(now.state).cpu())
        standing = now.standing.cpu()
        if now.step + 1 == change:
            env.set_command(after)
    env.close()
    walked = torch.stack(velocities)  # (T, N, 3)
    cycle = _moving_mean(walked, task.steps(task.gait.period))
    time = (torch.arange(len(walked)) + 1 - change)[shown:] * task.policy_period
    responses = []
    for index, (told_before, told_after) in enumerate(config.steps):
        own = slice(index * robots, (index + 1) * robots)
        upright = standing[own]
        mean, cycle_mean = (values[shown:, own][:, upright].mean(dim=1) for values in (walked, cycle))
        rise, overshoot = judge_step(time, cycle_mean, told_before, told_after)
        responses.append(
            StepResponse(
                before=told_before,
                after=told_after,
                survived=int(upright.sum()),
                robots=robots,
                time=tuple(time.tolist()),
                velocity=tuple(map(tuple, mean.tolist())),
                cycle_velocity=tuple(map(tuple, cycle_mean.tolist())),
                rise_time=rise,
                overshoot=overshoot,
            )
        )
    return tuple(responses)


def judge_step(
    time: Tensor, velocity: Tensor, before: Command, after: Command
) -> Tuple[Optional[float], Optional[float]]:
    """Rise time (s) and overshoot of velocities (T, 3) at times (T,); None where there is none."""
    change = torch.tensor(after) - torch.tensor(before)
    axis = int(change.abs().argmax())
    progress = (velocity[:, axis] - before[axis]) / change[axis]
    progress = progress[time > 0.0]
    if len(progress) == 0 or bool(progress.isnan().any()):
        return None, None
    reached = (progress >= _REACHED).nonzero()
    rise = float(time[time > 0.0][reached[0, 0]]) if len(reached) else None
    return rise, max(0.0, float(progress.max()) - 1.0)


def _moving_mean(values: Tensor, width: int) -> Tensor:
    """Mean over `width` rows around each row of (T, …), over fewer at both ends."""
    sums = torch.cat([torch.zeros_like(values[:1]), values.double().cumsum(dim=0)])
    rows = torch.arange(len(values))
    low, high = (rows - width // 2).clamp(min=0), (rows - width // 2 + width).clamp(max=len(values))
    count = (high - low).view(-1, *[1] * (values.dim() - 1))
    return ((sums[high] - sums[low]) / count).to(values.dtype)
