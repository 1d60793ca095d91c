"""Every breach of the declared autoreset mode is named."""

from __future__ import annotations

import itertools
from typing import Any, Dict, Optional

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, VectorEnv

from humanoid_envs.checker.report import Report
from humanoid_envs.checker.restarts import Starts
from humanoid_envs.checker.session import Moment, Session
from tests.checker.toy_env import DISABLED, NEXT_STEP, SAME_STEP, ToyEnv, findings


class NoFinalObs(ToyEnv):
    def final(self, ended: np.ndarray) -> Dict[str, Any]:
        return {}


class FinalIsReset(ToyEnv):
    def step(self, actions: Any) -> Any:
        obs, *rest, info = super().step(actions)
        return (obs, *rest, {**info, "final_obs": obs} if "final_obs" in info else info)


class FinalIsResetWhenTruncated(ToyEnv):
    def step(self, actions: Any) -> Any:
        obs, reward, terminated, truncated, info = super().step(actions)
        if "final_obs" in info:
            info["final_obs"] = np.where(truncated[:, None], obs, info["final_obs"])
        return obs, reward, terminated, truncated, info


class FinalIsStale(ToyEnv):
    def step(self, actions: Any) -> Any:
        before = self.obs()
        *rest, info = super().step(actions)
        return (*rest, {**info, "final_obs": before} if "final_obs" in info else info)


class FinalOutOfSpace(ToyEnv):
    def final(self, ended: np.ndarray) -> Dict[str, Any]:
        return {**super().final(ended), "final_obs": self.obs().astype(np.float64)}


class MaskOfAll(ToyEnv):
    def final(self, ended: np.ndarray) -> Dict[str, Any]:
        return {**super().final(ended), "_final_obs": np.ones(self.num_envs, dtype=bool)}


class StaleMask(ToyEnv):
    last_mask = np.zeros(4, dtype=bool)

    def step(self, actions: Any) -> Any:
        *rest, info = super().step(actions)
        self.last_mask = info.get("_final_obs", self.last_mask)
        return (*rest, {**info, "_final_info": self.last_mask.copy(), "final_info": {}})


class NextStepSteps(ToyEnv):
    """Declares NEXT_STEP, resets in the same step."""

    def __init__(self, autoreset_mode: AutoresetMode = NEXT_STEP) -> None:
        super().__init__(autoreset_mode)
        self.mode = SAME_STEP


class NextStepRewards(ToyEnv):
    def step(self, actions: Any) -> Any:
        obs, reward, *rest = super().step(actions)
        return (obs, np.ones_like(reward), *rest)


class NextStepActs(ToyEnv):
    def step(self, actions: Any) -> Any:
        resets = self.ended.copy()
        _, *rest = super().step(actions)
        self.position[resets] += 0.1 * actions[resets, 0]
        return (self.obs(), *rest)


class NextStepNever(ToyEnv):
    stepping = False

    def step(self, actions: Any) -> Any:
        self.stepping = True
        result = super().step(actions)
        self.stepping = False
        return result

    def start(self, mask: np.ndarray) -> None:
        if not self.stepping:
            super().start(mask)


class ResetsItself(ToyEnv):
    """Declares DISABLED, resets in the same step."""

    def step(self, actions: Any) -> Any:
        _, *rest = super().step(actions)
        self.start(self.ended.copy())
        return (self.obs(), *rest)


class ResetsItselfWithFinalObs(ResetsItself):
    def step(self, actions: Any) -> Any:
        *rest, info = super().step(actions)
        return (*rest, {**info, **self.final(rest[2] | rest[3])})


class ResetsItselfLater(ToyEnv):
    """Declares DISABLED, resets in the next step."""

    def __init__(self, autoreset_mode: AutoresetMode = DISABLED) -> None:
        super().__init__(autoreset_mode)
        self.mode = NEXT_STEP


class WrongMask(ToyEnv):
    """Resets other envs than those of the mask."""

    def reset(self, *, seed: Optional[int] = None, options: Optional[Dict[str, Any]] = None) -> Any:
        wrong = {"reset_mask": self.wrong(options["reset_mask"])} if options else None
        return super().reset(seed=seed, options=wrong)

    def wrong(self, mask: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class MaskResetsAll(WrongMask):
    def wrong(self, mask: np.ndarray) -> np.ndarray:
        return np.ones_like(mask)


class MaskResetsNone(WrongMask):
    def wrong(self, mask: np.ndarray) -> np.ndarray:
        return np.zeros_like(mask)


class MaskResetsEndedOnly(WrongMask):
    def wrong(self, mask: np.ndarray) -> np.ndarray:
        return mask & self.ended


class MaskResetsInverse(WrongMask):
    def wrong(self, mask: np.ndarray) -> np.ndarray:
        return ~mask


class MaskResetsFirst(WrongMask):
    """Of several envs that have not ended."""

    def wrong(self, mask: np.ndarray) -> np.ndarray:
        chosen = np.flatnonzero(mask & ~self.ended)[:1]
        return (mask & self.ended) | (np.arange(len(mask)) == (chosen[0] if len(chosen) else -1))


class MaskOfSeveralResetsAll(WrongMask):
    def wrong(self, mask: np.ndarray) -> np.ndarray:
        return mask if mask.sum() == 1 or self.ended.any() else np.ones_like(mask)


@pytest.mark.parametrize(
    ("env", "mode", "expected"),
    [
        (NoFinalObs, SAME_STEP, {"final_obs", "final_info"}),
        (FinalIsReset, SAME_STEP, {"final_obs is the last observation"}),
        (FinalIsResetWhenTruncated, SAME_STEP, {"final_obs is the last observation"}),
        (FinalIsStale, SAME_STEP, {"final_obs is the last observation"}),
        (FinalOutOfSpace, SAME_STEP, {"final_obs dtype"}),
        (MaskOfAll, SAME_STEP, {"_final_obs marks the ended"}),
        (StaleMask, SAME_STEP, {"_final_info marks the ended"}),
        (NextStepSteps, NEXT_STEP, {"reward of a reset step", "action of a reset step"}),
        (NextStepRewards, NEXT_STEP, {"reward of a reset step"}),
        (NextStepActs, NEXT_STEP, {"action of a reset step"}),
        (NextStepNever, NEXT_STEP, {"ended envs start anew"}),
        (ResetsItself, DISABLED, {"no autoreset"}),
        (ResetsItselfWithFinalObs, DISABLED, {"no autoreset"}),
        (MaskResetsAll, DISABLED, {"reset_mask leaves the others"}),
        (MaskResetsNone, DISABLED, {"reset_mask resets the masked", "ended envs start anew"}),
        (MaskResetsFirst, DISABLED, {"reset_mask resets the masked"}),
        (MaskOfSeveralResetsAll, DISABLED, {"reset_mask leaves the others"}),
        (MaskResetsEndedOnly, DISABLED, {"reset_mask resets the masked"}),
        (
            MaskResetsInverse,
            DISABLED,
            {"reset_mask leaves the others", "reset_mask resets the masked", "ended envs start anew"},
        ),
    ],
)
def test_wrong_autoreset_is_named(env: Any, mode: AutoresetMode, expected: set) -> None:
    found = findings(env(autoreset_mode=mode))
    assert set(found) == expected
    assert all(mode.name in text for text in found.values())


@pytest.mark.parametrize(("end", "expected"), [(0.05, True), (0.6, False)])
def test_a_way_back_is_a_start_only_if_it_ends_among_them(end: float, expected: bool) -> None:
    """Of starts within ±0.1, 0.6 is none, though it is nearer to them than to the 1.5 before it."""

    def moment(position: float, done: bool) -> Moment:
        row, ends = np.array([position, 0.0], np.float32), np.full(4, done)
        return Moment([row] * 4, np.zeros(4), ends, ends & False, {})

    env = ToyEnv(DISABLED)
    starts = Starts(Session(env, Report()), seed=0)
    ordinary = [moment(1.5 - 0.01 * step, False) for step in range(20)]
    assert starts.ends_look_like_starts([*ordinary, moment(end, True)]) == expected


def test_two_instances_tell_what_one_does_not() -> None:
    class FinalIsRounded(ToyEnv):
        def final(self, ended: np.ndarray) -> Dict[str, Any]:
            return {**super().final(ended), "final_obs": self.obs().round(1)}

    class OneForAll(ToyEnv):
        count = itertools.count()

        def start(self, mask: np.ndarray) -> None:
            super().start(mask)
            self.position[mask] += self.offset

        def __init__(self, autoreset_mode: AutoresetMode) -> None:
            super().__init__(autoreset_mode)
            self.offset = 0.01 * next(self.count)

    assert set(findings(ResetsItselfLater, modes=[DISABLED])) == {"no autoreset"}
    assert set(findings(FinalIsRounded)) == {"modes have one last observation"}
    assert "instances agree" in findings(OneForAll, modes=[SAME_STEP])


def test_modes_must_be_offered_and_honoured() -> None:
    def only_next_step(autoreset_mode: AutoresetMode) -> VectorEnv:
        if autoreset_mode != NEXT_STEP:
            raise ValueError("only NEXT_STEP")
        return ToyEnv(autoreset_mode)

    found = findings(only_next_step)
    assert set(found) == {"autoreset mode offered"}
    assert "[SAME_STEP, DISABLED]" in found["autoreset mode offered"]
    assert findings(only_next_step, modes=[NEXT_STEP]) == {}
    assert set(findings(lambda autoreset_mode: ToyEnv(NEXT_STEP))) == {"autoreset mode honoured"}
