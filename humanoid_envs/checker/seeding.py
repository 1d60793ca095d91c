"""Whether a seed makes everything random repeat, and nothing else does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Sequence

from gymnasium import error

from humanoid_envs.checker.session import Moment, Session
from humanoid_envs.checker.values import equal

_CLEAR_ERRORS = (TypeError, ValueError, AssertionError, error.Error)
"""What Gymnasium's own environments raise for a bad argument."""


@dataclass(frozen=True)
class Options:
    """Of `check_vector_env`, which explains them."""

    max_steps: int
    seed: int
    atol: float
    deterministic: bool


def check_seeding(
    session: Session, moments: Sequence[Moment], actions: Sequence[Any], options: Options
) -> None:
    report, seed = session.report, options.seed
    played = actions[: len(moments) - 1]
    difference = first_difference(moments, session.play(seed, played), options.atol)
    if difference:
        report.add(
            "same seed, same trajectory",
            f"reset(seed={seed}) and the same actions, twice: {difference}",
            "draw all random numbers from generators that reset(seed) seeds, and let reset clear all state "
            "(of a wrapper that normalizes by running statistics this is not to be expected: check the "
            "environment without it)",
        )
    if not options.deterministic and not first_difference(moments, session.play(seed + 1, played), 0.0):
        report.add(
            "other seed, other trajectory",
            f"reset(seed={seed}) and reset(seed={seed + 1}) led to the same observations",
            "seed the generators from the argument (pass deterministic=True if nothing is random)",
        )
    _check_stream(session, options)
    _check_seed_list(session, options)


def _check_stream(session: Session, options: Options) -> None:
    """reset() without a seed goes on with the random numbers of the last seed, and may be called twice."""
    start, *following = _three_resets(session, options.seed)
    _, *again = _three_resets(session, options.seed)
    remedy = "when `seed` is None, go on with the generator that the last seed made"
    if not equal(following, again, options.atol):
        observed = "after the same reset(seed=...), the next reset() gave other observations than before"
        session.report.add("reset() continues the stream", observed, remedy)
    is_random = not equal(start, session.reset(seed=options.seed + 1).obs)
    if is_random and equal(start, following[0]) and equal(start, following[1]):
        observed = "reset() gave the observations of the last reset(seed=...) again"
        session.report.add("reset() continues the stream", observed, remedy)


def _three_resets(session: Session, seed: int) -> List[Any]:
    return [session.reset(seed=seed).obs, session.reset().obs, session.reset(options={}).obs]


def _check_seed_list(session: Session, options: Options) -> None:
    """One seed per env is used, or refused clearly: only an int is in the API. Another length is refused."""
    env, report = session.env, session.report
    too_many = list(range(options.seed, options.seed + env.num_envs + 1))
    remedy = "raise a ValueError that says so unless there is one seed per env"
    try:
        env.reset(seed=too_many)  # type: ignore[arg-type]
        report.add("seed list length", f"seed={too_many} was accepted for {env.num_envs} envs", remedy)
    except _CLEAR_ERRORS:
        pass
    except Exception as problem:
        report.add("seed list length", f"seed={too_many} raised {problem!r}", remedy)
    seeds = too_many[:-1]
    try:
        env.reset(seed=seeds)  # type: ignore[arg-type]
    except _CLEAR_ERRORS:
        return
    except Exception as problem:
        report.add("seed list", f"seed={seeds} raised {problem!r}", "accept it or raise a TypeError")
        return
    if not equal(session.reset(seed=seeds).obs, session.reset(seed=seeds).obs, options.atol):
        report.add(
            "seed list", f"seed={seeds}, twice, gave different observations", "seed env i with seed[i]"
        )


def first_difference(first: Sequence[Moment], second: Sequence[Moment], atol: float) -> str:
    """Where two trajectories part, in words; empty if they do not."""
    for step, (one, two) in enumerate(zip(first, second)):
        for i, (obs, other) in enumerate(zip(one.current_obs, two.current_obs)):
            if not equal(obs, other, atol):
                return f"the observations of env {i} differ after {step} steps"
        for name in ("reward", "terminated", "truncated"):
            if not equal(getattr(one, name), getattr(two, name), atol):
                return f"{name} differs after {step} steps: {getattr(one, name)}, {getattr(two, name)}"
    return ""
