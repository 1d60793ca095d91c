"""Terms of many kinds that a user writes: with memory, in groups of their own, beside those that exist."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Tuple

import pytest
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from humanoid_envs.compilation import can_compile
from humanoid_envs.mdp import Frame, ObservationTerm, PushTerm, Step, TerminationTerm, observations
from humanoid_envs.robots import Robot
from humanoid_envs.tasks import Task, TaskConfig
from humanoid_envs.tasks.memory import TaskMemory
from humanoid_envs.tasks.velocity import (
    PolicyFrame,
    VelocityConfig,
    VelocityObservations,
    VelocityRandomization,
    VelocityTerminations,
)
from humanoid_envs.vector_env import HumanoidVectorEnv
from tests.scripted_simulator import ScriptedSimulator, standing

SAME_STEP, DISABLED = AutoresetMode.SAME_STEP, AutoresetMode.DISABLED


@dataclass(frozen=True)
class Travelled(ObservationTerm):
    """Sum of the base's x so far, from a first number, and that number."""

    first: float = 0.0

    def size(self, robot: Robot) -> int:
        return 2

    def memory_size(self, robot: Robot) -> int:
        return 2

    def start(self, step: Step) -> Tensor:
        return step.zeros(2) + self.first

    def advance(self, step: Step, memory: Tensor) -> Tuple[Tensor, Tensor]:
        memory = torch.cat([memory[:, :1] + step.state.base_pos[:, :1], memory[:, 1:]], dim=1)
        return memory, memory


@dataclass(frozen=True)
class Patience(TerminationTerm):
    """Ends an episode after so many steps in which the base was too low."""

    steps: int = 3

    def memory_size(self, robot: Robot) -> int:
        return 1

    def advance(self, step: Step, memory: Tensor) -> Tuple[Tensor, Tensor]:
        memory = memory + (step.state.base_pos[:, 2:] < 0.8).float()
        return memory[:, 0] >= self.steps, memory


@dataclass(frozen=True)
class Arrived(TerminationTerm):
    """The base has come far enough; what comes after it still counts."""

    truncates: ClassVar[bool] = True

    def __call__(self, step: Step) -> Tensor:
        return step.state.base_pos[:, 0] > 100.0


@dataclass(frozen=True)
class MyPolicy(PolicyFrame):
    history: observations.History = 2
    travelled: Travelled = Travelled(scale=2.0)
    again: Travelled = Travelled(first=10.0)


@dataclass(frozen=True)
class Camera(Frame):
    """What neither actor nor critic sees."""

    history: observations.History = 3
    height: observations.BaseHeight = observations.BaseHeight(noise=0.5)
    travelled: Travelled = Travelled(first=-1.0)


@dataclass(frozen=True)
class MyObservations(VelocityObservations):
    policy: MyPolicy = MyPolicy()
    camera: Camera = Camera()


@dataclass(frozen=True)
class MyTerminations(VelocityTerminations):
    patience: Patience = Patience()
    arrived: Arrived = Arrived()


@dataclass(frozen=True)
class MyConfig(VelocityConfig):
    observations: MyObservations = field(default_factory=MyObservations)
    terminations: MyTerminations = field(default_factory=MyTerminations)


CONFIG = MyConfig()
CALM = CONFIG.without_randomization()


def make(config: TaskConfig = CALM, num_envs: int = 2) -> Tuple[Task, TaskMemory, ScriptedSimulator]:
    simulator = ScriptedSimulator(standing(num_envs))
    task = Task(simulator, config)
    memory = task.initial_memory()
    reset(task, memory, *[True] * num_envs)
    return task, memory, simulator


def reset(task: Task, memory: TaskMemory, *mask: bool) -> None:
    draws = task.draw(memory, torch.Generator().manual_seed(0))
    task.reset(memory, torch.tensor(mask), draws)


def step(task: Task, memory: TaskMemory, mode: AutoresetMode = DISABLED) -> Any:
    draws = task.draw(memory, torch.Generator().manual_seed(0))
    return task.step(memory, torch.zeros(task.num_envs, 12), draws, mode)


def at(x: float, *heights: float) -> Any:
    position = torch.tensor([[x, 0.0, height] for height in heights])
    return standing(len(heights), base_pos=position)


def test_observations_remember_each_its_own_until_the_episode_ends() -> None:
    """What a start shows is counted too; scale and place are those of the frame."""
    task, memory, simulator = make()
    for k in range(1, 4):
        simulator.state = at(1.0, 0.95, 0.95)
        step(task, memory)
        frames = task.frames(memory)
        assert {name: tuple(stack.shape[1:]) for name, stack in frames.items()} == {
            "policy": (2, 51),
            "critic": (3, 73),
            "camera": (3, 3),
        }
        assert frames["policy"][0, :, 47:].tolist() == [
            [2.0 * (k - 1), 0.0, 9.0 + k, 10.0],
            [2.0 * k, 0.0, 10.0 + k, 10.0],
        ]
        assert frames["camera"][0, -1, 1:].tolist() == [k - 1.0, -1.0]
    reset(task, memory, True, False)
    frames = task.frames(memory)
    assert frames["policy"][0, :, 47:].tolist() == [[0.0] * 4, [0.0, 0.0, 10.0, 10.0]]
    assert frames["camera"][:, -1, 1].tolist() == [-1.0, 2.0]
    assert frames["policy"][1, -1, 47:].tolist() == [6.0, 0.0, 13.0, 10.0]


def test_terminations_remember_until_the_episode_ends() -> None:
    task, memory, simulator = make()
    ends = []
    for _ in range(7):
        simulator.state = at(0.0, 0.7, 0.95)
        result = step(task, memory, SAME_STEP)
        assert not result.truncated.any()
        ends.append(result.terminated.tolist())
    assert ends == [[k in (2, 5), False] for k in range(7)]


def test_a_termination_may_cut_off() -> None:
    task, memory, simulator = make()
    simulator.state = at(101.0, 0.95, 0.95)
    result = step(task, memory, DISABLED)
    assert result.truncated.all()
    assert result.done.all()
    assert not result.terminated.any()


def test_another_group_is_seen_beside_actor_and_critic() -> None:
    """In `info`, and with `dict_obs` in the observation, of spaces of its size."""
    simulator = ScriptedSimulator(standing(2))
    env = HumanoidVectorEnv(simulator, CALM)
    seen, info = env.reset(seed=0)
    assert seen.shape == (2, 2 * 51)
    assert [*info["observations"]] == ["camera"]
    camera = info["observations"]["camera"]
    assert camera[0].tolist() == pytest.approx([0.0] * 6 + [0.95, -1.0, -1.0])
    both = HumanoidVectorEnv(ScriptedSimulator(standing(2)), CALM, dict_obs=True)
    seen, _ = both.reset(seed=0)
    space: Any = both.single_observation_space
    assert set(seen) == set(space.spaces) == {"policy", "critic", "camera"}
    assert space["camera"].shape == (9,)
    torch.testing.assert_close(seen["camera"], camera)
    simulator.state = at(5.0, 0.95, 0.95)
    _, _, _, _, info = env.step(torch.zeros(2, 12))
    assert info["observations"]["camera"][:, -2].tolist() == [4.0, 4.0]


def test_noise_of_another_group_is_its_own() -> None:
    """Of its deviation, in its entry; the actor's stays what it is without the group."""
    noisy, memory, _ = make(CONFIG, 4000)
    frames = noisy.frames(memory)
    height = frames["camera"][:, -1, 0]
    assert height.mean().item() == pytest.approx(0.95, abs=0.04)
    assert height.std().item() == pytest.approx(0.5, rel=0.05)
    assert (frames["camera"][:, -1, 1:] == -1.0).all()
    yaw_noise = frames["policy"][:, -1, 46]
    assert yaw_noise.std().item() == pytest.approx(0.018, rel=0.05)
    assert torch.corrcoef(torch.stack([height, yaw_noise]))[0, 1].abs() < 0.08
    assert not CALM.observations.camera.height.noise


@dataclass(frozen=True)
class Dice(ObservationTerm):
    """Two numbers drawn at the start and two drawn in each step, seen as they are now."""

    stacked: ClassVar[bool] = False

    def size(self, robot: Robot) -> int:
        return 4

    def uniforms(self, robot: Robot) -> int:
        return 2

    def normals(self, robot: Robot) -> int:
        return 2

    def memory_size(self, robot: Robot) -> int:
        return 2

    def start(self, step: Step) -> Tensor:
        return torch.cat([step.uniform[:, :1], step.normal[:, :1]], dim=1)

    def advance(self, step: Step, memory: Tensor) -> Tuple[Tensor, Tensor]:
        return torch.cat([memory, step.uniform[:, 1:], step.normal[:, 1:]], dim=1), memory


@dataclass(frozen=True)
class Gambler(PolicyFrame):
    history: observations.History = 2
    dice: Dice = Dice()
    height: observations.BaseHeight = observations.BaseHeight()
    more_dice: Dice = Dice(scale=2.0)


@dataclass(frozen=True)
class Gambling(VelocityObservations):
    policy: Gambler = Gambler()
    camera: Gambler = Gambler(history=1)


@pytest.mark.parametrize("compiled", [False, True])
def test_terms_draw_numbers_of_their_own(compiled: bool) -> None:
    """At the start and in each step, each term and group others; those of other terms stay what they are."""
    if compiled and not can_compile():
        pytest.skip("torch.compile does not work here")
    n = 2000
    task = Task(ScriptedSimulator(standing(n)), VelocityConfig(observations=Gambling()), compiled)
    memory = task.initial_memory()
    reset(task, memory, *[True] * n)
    generator, tables = torch.Generator().manual_seed(5), []
    for _ in range(2):
        task.step(memory, torch.zeros(n, 12), task.draw(memory, generator), DISABLED)
        policy, _, camera = memory.frames.split(task.terms.stack_sizes, dim=1)
        assert (policy.shape[1], camera.shape[1]) == (2 * 48 + 8, 48 + 8)
        halved = torch.tensor([1.0] * 4 + [0.5] * 4)
        tables.append(torch.stack([policy[:, -8:] * halved, camera[:, -8:] * halved], 1).view(n, 4, 4))
    first, second = tables
    assert torch.equal(first[..., :2], second[..., :2])
    assert (first[..., 2:] != second[..., 2:]).all()
    for uniform in (first[..., 0], first[..., 2]):
        assert uniform.min() >= 0.0
        assert uniform.mean().item() == pytest.approx(0.5, abs=0.02)
    for normal in (first[..., 1], first[..., 3]):
        assert (normal.mean().item(), normal.std().item()) == pytest.approx((0.0, 1.0), abs=0.04)
    numbers = torch.cat([first.flatten(1), second[..., 2:].flatten(1)], dim=1)
    correlation = torch.corrcoef(numbers.T) - torch.eye(numbers.shape[1])
    assert correlation.abs().max() < 0.1


@dataclass(frozen=True)
class Gust(PushTerm):
    """Throws the base up."""

    def sample(self, uniform: Tensor) -> Tensor:
        return torch.full_like(uniform, 3.0)

    def change(self, drawn: Tensor, base_velocity: Tensor) -> Tensor:
        return torch.cat([base_velocity[:, :2], drawn, base_velocity[:, 3:]], dim=1)


@dataclass(frozen=True)
class Windy(VelocityRandomization):
    gust: Gust = Gust(period=0.03)


def test_pushes_of_several_terms_come_each_in_its_time() -> None:
    config = VelocityConfig(randomization=Windy()).replace({"randomization.push.period": 0.02})
    task, memory, simulator = make(config)
    for k in range(1, 7):
        step(task, memory)
        mask, lin_vel, _ = simulator.pushes[-1]
        assert mask.tolist() == [k % 2 == 0 or k % 3 == 0] * 2, k
        if k % 3 == 0:
            assert lin_vel[:, 2].tolist() == [3.0, 3.0]
        assert bool(lin_vel[:, :2].any()) == (k % 2 == 0)
        assert memory.pushes[:, 5].tolist() == [3.0 if k >= 3 else 0.0] * 2
        assert bool(memory.pushes[:, :5].all()) == (k >= 2)
