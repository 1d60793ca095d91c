"""Whether each env does what its own action says, and nothing that another's says."""

from __future__ import annotations

from typing import Any, Sequence, Set

import numpy as np
from gymnasium.vector.utils import concatenate, create_empty_array, iterate

from humanoid_envs.checker.seeding import Options, first_difference
from humanoid_envs.checker.session import Moment, Session
from humanoid_envs.checker.values import equal, leaves

_STEPS = 8
"""Length of a comparison. It ends before that with the first episode: what comes after may be drawn anew."""
_ENVS = 4
"""How many envs are given other actions, one after the other: the first, the last, and some between."""
_ATTEMPTS = 3
"""Other actions that must all change nothing before an env is said to ignore its own."""


def check_own_actions(
    session: Session, moments: Sequence[Moment], actions: Sequence[Any], options: Options
) -> None:
    """Another action of one env changes what comes of that env, and of no other. `moments` are what came of
    `actions`. Nothing is said where runs don't repeat: that is a finding of its own."""
    length = min(_STEPS, len(moments) - 1)
    usual = session.play(options.seed, actions[:length])
    if first_difference(moments[: length + 1], usual, options.atol):
        return
    first_end = next((step for step, moment in enumerate(usual) if moment.done.any()), length)
    ignoring = []
    for env in np.unique(np.linspace(0, session.env.num_envs - 1, _ENVS).astype(int)).tolist():
        changed: Set[int] = set()
        for shift in range(1, _ATTEMPTS + 1):
            other = [_replaced(session, actions, step, env, shift) for step in range(length)]
            changed |= _changed(usual, session.play(options.seed, other), options.atol)
            if changed:
                break
        strangers = sorted(changed - {env})
        if strangers:
            also = "" if env in changed else ", and none of its own"
            session.report.add(
                "actions reach their own env",
                f"another action of env {env} changed the outcome of envs {strangers}{also}",
                "let env i act on row i of the actions alone",
            )
            return
        if not changed and _is_finite(usual[-1].obs[env]):
            ignoring.append(env)
    # What changed in an episode's last step may be hidden by the next one's first observation.
    if ignoring and first_end > 2 and any(not equal(action, actions[0]) for action in actions):
        session.report.add(
            "actions matter",
            f"{_ATTEMPTS} other sequences of {length} actions changed nothing of envs {ignoring}",
            "let every env act on its row of the actions",
        )


def check_action_types(session: Session, actions: Sequence[Any], options: Options) -> None:
    """An env that returns tensors takes numpy actions as well."""
    if session.device is None:
        return
    with_tensor = session.play(options.seed, actions[:1])[-1]
    session.reset(seed=options.seed)
    with_numpy = session.step(actions[0], as_numpy=True)
    if not equal(with_tensor.obs, with_numpy.obs, options.atol):
        session.report.add(
            "numpy actions",
            "a step with numpy actions differs from one with the same actions as tensors",
            "convert actions by torch.as_tensor(actions, device=..., dtype=...)",
        )


def _replaced(session: Session, actions: Sequence[Any], step: int, env: int, shift: int) -> Any:
    """The actions of a step, with those of one env from a later step."""
    space = session.env.action_space
    rows = list(iterate(space, actions[step]))
    rows[env] = list(iterate(space, actions[(step + shift) % len(actions)]))[env]
    single = session.env.single_action_space
    return concatenate(single, rows, create_empty_array(single, session.env.num_envs))


def _is_finite(obs: Any) -> bool:
    """Where it is not, which is another finding, nothing can be seen to change."""
    floats = (leaf for _, leaf in leaves(obs) if np.asarray(leaf).dtype.kind == "f")
    return all(np.isfinite(leaf).all() for leaf in floats)


def _changed(usual: Sequence[Moment], other: Sequence[Moment], atol: float) -> Set[int]:
    """The envs that went another way, in the first step in which any did, up to an episode's end."""
    for one, two in zip(usual[1:], other[1:]):
        ends = one.done | two.done
        differs = (one.terminated != two.terminated) | (one.truncated != two.truncated)
        differs |= ~np.isclose(one.reward, two.reward, rtol=0.0, atol=atol, equal_nan=True)
        # An env that ended may show the first observation of its next episode, which is drawn.
        differs |= [not end and not equal(one.obs[i], two.obs[i], atol) for i, end in enumerate(ends)]
        if differs.any() or ends.any():
            return set(np.flatnonzero(differs).tolist())
    return set()
