"""What an environment keeps from step to step and from episode to episode, and what it does not."""

from __future__ import annotations

from typing import List

import pytest
import torch
from torch import Tensor

from humanoid_envs.errors import UserError
from humanoid_envs.tasks import preset
from tests.test_vector_env import actions, make, short_episodes, until_done

pytest.importorskip("mujoco")

PUSH = slice(59 + 3, 59 + 8)
"""The last push in a privileged frame: after clock, command, joints, errors, base velocities and angles."""


# Histories


@pytest.mark.parametrize("name", ["v0", "fast"])
def test_histories_are_oldest_first_for_actor_and_critic(name: str) -> None:
    """What is shown moves up by one frame with each step; the newest frame tells the action just taken."""
    config = preset(name).replace({"actions.delay": 0.0, "actions.noise": 0.0})
    env = make(3, config=config)
    observation, info = env.reset(seed=0)
    for seed in range(6):
        action = actions(3, seed, scale=0.1)
        after, *_, new = env.step(action)
        for earlier, later, frames, first in (
            (observation, after, config.observations.policy.history, 29),
            (info["privileged"], new["privileged"], config.observations.critic.history, 29),
        ):
            size = later.shape[1] // frames
            assert torch.equal(later[:, :-size], earlier[:, size:])
            torch.testing.assert_close(later[:, -size:][:, first : first + 12], action)
        observation, info = after, new
    env.close()


# Commands


def test_commands_fixed_for_some_robots_leave_the_others_free() -> None:
    config = preset("fast").replace(
        {"commands.resample_period": 0.03, "commands.velocity.standing_share": 0.0}
    )
    env = make(6, config=config)
    _, info = env.reset(seed=0)
    mask = torch.tensor([True, False, True, False, False, False])
    drawn = info["command"][~mask]
    env.set_command((0.1, 0.2, 0.3), mask)
    fixed = torch.tensor([0.1, 0.2, 0.3])
    seen: List[Tensor] = []
    for seed in range(6):  # in the third and the sixth commands are drawn
        *_, info = env.step(actions(6, seed, scale=0.1))
        assert torch.equal(info["command"][mask], fixed.expand(2, 3))
        seen.append(info["command"][~mask])
    assert torch.equal(seen[0], drawn)
    assert torch.equal(seen[1], drawn)
    for early, late in ((1, 2), (4, 5)):
        assert (seen[early] != seen[late]).any(dim=1).all()
    _, info = env.reset()
    assert torch.equal(info["command"][mask], fixed.expand(2, 3))
    assert (info["command"][~mask] != seen[-1]).any(dim=1).all()
    env.set_command(None, mask)
    _, info = env.reset()
    assert (info["command"] != fixed).any(dim=1).all()
    env.close()


# Resets


def test_a_full_reset_forgets_the_last_push_and_one_by_mask_does_not() -> None:
    """All robots share the clock of pushes, which goes on while some of them restart."""
    config = preset("v0").replace({"randomization.push.period": 0.03})
    env = make(2, config=config, autoreset_mode="DISABLED")
    _, info = env.reset(seed=0)
    assert not info["privileged"][:, -73:][:, PUSH].any()
    for seed in range(4):
        *_, info = env.step(actions(2, seed, scale=0.1))
    assert info["privileged"][:, -73:][:, PUSH].all()
    _, info = env.reset(options={"reset_mask": torch.tensor([True, False])})
    assert info["privileged"][:, -73:][:, PUSH].all()
    _, info = env.reset()
    assert not info["privileged"][:, -73:][:, PUSH].any()
    for step in range(1, 5):  # and the next push comes a whole period after it
        *_, info = env.step(actions(2, step, scale=0.1))
        assert bool(info["privileged"][:, -73:][:, PUSH].any()) == (step >= 3)
    env.close()


def test_physical_parameters_are_drawn_once_until_the_next_seed() -> None:
    env = make(4, config=preset("fast").replace({"terminations.episode_length": 0.05}))
    env.reset(seed=0)

    def parameters() -> Tensor:
        values = [value.reshape(4, -1) for value in vars(env.simulator.parameters).values()]
        return torch.cat(values, dim=1).clone()

    first = parameters()
    assert (first.std(dim=0)[:2] > 0.0).all()  # friction and mass differ
    env.reset()
    assert torch.equal(parameters(), first)
    env.reset(options={"reset_mask": torch.tensor([True, False, True, False])})
    until_done(env)
    assert torch.equal(parameters(), first)
    env.reset(seed=1)
    assert not torch.equal(parameters(), first)
    env.reset(seed=0)
    assert torch.equal(parameters(), first)
    env.close()


def test_robots_that_restart_in_next_step_mode_end_no_second_episode() -> None:
    """Their old state is over its time in the very step in which they restart."""
    env = make(3, config=short_episodes(), autoreset_mode="NEXT_STEP")
    env.reset(seed=0)
    info = until_done(env)[-1]
    assert info["_final_info"].all()
    *_, terminated, truncated, info = env.step(actions(3))
    assert not torch.as_tensor(terminated).any()
    assert not torch.as_tensor(truncated).any()
    assert "final_info" not in info
    assert not env.state_dict()["memory"]["done"].any()
    env.close()


# What calls `step_tensors` and is accelerated


def test_an_accelerated_function_does_what_it_does_otherwise() -> None:
    """`step_tensors` in it gives what `step` gives outside, resets included."""
    plain, fast = (make(3, config=short_episodes(0.1)) for _ in range(2))
    action = torch.zeros(3, 12)
    seen: List[Tensor] = []

    def act() -> None:
        observation, reward, *_, info = fast.step_tensors(action)
        seen[:] = [observation, torch.as_tensor(reward), info["command"]]

    advance = fast.accelerate(act, [torch.Generator()])
    expected, _ = plain.reset(seed=0)
    observed, _ = fast.reset(seed=0)
    assert torch.equal(observed, expected)
    for seed in range(25):  # through two resets
        action.copy_(actions(3, seed))
        advance()
        observation, reward, *_, info = plain.step(action)
        for ours, theirs in zip(seen, (observation, torch.as_tensor(reward), info["command"])):
            assert torch.equal(ours, theirs)
    assert torch.equal(fast.step(action)[0], plain.step(action)[0])  # and outside of it afterwards
    plain.close()
    fast.close()


def test_actions_that_are_no_numbers_are_noticed_in_an_accelerated_function() -> None:
    env = make(2)
    action = torch.zeros(2, 12)

    def act() -> None:
        env.step_tensors(action)

    advance = env.accelerate(act)
    env.reset(seed=0)
    advance()
    action[1, 3] = float("nan")
    advance()
    with pytest.raises(UserError, match="NaN"):
        advance()
    action.zero_()
    env.reset(seed=0)
    for _ in range(3):
        advance()
    env.close()


def test_an_accelerated_function_that_fails_leaves_step_as_it_was() -> None:
    env = make(2)
    env.reset(seed=0)

    def fail() -> None:
        env.step_tensors(actions(2))
        raise RuntimeError("not today")

    advance = env.accelerate(fail)
    with pytest.raises(RuntimeError, match="not today"):
        advance()
    with pytest.raises(UserError, match="NaN"):
        env.step(torch.full((2, 12), float("nan")))
    env.close()
