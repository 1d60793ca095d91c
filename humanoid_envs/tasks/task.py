"""A task over a simulator: one policy step from action to observation, for N envs at once.

All functions map tensors to tensors and keep nothing: what must survive a step is a `TaskMemory`. No value is
read back to the host, so that a step can be captured in a CUDA graph.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional, Tuple, TypeVar

import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from humanoid_envs import compilation, rotations
from humanoid_envs.fixed import FixedAttributes
from humanoid_envs.mdp.events import Start
from humanoid_envs.mdp.step import Step
from humanoid_envs.mdp.terminations import calmed, impossible, time_out
from humanoid_envs.mdp.terms import split_columns
from humanoid_envs.simulators.simulator import PhysicsParameters, RobotState, SimState, Simulator
from humanoid_envs.tasks.config import TaskConfig
from humanoid_envs.tasks.draws import Draws
from humanoid_envs.tasks.learning import Curriculum
from humanoid_envs.tasks.memory import TaskMemory, choose_rows
from humanoid_envs.tasks.pushes import Pushes
from humanoid_envs.tasks.randomness import Randomness
from humanoid_envs.tasks.terms import LiveTerms
from humanoid_envs.tasks.view import StepView
from humanoid_envs.trouble import Trouble

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class StepResult:
    """What one step brought."""

    reward: Tensor
    """(N,)"""
    terminated: Tensor
    truncated: Tensor
    done: Tensor
    """(N,) bool; done: either."""
    pushed: Tensor
    """(N,) bool: a push hits at the end of this step."""
    last: TaskMemory
    """The step as it ended, before any reset: with the true last observation of episodes that end here."""
    trouble: Tensor
    """(3, N) bool: which envs diverged or lacked room in this step, see `Trouble.table`."""


class Task(FixedAttributes):
    """The terms of a config over a simulator.

    Args:
        simulator: the physics.
        config: the task.
        compiled: fuse the task's many small operations into few kernels with `torch.compile`: the same
            formulas, several times faster, after some seconds of compilation at the first step.
    """

    _FIXED = frozenset(("simulator", "config", "num_envs", "num_joints", "term_names"))

    def __init__(self, simulator: Simulator, config: TaskConfig, compiled: bool = False) -> None:
        self.simulator = simulator
        self.config = config
        robot, device = simulator.robot, simulator.device
        for event in config.randomization.terms.values():
            event.require_possible(robot)
        self.num_envs, self.num_joints = simulator.num_envs, robot.num_joints
        self._terms = LiveTerms(config, robot, compiled)
        self.live, self.terms = self._terms.table, self._terms.initial
        self.term_names = self.terms.rewards.names
        self._view = StepView(simulator, config, self.terms)
        weights = [self.live.places[f"rewards.{name}.weight"][0] for name in self.term_names]
        self._weights = torch.tensor(weights, dtype=torch.int64, device=device)
        self.curriculum = Curriculum(config, self.live)
        self._pushes = Pushes(config)
        self._action_scale = torch.tensor(robot.action_scales(config.actions.scale), device=device)
        self._default_joint_pos = self._view.default_joint_pos
        start = torch.tensor([0.0, 0.0, robot.start_height], device=device)
        start[2] += start[2] - self._view.ground.over(start)
        self._start_pos = start.expand(self.num_envs, 3)
        self._error_gain = 1.0 - math.exp(-config.policy_period / config.commands.averaging_time)
        self._resample_steps = config.steps(config.commands.resample_period)
        self._max_episode_steps = config.steps(config.terminations.episode_length)

        def fused(function: F) -> F:
            return compilation.compiled_step(function, device) if compiled else function

        self._process_action = fused(self.process_action)
        self._after_physics = fused(self.after_physics)
        self._start_state, self._start_into = fused(self.start_state), fused(self.start_into)
        self._start = fused(self.start)
        self._randomness = Randomness(simulator, config, self._terms, fused)

    def draw(self, memory: TaskMemory, generator: Optional[torch.Generator], steps: int = 1) -> Draws:
        """The random numbers of one step, or of several, one after the other in the rows."""
        return self._randomness.draw(memory.live, generator, steps)

    def draw_parameters(self, memory: TaskMemory, generator: Optional[torch.Generator]) -> PhysicsParameters:
        """Physical parameters of all envs; the memory notes the numbers that they were made from."""
        memory.parameter_draws.copy_(self._randomness.draw_parameter_numbers(generator))
        return self._randomness.parameters_of(memory.parameter_draws)

    def stagger(self, memory: TaskMemory, generator: Optional[torch.Generator]) -> None:
        """Let each running episode time out early, by a random part of its length."""
        memory.episode_step.random_(0, self._max_episode_steps, generator=generator)
        memory.first_step.copy_(memory.episode_step)

    def fix_command(self, memory: TaskMemory, mask: Tensor, command: Tensor) -> None:
        """Give the masked envs a command, (C,) or (N, C), that is not redrawn."""
        columns = self.terms.commands.told_columns
        memory.command[:, columns] = torch.where(mask[:, None], command, memory.command[:, columns])
        memory.command_fixed.masked_fill_(mask, True)

    def initial_memory(self) -> TaskMemory:
        """Memory before the first reset."""
        numbers = self._randomness.num_parameter_numbers, self.curriculum.memory_size
        live = self.live.initial(self.simulator.device)
        return TaskMemory.initial(self.num_envs, self.num_joints, self.terms, live, *numbers)

    def step(self, memory: TaskMemory, action: Tensor, draws: Draws, autoreset: AutoresetMode) -> StepResult:
        """Advance all envs by one policy step and restart those that `autoreset` says.

        action: (N, J). The memory's tensors are overwritten: afterwards they hold the observation to act on
        next. With NEXT_STEP an env that was done before this step restarts in it and ignores its action; its
        reward is 0.
        """
        executed, targets = self._process_action(memory, action, draws)
        self.simulator.step(targets)
        simulator = self.simulator
        result = self._after_physics(
            memory, simulator.state, simulator.parameters, Trouble.of(simulator), executed, draws
        )
        last = result.last
        if self._pushes.ever:
            self.simulator.push(result.pushed, last.base_velocity[:, :3], last.base_velocity[:, 3:])
        if autoreset == AutoresetMode.DISABLED:
            memory.assign(last)
            return result
        restart = last.done
        if autoreset == AutoresetMode.NEXT_STEP:
            restart = memory.done.clone()
            flags = {name: getattr(result, name) & ~restart for name in ("terminated", "truncated", "done")}
            result = dataclasses.replace(result, reward=torch.where(restart, 0.0, result.reward), **flags)
        self._restart(memory, last, restart, draws)
        return result

    def reset(self, memory: TaskMemory, mask: Tensor, draws: Draws) -> None:
        """Start new episodes in the masked envs, in the simulator and in the memory, which is overwritten."""
        self._restart(memory, memory, mask, draws)

    def _restart(self, memory: TaskMemory, last: TaskMemory, mask: Tensor, draws: Draws) -> None:
        on_cpu = mask.device.type == "cpu"
        if on_cpu and not mask.numpy().any():  # asking a GPU would make the host wait
            memory.take(last)
            return
        start = self._start_state(draws)
        self.simulator.reset(mask, start.state)
        if self._randomness.num_anew:
            drawn = self._randomness.with_new(last.parameter_draws, mask, draws)
            new = self._randomness.parameters_of(drawn)
            self.simulator.set_parameters(mask, new, masses=self._randomness.masses_anew)
            last = dataclasses.replace(last, parameter_draws=drawn)
        now = mask, start.phase, self.simulator.state, self.simulator.parameters, draws
        if on_cpu:
            memory.take(self._start(last, *now))
        else:  # part of a CUDA graph, in which tensors stay where they are
            self._start_into(memory, last, *now)

    def start_into(
        self,
        memory: TaskMemory,
        last: TaskMemory,
        mask: Tensor,
        phase: Tensor,
        state: SimState,
        parameters: PhysicsParameters,
        draws: Draws,
    ) -> None:
        """Overwrite `memory` with `last`, and with new episodes in the masked envs."""
        memory.overwrite(self.start(last, mask, phase, state, parameters, draws))

    # The pieces of a step, each a pure function

    def process_action(self, memory: TaskMemory, action: Tensor, draws: Draws) -> Tuple[Tensor, Tensor]:
        """The executed action (clipped, delayed, noisy, clipped) and its joint targets, (N, J) each."""
        clip = self.config.actions.clip
        action = action.clamp(-clip, clip)
        action = (1.0 - draws.action_delay) * action + draws.action_delay * memory.action
        executed = (action + draws.action_noise * action).clamp(-clip, clip)
        return executed, self._default_joint_pos + self._action_scale * executed

    def after_physics(
        self,
        memory: TaskMemory,
        state: SimState,
        parameters: PhysicsParameters,
        trouble: Trouble,
        executed: Tensor,
        draws: Draws,
    ) -> StepResult:
        """Reward, end and observation of a step that has been simulated. Robots in an impossible state have
        diverged: their episodes end with reward 0, and they are seen standing at rest."""
        diverged = trouble.diverged | impossible(state, self._view.ground.over(state.base_pos))
        state = calmed(state, diverged, self._start_pos, self._default_joint_pos)
        now, raw_terms, step = self.compute_reward(memory, state, parameters, executed, draws)
        scaled_terms = torch.where(diverged[:, None], 0.0, raw_terms * self._term_scales(memory.live))
        reward = self.config.rewards.total(scaled_terms)
        ends, remembered = self._terms.at(memory.live).terminate(step, now.term_memory)
        terminated, truncated = diverged, time_out(now.episode_step, self._max_episode_steps)
        for term, end in zip(self.terms.terminations.terms, ends):
            if term.truncates:  # pyright: ignore[reportAttributeAccessIssue]
                truncated = truncated | end
            else:
                terminated = terminated | end
        done = terminated | truncated
        now = dataclasses.replace(
            now,
            done=done,
            term_memory=remembered,
            episode_return=memory.episode_return + reward,
            term_returns=memory.term_returns + scaled_terms,
        )
        now = self.observe(now, step, draws)
        now = self.curriculum.advance(now, terminated)
        pushed = self._pushes.due(now.clock).expand(self.num_envs)
        table = dataclasses.replace(trouble, diverged=diverged).table()
        return StepResult(reward, terminated, truncated, done, pushed, now, table)

    def compute_reward(
        self,
        memory: TaskMemory,
        state: SimState,
        parameters: PhysicsParameters,
        executed: Tensor,
        draws: Draws,
    ) -> Tuple[TaskMemory, Tensor, Step]:
        """Memory, unweighted reward terms (N, T) and what they were computed from, after a simulated step."""
        terms = self._terms.at(memory.live)
        now = self._advance(memory, state, executed, draws)
        step = self._view(memory, now, state, parameters)
        error = terms.commands.told(now.command) - terms.commands.actual(step)
        error = torch.lerp(memory.command_error, error, self._error_gain)
        step = dataclasses.replace(step, command_error=error)
        raw_terms, remembered = terms.reward(step, memory.term_memory)
        down = step.contact | step.gait.stance | memory.contact
        now = dataclasses.replace(
            now,
            contact=step.contact,
            air_time=torch.where(down, 0.0, step.air_time),
            lift=torch.where(step.contact, 0.0, step.lift),
            command_error=error,
            term_memory=remembered,
        )
        return now, raw_terms, step

    def start_state(self, draws: Draws) -> Start:
        """How episodes start."""
        still = torch.zeros_like(self._start_pos)
        joints = self._default_joint_pos.expand(self.num_envs, self.num_joints)
        upright = RobotState(
            base_pos=self._start_pos + still,
            base_quat=rotations.from_yaw(still[:, 0]),
            base_lin_vel=still,
            base_ang_vel=still.clone(),
            joint_pos=joints.clone(),
            joint_vel=torch.zeros_like(joints),
        )
        return self.terms.starts.change(draws.starts, Start(upright, still[:, 0].clone()))

    def start(
        self,
        memory: TaskMemory,
        mask: Tensor,
        phase: Tensor,
        state: SimState,
        parameters: PhysicsParameters,
        draws: Draws,
    ) -> TaskMemory:
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
            foot_height=self._view.foot_height(state),
            command_error=zeros(memory.command_error),
            phase_offset=phase,
            frames=zeros(memory.frames),
            episode_return=zeros(memory.episode_return),
            term_returns=zeros(memory.term_returns),
        )
        step = _with_draws(self._view(fresh, fresh, state, parameters), draws)
        fresh = dataclasses.replace(fresh, term_memory=self._terms.at(memory.live).start(step))
        return choose_rows(mask, self.observe(fresh, step, draws), memory)

    def observe(self, memory: TaskMemory, step: Step, draws: Draws) -> TaskMemory:
        """The memory after a step or at a start, with the newest frames appended to the stacks."""
        noise = split_columns(draws.observation_noise, self._randomness.noise_sizes)
        frames, remembered = self._terms.at(memory.live).observe(
            memory.frames, _with_draws(step, draws), memory.term_memory, noise
        )
        return dataclasses.replace(
            memory,
            reference_joint_pos=step.gait.reference_joint_pos,
            frames=frames,
            term_memory=remembered,
        )

    def frames(self, memory: TaskMemory) -> Dict[str, Tensor]:
        """For each group of observations, (N, H, F) its latest frames, oldest first, unclipped: views."""
        stacks = split_columns(memory.frames, self.terms.stack_sizes)
        groups = zip(self.config.observations.groups, self.terms.frames, stacks)
        return {name: frame.frames(stack) for name, frame, stack in groups}

    def _advance(self, memory: TaskMemory, state: SimState, executed: Tensor, draws: Draws) -> TaskMemory:
        clock, episode_step = memory.clock + 1, memory.episode_step + 1
        terms = self._terms.at(memory.live)
        velocity = torch.cat([state.base_lin_vel, state.base_ang_vel], dim=1)
        pushes, velocity = self._pushes.push(terms.pushes, clock, draws.pushes, memory.pushes, velocity)
        due = (episode_step % self._resample_steps == 0) & ~memory.command_fixed
        drawn = terms.commands.resample(memory.command, due, draws.command)
        command = terms.commands.follow(drawn, state)
        return dataclasses.replace(
            memory,
            clock=clock,
            episode_step=episode_step,
            command=torch.where(memory.command_fixed[:, None], memory.command, command),
            action=executed,
            last_action=memory.action,
            joint_vel=state.joint_vel.clone(),  # of the simulator, which will overwrite it
            base_velocity=velocity,
            pushes=pushes,
            foot_height=self._view.foot_height(state),
        )

    def _term_scales(self, live: Tensor) -> Tensor:
        """(T,) weights of the reward terms, for one step."""
        return (live[self._weights] * self.config.policy_period).float()

    def _start_command(self, memory: TaskMemory, state: SimState, draws: Draws) -> Tensor:
        terms = self._terms.at(memory.live).commands
        drawn = terms.resample(memory.command, ~memory.command_fixed, draws.reset_command)
        following = terms.follow(drawn, state)
        return torch.where(memory.command_fixed[:, None], memory.command, following)


def _with_draws(step: Step, draws: Draws) -> Step:
    return dataclasses.replace(step, uniform=draws.term_uniform, normal=draws.term_normal)
