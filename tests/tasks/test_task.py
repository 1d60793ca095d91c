"""A task on scripted states: what it remembers, when it resets, and what it tells the simulator."""

from __future__ import annotations

import dataclasses
import math
from typing import Dict, List, Tuple

import pytest
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from humanoid_envs import rotations
from humanoid_envs.outputs import Outputs
from humanoid_envs.simulators.simulator import SimState
from humanoid_envs.tasks import Task, TaskConfig, preset
from humanoid_envs.tasks.draws import Draws
from humanoid_envs.tasks.memory import TaskMemory
from humanoid_envs.tasks.velocity import VelocityConfig
from tests.scripted_simulator import ScriptedSimulator, standing, starts

DISABLED, NEXT_STEP, SAME_STEP = AutoresetMode.DISABLED, AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP
CALM = VelocityConfig().without_randomization()


def make(config: TaskConfig = CALM, num_envs: int = 1, **state: Tensor) -> Tuple[Task, TaskMemory]:
    """A task that has been reset, over a simulator that shows the robot standing but for the changes."""
    task = Task(ScriptedSimulator(standing(num_envs, **state)), config)
    memory = task.initial_memory()
    task.reset(memory, torch.ones(num_envs, dtype=torch.bool), draw(task))
    simulator_of(task).state = standing(num_envs, **state)
    return task, memory


def simulator_of(task: Task) -> ScriptedSimulator:
    assert isinstance(task.simulator, ScriptedSimulator)
    return task.simulator


def draw(task: Task, **changes: Tensor) -> Draws:
    drawn = task.draw(task.initial_memory(), torch.Generator().manual_seed(0))
    return dataclasses.replace(drawn, **changes)


def step(task: Task, memory: TaskMemory, mode: AutoresetMode = DISABLED, **draws: Tensor):
    return task.step(memory, torch.zeros(task.num_envs, 12), draw(task, **draws), mode)


def copy(memory: TaskMemory) -> TaskMemory:
    return TaskMemory(**{name: value.clone() for name, value in vars(memory).items()})


def policy_frames(task: Task, memory: TaskMemory) -> Tensor:
    return task.frames(memory)["policy"]


def fix_command(memory: TaskMemory, *command: float) -> None:
    memory.command[:, :3], memory.command_fixed[:] = torch.tensor(command), True


# Memory


@pytest.mark.parametrize("mode", [DISABLED, NEXT_STEP, SAME_STEP])
def test_simulators_buffers_are_not_remembered(mode: AutoresetMode) -> None:
    """A simulator writes the next state into the tensors of this one."""
    task, memory = make(num_envs=2)
    step(task, memory, mode)
    before = copy(memory)
    for tensor in vars(simulator_of(task).state).values():
        tensor.fill_(7.0)
    for name, value in vars(memory).items():
        assert torch.equal(value, getattr(before, name)), name


def test_actions_move_on() -> None:
    task, memory = make()
    for value in (0.1, 0.2, 0.3):
        task.step(memory, torch.full((1, 12), value), draw(task), DISABLED)
    torch.testing.assert_close(memory.action, torch.full((1, 12), 0.3))
    torch.testing.assert_close(memory.last_action, torch.full((1, 12), 0.2))


# Observations


def test_observations_are_flat_oldest_first_and_clipped() -> None:
    """The stored frames stay unclipped."""
    task, memory = make()
    frames = task.frames(memory)
    assert [tuple(stack.shape) for stack in frames.values()] == [(1, 15, 47), (1, 3, 73)]
    memory.frames.copy_(torch.arange(15 * 47 + 3 * 73)[None])
    memory.frames[0, 1], memory.frames[0, 15 * 47] = -50.0, 18.5
    policy, critic = Outputs(task, False, True, lambda function: function).view(memory).observations
    assert policy[0, :4].tolist() == [0.0, -18.0, 2.0, 3.0]
    assert critic[0, 0] == 18.0
    assert policy.shape == (1, 705)
    assert critic.shape == (1, 219)
    assert frames["policy"][0, 1, 0] == 47.0  # of the second oldest
    assert frames["policy"][0, 0, 1] == -50.0
    assert frames["critic"][0, 0, 0] == 18.5


# Low-pass filter of the distance from the command


def test_command_error_follows_the_closed_form() -> None:
    """The response of a first-order low-pass to a constant error, which is measured in the body frame."""
    yaw = rotations.from_yaw(torch.tensor([0.5 * math.pi]))
    lin_vel, ang_vel = torch.tensor([[0.2, 0.1, 0.0]]), torch.tensor([[0.0, 0.0, 0.3]])
    task, memory = make(base_quat=yaw, base_lin_vel=lin_vel, base_ang_vel=ang_vel)
    fix_command(memory, 0.4, 0.2, -0.2)
    error = torch.tensor([[0.4 - 0.1, 0.2 + 0.2, -0.2 - 0.3]])  # the body's x axis is the world's y axis
    for k in range(1, 80):
        step(task, memory)
        expected = error * (1.0 - math.exp(-0.01 * k / task.config.commands.averaging_time))
        torch.testing.assert_close(memory.command_error, expected, atol=1e-6, rtol=1e-5)


def test_command_error_starts_at_zero_in_each_episode() -> None:
    task, memory = make(num_envs=2, base_lin_vel=torch.ones(2, 3))
    for _ in range(5):
        step(task, memory)
    before = memory.command_error.clone()
    task.reset(memory, torch.tensor([True, False]), draw(task))
    assert not memory.command_error[0].any()
    assert torch.equal(memory.command_error[1], before[1])
    assert before[1].any()


# Gait clock


@pytest.mark.parametrize("offset", [0.0, 0.25, 0.9])
def test_phase_offset(offset: float) -> None:
    task, memory = make()
    everyone = torch.ones(1, dtype=torch.bool)
    task.reset(memory, everyone, draw(task, starts=starts(1, phase=offset)))
    for k in range(70):
        angle = 2.0 * math.pi * (offset + 0.01 * k / 0.64)
        for frames in task.frames(memory).values():
            expected = torch.tensor([math.sin(angle), math.cos(angle)])
            torch.testing.assert_close(frames[0, -1, :2], expected, atol=2e-5, rtol=0.0)
        step(task, memory)


# Actions


def test_executed_action() -> None:
    task, memory = make()
    memory.action.fill_(2.0)
    noise = torch.linspace(-0.1, 0.1, 12)[None]
    draws = draw(task, action_delay=torch.tensor([[0.25]]), action_noise=noise)
    executed, targets = task.process_action(memory, torch.full((1, 12), 4.0), draws)
    torch.testing.assert_close(executed, (0.75 * 4.0 + 0.25 * 2.0) * (1.0 + noise))
    torch.testing.assert_close(targets, 0.25 * executed)
    executed, _ = task.process_action(memory, torch.full((1, 12), 1e6), draws)
    assert executed.max() <= 18.0  # what noise adds is clipped too
    torch.testing.assert_close(executed[:, 0], torch.tensor([(0.75 * 18.0 + 0.5) * 0.9]))


def test_targets_reach_the_simulator() -> None:
    task, memory = make()
    task.step(memory, torch.full((1, 12), 0.8), draw(task), DISABLED)
    torch.testing.assert_close(simulator_of(task).joint_targets, torch.full((1, 12), 0.2))


# Commands


def test_fixed_commands_outlive_redraws_resets_and_headings() -> None:
    task, memory = make(num_envs=2)
    fix_command(memory, 0.1, 0.05, 0.2)
    memory.command_fixed[1] = False
    for _ in range(801):
        step(task, memory, SAME_STEP)
    task.reset(memory, torch.ones(2, dtype=torch.bool), draw(task))
    torch.testing.assert_close(memory.command[0, :3], torch.tensor([0.1, 0.05, 0.2]))
    assert (memory.command[1, :3] - memory.command[0, :3]).abs().min() > 1e-3


def test_commands_are_redrawn_every_period() -> None:
    task, memory = make(
        CALM.replace({"commands.velocity.heading_mode": False, "commands.resample_period": 0.05})
    )
    first, drawn = memory.command.clone(), torch.tensor([[0.5, 0.1, 0.2, 0.0]])
    for k in range(1, 5):
        step(task, memory, command=drawn)
        assert torch.equal(memory.command, first), k
    step(task, memory, command=drawn)
    assert torch.equal(memory.command, drawn)


def test_yaw_rate_turns_the_robot_to_its_heading() -> None:
    task, memory = make(base_quat=rotations.from_yaw(torch.tensor([0.4])))
    memory.command[:, 3] = 1.0
    step(task, memory)
    assert memory.command[0, 2].item() == pytest.approx(0.5 * (1.0 - 0.4))
    assert policy_frames(task, memory)[0, -1, 4] == memory.command[0, 2]


@pytest.mark.parametrize("heading_mode", [True, False])
def test_robots_told_to_stand_are_told_so_all_along(heading_mode: bool) -> None:
    """From the first observation to the last, though they stand turned and their commands are redrawn."""
    chosen = {
        "commands.velocity.heading_mode": heading_mode,
        "commands.velocity.standing_share": 1.0,
        "commands.resample_period": 0.05,
    }
    yaw = rotations.from_yaw(torch.linspace(-3.0, 3.0, 16))
    task, memory = make(CALM.replace(chosen), 16, base_quat=yaw)
    for k in range(12):
        assert not memory.command[:, :3].any(), k
        assert not policy_frames(task, memory)[:, :, 2:5].any(), k
        step(task, memory, SAME_STEP)


# Pushes


def test_pushes_come_by_a_clock_that_all_envs_share() -> None:
    config = CALM.replace({"randomization.push.period": 0.04})
    velocity = torch.tensor([[0.1, 0.2, -0.3]]).expand(2, 3)
    task, memory = make(config, 2, base_lin_vel=velocity, base_ang_vel=velocity)
    push = torch.tensor([[0.01, 0.02, 0.03, 0.04, 0.05]]).expand(2, 5)
    for k in range(1, 9):
        if k == 3:
            task.reset(memory, torch.tensor([True, False]), draw(task))
            simulator_of(task).state = standing(2, base_lin_vel=velocity, base_ang_vel=velocity)
        step(task, memory, pushes=push)
        mask, lin_vel, ang_vel = simulator_of(task).pushes[-1]
        assert mask.tolist() == [k % 4 == 0] * 2
        if k % 4 == 0:  # planar and angular velocity are replaced, the vertical one is kept
            torch.testing.assert_close(lin_vel, torch.tensor([[0.01, 0.02, -0.3]]).expand(2, 3))
            torch.testing.assert_close(ang_vel, push[:, 2:])
        assert torch.equal(memory.pushes, push if k >= 4 else torch.zeros(2, 5))


def test_pushes_may_add_to_the_velocity() -> None:
    config = CALM.replace({"randomization.push.period": 0.01, "randomization.push.adds": True})
    velocity = torch.tensor([[0.1, 0.2, -0.3]])
    task, memory = make(config, 1, base_lin_vel=velocity, base_ang_vel=velocity)
    step(task, memory, pushes=torch.tensor([[0.01, 0.02, 0.03, 0.04, 0.05]]))
    mask, lin_vel, ang_vel = simulator_of(task).pushes[-1]
    assert mask.tolist() == [True]
    torch.testing.assert_close(lin_vel, torch.tensor([[0.11, 0.22, -0.3]]))
    torch.testing.assert_close(ang_vel, torch.tensor([[0.13, 0.24, -0.25]]))


def test_a_period_of_zero_switches_pushes_off() -> None:
    task, memory = make()
    for _ in range(5):
        step(task, memory)
    assert not simulator_of(task).pushes


# Ends of episodes


def fallen_first_of(num_envs: int) -> SimState:
    """The first robot touches something with its torso."""
    force = torch.zeros(num_envs, 3)
    force[0, 2] = 50.0
    return standing(num_envs, base_contact_force=force, base_pos=torch.full((num_envs, 3), 0.3))


def test_disabled_never_resets() -> None:
    task, memory = make(num_envs=2)
    simulator_of(task).state = fallen_first_of(2)
    for k in (1, 2):
        result = step(task, memory, DISABLED)
        assert result.terminated.tolist() == [True, False]
        assert memory.episode_step.tolist() == [k, k]
        assert memory.done.tolist() == [True, False]
    assert simulator_of(task).state.base_pos[0, 2].item() == pytest.approx(0.3)


def test_same_step_resets_the_ended_env_alone() -> None:
    task, memory = make(num_envs=2)
    step(task, memory, SAME_STEP)
    simulator_of(task).state = fallen_first_of(2)
    result = step(task, memory, SAME_STEP)
    assert result.terminated.tolist() == [True, False]
    assert result.last.done.tolist() == [True, False]
    assert result.last.episode_step.tolist() == [2, 2]
    assert memory.episode_step.tolist() == [0, 2]
    assert not memory.done.any()
    height = simulator_of(task).state.base_pos[:, 2]
    torch.testing.assert_close(height, torch.tensor([task.simulator.robot.start_height, 0.3]))
    frames, last = policy_frames(task, memory), policy_frames(task, result.last)
    assert not frames[0, :-1].any()
    assert torch.equal(frames[1], last[1])
    assert not torch.equal(frames[0], last[0])


def test_next_step_resets_one_step_later_and_ignores_that_action() -> None:
    task, memory = make(num_envs=2)
    simulator_of(task).state = fallen_first_of(2)
    result = step(task, memory, NEXT_STEP)
    assert result.terminated.tolist() == [True, False]
    assert memory.done.tolist() == [True, False]
    assert memory.episode_step.tolist() == [1, 1]
    result = task.step(memory, torch.ones(2, 12), draw(task), NEXT_STEP)
    assert result.reward[0] == 0.0
    assert result.reward[1] > 0.0
    assert not (result.terminated | result.truncated | result.done).any()
    assert result.last.done[0]  # though it still lay there at the end of that step
    assert memory.episode_step.tolist() == [0, 2]
    assert not memory.done.any()
    assert not memory.action[0].any()
    assert memory.action[1].all()
    height = simulator_of(task).state.base_pos[:, 2]
    torch.testing.assert_close(height, torch.tensor([task.simulator.robot.start_height, 0.3]))
    simulator_of(task).state = standing(2)
    result = step(task, memory, NEXT_STEP)
    assert memory.episode_step.tolist() == [1, 3]
    assert result.reward[0] > 0.0


def test_time_outs_truncate_and_falls_terminate() -> None:
    task, memory = make(CALM.replace({"terminations.episode_length": 0.03}), 2)
    for _ in range(3):
        assert not step(task, memory, SAME_STEP).truncated.any()
    result = step(task, memory, SAME_STEP)
    assert result.truncated.all()
    assert not result.terminated.any()


def test_diverged_physics_terminates() -> None:
    task, memory = make(num_envs=2)
    simulator_of(task).diverged = torch.tensor([False, True])
    assert step(task, memory).terminated.tolist() == [False, True]


IMPOSSIBLE = {
    "under the ground": {"base_pos": [0.0, 0.0, -5.0]},
    "in the sky": {"base_pos": [0.0, 0.0, 11.0]},
    "moving": {"base_lin_vel": [0.0, -60.0, 0.0]},
    "turning": {"base_ang_vel": [0.0, 0.0, 1e6]},
    "joints": {"joint_vel": [0.0] * 11 + [-2000.0]},
    "not a number": {"joint_vel": [math.nan] * 12},
}


@pytest.mark.parametrize("values", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
@pytest.mark.parametrize("config", ["v0", "fast"])
def test_impossible_states_are_not_learned_from(config: str, values: Dict[str, List[float]]) -> None:
    """The episode ends with reward 0, and neither it nor those after it see the numbers."""
    task, memory = make(preset(config), 2)
    possible = standing(2)
    (name, bad), *_ = values.items()
    simulator_of(task).state = standing(2, **{name: getattr(possible, name).clone()})
    getattr(simulator_of(task).state, name)[1] = torch.tensor(bad)
    before = memory.episode_return.clone()
    result = step(task, memory, DISABLED)
    assert result.terminated.tolist() == [False, True]
    assert result.trouble.tolist() == [[False, True], [False] * 2, [False] * 2]
    assert result.reward[1] == 0.0
    assert memory.episode_return[1] == before[1]
    assert not memory.term_returns[1].any()
    simulator_of(task).state = possible
    after = step(task, memory, DISABLED)
    assert not after.trouble.any()
    for field, value in vars(memory).items():
        assert (value.float().abs() < 20.0).all(), field
    assert after.reward.abs().max() < 1.0


def test_trouble_is_that_of_the_simulator() -> None:
    task, memory = make(num_envs=3)
    simulator_of(task).contacts_dropped = torch.tensor([False, True, False])
    simulator_of(task).constraints_dropped = torch.tensor([True, False, False])
    result = step(task, memory)
    assert result.trouble.int().tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert not result.done.any()


def test_returns_add_up_and_start_afresh() -> None:
    task, memory = make(num_envs=2)
    total = torch.zeros(2)
    for _ in range(4):
        total = total + step(task, memory).reward
    torch.testing.assert_close(memory.episode_return, total)
    task.reset(memory, torch.tensor([False, True]), draw(task))
    torch.testing.assert_close(memory.episode_return, total * torch.tensor([1.0, 0.0]))
    assert not memory.term_returns[1].any()


def test_reset_writes_the_drawn_start() -> None:
    task, memory = make()
    joints, yaw = torch.linspace(-0.1, 0.1, 12)[None], torch.tensor([1.2])
    task.reset(memory, torch.ones(1, dtype=torch.bool), draw(task, starts=starts(1, yaw=yaw, joints=joints)))
    state = simulator_of(task).state
    torch.testing.assert_close(state.joint_pos, joints)
    torch.testing.assert_close(rotations.heading(state.base_quat), yaw)
    assert not state.base_lin_vel.any()
    torch.testing.assert_close(policy_frames(task, memory)[0, -1, 5:17], joints[0])
