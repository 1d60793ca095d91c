from __future__ import annotations

from typing import List, Tuple

import pytest
import torch
from torch import Tensor

from trainers.ppo.observation_store import ObservationStore

CPU = torch.device("cpu")
NUM_STEPS, NUM_ENVS, HISTORY, FRAME = 9, 5, 4, 3


def stacked_rollout(seed: int = 0) -> Tuple[Tensor, Tensor]:
    """Observations (T, N, H·F) as an environment stacks them, and the steps that end episodes (T, N)."""
    generator = torch.Generator().manual_seed(seed)
    dones = torch.rand(NUM_STEPS, NUM_ENVS, generator=generator) < 0.3
    stack = torch.zeros(NUM_ENVS, HISTORY, FRAME)
    stack[:, 2:] = torch.randn(NUM_ENVS, 2, FRAME, generator=generator)  # an episode in its second step
    observations: List[Tensor] = [stack.flatten(1)]
    for t in range(NUM_STEPS - 1):
        frame = torch.randn(NUM_ENVS, 1, FRAME, generator=generator)
        older = torch.where(dones[t][:, None, None], 0.0, stack[:, 1:])
        stack = torch.cat([older, frame], dim=1)
        observations.append(stack.flatten(1))
    return torch.stack(observations), dones


def filled(observations: Tensor, dones: Tensor, history: int, dtype: torch.dtype) -> ObservationStore:
    store = ObservationStore(NUM_STEPS, NUM_ENVS, HISTORY * FRAME, history, CPU, dtype)
    for rollout in (stacked_rollout(seed=1), (observations, dones)):  # the first one leaves no trace
        store.begin(rollout[0][0])
        for t in range(NUM_STEPS):
            store.write(torch.tensor([t]), rollout[0][t])
        store.finish(rollout[1])
    return store


@pytest.mark.parametrize("history", [1, HISTORY])
def test_gathers_what_was_written(history: int) -> None:
    observations, dones = stacked_rollout()
    assert dones.any()
    store = filled(observations, dones, history, torch.float32)
    indices = torch.randperm(NUM_STEPS * NUM_ENVS, generator=torch.Generator().manual_seed(0))
    assert torch.equal(store.gather(indices), observations.flatten(0, 1)[indices])


def test_stores_each_frame_once() -> None:
    store = ObservationStore(NUM_STEPS, NUM_ENVS, HISTORY * FRAME, HISTORY, CPU, torch.float32)
    assert store.frames.shape == (NUM_STEPS + HISTORY - 1, NUM_ENVS, FRAME)


def test_bfloat16_keeps_eight_bits() -> None:
    observations, dones = stacked_rollout()
    store = filled(observations, dones, HISTORY, torch.bfloat16)
    gathered = store.gather(torch.arange(NUM_STEPS * NUM_ENVS))
    assert gathered.dtype == torch.bfloat16
    torch.testing.assert_close(gathered.float(), observations.flatten(0, 1), rtol=2.0**-8, atol=0.0)


def test_a_size_that_is_no_stack_is_refused() -> None:
    with pytest.raises(ValueError, match="10 entries cannot be a stack of 4"):
        ObservationStore(NUM_STEPS, NUM_ENVS, 10, 4, CPU, torch.float32)


@pytest.mark.parametrize("history", [1, HISTORY])
def test_a_tail_is_stored_once_and_comes_back_behind_the_frames(history: int) -> None:
    stacks, dones = stacked_rollout()
    tails = torch.randn(NUM_STEPS, NUM_ENVS, 7, generator=torch.Generator().manual_seed(2))
    observations = torch.cat([stacks, tails], dim=2)
    store = ObservationStore(NUM_STEPS, NUM_ENVS, HISTORY * FRAME + 7, history, CPU, torch.float32, tail=7)
    for rollout in (torch.ones_like(observations), observations):  # the first one leaves no trace
        store.begin(rollout[0])
        for t in range(NUM_STEPS):
            store.write(torch.tensor([t]), rollout[t])
        store.finish(dones)
    indices = torch.randperm(NUM_STEPS * NUM_ENVS, generator=torch.Generator().manual_seed(0))
    assert torch.equal(store.gather(indices), observations.flatten(0, 1)[indices])
    if history > 1:
        assert store.frames.shape == (NUM_STEPS + HISTORY - 1, NUM_ENVS, FRAME)
        assert store.tails.shape == (NUM_STEPS, NUM_ENVS, 7)


def test_a_tail_that_leaves_no_stack_is_refused() -> None:
    with pytest.raises(ValueError, match="10 entries cannot be a stack of 4 equal frames and 3 more"):
        ObservationStore(NUM_STEPS, NUM_ENVS, 10, 4, CPU, torch.float32, tail=3)
