"""The update as one CUDA graph: the GPU runs it without waiting for Python to launch a thousand kernels."""

from __future__ import annotations

import copy
from typing import Dict, Optional

import torch
from torch import Tensor

from humanoid_envs.capture import capture
from trainers.ppo.learner import Learner
from trainers.ppo.rollout_buffer import RolloutBuffer


class CapturedUpdate:
    """`Learner.update` on one rollout buffer, on a CUDA device captured as a graph.

    On the CPU every update is a plain one. What decays over training is kept in tensors that the graph reads.
    """

    def __init__(self, learner: Learner, rollout: RolloutBuffer) -> None:
        self._learner, self._rollout = learner, rollout
        self._on_gpu = rollout.rewards.device.type == "cuda"
        self._permutation = torch.arange(rollout.num_items, device=rollout.rewards.device)
        self._graph: Optional[torch.cuda.CUDAGraph] = None
        self._losses: Dict[str, Tensor] = {}

    def prepare(self) -> None:
        """Compile and capture, which the first call does otherwise. Takes seconds, and leaves weights,
        moments and learning rate as they are."""
        if not self._on_gpu or self._graph is not None:
            return
        learner, policy = self._learner, self._learner.policy
        weights, state = copy.deepcopy((policy.state_dict(), learner.state_dict()))
        graph = capture(self._update)
        learner.workers.release_with_group(graph)
        policy.load_state_dict(weights)
        learner.rewind(state)
        self._graph = graph

    def __call__(self, permutation: Tensor) -> Dict[str, Tensor]:
        """See `Learner.update`. The returned tensors are valid until the next call."""
        self.prepare()
        self._permutation.copy_(permutation)
        if self._graph is None:
            self._update()
        else:
            self._graph.replay()
        return self._losses

    def _update(self) -> None:
        self._losses = self._learner.update(self._rollout, self._permutation)
