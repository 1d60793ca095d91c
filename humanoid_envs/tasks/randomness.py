"""The random numbers of a task: those of each step, and the physical parameters."""

from __future__ import annotations

from typing import Any, Callable, List, Optional

import torch
from torch import Tensor

from humanoid_envs.mdp.events import Events, ParameterTerm
from humanoid_envs.mdp.observations import Observations
from humanoid_envs.robots import Robot
from humanoid_envs.simulators.simulator import PhysicsParameters, Simulator, default_parameters
from humanoid_envs.tasks.config import TaskConfig
from humanoid_envs.tasks.draws import Draws
from humanoid_envs.tasks.terms import LiveTerms


class Randomness:
    """fused: fuses the operations of a function of tensors, or leaves it as it is."""

    def __init__(
        self,
        simulator: Simulator,
        config: TaskConfig,
        terms: LiveTerms,
        fused: Callable[[Callable[..., Any]], Callable[..., Any]],
    ) -> None:
        robot = simulator.robot
        self._nominal = default_parameters(robot, simulator.num_envs, simulator.device)
        self._simulator, self._terms = simulator, terms
        self._parameters = Events(config.randomization, ParameterTerm, robot)
        anew = [
            isinstance(term, ParameterTerm) and term.each_episode
            for term, size in zip(self._parameters.terms, self._parameters.sizes)
            for _ in range(size)
        ]
        self._anew = torch.tensor([i for i, yes in enumerate(anew) if yes], device=simulator.device).long()
        self.num_anew = sum(anew)
        """Numbers of one robot's parameters that each episode draws anew."""
        self.num_parameter_numbers = len(anew)
        self.masses_anew = any(
            term.each_episode and _moves_masses(term, size, self._nominal)
            for term, size in zip(self._parameters.terms, self._parameters.sizes)
            if isinstance(term, ParameterTerm)
        )
        """Whether masses or centres of mass are among them."""
        initial, commands = terms.initial, sum(terms.initial.commands.uniforms)
        self._sizes = [
            *(1, commands, commands, initial.pushes.size, initial.starts.size, self.num_anew),
            sum(initial.uniforms),
        ]
        noise = _noise_of(config.observations, robot)
        self.noise_sizes: List[int] = [len(group) for group in noise]
        """Entries of the noise on each group's reading."""
        entries = [entry for group in noise for entry in group]
        self._noise_scale = torch.tensor(entries, device=simulator.device)
        self._normal_sizes = [robot.num_joints, len(entries), sum(initial.normals)]
        self._to_draws = fused(self.to_draws)

    def draw(self, live: Tensor, generator: Optional[torch.Generator], steps: int) -> Draws:
        """The random numbers of one step, or of several, one after the other in the rows."""
        n, device = steps * self._simulator.num_envs, self._simulator.device
        uniform = torch.rand(n, sum(self._sizes), device=device, generator=generator)
        normal = torch.randn(n, sum(self._normal_sizes), device=device, generator=generator)
        return self._to_draws(uniform, normal, live)

    def to_draws(self, uniform: Tensor, normal: Tensor, live: Tensor) -> Draws:
        """One step's draws from uniform numbers in [0, 1) and normal ones, (N, K) each."""
        terms = self._terms.at(live)
        delay, command, reset_command, push, start, parameters, term_uniform = uniform.split(self._sizes, 1)
        action, observation, term_normal = normal.split(self._normal_sizes, 1)
        # Nothing is a view: strides, to which compiled functions are bound, survive saving and loading.
        return Draws(
            action_delay=terms.actions.delay * delay,
            action_noise=terms.actions.noise * action,
            command=terms.commands.sample(command),
            reset_command=terms.commands.sample(reset_command),
            pushes=terms.pushes.sample(push),
            starts=terms.starts.sample(start),
            parameters=parameters.clone(),
            observation_noise=self._noise_scale * observation,
            term_uniform=term_uniform.clone(),
            term_normal=term_normal.clone(),
        )

    def draw_parameter_numbers(self, generator: Optional[torch.Generator]) -> Tensor:
        """(N, K) uniform numbers in [0, 1) of which `parameters_of` makes physical parameters."""
        size = (self._simulator.num_envs, self.num_parameter_numbers)
        return torch.rand(*size, device=self._simulator.device, generator=generator)

    def with_new(self, numbers: Tensor, mask: Tensor, draws: Draws) -> Tensor:
        """The numbers (N, K) with those of a new episode in the masked rows."""
        return torch.where(mask[:, None], numbers.index_copy(1, self._anew, draws.parameters), numbers)

    def parameters_of(self, numbers: Tensor) -> PhysicsParameters:
        """The robots' physical parameters."""
        return self._parameters.change(self._parameters.sample(numbers), self._nominal)


def _moves_masses(term: ParameterTerm, size: int, nominal: PhysicsParameters) -> bool:
    drawn = term.sample(torch.zeros(len(nominal.base_mass), size, device=nominal.base_mass.device))
    changed = term.change(drawn, nominal)
    return changed.base_mass is not nominal.base_mass or changed.base_com is not nominal.base_com


def _noise_of(observations: Observations, robot: Robot) -> List[List[float]]:
    """For each group the standard deviation of the noise on each entry of a step's reading: of the actor's
    always, of the others' where there is any."""
    every = [frame.noise(robot) for frame in observations.groups.values()]
    return [noise if index == 0 or any(noise) else [] for index, noise in enumerate(every)]
