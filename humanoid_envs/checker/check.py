"""`check_vector_env`: the order of checks, and those of declarations and closing."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Union

from gymnasium.spaces.utils import is_space_dtype_shape_equiv
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from humanoid_envs.checker import autoreset
from humanoid_envs.checker.actions import check_action_types, check_own_actions
from humanoid_envs.checker.report import Report, VectorEnvError
from humanoid_envs.checker.running_statistics import held_still
from humanoid_envs.checker.seeding import Options, check_seeding, first_difference
from humanoid_envs.checker.session import Moment, Session, Stop, raises

_ENOUGH_ENDS, _MANY_ENDS = 8, 16
"""Ended episodes after which a rollout stops: enough to tell a pattern from a coincidence, if some were
terminated and some truncated; and so many that a kind which has not been seen is not to be expected."""


def check_vector_env(
    env: Union[VectorEnv, Callable[..., VectorEnv]],
    *,
    modes: Sequence[AutoresetMode] = tuple(AutoresetMode),
    max_steps: int = 1000,
    seed: int = 0,
    atol: float = 0.0,
    deterministic: bool = False,
    close: bool = True,
) -> None:
    """Check an environment by using it: spaces, return types, seeding, autoreset, actions, buffers, closing.

    Random actions drive it until a few episodes have ended. All that it returns is kept for comparison, so
    give it few envs: 2 to 64. What could not be checked comes as a `VectorEnvWarning`.

    Args:
        env: an environment, checked in the autoreset mode that it declares; or a function that makes one,
            called as `env(autoreset_mode=mode)` several times for each of `modes`. The function allows more:
            instances with the same seed must agree, and so must the modes up to the first end of an episode.
        modes: what to ask the function for. An environment that is passed itself ignores this.
        max_steps: longest rollout, in steps. There is a warning if no episode was terminated in it, or none
            truncated.
        seed: the first of the seeds used.
        atol: differences up to this count as equal where a run is repeated with the same seed: for physics
            that is not reproducible bit for bit.
        deterministic: the environment draws no random numbers, so seeds need not make a difference.
        close: close the passed environment at the end, and check that. One made by the function always is.

    Raises:
        VectorEnvError: with all findings, each naming the property, the values and the remedy.
        TypeError: `env` is neither a VectorEnv nor a function that returns one.
    """
    report, options = Report(), Options(max_steps, seed, atol, deterministic)
    if isinstance(env, VectorEnv):
        name = str(env)
        _check_instance(env, report, options)
        if close:
            _check_close(env, report)
    elif callable(env):
        name = _check_factory(env, modes, report, options)
    else:
        raise TypeError(
            "check_vector_env needs a gymnasium.vector.VectorEnv or a function that makes one, got "
            f"{type(env).__name__}; gymnasium.make_vec makes a vector environment from a single one"
        )
    if report.findings:
        raise VectorEnvError(name, list(report.findings.values()))


def _check_instance(env: VectorEnv, report: Report, options: Options) -> Optional[List[Moment]]:
    """All checks that one instance allows; returns its rollout unless that is impossible."""
    if not _check_declarations(env, report):
        return None
    outer_mode, report.mode = report.mode, env.metadata["autoreset_mode"]
    try:
        with held_still(env, report):
            session = Session(env, report)
            actions = _sample_actions(env, options)
            moments = session.play(options.seed, actions[: options.max_steps], _enough)
            _check_autoreset(session, moments, actions, options)
            check_seeding(session, moments, actions, options)
            check_own_actions(session, moments, actions, options)
            check_action_types(session, actions, options)
        return moments
    except Stop:
        return None
    finally:
        report.mode = outer_mode


def _check_factory(
    make: Callable[..., VectorEnv], modes: Sequence[AutoresetMode], report: Report, options: Options
) -> str:
    """Check each mode on its own instances, then the modes against each other. Returns the env's name."""
    name = "The environment"
    rollouts: Dict[AutoresetMode, Sequence[Moment]] = {}
    for mode in modes:
        report.mode = mode
        env = _make(make, mode, report)
        if env is None:
            continue
        name = str(env)
        moments = _check_instance(env, report, options)
        _check_close(env, report)
        if moments is None:
            continue
        rollouts[mode] = moments
        with _disposable(make, mode) as twin, held_still(twin, Report(silent=True)):
            _check_twin(Session(twin, report), moments, options)
        with _disposable(make, mode) as unused:
            _check_step_before_reset(Session(unused, report))
    report.mode = None
    autoreset.check_modes_agree(rollouts, report, options.atol)
    return name


def _make(make: Callable[..., VectorEnv], mode: AutoresetMode, report: Report) -> Optional[VectorEnv]:
    try:
        env = make(autoreset_mode=mode)
    except Exception as problem:
        report.add(
            "autoreset mode offered",
            f"making the environment with autoreset_mode={mode} raised {problem!r}",
            "offer the mode, or leave it out of `modes`",
        )
        return None
    if not isinstance(env, VectorEnv):
        raise TypeError(f"the function made a {type(env).__name__}, not a gymnasium.vector.VectorEnv")
    declared = env.metadata.get("autoreset_mode")
    if declared == mode:
        return env
    report.add("autoreset mode honoured", f"asked for {mode}, declared {declared}", "use the mode asked for")
    env.close()
    return None


@contextlib.contextmanager
def _disposable(make: Callable[..., VectorEnv], mode: AutoresetMode) -> Iterator[VectorEnv]:
    """An instance for checks that may leave it broken."""
    env = make(autoreset_mode=mode)
    try:
        with contextlib.suppress(Stop):
            yield env
    finally:
        with contextlib.suppress(Exception):
            env.close()


def _sample_actions(env: VectorEnv, options: Options) -> List[Any]:
    env.action_space.seed(options.seed)
    return [env.action_space.sample() for _ in range(options.max_steps + 1)]


def _check_declarations(env: VectorEnv, report: Report) -> bool:
    """Attributes and metadata; False if too little is right to go on."""
    space_names = ("observation_space", "action_space")
    needed = ("num_envs", *space_names, *(f"single_{name}" for name in space_names))
    missing = [name for name in needed if getattr(env, name, None) is None]
    if missing:
        report.add("attributes", f"no {', '.join(missing)}", "set them in the constructor")
        return False
    good = True
    for name in space_names:
        batched, single = getattr(env, name), getattr(env, f"single_{name}")
        expected = batch_space(single, env.num_envs)
        if not is_space_dtype_shape_equiv(expected, batched):
            report.add(
                f"{name} is batched",
                f"it is {batched}, single_{name} is {single} and num_envs {env.num_envs}",
                f"set it to gymnasium.vector.utils.batch_space(single_{name}, num_envs)",
            )
            good = False
        elif expected != batched:
            report.warn(f"{name} has other bounds than single_{name}")
    mode = env.metadata.get("autoreset_mode")
    if not isinstance(mode, AutoresetMode):
        report.add(
            "autoreset mode declared",
            f"metadata['autoreset_mode'] is {mode!r}",
            "set it to a member of gymnasium.vector.AutoresetMode",
        )
        good = False
    if env.num_envs < 2:
        report.warn("with one env nothing tells whether masks mark the right ones; check with two or more")
    return good


def _check_autoreset(
    session: Session, moments: Sequence[Moment], actions: Sequence[Any], options: Options
) -> None:
    _warn_of_missing_ends(session.report, moments)
    autoreset.check_restarts(session, moments, options.seed)
    if session.mode == AutoresetMode.SAME_STEP:
        autoreset.check_same_step(session, moments)
    elif session.mode == AutoresetMode.NEXT_STEP:
        autoreset.check_next_step(session, moments)
        autoreset.check_action_ignored(session, moments, actions, options.seed, options.atol)
    else:
        autoreset.check_disabled(session, moments)
        autoreset.check_reset_mask(session, actions, options.seed)


def _enough(terminated: int, truncated: int) -> bool:
    ends = terminated + truncated
    return ends >= _MANY_ENDS or (ends >= _ENOUGH_ENDS and terminated > 0 and truncated > 0)


def _warn_of_missing_ends(report: Report, moments: Sequence[Moment]) -> None:
    """What happens at an end that did not occur has not been checked."""
    seen = {
        kind: any(getattr(moment, kind).any() for moment in moments) for kind in ("terminated", "truncated")
    }
    missing = [kind for kind, occurred in seen.items() if not occurred]
    if not missing:
        return
    steps = f"in {len(moments) - 1} steps of random actions"
    what = f"no episode ended {steps}" if len(missing) == 2 else f"no episode was {missing[0]} {steps}"
    report.warn(
        f"{what}, so what happens at such an end was not checked; raise max_steps, or give an environment "
        "with shorter episodes or a task that fails sooner"
    )


def _check_close(env: VectorEnv, report: Report) -> None:
    attempt = "close()"
    try:
        env.close()
        attempt = "a second close()"
        env.close()
    except Exception as problem:
        report.add("close() may be repeated", f"{attempt} raised {problem!r}", "free only what is still held")
    if not raises(lambda: env.step(env.action_space.sample())):
        report.warn("a step after close() works; a gymnasium.error.ClosedEnvironmentError shows the mistake")


def _check_twin(session: Session, moments: Sequence[Moment], options: Options) -> None:
    """A second instance repeats the first; in DISABLED mode it is then stepped past the end of an episode."""
    actions = _sample_actions(session.env, options)
    again = session.play(options.seed, actions[: len(moments) - 1])
    difference = first_difference(moments, again, options.atol)
    if difference:
        session.report.add(
            "instances agree",
            f"two instances, the same seed and actions: {difference}",
            "share no random numbers or state between instances",
        )
    end = autoreset.first_end(again)
    if session.mode == AutoresetMode.DISABLED and end is not None:
        autoreset.check_past_end(session, actions, end, options.seed)


def _check_step_before_reset(session: Session) -> None:
    """It may raise; if it does not, it works like any step."""
    action = session.env.action_space.sample()
    if not raises(lambda: session.env.step(action)):
        session.step(action)
