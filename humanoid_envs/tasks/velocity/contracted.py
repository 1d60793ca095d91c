"""The task of a policy of which only the contract is known."""

from __future__ import annotations

from humanoid_envs.contract import PolicyContract
from humanoid_envs.errors import UserError
from humanoid_envs.mdp.commands import VelocityCommand
from humanoid_envs.mdp.gait import Gait
from humanoid_envs.simulators.simulator import PhysicsConfig
from humanoid_envs.tasks.config import ActionConfig, TaskConfig, restored_task
from humanoid_envs.tasks.velocity.config import VelocityCommands, VelocityConfig


def contracted_task(contract: PolicyContract) -> TaskConfig:
    """A task in which a policy with this contract sees and acts as it was trained to: the velocity task where
    that can be so, else the one that the contract holds.

    Raises:
        MissingPlugIn: the contract's task is of classes that do not exist here.
        UserError: it holds none, and the velocity task has no such commands or observation.
    """
    try:
        return velocity_task(contract)
    except UserError:
        if contract.task is None:
            raise
        return restored_task(contract.task, "the policy's contract")


def velocity_task(contract: PolicyContract) -> VelocityConfig:
    """A velocity task in which a policy with this contract sees and acts as it was trained to. Of what a
    contract does not say (rewards, randomization) it has the release's.

    Raises:
        UserError: the velocity task has no such commands or observation.
    """
    commands = {command.name: command.range for command in contract.commands}
    if tuple(commands) != VelocityCommand.labels:
        raise UserError(
            f"The policy is told ({', '.join(commands)}), not ({', '.join(VelocityCommand.labels)}): "
            "it is of another task, which the file does not name. Play its checkpoint instead."
        )
    scales = {term.name: term.scale for term in contract.observation_terms}
    velocity = VelocityCommand(
        lin_vel_x=commands["vx"], lin_vel_y=commands["vy"], yaw_rate=commands["yaw_rate"], heading_mode=False
    )
    task = VelocityConfig(
        physics=PhysicsConfig(contract.timestep, contract.decimation, contract.implicit_damping),
        gait=Gait(period=contract.clock_period),
        commands=VelocityCommands(velocity=velocity),
        actions=ActionConfig(scale=_action_scale(contract), clip=contract.action_clip),
    )
    frame = task.observations.policy
    known = {f"observations.policy.{name}.scale": scales[name] for name in frame.terms if name in scales}
    task = task.replace(
        {
            **known,
            "observations.policy.history": contract.observation_history,
            "observations.clip": contract.observation_clip,
        }
    )
    terms = {term.name: term.scale for term in PolicyContract.of(task).observation_terms}
    if list(scales.items()) != list(terms.items()) or contract.current_terms:
        raise UserError(
            "The velocity task has no such observation: this contract's terms and their scales are "
            f"{scales}, the task's are {terms}"
            + "".join(f", and it has no {term.name!r}" for term in contract.current_terms)
            + "."
        )
    return task


def _action_scale(contract: PolicyContract) -> float:
    """That of the joints whose robot leaves it to the task, as far as can be told: what most have."""
    return max(contract.action_scale, key=contract.action_scale.count)
