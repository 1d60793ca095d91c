"""A mirrored robot moves and sees like the mirror image."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict

import pytest
import torch
from torch import Tensor

from humanoid_envs.registration import make_mujoco
from humanoid_envs.robots import XBOT_L
from humanoid_envs.simulators.simulator import RobotState, SimState
from humanoid_envs.tasks import preset
from humanoid_envs.vector_env import HumanoidVectorEnv

pytest.importorskip("mujoco.batch")

JOINTS = XBOT_L.joint_mirror()
VECTOR, ROTATION = torch.tensor([1.0, -1.0, 1.0]), torch.tensor([-1.0, 1.0, -1.0])


def reflect(mirror: Dict[str, Any], values: Tensor) -> Tensor:
    return values[..., mirror["permutation"]] * torch.tensor(mirror["sign"])


def reflect_state(state: RobotState) -> RobotState:
    return RobotState(
        base_pos=state.base_pos * VECTOR,
        base_quat=state.base_quat * torch.tensor([1.0, -1.0, 1.0, -1.0]),
        base_lin_vel=state.base_lin_vel * VECTOR,
        base_ang_vel=state.base_ang_vel * ROTATION,
        joint_pos=reflect(JOINTS, state.joint_pos),
        joint_vel=reflect(JOINTS, state.joint_vel),
    )


def random_state(num_envs: int) -> RobotState:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    return RobotState(
        base_pos=torch.tensor([0.0, 0.0, 1.2]) + 0.05 * normal(num_envs, 3),
        base_quat=torch.nn.functional.normalize(
            torch.tensor([1.0, 0.0, 0.0, 0.0]) + 0.1 * normal(num_envs, 4), dim=1
        ),
        base_lin_vel=normal(num_envs, 3),
        base_ang_vel=normal(num_envs, 3),
        joint_pos=0.2 * normal(num_envs, 12),
        joint_vel=normal(num_envs, 12),
    )


@pytest.fixture
def env() -> HumanoidVectorEnv:
    """Robots alike; the first four get states, the other four their mirror images."""
    config = preset("fast").without_randomization()
    env = make_mujoco(8, dataclasses.replace(config, physics=preset("v0").physics), array="torch")
    env.reset(seed=0)
    state = random_state(4)
    image = reflect_state(state)
    both = {name: torch.cat([value, getattr(image, name)]) for name, value in vars(state).items()}
    env.simulator.reset(torch.ones(8, dtype=torch.bool), RobotState(**both))
    return env


def halves(state: SimState, name: str) -> tuple:
    value = getattr(state, name)
    return value[:4], value[4:]


def test_the_physics_of_the_mirror_image_is_the_mirror_image(env: HumanoidVectorEnv) -> None:
    """In the air and after landing, but for the robot's own asymmetry: the right ankle's link weighs 0.1 kg
    and the left's 0.04 kg."""
    state = env.simulator.state
    for name, sign in (("feet_pos", VECTOR), ("feet_vel", VECTOR), ("knees_pos", VECTOR)):
        original, image = halves(state, name)
        torch.testing.assert_close(
            image, original.flip(1) * sign, atol=1e-4, rtol=0.0
        )  # link frames have six digits
    targets = 0.2 * torch.randn(4, 12, generator=torch.Generator().manual_seed(1))
    for _ in range(10):
        env.simulator.step(torch.cat([targets, reflect(JOINTS, targets)]))
    original, image = halves(env.simulator.state, "joint_pos")
    torch.testing.assert_close(image, reflect(JOINTS, original), atol=5e-3, rtol=0.0)
    original, image = halves(env.simulator.state, "base_pos")
    torch.testing.assert_close(image, original * VECTOR, atol=2e-3, rtol=0.0)
    assert (original - state.base_pos[4:]).abs().max() > 1e-3  # and the two are not simply the same


def test_the_mirror_image_is_observed_as_the_mirror_of_the_observation(env: HumanoidVectorEnv) -> None:
    task, generator = env.task, torch.Generator().manual_seed(2)
    action, command = torch.randn(2, 4, 12, generator=generator), torch.randn(4, 4, generator=generator)
    flipped_command = command * torch.tensor([1.0, -1.0, -1.0, -1.0])
    memory = dataclasses.replace(
        task.initial_memory(),
        episode_step=torch.full((8,), 11),
        phase_offset=torch.tensor([0.0] * 4 + [0.5] * 4),  # half a gait cycle apart
        command=torch.cat([command, flipped_command]),
        action=torch.cat([action[0], reflect(JOINTS, action[0])]),
        contact=torch.tensor([[True, False]] * 4 + [[False, True]] * 4),
        command_error=torch.tensor([[0.1, 0.2, 0.3]] * 4 + [[0.1, -0.2, -0.3]] * 4),
        foot_height=torch.tensor([[0.01, 0.02]] * 4 + [[0.02, 0.01]] * 4),
    )
    step = task._view(memory, memory, env.simulator.state, env.simulator.parameters)
    step = dataclasses.replace(step, contact=memory.contact)
    seen = task.observe(memory, step, task.draw(memory, generator))
    frames, groups = task.frames(seen), task.config.observations.groups
    assert [*frames] == ["policy", "critic"]
    for name, stack in frames.items():
        mirror, stacked = groups[name].mirror(XBOT_L), stack.flatten(1)
        torch.testing.assert_close(stacked[4:], reflect(mirror, stacked[:4]), atol=2e-5, rtol=1e-5)
