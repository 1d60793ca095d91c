"""What an environment was made with stays. Closed, forked or copied, it says that it cannot be used."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import os
import pickle
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Callable, Dict

import gymnasium
import pytest
import torch

from humanoid_envs import HumanoidVectorEnv, preset
from humanoid_envs.errors import UserError
from tests.test_vector_env import MUJOCO, actions, make

pytest.importorskip("mujoco")


def uses(env: HumanoidVectorEnv) -> Dict[str, Callable[[], Any]]:
    """All that one does with an environment."""
    return {
        "reset": env.reset,
        "step": lambda: env.step(actions(env.num_envs)),
        "render": env.render,
        "set_command": lambda: env.set_command((0.1, 0.0, 0.0)),
        "state_dict": env.state_dict,
        "load_state_dict": lambda: env.load_state_dict({}),
        "accelerate": lambda: env.accelerate(lambda: None),
    }


# Closed


def test_a_closed_environment_refuses_everything() -> None:
    env = make(2, render_mode="rgb_array")
    env.reset(seed=0)
    advance = env.accelerate(lambda: None)
    simulator = env.simulator
    env.close()
    env.close()
    for use in (*uses(env).values(), advance):
        with pytest.raises(gymnasium.error.ClosedEnvironmentError, match="make a new one"):
            use()
    for use in (
        lambda: simulator.joint_targets,
        lambda: simulator.step(torch.zeros(2, 12)),
        lambda: simulator.reset(torch.ones(2, dtype=torch.bool), simulator.state),
        simulator.step_physics,
        simulator.render,
        simulator.state_dict,
    ):
        with pytest.raises(UserError, match="MuJoCoSimulator has been closed"):
            use()
    assert not hasattr(simulator, "has_viewer")
    assert (simulator.num_envs, simulator.physics) == (2, env.config.physics)


def test_a_closed_single_environment_refuses_everything() -> None:
    env = gymnasium.make(MUJOCO, render_mode="rgb_array").unwrapped
    env.reset(seed=0)
    env.close()
    env.close()
    command = getattr(env, "set_command")  # noqa: B009
    for use in (env.reset, lambda: env.step(actions(1)[0].numpy()), env.render, lambda: command((0, 0, 0))):
        with pytest.raises(gymnasium.error.ClosedEnvironmentError):
            use()


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_closing_ends_the_threads_though_the_environment_is_kept() -> None:
    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    make(2, num_threads=2).close()  # what the libraries start at their first use stays
    gc.collect()
    before = threads()
    env = make(8, num_threads=4)
    _, info = env.reset(seed=0)
    env.step(actions(8))
    state = env.simulator.state
    assert threads() >= before + 3
    env.close()
    assert threads() == before
    assert info["privileged"].shape == (8, 219)  # what was given away stays
    assert torch.equal(env.simulator.state.base_pos, state.base_pos)


# Other processes


def _use_in_child(env: HumanoidVectorEnv, told: Connection) -> None:
    def error_of(use: Callable[[], Any]) -> str:
        try:
            return f"none, but {use()}"
        except UserError as error:
            return str(error)

    errors = {name: error_of(use) for name, use in uses(env).items()}
    env.close()  # leaves the parent's simulations alone
    told.send(errors)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="nothing forks here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_gets_an_error_instead_of_waiting_forever() -> None:
    env = make(2, num_threads=2, render_mode="rgb_array")
    env.reset(seed=0)
    context = multiprocessing.get_context("fork")
    listening, told = context.Pipe()
    child = context.Process(target=_use_in_child, args=(env, told), daemon=True)
    child.start()
    answered = listening.poll(60.0)
    if not answered:
        child.kill()
    assert answered
    errors = listening.recv()
    child.join()
    assert set(errors) == set(uses(env))
    assert all(f"was made in process {os.getpid()}" in error for error in errors.values())
    env.step(actions(2))
    env.close()


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_copies_are_refused_with_the_remedy(way: Callable[[Any], Any]) -> None:
    env, other = make(2), make(2)
    env.reset(seed=0)
    with pytest.raises(UserError, match=r"cannot be copied or pickled.*load_state_dict"):
        way(env)
    other.load_state_dict(env.state_dict())
    assert torch.equal(other.step(actions(2))[0], env.step(actions(2))[0])
    env.close()
    other.close()


# What it was made with


def test_what_it_was_made_with_cannot_be_set() -> None:
    env = make(2)
    for owner, names in (
        (env, ("config", "task", "simulator", "num_envs", "device", "autoreset_mode", "dict_obs")),
        (env.task, ("config", "simulator")),
        (env.simulator, ("physics", "robot", "num_envs", "device", "parameters", "state")),
    ):
        for name in names:
            before = getattr(owner, name)
            with pytest.raises(UserError, match=rf"\.{name} cannot be set.*new environment"):
                setattr(owner, name, preset("fast"))
            assert getattr(owner, name) is before
    env.close()


def test_the_single_environments_config_cannot_be_set_through_wrappers() -> None:
    env = gymnasium.make(MUJOCO, config="fast")
    assert env.get_wrapper_attr("config") == preset("fast")
    with pytest.raises(UserError, match=r"HumanoidEnv\.config cannot be set"):
        env.set_wrapper_attr("config", preset("v0"))
    env.close()


def test_stable_baselines3_cannot_set_the_config() -> None:
    pytest.importorskip("stable_baselines3")
    from trainers.sb3 import HumanoidVecEnv

    env = HumanoidVecEnv(make(2))
    with pytest.raises(UserError, match="config cannot be set"):
        env.set_attr("config", preset("fast"))
    env.close()
