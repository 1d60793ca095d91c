"""Correct environments pass, seeds and declarations are checked, and all findings are raised together."""

from __future__ import annotations

import ast
from functools import partial
from pathlib import Path
from typing import Any, Dict, Optional

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, VectorEnv

from humanoid_envs import checker
from humanoid_envs.checker import VectorEnvError, VectorEnvWarning, check_vector_env
from tests.checker.toy_env import SAME_STEP, ToyEnv, findings


@pytest.mark.parametrize("dict_obs", [False, True])
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_correct_environment_passes_in_every_mode(library: str, dict_obs: bool) -> None:
    make = partial(ToyEnv, library=library, dict_obs=dict_obs)
    assert findings(make) == {}
    for mode in AutoresetMode:
        assert findings(make(autoreset_mode=mode)) == {}


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("vectorization", ["sync", "async"])
def test_gymnasiums_own_environments_pass(vectorization: str) -> None:
    def make(autoreset_mode: AutoresetMode) -> VectorEnv:
        return gym.make_vec("CartPole-v1", 3, vectorization, {"autoreset_mode": autoreset_mode})

    check_vector_env(make)
    for mode in AutoresetMode:
        check_vector_env(make(mode))


@pytest.mark.filterwarnings(
    "ignore:.*(step after close|no episode was):humanoid_envs.checker.VectorEnvWarning"
)
def test_discrete_tuple_and_truncated_environments_pass() -> None:
    def make(name: str, autoreset_mode: AutoresetMode, **kwargs: Any) -> VectorEnv:
        return gym.make_vec(name, 3, "sync", {"autoreset_mode": autoreset_mode}, **kwargs)

    check_vector_env(partial(make, "FrozenLake-v1"))
    check_vector_env(partial(make, "Blackjack-v1"))
    check_vector_env(partial(make, "Pendulum-v1", max_episode_steps=20))


def test_final_obs_may_be_an_array_of_objects() -> None:
    class Objects(ToyEnv):
        def final(self, ended: np.ndarray) -> Dict[str, Any]:
            final_obs = np.full(self.num_envs, None, dtype=object)
            for i in np.flatnonzero(ended):
                final_obs[i] = self.obs()[i]
            return {**super().final(ended), "final_obs": final_obs}

    assert findings(Objects()) == {}


def test_closing_is_optional() -> None:
    env = ToyEnv()
    check_vector_env(env, close=False)
    env.reset()
    assert env.step(env.action_space.sample())[1].shape == (4,)


class FromEntropy(ToyEnv):
    def seed(self, seed: Optional[int]) -> None:
        super().seed(None)


class ConstantSeed(ToyEnv):
    def seed(self, seed: Optional[int]) -> None:
        super().seed(None if seed is None else 7)


class SeedsAgain(ToyEnv):
    last = 0

    def seed(self, seed: Optional[int]) -> None:
        self.last = self.last if seed is None else seed
        super().seed(self.last)


class ForgetsSeed(ToyEnv):
    def seed(self, seed: Optional[int]) -> None:
        self.np_random = np.random.default_rng(seed)


class KeepsTime(ToyEnv):
    def start(self, mask: np.ndarray) -> None:
        unfinished = mask & ~self.ended
        time = self.time[unfinished]
        super().start(mask)
        self.time[unfinished] = time


class AnySeedList(ToyEnv):
    def seed(self, seed: Any) -> None:
        super().seed(sum(seed) if isinstance(seed, list) else seed)


class BreaksOnSeedList(ToyEnv):
    def seed(self, seed: Any) -> None:
        if isinstance(seed, list):
            raise IndexError("list index out of range")
        super().seed(seed)


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        (
            FromEntropy,
            {"same seed, same trajectory", "reset() continues the stream", "seed list length", "seed list"},
        ),
        (ConstantSeed, {"other seed, other trajectory", "seed list length"}),
        (SeedsAgain, {"reset() continues the stream"}),
        (ForgetsSeed, {"reset() continues the stream", "seed list length"}),
        (KeepsTime, {"same seed, same trajectory"}),
        (AnySeedList, {"seed list length"}),
        (BreaksOnSeedList, {"seed list length", "seed list"}),
    ],
)
def test_wrong_seeding_is_named(env: Any, expected: set) -> None:
    assert set(findings(env())) == expected


def test_without_randomness_seeds_need_not_matter() -> None:
    class NotRandom(ToyEnv):
        def start(self, mask: np.ndarray) -> None:
            super().start(mask)
            self.position[mask] = 0.0

    assert set(findings(NotRandom())) == {"other seed, other trajectory"}
    assert findings(NotRandom(), deterministic=True) == {}


def test_a_tolerance_allows_physics_that_is_not_reproducible() -> None:
    class Jitters(ToyEnv):
        def obs(self) -> Any:
            return super().obs() + np.random.default_rng().uniform(0, 1e-5, (4, 2)).astype(np.float32)

    assert "same seed, same trajectory" in findings(Jitters(SAME_STEP))
    assert findings(Jitters(SAME_STEP), atol=1e-4) == {}


def test_closing_twice_must_work() -> None:
    class ClosesOnce(ToyEnv):
        def close(self, **kwargs: Any) -> None:
            if self.closed:
                raise RuntimeError("already closed")
            super().close(**kwargs)

    assert "a second close() raised" in findings(ClosesOnce())["close() may be repeated"]


def test_what_could_not_be_checked_is_a_warning() -> None:
    class NeverEnds(ToyEnv):
        def step(self, actions: Any) -> Any:
            self.time[:] = 0.0
            return super().step(0.1 * actions)

    class WorksClosed(ToyEnv):
        def close(self, **kwargs: Any) -> None:
            pass

    class NeverFails(ToyEnv):
        def step(self, actions: Any) -> Any:
            return super().step(0.1 * actions)

    class NeverTimesOut(ToyEnv):
        def step(self, actions: Any) -> Any:
            self.time[:] = 0.0
            return super().step(actions)

    with pytest.warns(VectorEnvWarning, match="no episode was terminated in 49 steps"):
        check_vector_env(NeverFails())
    with pytest.warns(VectorEnvWarning, match="no episode was truncated in"):
        check_vector_env(NeverTimesOut())
    with pytest.warns(VectorEnvWarning, match="no episode ended in 3 steps"):
        check_vector_env(ToyEnv(), max_steps=3)
    with pytest.warns(VectorEnvWarning, match="no episode ended in 50 steps"):
        check_vector_env(NeverEnds(), max_steps=50)
    with pytest.warns(VectorEnvWarning, match="step after close"):
        check_vector_env(WorksClosed())


def test_all_findings_are_raised_together() -> None:
    class Several(FromEntropy):
        def final(self, ended: np.ndarray) -> Dict[str, Any]:
            return {}

        def obs(self) -> Any:
            return super().obs().astype(np.float64)

    with pytest.raises(
        AssertionError, match=r"(?s)Several.* 1\. observation dtype.* final_obs.* same seed"
    ) as info:
        check_vector_env(Several())
    assert isinstance(info.value, VectorEnvError)
    assert all(finding.remedy in str(info.value) for finding in info.value.findings)


def test_other_things_are_refused() -> None:
    with pytest.raises(TypeError, match="make_vec"):
        check_vector_env(gym.spaces.Discrete(2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="made a TimeLimit"):
        check_vector_env(lambda autoreset_mode: gym.make("CartPole-v1"))  # type: ignore[arg-type,return-value]


def test_the_checker_imports_nothing_else_of_ours() -> None:
    """It checks anyone's vector environments: what they are made of is not known to it."""
    folder = Path(checker.__file__).parent
    names = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names.add(str(node.module))
    assert "humanoid_envs.checker.session" in names
    ours = {name for name in names if name.split(".")[0] in ("humanoid_envs", "trainers")}
    assert {name for name in ours if not name.startswith("humanoid_envs.checker")} == set()
