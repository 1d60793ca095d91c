"""What decoders are to find: which entries, of when, in which units."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

import pytest
import torch

from humanoid_envs.errors import UserError
from trainers.dwl import Targets
from trainers.ppo import EnvSignature

TERMS = {"policy": [["a", 2, 1.0]], "critic": [["speed", 3, 2.0], ["mass", 1, 0.5], ["off", 2, 0.0]]}


def signature(
    critic: Optional[int] = 12, details: Optional[Dict[str, Any]] = None, wrapper: Optional[str] = None
) -> EnvSignature:
    history = {"policy": 1, "critic": 2}
    shape: Optional[Tuple[int, ...]] = None if critic is None else (critic,)
    return EnvSignature(
        obs_shape=(2,),
        critic_shape=shape,
        action_shape=(1,),
        num_actions=None,
        action_start=0,
        action_low=(-1.0,),
        action_high=(1.0,),
        details={"history": history, "terms": TERMS} if details is None else details,
        wrapper=wrapper,
    )


ROWS = torch.arange(24.0).view(2, 12)


def test_they_are_of_the_newest_frame() -> None:
    targets = Targets(signature())
    assert (targets.names, targets.sizes, targets.size) == (("speed", "mass", "off"), (3, 1, 2), 6)
    assert torch.equal(targets._entries(ROWS), ROWS[:, 6:])
    chosen = Targets(signature(), ("mass", "speed"))
    assert (chosen.names, chosen.sizes) == (("mass", "speed"), (1, 3))
    assert torch.equal(chosen._entries(ROWS), ROWS[:, [9, 6, 7, 8]])


def test_of_environments_that_tell_no_terms() -> None:
    for told in ({"history": {"critic": 3}}, {"terms": TERMS, "history": {"critic": 3}}):
        wrapper = "Scaled" if "terms" in told else None
        targets = Targets(signature(details=told, wrapper=wrapper))
        assert targets.names == ("privileged",)
        assert targets.sizes == ((12,) if wrapper else (4,))
    without = Targets(signature(critic=None))
    assert (without.names, without.sizes) == (("a",), (2,))


def test_they_are_normalized_and_physical_again() -> None:
    """By mean and variance of all that were shown, however many at a time."""
    generator = torch.Generator().manual_seed(0)
    rows = 5.0 + 3.0 * torch.randn(60, 12, generator=generator)
    rows[:, 11] = 7.0  # never changes
    targets = Targets(signature())
    for part in rows.split((10, 50)):
        targets.update(part)
    seen = targets(rows)
    torch.testing.assert_close(seen[:, :5].mean(0), torch.zeros(5), rtol=0.0, atol=1e-5)
    torch.testing.assert_close(seen[:, :5].var(0, correction=0), torch.ones(5), rtol=1e-3, atol=0.0)
    assert bool((seen[:, 5].abs() < 1e-3).all())
    physical = targets.physical(seen)
    expected = rows[:, 6:] / torch.tensor([2.0, 2.0, 2.0, 0.5, 1.0, 1.0])
    torch.testing.assert_close(physical, expected, rtol=1e-4, atol=1e-4)


def test_what_first_happens_late_does_not_outweigh_the_rest() -> None:
    targets = Targets(signature())
    targets.update(torch.zeros(100, 12))
    rows = torch.full((1, 12), 0.05)
    torch.testing.assert_close(targets(rows), torch.full((1, 6), 5.0))
    assert bool((targets(100.0 * rows) == 10.0).all())


def test_unknown_terms() -> None:
    with pytest.raises(UserError, match="no term 'spede'; did you mean 'speed'"):
        Targets(signature(), ("spede",))
