"""Evaluation on fixed commands: the published policy walks, others are found out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, List

import pytest
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from humanoid_envs.configs import values_of
from humanoid_envs.simulators.simulator import PhysicsConfig, default_parameters
from humanoid_envs.tasks import preset
from humanoid_envs.tasks.velocity import fast
from trainers.evaluation import (
    NINE_COMMANDS,
    CommandScore,
    evaluate_commands,
    evaluation_env,
    format_scores,
    summarize,
)
from trainers.evaluation.command_scores import Command

pytest.importorskip("mujoco")

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = Path(os.environ.get("POLICY_EXAMPLE", ROOT / "../shared/reference/policy_example.pt"))

FORWARD, LEFT, TURN, STAND = (0.4, 0.0, 0.0), (0.0, 0.3, 0.0), (0.0, 0.0, 0.3), (0.0, 0.0, 0.0)


def zeros(observation: Tensor) -> Tensor:
    """A policy that holds the default pose, in which the robot tips over."""
    return torch.zeros(len(observation), 12)


@pytest.fixture(scope="module")
def published() -> Dict[Command, CommandScore]:
    """How the Humanoid-Gym release's own policy does on all nine commands."""
    if not PUBLISHED.is_file():
        pytest.skip(f"the release's policy is not at $POLICY_EXAMPLE ({PUBLISHED})")
    scores = evaluate_commands(torch.jit.load(str(PUBLISHED)).eval(), episodes=1, seconds=20.0)
    return {score.command: score for score in scores}


def test_the_published_policy_does_not_fall(published: Dict[Command, CommandScore]) -> None:
    assert tuple(published) == NINE_COMMANDS
    assert {command: score.falls for command, score in published.items()} == dict.fromkeys(NINE_COMMANDS, 0)


def test_the_published_policy_walks_as_it_is_known_to(published: Dict[Command, CommandScore]) -> None:
    """Reference: its means on a model built from the published figures, in another implementation."""
    forward, stand = published[FORWARD].mean_velocity, published[STAND].mean_velocity
    assert forward is not None
    assert stand is not None
    assert 0.36 <= forward[0] <= 0.42
    assert forward == pytest.approx((0.384, -0.036, -0.028), abs=0.03)
    assert published[LEFT].mean_velocity == pytest.approx((0.093, 0.093, -0.032), abs=0.03)
    assert published[TURN].mean_velocity == pytest.approx((0.113, -0.051, 0.248), abs=0.04)
    assert 0.05 < stand[0] < 0.15  # it creeps when told to stand
    for score in published.values():
        assert score.mean_abs_torque is not None
        assert 12.0 < score.mean_abs_torque < 17.0


def test_the_published_policy_earns_the_tasks_rewards(published: Dict[Command, CommandScore]) -> None:
    assert published[FORWARD].mean_return > 0.01 * 2000 * 3.0  # more than 3 per second


@pytest.fixture(scope="module")
def limp() -> CommandScore:
    (score,) = evaluate_commands(zeros, [FORWARD], episodes=3, seconds=4.0, start_up=0.0)
    return score


def test_a_policy_that_does_nothing_falls(limp: CommandScore) -> None:
    assert (limp.command, limp.episodes, limp.falls) == (FORWARD, 3, 3)


def test_after_a_fall_nothing_counts(limp: CommandScore) -> None:
    (longer,) = evaluate_commands(zeros, [FORWARD], episodes=3, seconds=6.0, start_up=0.0)
    assert longer == limp


def test_return_is_summed_until_the_fall() -> None:
    """Against a walk of our own through the same environment."""
    env = evaluation_env(preset("v0"), 2, 3.0)
    env.set_command(FORWARD)
    observation, _ = env.reset(seed=5)
    total, standing = torch.zeros(2), torch.ones(2, dtype=torch.bool)
    for _ in range(300):
        observation, reward, terminated, _, _ = env.step(zeros(observation))
        total += torch.as_tensor(reward) * standing
        standing &= ~torch.as_tensor(terminated) & (env.simulator.state.base_pos[:, 2] > 0.5)
    env.close()
    assert not standing.any()
    (score,) = evaluate_commands(zeros, [FORWARD], episodes=2, seconds=3.0, seed=5)
    assert score.mean_return == pytest.approx(total.mean().item())


def test_sinking_below_half_a_metre_is_a_fall() -> None:
    """Also for a task that never terminates."""
    config = preset("v0").replace({"terminations.base_contact.force": 1e9})
    (score,) = evaluate_commands(zeros, [STAND], config=config, episodes=2, seconds=3.0)
    assert score.falls == 2


def test_scores_belong_to_their_commands() -> None:
    """Each command's episodes see that command."""
    seen: List[Tensor] = []

    def note(observation: Tensor) -> Tensor:
        seen.append(observation[:, -47 + 2 : -47 + 5].clone())
        return zeros(observation)

    commands = [FORWARD, LEFT, TURN]
    scores = evaluate_commands(note, commands, episodes=2, seconds=0.1, start_up=0.0)
    assert [score.command for score in scores] == commands
    expected = torch.tensor(commands).repeat_interleave(2, dim=0) * torch.tensor([2.0, 2.0, 1.0])
    for observed in seen:
        torch.testing.assert_close(observed, expected)
    assert len({score.mean_return for score in scores}) == len(scores)


def test_evaluation_env() -> None:
    """1 ms × 10 with explicit PD, nothing random but the start, and no resets."""
    env = evaluation_env(preset("fast"), 4, seconds=33.0)
    assert env.config.physics == PhysicsConfig(timestep=0.001, decimation=10, implicit_damping=False)
    assert env.autoreset_mode == AutoresetMode.DISABLED
    assert env.config.terminations.episode_length == 33.0
    assert values_of(env.config)["terminations.tilt"] == fast().terminations.tilt
    env.set_command(STAND)
    env.reset(seed=0)
    nominal = default_parameters(env.simulator.robot, 4, "cpu")
    for name, value in vars(env.simulator.parameters).items():
        assert torch.equal(value, getattr(nominal, name)), name
    state = env.simulator.state
    assert state.joint_pos.std(dim=0).min() > 0.0
    assert state.joint_pos.abs().max() <= 0.1
    assert torch.equal(state.base_quat, torch.tensor([[1.0, 0.0, 0.0, 0.0]]).expand(4, 4))
    env.close()
    short = evaluation_env(preset("v0"), 1, seconds=1.0)
    assert short.config.terminations.episode_length == preset("v0").terminations.episode_length
    short.close()


def test_steps_are_not_noisy() -> None:
    """After the start two seeds differ in nothing: from equal joints they would go equal ways."""
    config = preset("v0").replace({"randomization.start_joint_pos.angle": 0.0})
    one, other = (
        evaluate_commands(zeros, [FORWARD], config=config, episodes=1, seconds=0.5, start_up=0.0, seed=seed)
        for seed in (0, 1)
    )
    assert one == other


def test_format_scores() -> None:
    text = format_scores([CommandScore(FORWARD, 5, 1, (0.384, -0.036, -0.028), 14.9, 71.234)])
    assert text.splitlines()[1].split() == [
        "0.40", "0.00", "0.00", "0.384", "-0.036", "-0.028", "1/5", "14.9", "71.23",
    ]  # fmt: skip


def test_where_nothing_was_measured_there_is_no_value() -> None:
    (score,) = evaluate_commands(zeros, [STAND], episodes=2, seconds=3.5)
    assert (score.falls, score.mean_velocity, score.mean_abs_torque, score.met) == (2, None, None, False)
    assert score.mean_return > 0.0
    _, row, reason = format_scores([score]).splitlines()
    assert row.split()[3:8] == ["–", "–", "–", "2/2", "–"]
    assert reason.strip().startswith("–: every robot fell within the start-up time")
    assert "evaluation/worst_tracking_error" not in summarize([score])
    measured = CommandScore(FORWARD, 2, 0, (0.4, 0.0, 0.1), 14.0, 80.0)
    assert summarize([score, measured])["evaluation/worst_tracking_error"] == pytest.approx(0.1)


def test_summary() -> None:
    scores = [
        CommandScore((0.4, 0.0, 0.0), 2, 0, (0.5, 0.02, 0.0), 14.0, 80.0),
        CommandScore((0.0, 0.0, -0.3), 2, 1, (0.0, 0.0, -0.1), 14.0, 40.0),
    ]
    assert summarize(scores) == pytest.approx(
        {
            "evaluation/return": 60.0,
            "evaluation/falls": 1,
            "evaluation/fall_rate": 0.25,
            "evaluation/worst_tracking_error": 0.2,
        }
    )
