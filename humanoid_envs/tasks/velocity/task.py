"""The velocity task over a simulator: one policy step from action to observation, for N envs at once.

All functions map tensors to tensors and keep nothing: what must survive a step is a `TaskMemory`. No value is
read back to the host, so that a step can be captured in a CUDA graph.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Callable, Optional, Tuple, TypeVar

import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from humanoid_envs import compilation, rotations
from humanoid_envs.fixed import FixedAttributes
from humanoid_envs.mdp.rewards import RewardTerms
from humanoid_envs.mdp.step import Step
from humanoid_envs.simulators.simulator import RobotState, SimState, Simulator
from humanoid_envs.tasks.velocity import commands, observations, randomization, terminations
from humanoid_envs.tasks.velocity.config import VelocityConfig
from humanoid_envs.tasks.velocity.memory import TaskMemory, choose_rows
from humanoid_envs.tasks.velocity.randomization import NUM_UNIFORM, Draws
from humanoid_envs.trouble import Trouble

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Outcome:
    """How a step went: before any reset."""

    memory: TaskMemory
    reward: Tensor
    """(N,)"""
    terminated: Tensor
    truncated: Tensor
    """(N,) bool"""
    pushed: Tensor
    """(N,) bool: a push hits at the end of this step."""
    trouble: Tensor
    """(3, N) bool, see `Trouble.table`."""


@dataclass(frozen=True)
class StepResult:
    """What one step gives to the vector env."""

    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    done: Tensor
    """(N,) bool: either."""
    last: TaskMemory
    """The step as it ended, before any reset: with the true last observation of episodes that end here."""
    trouble: Tensor
    """(3, N) bool: which envs diverged or lacked room in this step, see `Trouble.table`."""


class VelocityTask(FixedAttributes):
    """Walk at a commanded planar velocity and yaw rate (task v0 of the Humanoid-Gym release).

    Args:
        simulator: the physics.
        config: the task's parameters.
        compiled: fuse the task's many small operations into few kernels with `torch.compile`: the same
            formulas, several times faster, after some seconds of compilation at the first step.
    """

    _FIXED = frozenset(("simulator", "config", "num_envs", "num_joints", "term_names"))

    def __init__(self, simulator: Simulator, config: VelocityConfig, compiled: bool = False) -> None:
        self.simulator = simulator
        self.config = config
        robot, device = simulator.robot, simulator.device
        randomization.require_possible(config, robot)
        self.num_envs, self.num_joints = simulator.num_envs, robot.num_joints
        self._rewards = RewardTerms(config.rewards, robot)
        self.term_names = self._rewards.names
        scales = [term.weight * config.policy_period for term in self._rewards.terms]
        self._term_scales = torch.tensor(scales, device=device)
        self._noise_scale = torch.tensor(observations.noise_scale(robot, config.observations), device=device)
        self._action_scale = torch.tensor(robot.action_scales(config.actions.scale), device=device)
        self._default_joint_pos = torch.tensor([joint.default_pos for joint in robot.joints], device=device)
        self._gravity = torch.tensor([0.0, 0.0, -1.0], device=device).expand(self.num_envs, 3)
        self._start_pos = torch.tensor([0.0, 0.0, robot.start_height], device=device).expand(self.num_envs, 3)
        self._mean_error_gain = 1.0 - math.exp(-config.policy_period / config.commands.averaging_time)
        self._resample_steps = config.steps(config.commands.resample_period)
        self._push_steps = config.steps(config.randomization.push_period)
        self._max_episode_steps = config.steps(config.terminations.episode_length)

        def fused(function: F) -> F:
            return compilation.compiled_step(function, device) if compiled else function

        self._execute, self._judge = fused(self.execute), fused(self.judge)
        self._start_state, self._start_into = fused(self.start_state), fused(self.start_into)
        self._start = fused(self.start)
        self._to_draws = fused(randomization.to_draws)

    def draw(self, generator: Optional[torch.Generator], steps: int = 1) -> Draws:
        """The random numbers of one step, or of several, one after the other in the rows."""
        n, joints, device = steps * self.num_envs, self.num_joints, self.simulator.device
        uniform = torch.rand(n, NUM_UNIFORM + joints, device=device, generator=generator)
        normal = torch.randn(n, joints + len(self._noise_scale), device=device, generator=generator)
        return self._to_draws(uniform, normal, self._noise_scale, self.config)

    def initial_memory(self) -> TaskMemory:
        """Memory before the first reset."""
        n, joints, device = self.num_envs, self.num_joints, self.simulator.device
        o = self.config.observations
        frame = observations.frame_size(observations.ACTOR_TERMS, joints)
        privileged = observations.frame_size(observations.privileged_terms(o), joints)

        def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        return TaskMemory(
            clock=zeros(dtype=torch.int64),
            episode_step=zeros(n, dtype=torch.int64),
            first_step=zeros(n, dtype=torch.int64),
            done=zeros(n, dtype=torch.bool),
            command=zeros(n, 4),
            command_fixed=zeros(n, dtype=torch.bool),
            action=zeros(n, joints),
            last_action=zeros(n, joints),
            joint_vel=zeros(n, joints),
            base_velocity=zeros(n, 6),
            reference_joint_pos=zeros(n, joints),
            push_velocity=zeros(n, 5),
            air_time=zeros(n, 2),
            contact=zeros(n, 2, dtype=torch.bool),
            lift=zeros(n, 2),
            foot_height=zeros(n, 2),
            mean_velocity_error=zeros(n, 3),
            phase_offset=zeros(n),
            frames=zeros(n, o.history, frame),
            privileged_frames=zeros(n, o.privileged_history, privileged),
            episode_return=zeros(n),
            term_returns=zeros(n, len(self.term_names)),
            reward_memory=zeros(n, sum(self._rewards.sizes)),
        )

    def step(self, memory: TaskMemory, action: Tensor, draws: Draws, autoreset: AutoresetMode) -> StepResult:
        """Advance all envs by one policy step and restart those that `autoreset` says.

        action: (N, J). The memory's tensors are overwritten: afterwards they hold the observation to act on
        next. With NEXT_STEP an env that was done before this step restarts in it and ignores its action; its
        reward is 0.
        """
        executed, targets = self._execute(memory, action, draws)
        self.simulator.step(targets)
        simulator = self.simulator
        outcome = self._judge(memory, simulator.state, Trouble.of(simulator), executed, draws)
        last = outcome.memory
        if self._push_steps:
            self.simulator.push(outcome.pushed, last.base_velocity[:, :3], last.base_velocity[:, 3:])
        reward, terminated, truncated = outcome.reward, outcome.terminated, outcome.truncated
        if autoreset == AutoresetMode.DISABLED:
            memory.assign(last)
            return StepResult(reward, terminated, truncated, last.done, last, outcome.trouble)
        restart = done = last.done
        if autoreset == AutoresetMode.NEXT_STEP:
            restart = memory.done.clone()
            reward = torch.where(restart, 0.0, reward)
            terminated, truncated, done = (flag & ~restart for flag in (terminated, truncated, last.done))
        self._restart(memory, last, restart, draws)
        return StepResult(reward, terminated, truncated, done, last, outcome.trouble)

    def reset(self, memory: TaskMemory, mask: Tensor, draws: Draws) -> None:
        """Start new episodes in the masked envs, in the simulator and in the memory, which is overwritten."""
        self._restart(memory, memory, mask, draws)

    def _restart(self, memory: TaskMemory, last: TaskMemory, mask: Tensor, draws: Draws) -> None:
        on_cpu = mask.device.type == "cpu"
        if on_cpu and not mask.numpy().any():  # asking a GPU would make the host wait
            memory.take(last)
            return
        self.simulator.reset(mask, self._start_state(draws))
        if on_cpu:
            memory.take(self._start(last, mask, self.simulator.state, draws))
        else:  # part of a CUDA graph, in which tensors stay where they are
            self._start_into(memory, last, mask, self.simulator.state, draws)

    def start_into(
        self, memory: TaskMemory, last: TaskMemory, mask: Tensor, state: SimState, draws: Draws
    ) -> None:
        """Overwrite `memory` with `last`, and with new episodes in the masked envs."""
        memory.overwrite(self.start(last, mask, state, draws))

    # The pieces of a step, each a pure function

    def execute(self, memory: TaskMemory, action: Tensor, draws: Draws) -> Tuple[Tensor, Tensor]:
        """The executed action (clipped, delayed, noisy, clipped) and its joint targets, (N, J) each."""
        c = self.config.actions
        action = action.clamp(-c.clip, c.clip)
        action = (1.0 - draws.action_delay) * action + draws.action_delay * memory.action
        executed = (action + draws.action_noise * action).clamp(-c.clip, c.clip)
        return executed, self._default_joint_pos + self._action_scale * executed

    def judge(
        self, memory: TaskMemory, state: SimState, trouble: Trouble, executed: Tensor, draws: Draws
    ) -> Outcome:
        """Reward, end and observation of a step that has been simulated. Robots in an impossible state have
        diverged: their episodes end with reward 0, and they are seen standing at rest."""
        diverged = trouble.diverged | terminations.impossible(state)
        state = terminations.calmed(state, diverged, self._start_pos, self._default_joint_pos)
        now, raw_terms, step = self.evaluate(memory, state, executed, draws)
        scaled_terms = torch.where(diverged[:, None], 0.0, raw_terms * self._term_scales)
        reward = self.config.rewards.total(scaled_terms)
        ends = self.config.terminations
        terminated = terminations.base_contact(state.base_contact_force, ends) | diverged
        terminated = terminated | terminations.fallen(state.base_pos[:, 2], step.gravity, ends)
        truncated = terminations.time_out(now.episode_step, self._max_episode_steps)
        now = dataclasses.replace(
            now,
            done=terminated | truncated,
            episode_return=memory.episode_return + reward,
            term_returns=memory.term_returns + scaled_terms,
        )
        pushed = self._push_due(now.clock)
        seen = self.observe(now, step, draws)
        table = dataclasses.replace(trouble, diverged=diverged).table()
        return Outcome(seen, reward, terminated, truncated, pushed, table)

    def evaluate(
        self, memory: TaskMemory, state: SimState, executed: Tensor, draws: Draws
    ) -> Tuple[TaskMemory, Tensor, Step]:
        """Memory, unweighted reward terms (N, T) and what they were computed from, after a simulated step."""
        now = self._advance(memory, state, executed, draws)
        step = self.view(memory, now, state)
        velocity = torch.cat([step.base_lin_vel[:, :2], step.base_ang_vel[:, 2:]], dim=1)
        error = step.commands["velocity"][:, :3] - velocity
        error = torch.lerp(memory.mean_velocity_error, error, self._mean_error_gain)
        step = dataclasses.replace(step, command_error=error)
        raw_terms, remembered = self._rewards.advance(step, memory.reward_memory)
        down = step.contact | step.gait.stance | memory.contact
        now = dataclasses.replace(
            now,
            contact=step.contact,
            air_time=torch.where(down, 0.0, step.air_time),
            lift=torch.where(step.contact, 0.0, step.lift),
            mean_velocity_error=error,
            reward_memory=remembered,
        )
        return now, raw_terms, step

    def start_state(self, draws: Draws) -> RobotState:
        """The physical state in which episodes start."""
        still = torch.zeros_like(self._start_pos)
        return RobotState(
            base_pos=self._start_pos + still,
            base_quat=rotations.from_yaw(draws.start_yaw),
            base_lin_vel=still,
            base_ang_vel=still.clone(),
            joint_pos=self._default_joint_pos + draws.start_joint_pos,
            joint_vel=torch.zeros_like(draws.start_joint_pos),
        )

    def start(self, memory: TaskMemory, mask: Tensor, state: SimState, draws: Draws) -> TaskMemory:
        """The memory with new episodes in the masked envs, whose physical state has been reset."""
        zeros = torch.zeros_like
        fresh = dataclasses.replace(
            memory,
            episode_step=zeros(memory.episode_step),
            first_step=zeros(memory.first_step),
            done=zeros(memory.done),
            command=self._start_command(memory, state, draws),
            action=zeros(memory.action),
            last_action=zeros(memory.last_action),
            joint_vel=state.joint_vel,
            base_velocity=zeros(memory.base_velocity),
            air_time=zeros(memory.air_time),
            contact=zeros(memory.contact),
            lift=zeros(memory.lift),
            foot_height=self._foot_height(state),
            mean_velocity_error=zeros(memory.mean_velocity_error),
            phase_offset=draws.start_phase,
            frames=zeros(memory.frames),
            privileged_frames=zeros(memory.privileged_frames),
            episode_return=zeros(memory.episode_return),
            term_returns=zeros(memory.term_returns),
        )
        step = self.view(fresh, fresh, state)
        fresh = dataclasses.replace(fresh, reward_memory=self._rewards.start(step))
        return choose_rows(mask, self.observe(fresh, step, draws), memory)

    def observe(self, memory: TaskMemory, step: Step, draws: Draws) -> TaskMemory:
        """The memory after a step or at a start, with the newest frames appended to the histories."""
        o = self.config.observations
        command, parameters = step.commands["velocity"], step.parameters
        readings = {
            "clock": step.gait.clock,
            "command_lin_vel": command[:, :2],
            "command_yaw_rate": command[:, 2:3],
            "joint_pos": step.joint_pos,
            "joint_vel": step.state.joint_vel,
            "action": step.action,
            "base_ang_vel": step.base_ang_vel,
            "euler": step.euler,
            "joint_pos_error": step.joint_pos - step.gait.reference_joint_pos,
            "base_lin_vel": step.base_lin_vel,
            "push": step.push_velocity,
            "foot_friction": parameters.foot_friction[:, None],
            "base_mass": parameters.base_mass[:, None],
            "stance": step.gait.stance.float(),
            "contact": step.contact.float(),
            "mean_velocity_error": step.command_error,
            "base_height": step.state.base_pos[:, 2:],
            "foot_height": step.foot_height,
        }
        frame = observations.frame(readings, observations.ACTOR_TERMS, o) + draws.observation_noise
        privileged = observations.frame(readings, observations.privileged_terms(o), o)
        return dataclasses.replace(
            memory,
            reference_joint_pos=step.gait.reference_joint_pos,
            frames=observations.push_frame(memory.frames, frame),
            privileged_frames=observations.push_frame(memory.privileged_frames, privileged),
        )

    def _advance(self, memory: TaskMemory, state: SimState, executed: Tensor, draws: Draws) -> TaskMemory:
        clock, episode_step = memory.clock + 1, memory.episode_step + 1
        push_due = self._push_due(clock)
        push = torch.where(push_due[:, None], draws.push_velocity, memory.push_velocity)
        base_velocity = torch.cat([state.base_lin_vel, state.base_ang_vel], dim=1)
        pushed = randomization.after_push(base_velocity, push, self.config.randomization)
        c = self.config.commands
        due = (episode_step % self._resample_steps == 0) & ~memory.command_fixed
        command = commands.resample(memory.command, due, draws.command, c)
        turning = commands.follow_heading(command, rotations.heading(state.base_quat), c)
        command = torch.where(memory.command_fixed[:, None], memory.command, turning)
        return dataclasses.replace(
            memory,
            clock=clock,
            episode_step=episode_step,
            command=command,
            action=executed,
            last_action=memory.action,
            joint_vel=state.joint_vel.clone(),  # of the simulator, which will overwrite it
            base_velocity=torch.where(push_due[:, None], pushed, base_velocity),
            push_velocity=push,
            foot_height=self._foot_height(state),
        )

    def view(self, before: TaskMemory, now: TaskMemory, state: SimState) -> Step:
        """The step that led from one memory to the other, as terms see it; where episodes start, both are the
        same."""
        contact = state.feet_contact_force[..., 2] > self.config.feet.contact_force
        clock = self.config.gait.read(self._phase(now), self.simulator.robot)
        down = contact | clock.stance | before.contact
        return Step(
            robot=self.simulator.robot,
            period=self.config.policy_period,
            state=state,
            parameters=self.simulator.parameters,
            commands={"velocity": now.command},
            command_error=now.mean_velocity_error,
            base_lin_vel=rotations.rotate_inverse(state.base_quat, state.base_lin_vel),
            base_ang_vel=rotations.rotate_inverse(state.base_quat, state.base_ang_vel),
            euler=rotations.roll_pitch_yaw(state.base_quat),
            gravity=rotations.rotate_inverse(state.base_quat, self._gravity),
            joint_pos=state.joint_pos - self._default_joint_pos,
            action=now.action,
            last_action=now.last_action,
            second_last_action=before.last_action,
            last_joint_vel=before.joint_vel,
            base_velocity=now.base_velocity,
            last_base_velocity=before.base_velocity,
            push_velocity=now.push_velocity,
            gait=clock,
            shown_reference_joint_pos=before.reference_joint_pos,
            contact=contact,
            lift=before.lift + now.foot_height - before.foot_height,
            foot_height=now.foot_height,
            sole_height=self.config.feet.sole_height,
            air_time=before.air_time + self.config.policy_period,
            landed=(before.air_time > 0.0) & down,
            episode_step=now.episode_step,
        )

    def _start_command(self, memory: TaskMemory, state: SimState, draws: Draws) -> Tensor:
        c = self.config.commands
        drawn = commands.resample(memory.command, ~memory.command_fixed, draws.reset_command, c)
        turning = commands.follow_heading(drawn, rotations.heading(state.base_quat), c)
        return torch.where(memory.command_fixed[:, None], memory.command, turning)

    def _push_due(self, clock: Tensor) -> Tensor:
        """(N,) bool: pushes hit all envs at once, by the clock that all share."""
        due = clock % max(self._push_steps, 1) == 0
        return (due & (self._push_steps > 0)).expand(self.num_envs)

    def _foot_height(self, state: SimState) -> Tensor:
        return state.feet_pos[..., 2] - self.config.feet.sole_height

    def _phase(self, memory: TaskMemory) -> Tensor:
        elapsed = self.config.gait.cycles(memory.steps_played, self.config.policy_period)
        return memory.phase_offset + elapsed
