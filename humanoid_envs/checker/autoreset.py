"""Whether an environment does what its declared autoreset mode says (https://farama.org/Vector-Autoreset-Mode)."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import iterate

from humanoid_envs.checker.report import Report
from humanoid_envs.checker.restarts import Starts
from humanoid_envs.checker.session import Moment, Session, raises
from humanoid_envs.checker.values import SPACE_REMEDIES, equal, space_problems

_FINAL_REMEDY = (
    "in SAME_STEP mode a step that ended episodes has final_obs and final_info in its info, with their masks "
    "_final_obs and _final_info"
)
_DISABLED_REMEDY = "in DISABLED mode leave an ended env alone until reset(options={'reset_mask': mask})"
_RESTART_REMEDIES = {
    AutoresetMode.SAME_STEP: "return the first observation of the new episode in the step that ended the old",
    AutoresetMode.NEXT_STEP: "return the first observation of the new episode in the step after the end",
    AutoresetMode.DISABLED: "reset the envs where options['reset_mask'] is True",
}


def first_end(moments: Sequence[Moment]) -> Optional[int]:
    """Index of the first moment in which an episode ended."""
    return next((index for index, moment in enumerate(moments) if moment.done.any()), None)


def check_restarts(session: Session, moments: Sequence[Moment], seed: int) -> None:
    """An env starts anew after an end: when the mode says, and not before."""
    if not session.env.single_observation_space.is_np_flattenable:
        return
    starts, count = Starts(session, seed), sum(len(moment.ended) for moment in moments)
    if starts.restarts_look_wrong(moments, session.mode):
        session.report.add(
            "ended envs start anew",
            f"in none of {count} ended episodes did an observation like those of reset() follow",
            _RESTART_REMEDIES[session.mode],
        )
    if session.mode == AutoresetMode.DISABLED and starts.ends_look_like_starts(moments):
        session.report.add(
            "no autoreset",
            f"the last observation of all {count} ended episodes was like those of reset()",
            _DISABLED_REMEDY,
        )


def check_same_step(session: Session, moments: Sequence[Moment]) -> None:
    """An ended env returns the first observation of its next episode; `final_obs` is the last of this one."""
    report, space = session.report, session.env.single_observation_space
    wrong: Dict[Tuple[str, str], List[bool]] = {}
    for before, moment in zip(moments, moments[1:]):
        if not _check_final_keys(report, moment):
            continue
        for i in moment.ended:
            final = final_obs(moment, i)
            if final is None:
                report.add("final_obs", f"info['final_obs'] has no entry for env {i}", _FINAL_REMEDY)
                return
            for kind, text in space_problems(space, final, f"final_obs[{i}]"):
                report.add(f"final_obs {kind}", text, SPACE_REMEDIES[kind])
            how = "terminated" if moment.terminated[i] else "truncated"
            wrong.setdefault((how, "the returned one"), []).append(equal(final, moment.obs[i]))
            wrong.setdefault((how, "the one before the last step"), []).append(equal(final, before.obs[i]))
    for (how, what), is_equal in wrong.items():
        if all(is_equal):
            report.add(
                "final_obs is the last observation",
                f"in all {len(is_equal)} episodes that were {how}, info['final_obs'][i] equals {what}",
                "keep a copy of the last observation, then reset and return the first of the new episode",
            )


def final_obs(moment: Moment, env: int) -> Any:
    """The last observation of one env, from an array of objects or a batch; None if it is not there."""
    value = moment.info.get("final_obs")
    try:
        if isinstance(value, dict):
            return {key: item[env] for key, item in value.items()}
        return tuple(item[env] for item in value) if isinstance(value, tuple) else value[env]  # type: ignore
    except (TypeError, IndexError):
        return None


def _check_final_keys(report: Report, moment: Moment) -> bool:
    """Whether `final_obs` and `final_info` are there when an episode ended, with masks of just the ended."""
    good = True
    for key in ("final_obs", "final_info"):
        missing = [name for name in (key, f"_{key}") if name not in moment.info]
        if moment.done.any() and missing:
            seen = f"info lacks {' and '.join(missing)} in the step that ended the episodes of envs"
            report.add(key, f"{seen} {moment.ended}", _FINAL_REMEDY)
            good = False
            continue
        mask = moment.info.get(f"_{key}", moment.done)
        if not np.array_equal(mask, moment.done):
            report.add(
                f"_{key} marks the ended",
                f"it marks envs {_where(mask)}, while those that ended are {moment.ended}",
                "make it terminated | truncated of the same step",
            )
            good = False
    if not isinstance(moment.info.get("final_info", {}), dict):
        report.add("final_info type", "it is no dict", "make it one dict for all envs, like info")
    return good


def check_next_step(session: Session, moments: Sequence[Moment]) -> None:
    """The step after an end does nothing but reset the env."""
    report = session.report
    for before, moment in zip(moments, moments[1:]):
        ended = before.done
        if (moment.reward[ended] != 0).any():
            report.add(
                "reward of a reset step",
                f"{moment.reward[ended]} in the step after envs {_where(ended)} ended",
                "in NEXT_STEP mode that step only resets, with reward 0",
            )
        if moment.done[ended].any():
            report.add(
                "end in a reset step",
                f"envs {_where(ended & moment.done)} ended again in the step after their end",
                "in NEXT_STEP mode that step only resets, with terminated and truncated False",
            )


def check_action_ignored(
    session: Session, moments: Sequence[Moment], actions: Sequence[Any], seed: int, atol: float
) -> None:
    """In NEXT_STEP mode, the step after an end gives the same observation whatever the action."""
    end = first_end(moments[:-1])
    if end is None:
        return
    other = _other_action(session, actions, end, moments[end].done)
    replayed = session.play(seed, [*actions[:end], other])[-1]
    changed = [i for i in moments[end].ended if not equal(moments[end + 1].obs[i], replayed.obs[i], atol)]
    if changed:
        session.report.add(
            "action of a reset step",
            f"another action in the step after envs {_names(changed)} ended gave another observation",
            "in NEXT_STEP mode that step only resets, whatever the action",
        )


def check_disabled(session: Session, moments: Sequence[Moment]) -> None:
    """Nothing resets by itself; `reset_mask` resets the masked envs and no other."""
    report = session.report
    for moment in moments:
        if moment.reset_obs is None:
            continue
        if np.any(moment.info.get("_final_obs", False)):
            report.add("no autoreset", "info has final_obs, as after an autoreset", _DISABLED_REMEDY)
        _check_untouched(report, moment.obs, moment.reset_obs, moment.done)


def check_reset_mask(session: Session, actions: Sequence[Any], seed: int) -> None:
    """In DISABLED mode a mask resets envs in the middle of an episode, too: one, several, all but one. These
    masks are numpy arrays."""
    envs = np.arange(session.env.num_envs)
    for mask in (envs == 0, envs % 2 == 0, envs != 0, envs >= 0):
        moments = session.play(seed, actions[:3])
        start, current = moments[0].obs, moments[-1].current_obs
        after = session.reset_masked(mask, as_numpy=True)
        _check_untouched(session.report, current, after, mask)
        kept = [
            i for i in np.flatnonzero(mask) if equal(after[i], current[i]) and not equal(start[i], current[i])
        ]
        if kept:
            session.report.add(
                "reset_mask resets the masked",
                f"of envs {_where(mask)}, masked in the middle of their episodes, {_names(kept)} kept their "
                "observations",
                "reset the envs where options['reset_mask'] is True, ended or not, however many",
            )


def _check_untouched(report: Report, before: List[Any], after: List[Any], mask: np.ndarray) -> None:
    touched = [i for i in np.flatnonzero(~mask) if not equal(before[i], after[i])]
    if touched:
        report.add(
            "reset_mask leaves the others",
            f"resetting envs {_where(mask)} changed the observations of envs {_names(touched)}",
            "reset only where options['reset_mask'] is True, and return the other observations as they were",
        )


def check_past_end(session: Session, actions: Sequence[Any], end: int, seed: int) -> None:
    """In DISABLED mode, a step of an ended env raises or does anything but reset it. May break the env."""

    def replay_end() -> Moment:
        session.play(seed, actions[: end - 1])
        return session.step(actions[end - 1])

    ended = replay_end().done
    if raises(lambda: session.env.step(actions[end])):
        return
    outcomes = []
    for action in (actions[end], _other_action(session, actions, end, ended)):
        last = replay_end()
        outcomes.append(session.step(action))
    one, other = outcomes
    started_anew = [
        i
        for i in np.flatnonzero(ended & ~one.done & (one.reward == 0))
        if equal(one.obs[i], other.obs[i]) and not equal(one.obs[i], last.obs[i])
    ]
    if started_anew:
        session.report.add(
            "no autoreset",
            f"the step after envs {_names(started_anew)} ended ignored the action and started new episodes",
            _DISABLED_REMEDY,
        )


def check_modes_agree(rollouts: Dict[AutoresetMode, Sequence[Moment]], report: Report, atol: float) -> None:
    """Up to the first end, the same seed and actions give the same in every mode."""
    modes = list(rollouts)
    for mode in modes[1:]:
        reference, other = rollouts[modes[0]], rollouts[mode]
        ends = [end for end in (first_end(reference), first_end(other)) if end is not None]
        if not ends:
            continue
        end, names = min(ends), f"{modes[0].name} and {mode.name}"
        if not all(equal(one.obs, two.obs, atol) for one, two in zip(reference[:end], other[:end])):
            report.warn(
                f"{names} draw different random numbers, so the ends of their episodes are not compared"
            )
            continue
        one, two = reference[end], other[end]
        if not (
            np.array_equal(one.terminated, two.terminated) and np.array_equal(one.truncated, two.truncated)
        ):
            report.add("modes end alike", f"{names} end different envs in step {end}", "end them by one rule")
        elif not equal(one.reward, two.reward, atol):
            report.add(
                "modes reward alike",
                f"{names}, step {end}: {one.reward} and {two.reward}",
                "compute rewards before any reset",
            )
        elif not equal(_last_obs(one, modes[0]), _last_obs(two, mode), atol):
            report.add(
                "modes have one last observation",
                f"{names} have different last observations of envs {one.ended}, which ended in step {end}",
                "before any reset, put it in info['final_obs'] in SAME_STEP mode and return it in the others",
            )


def _last_obs(moment: Moment, mode: AutoresetMode) -> List[Any]:
    return [final_obs(moment, i) if mode == AutoresetMode.SAME_STEP else moment.obs[i] for i in moment.ended]


def _other_action(session: Session, actions: Sequence[Any], index: int, envs: np.ndarray) -> Any:
    """An action that is not actions[index] in every one of these envs, if there is one."""
    rows = list(iterate(session.env.action_space, actions[index]))
    for other in actions:
        if all(
            not equal(rows[i], row)
            for i, row in enumerate(iterate(session.env.action_space, other))
            if envs[i]
        ):
            return other
    return actions[index - 1]


def _where(mask: Any) -> str:
    return _names(np.flatnonzero(mask))


def _names(envs: Any) -> str:
    return f"[{', '.join(str(int(env)) for env in envs)}]"
