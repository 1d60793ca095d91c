"""What terms see of a step."""

from __future__ import annotations

import torch
from torch import Tensor

from humanoid_envs import rotations
from humanoid_envs.mdp.gait import lift_table
from humanoid_envs.mdp.step import Step
from humanoid_envs.simulators.simulator import PhysicsParameters, SimState, Simulator
from humanoid_envs.tasks.config import TaskConfig
from humanoid_envs.tasks.memory import TaskMemory
from humanoid_envs.tasks.terms import Terms
from humanoid_envs.terrain.surface import ground_of


class StepView:
    """Makes a `Step` of a simulator's state and of what a task remembers."""

    def __init__(self, simulator: Simulator, config: TaskConfig, terms: Terms) -> None:
        self._robot, self._config, self._terms = simulator.robot, config, terms
        robot, device = simulator.robot, simulator.device
        self.default_joint_pos = torch.tensor([joint.default_pos for joint in robot.joints], device=device)
        """(J,) rad"""
        self._lifts = lift_table(robot, device)
        down = torch.tensor([0.0, 0.0, -1.0], device=device)
        self._gravity = down.expand(simulator.num_envs, 3)
        self.ground = ground_of(simulator.terrain, device)

    def __call__(
        self, before: TaskMemory, now: TaskMemory, state: SimState, parameters: PhysicsParameters
    ) -> Step:
        """The step that led from one memory to the other; where episodes start, both are the same."""
        config, robot, pushes = self._config, self._robot, self._terms.pushes
        contact = state.feet_contact_force[..., 2] > config.feet.contact_force
        gait = config.gait.read(self._phase(now), robot, self._lifts)
        down = contact | gait.stance | before.contact
        return Step(
            robot=robot,
            period=config.policy_period,
            state=state,
            parameters=parameters,
            commands=self._terms.commands.split(now.command),
            command_error=now.command_error,
            base_lin_vel=rotations.rotate_inverse(state.base_quat, state.base_lin_vel),
            base_ang_vel=rotations.rotate_inverse(state.base_quat, state.base_ang_vel),
            euler=rotations.roll_pitch_yaw(state.base_quat),
            gravity=rotations.rotate_inverse(state.base_quat, self._gravity),
            joint_pos=state.joint_pos - self.default_joint_pos,
            action=now.action,
            last_action=now.last_action,
            second_last_action=before.last_action,
            last_joint_vel=before.joint_vel,
            base_velocity=now.base_velocity,
            last_base_velocity=before.base_velocity,
            pushes=dict(zip(pushes.names, pushes.split(now.pushes))),
            gait=gait,
            shown_reference_joint_pos=before.reference_joint_pos,
            contact=contact,
            lift=before.lift + now.foot_height - before.foot_height,
            ground=self.ground,
            base_height=self.ground.over(state.base_pos),
            foot_height=now.foot_height,
            sole_height=config.feet.sole_height,
            air_time=before.air_time + config.policy_period,
            landed=(before.air_time > 0.0) & down,
            episode_step=now.episode_step,
            uniform=state.joint_pos[:, :0],
            normal=state.joint_pos[:, :0],
        )

    def foot_height(self, state: SimState) -> Tensor:
        """(N, 2) height of the soles over the ground below, m."""
        return self.ground.over(state.feet_pos) - self._config.feet.sole_height

    def _phase(self, memory: TaskMemory) -> Tensor:
        elapsed = self._config.gait.cycles(memory.steps_played, self._config.policy_period)
        return memory.phase_offset + elapsed
